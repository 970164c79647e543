/** What became of splits and incidents, and how long they took. Rates and averages are for queries. */
import type { Partitions } from '@rejoin/sync/partition'
import { Counter, Histogram, type Registry } from 'prom-client'

const buckets = [0.05, 0.25, 1, 5, 15, 30, 60, 120, 300, 900, 3600]

/** Adds the numbers to a registry. Returns what has them follow a partition layer. */
export function registerIncidentMetrics(registry: Registry): (partitions: Partitions) => void {
  const registers = [registry]
  const seconds = <L extends string = never>(name: string, help: string, labelNames: L[] = []): Histogram<L> =>
    new Histogram({ name: `rejoin_${name}_seconds`, help, labelNames, buckets, registers })
  const classified = new Counter({
    name: 'rejoin_incidents_classified_total',
    help: 'Incidents by what went wrong; one that turns out to be another is counted again.',
    labelNames: ['failure'],
    registers,
  })
  const partitionSeconds = seconds(
    'partition_duration',
    'How long voters were apart, until the first of them met again.',
  )
  const healSeconds = seconds('heal_duration', 'Time from there until each side had what the other had.')
  const recoverySeconds = seconds('recovery_duration', 'How long incidents were open, by what was done last.', [
    'strategy',
    'outcome',
  ])

  return (partitions) => {
    let splitAt: number | undefined
    let metAt: number | undefined
    partitions.on('split', ({ verdict }) => {
      splitAt = verdict.since
      metAt = undefined
    })
    partitions.on('healing', ({ done }) => {
      const now = Date.now()
      if (splitAt === undefined) return
      if (metAt === undefined) {
        metAt = now
        partitionSeconds.observe(between(splitAt, now))
      }
      if (done < 1) return
      healSeconds.observe(between(metAt, now))
      splitAt = undefined
    })
    const failures = new Map(partitions.incidents.map(({ id, failure }) => [id, failure]))
    partitions.onIncident(({ id, failure, strategy = 'none', outcome = 'none', openedAt, closedAt }, what) => {
      if (failure !== undefined && failure !== failures.get(id)) classified.inc({ failure })
      failures.set(id, failure)
      if (what !== 'closed') return
      failures.delete(id)
      recoverySeconds.observe({ strategy, outcome }, between(openedAt, closedAt ?? Date.now()))
    })
  }
}

/** Wall clocks may be set back. */
function between(from: number, to: number): number {
  return Math.max(0, to - from) / 1000
}
