/** How the dialling of other servers goes, as numbers. No label names an address. */
import type { DialMetrics, PlannedDialing } from '@rejoin/sync/partition'
import { Counter, Gauge, type Registry } from 'prom-client'
import { type CounterRow, registerCounters } from './derived-metrics.ts'

const counters: readonly CounterRow<'dials' | 'established' | 'duplicates'>[] = [
  ['dials', 'dials_total', 'Attempts at addresses of other servers.'],
  ['established', 'dials_established_total', 'Attempts that led to a complete handshake.'],
  ['duplicates', 'duplicate_links_total', 'Links closed as there was another to the same server.'],
]
const gauges: readonly (readonly ['breakers' | 'addresses', string, string, string])[] = [
  ['breakers', 'dial_breakers', 'state', 'Addresses of other servers, by how their breakers stand.'],
  ['addresses', 'dial_addresses', 'tier', 'Addresses of other servers, by tier.'],
]

/** Adds the numbers of a plan of dialling to a registry. */
export function registerDialMetrics(registry: Registry, read: () => PlannedDialing | undefined): void {
  const registers = [registry]
  const now = (): DialMetrics | undefined => read()?.metrics()
  registerCounters(registry, counters, now)
  new Counter({
    name: 'rejoin_dial_failures_total',
    help: 'Attempts at addresses of other servers that failed, by how far they came.',
    labelNames: ['stage'],
    registers,
    collect() {
      this.reset()
      for (const [stage, count] of Object.entries(now()?.failures ?? {})) this.inc({ stage }, count)
    },
  })
  for (const [key, name, label, help] of gauges) {
    new Gauge({
      name: `rejoin_${name}`,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const [value, count] of Object.entries(now()?.[key] ?? {})) this.set({ [label]: value }, count)
      },
    })
  }
  new Gauge({
    name: 'rejoin_connected_servers',
    help: 'Other servers that are connected.',
    registers,
    collect() {
      this.set(now()?.connected ?? 0)
    },
  })
}
