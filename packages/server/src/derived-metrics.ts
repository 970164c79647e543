import { Counter, Gauge, type Registry } from 'prom-client'

/** Key of the number, its name without `rejoin_`, and what it says. */
export type CounterRow<K extends string> = readonly [key: K, name: string, help: string]

/** Counters of numbers that are counted elsewhere: read when somebody asks, 0 while there is nothing to read. */
export function registerCounters<K extends string>(
  registry: Registry,
  rows: readonly CounterRow<K>[],
  read: () => { readonly [key in K]: number } | undefined,
): void {
  for (const [key, name, help] of rows) {
    new Counter({
      name: `rejoin_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read()?.[key] ?? 0)
      },
    })
  }
}

/** Name without `rejoin_`, what it says, and what it is now. */
export type GaugeRow = readonly [name: string, help: string, read: () => number]

/** Gauges of what stands elsewhere: read when somebody asks. */
export function registerGauges(registry: Registry, rows: readonly GaugeRow[]): void {
  for (const [name, help, read] of rows) {
    new Gauge({
      name: `rejoin_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
}
