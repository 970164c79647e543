import type { NodeId, Policy, Roster, Voter } from '../roster.ts'
import type { HeldRow, ReachabilityRow } from './reachability.ts'
import type { Circumstances } from './verdict.ts'

export function rosterOf(ids: readonly NodeId[], rest: Partial<Roster> = {}): Roster {
  const voters: Voter[] = ids.map((id) => ({ id, weight: 1 }))
  const policy: Policy = { kind: 'keep-majority' }
  return { epoch: 1, voters, policy, ...rest }
}

export function rowOf(
  observer: NodeId,
  direct: readonly NodeId[],
  rest: Partial<ReachabilityRow> = {},
): ReachabilityRow {
  const links = direct.map((peer) => ({ peer, kind: 'direct' as const, since: 0 }))
  return { observer, rosterEpoch: 1, version: 1, mayVote: true, contact: 'kept', links, ...rest }
}

/** Rows of voters that see exactly who is on their side, of whom only those on the side of `self` are fresh. */
export function rowsOfSides(sides: readonly (readonly NodeId[])[], self: NodeId): HeldRow[] {
  const all = sides.flat()
  return sides.flatMap((side) =>
    side.map((id) => {
      const isFresh = side.includes(self)
      // What is left of the far side is from before the split.
      return {
        row: rowOf(
          id,
          (isFresh ? side : all).filter((other) => other !== id),
        ),
        isFresh,
      }
    }),
  )
}

export function seenBy(self: NodeId, roster: Roster, rows: readonly HeldRow[]): Circumstances {
  return { self, roster, rows, isPaused: false, isOffline: false }
}

/** The sides of a split as text: `ab|c` are alice and bob here, carol there. */
export function splitOf(
  text: string,
  rest: Partial<Roster> = {},
): { roster: Roster; seen: (self: NodeId) => Circumstances } {
  const sides = text.split('|').map((side) => [...side].map((letter) => names[letter] ?? letter))
  const roster = rosterOf(sides.flat().toSorted(), rest)
  return { roster, seen: (self) => seenBy(self, roster, rowsOfSides(sides, self)) }
}

const names: Record<string, NodeId> = { a: 'alice', b: 'bob', c: 'carol', d: 'dave', e: 'erin', f: 'frank', g: 'grace' }

/** The same, but for some that do not vote. */
export function withoutVotes(seen: Circumstances, ...ids: readonly NodeId[]): Circumstances {
  const rows = seen.rows.map(({ row, isFresh }) => ({ row: { ...row, mayVote: !ids.includes(row.observer) }, isFresh }))
  return { ...seen, rows }
}

/** A row of which nothing is old: whom an observer reaches itself. */
export const fresh = (observer: NodeId, direct: readonly NodeId[]): HeldRow => ({
  row: rowOf(observer, direct),
  isFresh: true,
})
