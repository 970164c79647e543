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
  /** Goes up by one with each change; `forceNewRoster` skips numbers. */
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
  if (!Number.isSafeInteger(epoch) || epoch < 1) return 'The epoch is a whole number from 1.'
  if (voters.length < 1 || voters.length > mostVoters) return `A roster has 1 to ${mostVoters} voters.`
  if (new Set(voters.map(({ id }) => id)).size < voters.length) return 'A voter is named twice.'
  for (const { id, weight, role } of voters) {
    if (id === '' || id.length > mostText || (role ?? '').length > mostText)
      return `The id of a voter has 1 to ${mostText} characters, a role no more.`
    if (!Number.isInteger(weight) || weight < 1 || weight > mostWeight)
      return `The weight of a voter is a whole number from 1 to ${mostWeight}.`
  }
  if (arbiter !== undefined && !voters.some(({ id }) => id === arbiter)) return 'The arbiter is one of the voters.'
  if (policy.kind === 'static-quorum') {
    const { voters: least } = policy
    // Fewer would let two sides act at once.
    if (!Number.isInteger(least) || 2 * least <= voters.length || least > voters.length)
      return `A static quorum of ${voters.length} voters is a whole number above ${voters.length / 2}, and no more than all.`
  }
  return undefined
}
