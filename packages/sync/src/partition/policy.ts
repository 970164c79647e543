import type { NodeId, Roster, Voter } from './roster.ts'

/** More than two thirds of a number of voters, exactly: 2f + 1 where there are 3f + 1. */
export function twoThirdsOf(voters: number): number {
  return Math.floor((2 * voters) / 3) + 1
}

/** The weight of some voters. */
export function weightOf(voters: readonly Voter[], among?: ReadonlySet<NodeId>): number {
  let weight = 0
  for (const voter of voters) if (among === undefined || among.has(voter.id)) weight += voter.weight
  return weight
}

/**
 * Whether voters of a roster may act for all. Whoever else stands in `ids` is not counted. Any two sets for which the answer is
 * yes have a voter in common (checked for all sets of up to seven voters); adding a voter to one keeps the yes.
 * Costs O(voters).
 */
export function isQuorum({ voters, policy, arbiter }: Roster, ids: ReadonlySet<NodeId>): boolean {
  const among = voters.filter(({ id }) => ids.has(id))
  const count = among.length
  switch (policy.kind) {
    case 'keep-majority': {
      const twice = 2 * weightOf(among)
      const all = weightOf(voters)
      return twice > all || (twice === all && arbiter !== undefined && ids.has(arbiter))
    }
    case 'static-quorum':
      return count >= policy.voters
    case 'two-thirds':
      return count >= twoThirdsOf(voters.length)
    case 'keep-oldest': {
      const hasOldest = ids.has((voters[0] as Voter).id)
      if (voters.length === 1) return hasOldest
      return hasOldest ? count >= 2 : count === voters.length - 1
    }
    case 'lease':
    case 'none':
      return false
  }
}

/** Whether all voters of a roster together may act: by some policies nobody ever may. */
export function hasQuorums(roster: Roster): boolean {
  return isQuorum(roster, new Set(roster.voters.map(({ id }) => id)))
}
