import { rangeFault } from './range-fault.ts'

/** A replica as rosters, rows and leases name it. */
export type NodeId = string

/** A replica whose vote counts. */
export interface Voter {
  readonly id: NodeId
  /** How many votes it has: a whole number from 1. */
  readonly weight: number
  /** What it is for, as `database` or `zone-a`: a partition names the roles of which nobody is left. */
  readonly role?: string
  /** Whether its absence alone is worth a word, also where the rest go on. */
  readonly isCritical?: boolean
}

/** Which sets of voters may act for all. Any two sets that may have a voter in common, so that never two act side by side. */
export type Policy =
  /** More than half of all weight; of an even split the half with the arbiter, where there is one. */
  | { readonly kind: 'keep-majority' }
  /** So many voters at least, whatever their weights: more than half of them all. */
  | { readonly kind: 'static-quorum'; readonly voters: number }
  /** More than two thirds of the voters: 2f + 1 of 3f + 1. */
  | { readonly kind: 'two-thirds' }
  /** The voter that stands first in the roster with one more; without it, all others. */
  | { readonly kind: 'keep-oldest' }
  /** Whoever holds a lease elsewhere, as in NATS or etcd. The voters among themselves decide nothing. */
  | { readonly kind: 'lease' }
  /** Nobody. */
  | { readonly kind: 'none' }

/** The numbered list of those who vote. Of two, the one of the higher epoch counts. */
export interface Roster {
  /** Goes up by one with each change; one that is forced skips many. */
  readonly epoch: number
  /** In the order in which they joined. */
  readonly voters: readonly Voter[]
  readonly policy: Policy
  /** The voter that an even split falls to. */
  readonly arbiter?: NodeId
}

/** Voters of one roster. */
export const mostVoters = 255
const mostWeight = 255
const mostText = 128

/** What is wrong with a roster, in words; undefined where nothing is. */
export function rosterFault({ epoch, voters, policy, arbiter }: Roster): string | undefined {
  const ids = new Set(voters.map(({ id }) => id))
  const count = voters.length
  let fault = rangeFault({
    'The epoch': [epoch, 1, Number.MAX_SAFE_INTEGER, true],
    'The count of voters': [count, 1, mostVoters],
    // Fewer would let two sides act at once.
    'A static quorum':
      policy.kind === 'static-quorum' ? [policy.voters, Math.floor(count / 2) + 1, count, true] : [0, 0, 0],
  })
  for (const { id, weight, role = '' } of voters) {
    fault ??= rangeFault({
      'The length of the id of a voter': [id.length, 1, mostText],
      'The length of the role of a voter': [role.length, 0, mostText],
      'The weight of a voter': [weight, 1, mostWeight, true],
    })
  }
  if (fault !== undefined) return fault
  if (ids.size < count) return 'A voter is named twice.'
  return arbiter === undefined || ids.has(arbiter) ? undefined : 'The arbiter is one of the voters.'
}
