/** Where the server stands among those that vote, as numbers. No label names a peer: there may be any number of them. */
import {
  healthCodes,
  healthOf,
  type PartitionMetrics,
  type PartitionStatus,
  type Partitions,
} from '@rejoin/sync/partition'
import { Gauge, type Registry } from 'prom-client'
import { type CounterRow, registerCounters, registerGauges } from './derived-metrics.ts'
import { mayAct } from './standing.ts'

const modes = ['full', 'mixed', 'majority', 'minority', 'even', 'isolated', 'unknown'] as const

const counters: readonly CounterRow<keyof PartitionMetrics>[] = [
  ['suspicions', 'suspicions_total', 'Times that a voter was suspected.'],
  ['suspicionsRefuted', 'suspicions_refuted_total', 'Suspicions of voters that were there: false accusations.'],
  ['unreachable', 'unreachable_total', 'Times that a voter was found unreachable.'],
  ['pauses', 'local_pauses_total', 'Times that this process itself did not run.'],
  ['splits', 'partition_detected_total', 'Times that the voters were found split.'],
  ['incidentsOpened', 'incidents_opened_total', 'Incidents opened.'],
  ['incidentsClosed', 'incidents_closed_total', 'Incidents closed.'],
  ['redials', 'recovery_attempts_total', 'Times that an incident had the missing dialled.'],
]

/** What was written apart is counted in a split alone: that encodes it, of documents that were written to since it was counted last. */
const gauges: readonly (readonly [name: string, help: string, (status: PartitionStatus) => number])[] = [
  [
    'split_seconds',
    'How long the voters have been split as seen from here; 0 while they are not.',
    (status) => (status.state === 'split' ? Math.max(0, Date.now() - status.since) / 1_000 : 0),
  ],
  [
    'apart_changes',
    'Changes written here in a split that the other side lacks; 0 while there is none.',
    (status) => (status.state === 'split' ? status.ours.changes : 0),
  ],
  [
    'apart_bytes',
    'Encoded size of what was written here in a split that the other side lacks; 0 while there is none.',
    (status) => (status.state === 'split' ? status.ours.bytes : 0),
  ],
  ['incidents_open', 'Incidents that are not closed.', (status) => status.open.length],
  [
    'suspected_voters',
    'Voters that may be gone, and are not counted as gone yet.',
    (status) => status.suspected.length,
  ],
  [
    'roster_settled',
    'Whether it knows all that counted under earlier rosters: once all voters do, those that left may be switched off.',
    (status) => (status.isSettled ? 1 : 0),
  ],
  [
    'may_act',
    'Whether leases may be granted here, if a quorum votes for it: a quorum is there, and this server votes.',
    (status) => (mayAct(status) ? 1 : 0),
  ],
]

/** Adds the numbers of a partition layer to a registry. */
export function registerPartitionMetrics(registry: Registry, read: () => Partitions | undefined): void {
  const registers = [registry]
  registerCounters(registry, counters, () => read()?.metrics())
  registerGauges(
    registry,
    gauges.map(([name, help, of]) => [
      name,
      help,
      () => {
        const status = read()?.status
        return status === undefined ? 0 : of(status)
      },
    ]),
  )
  new Gauge({
    name: 'rejoin_partition_mode',
    help: 'How the voters look from here: 1 for the mode that it is.',
    labelNames: ['mode'],
    registers,
    collect() {
      const mode = read()?.status.verdict?.mode ?? 'unknown'
      for (const one of modes) this.set({ mode: one }, one === mode ? 1 : 0)
    },
  })
  new Gauge({
    name: 'rejoin_degraded',
    help: 'Why not all is well: 1 for each reason that there is.',
    labelNames: ['reason'],
    registers,
    collect() {
      const layer = read()
      const reasons = layer === undefined ? [] : healthOf(layer.status).reasons.map(({ code }) => code)
      for (const one of healthCodes) this.set({ reason: one }, reasons.includes(one) ? 1 : 0)
    },
  })
  new Gauge({
    name: 'rejoin_voters',
    help: 'Voters, by whether they are on this side.',
    labelNames: ['side'],
    registers,
    collect() {
      const verdict = read()?.status.verdict
      const here = verdict?.sides[0]?.length ?? 0
      this.set({ side: 'here' }, here)
      this.set({ side: 'elsewhere' }, (verdict?.roster.voters.length ?? here) - here)
    },
  })
}
