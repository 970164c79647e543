/** Leases, as far as this server knows by its own votes, as numbers. No label names a document, a lease or a holder: there may be any number of them. */
import { grantedLeases, type Partitions, type VoteCounts } from '@rejoin/sync/partition'
import { Counter, type Registry } from 'prom-client'
import { type CounterRow, registerCounters, registerGauges } from './derived-metrics.ts'

const counters: readonly CounterRow<'grants' | 'releases' | 'lapses'>[] = [
  ['grants', 'lease_grants_total', 'Votes for a lease to a new holder; renewals are none.'],
  ['releases', 'lease_releases_total', 'Leases that were given back.'],
  ['lapses', 'lease_lapses_total', 'Leases that ended otherwise, as their holder was lost: counted when granted anew.'],
]

const reasons: readonly (keyof VoteCounts['refusals'])[] = [
  'held',
  'outbid',
  'epoch',
  'newRoster',
  'recovering',
  'full',
  'behind',
]

/** Adds the numbers of the votes of a server to a registry. */
export function registerLeaseMetrics(
  registry: Registry,
  partitions: () => Partitions | undefined,
  votes: () => Readonly<VoteCounts> | undefined,
): void {
  const live = (): number => {
    const layer = partitions()
    return layer === undefined ? 0 : (grantedLeases(layer, { most: 0 })?.count ?? 0)
  }
  registerGauges(registry, [
    ['lease_live', 'Leases that this server voted for and that may be held; a quorum of the voters decides.', live],
  ])
  registerCounters(registry, counters, votes)
  new Counter({
    name: 'rejoin_lease_refusals_total',
    help: 'Votes for leases that were refused, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset()
      for (const reason of reasons) this.inc({ reason }, votes()?.refusals[reason] ?? 0)
    },
  })
}
