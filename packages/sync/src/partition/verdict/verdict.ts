/**
 * What the rows of the voters say about a split, seen from one replica.
 *
 * Sides are the connected components of the voters over the links that both ends assert, or one end where nothing fresh is
 * known of the other. Numbers are of the roster, never of whoever was heard of, and a voter counts itself.
 */
import { isQuorum, weightOf } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import type { HeldRow } from './reachability.ts'

/**
 * How a split looks from here. `full`: every voter reaches every other. `mixed`: all are connected, some only through others.
 * `majority`, `minority`, `even`: what the own side is of the roster, by weight under keep-majority, by heads elsewhere.
 * `isolated`: a minority of nobody else. `unknown`: this replica was paused, or the answer hangs on voters of whom
 * nothing fresh is known. What may be done follows from the policy and not from this word.
 */
export type Mode = 'full' | 'mixed' | 'majority' | 'minority' | 'even' | 'isolated' | 'unknown'

/**
 * Why a replica may do nothing for all. `settling`: its side is a quorum, but not for long enough yet. `no-vote`: it is a voter of the roster
 * and has no vote, as its disk does not say what it promised.
 */
export type Powerless = 'paused' | 'offline' | 'not-a-voter' | 'no-vote' | 'no-quorum' | 'roster-change' | 'settling'

/** What a judgement is made from. */
export interface Circumstances {
  readonly self: NodeId
  readonly roster: Roster
  /** The roster that is being changed to. */
  readonly next?: Roster | undefined
  readonly rows: readonly HeldRow[]
  /** This replica did not run for a while, and knows nothing until it has asked again. */
  readonly isPaused: boolean
  /** The platform says that this replica has no network. */
  readonly isOffline: boolean
}

/** What can be said of a split at one moment. */
export interface Judgement {
  readonly self: NodeId
  readonly roster: Roster
  readonly mode: Mode
  /** The voters of each side in the order of the roster, the own side first. */
  readonly sides: readonly (readonly NodeId[])[]
  /** Voters that nothing fresh is known of, and that nobody reaches: down or cut off, which nobody can tell from here. */
  readonly unheard: readonly NodeId[]
  /** The voters of the own side of whom a fresh row is there: who can be counted on. This one included. */
  readonly confirmed: readonly NodeId[]
  /** Those of the confirmed that do not vote now: they help to change the roster, or their disk does not say what they promised. */
  readonly abstaining: readonly NodeId[]
  /** What goes from `from` reaches `to`, and nothing comes back. At most `mostNamed`. */
  readonly oneWay: readonly { readonly from: NodeId; readonly to: NodeId }[]
  /** Pairs of the own side that reach each other through others only. At most `mostNamed`. */
  readonly missingLinks: readonly (readonly [NodeId, NodeId])[]
  /** Critical voters that are not on the own side. */
  readonly missingCritical: readonly NodeId[]
  /** Roles of which nobody is on the own side. */
  readonly missingRoles: readonly string[]
  /** Whether the own side is a quorum, so that whoever is on it may get leases from its voters. */
  readonly hasQuorum: boolean
  /** Why nothing may be done here for all; undefined where it may. */
  readonly powerless: Powerless | undefined
  /** The roster that it is being changed to, as far as this replica helps with that. */
  readonly next: Roster | undefined
  /** The rows that this rests on. */
  readonly evidence: readonly { readonly observer: NodeId; readonly version: number; readonly isFresh: boolean }[]
}

/** Pairs that a judgement names of a kind: a person reads no more. */
export const mostNamed = 64

/** Judges a split. Costs O(voters squared). */
export function judgePartition(circumstances: Circumstances): Judgement {
  const { self, roster, next, isPaused, isOffline } = circumstances
  const isBlind = isPaused || isOffline
  const rows = isBlind ? [] : circumstances.rows
  const ids = roster.voters.map(({ id }) => id)
  const isVoter = ids.includes(self)
  const says = assertions(rows, isVoter ? undefined : self)
  const linked = (a: NodeId, b: NodeId): boolean => {
    const [there, back] = [says(a, b), says(b, a)]
    return there ? back !== false : back === true && there === undefined
  }
  const [mine = [], ...others] = sidesOf(self, ids, linked)
  const isHeard = ([id, more]: readonly NodeId[]): boolean =>
    more !== undefined || says(id as NodeId, id as NodeId) !== undefined
  const confirmed = mine.filter((id) => id === self || isHeard([id]))
  const abstaining = rows.flatMap(({ row: { observer, mayVote } }) =>
    !mayVote && confirmed.includes(observer) ? observer : [],
  )
  const voting = confirmed.filter((id) => !abstaining.includes(id))
  const hasQuorum = isQuorum(roster, new Set(voting))
  const present = new Set(mine)
  const missing = roster.voters.filter(({ id }) => !present.has(id))
  const roles = new Set(missing.flatMap(({ role }) => role ?? []))
  for (const { id, role } of roster.voters) if (role !== undefined && present.has(id)) roles.delete(role)
  const pairs = isBlind ? { oneWay: [], missingLinks: [] } : brokenPairs(ids, present, says, linked)
  return {
    self,
    roster,
    mode: isPaused
      ? 'unknown'
      : isOffline
        ? 'isolated'
        : modeOf(roster, mine, confirmed, pairs.missingLinks.length > 0),
    sides: [mine, ...others.filter(isHeard)],
    unheard: others.filter((side) => !isHeard(side)).flat(),
    confirmed,
    abstaining,
    ...pairs,
    missingCritical: missing.filter(({ isCritical }) => isCritical).map(({ id }) => id),
    missingRoles: [...roles],
    hasQuorum,
    powerless: isPaused
      ? 'paused'
      : isOffline
        ? 'offline'
        : isVoter
          ? lacking(circumstances, confirmed, voting)
          : 'not-a-voter',
    next,
    evidence: rows.map(({ row: { observer, version }, isFresh }) => ({ observer, version, isFresh })),
  }
}

/** Whether one says that it reaches another directly; undefined where nothing fresh is known of the one. */
type Says = (observer: NodeId, peer: NodeId) => boolean | undefined

function assertions(rows: readonly HeldRow[], guest: NodeId | undefined): Says {
  const direct = new Map<NodeId, ReadonlySet<NodeId>>()
  for (const { row, isFresh } of rows) {
    if (!isFresh) continue
    // A guest goes by what its server reaches, too.
    const reached = row.links.filter(({ kind }) => kind === 'direct' || (row.observer === guest && kind === 'relayed'))
    direct.set(row.observer, new Set(reached.map(({ peer }) => peer)))
  }
  // Voters have no links to who is no voter: there the own word is all there is.
  return (observer, peer) => (peer === guest ? undefined : direct.get(observer)?.has(peer))
}

function sidesOf(self: NodeId, ids: readonly NodeId[], linked: (a: NodeId, b: NodeId) => boolean): NodeId[][] {
  const rest = new Set([self, ...ids])
  const sides: NodeId[][] = []
  for (const first of rest) {
    rest.delete(first)
    const side = [first]
    for (const at of side) {
      for (const other of rest) {
        if (!linked(at, other)) continue
        rest.delete(other)
        side.push(other)
      }
    }
    sides.push(ids.filter((id) => side.includes(id)))
  }
  return sides
}

function brokenPairs(
  ids: readonly NodeId[],
  present: ReadonlySet<NodeId>,
  says: Says,
  linked: (a: NodeId, b: NodeId) => boolean,
): Pick<Judgement, 'oneWay' | 'missingLinks'> {
  const oneWay: { from: NodeId; to: NodeId }[] = []
  const missingLinks: [NodeId, NodeId][] = []
  ids.forEach((a, at) => {
    for (const b of ids.slice(at + 1)) {
      if (linked(a, b)) continue
      const [there, back] = [says(a, b), says(b, a)]
      // Who hears the other reaches nobody there.
      if (there && back === false) oneWay.push({ from: b, to: a })
      if (back && there === false) oneWay.push({ from: a, to: b })
      if (present.has(a) && present.has(b)) missingLinks.push([a, b])
    }
  })
  return { oneWay: oneWay.slice(0, mostNamed), missingLinks: missingLinks.slice(0, mostNamed) }
}

function modeOf(roster: Roster, mine: readonly NodeId[], confirmed: readonly NodeId[], hasMissingLinks: boolean): Mode {
  if (mine.length === roster.voters.length)
    return confirmed.length < mine.length ? 'unknown' : hasMissingLinks ? 'mixed' : 'full'
  const mode = shareOf(roster, mine)
  return shareOf(roster, confirmed) === mode ? mode : 'unknown'
}

function shareOf(roster: Roster, side: readonly NodeId[]): Mode {
  const isWeighted = roster.policy.kind === 'keep-majority'
  const twice = 2 * (isWeighted ? weightOf(roster.voters, new Set(side)) : side.length)
  const all = isWeighted ? weightOf(roster.voters) : roster.voters.length
  if (twice === all) return 'even'
  return twice > all ? 'majority' : side.length > 1 ? 'minority' : 'isolated'
}

/**
 * What some voters lack to act for all. While the roster is being changed they must do without who joins, without who
 * leaves, and under either roster (the edge case of Akka's split brain resolver): who sees it the other way round may be at work elsewhere.
 */
function lacking(
  { self, roster, next }: Circumstances,
  confirmed: readonly NodeId[],
  voting: readonly NodeId[],
): Powerless | undefined {
  if (next === undefined)
    return !voting.includes(self) ? 'no-vote' : isQuorum(roster, new Set(voting)) ? undefined : 'no-quorum'
  // Who helps to change the roster votes under neither meanwhile, which is no lack.
  if (!isQuorum(roster, new Set(confirmed))) return 'no-quorum'
  const both = new Set(voting.filter((id) => next.voters.some((voter) => voter.id === id)))
  return isQuorum(roster, both) && isQuorum(next, both) ? undefined : 'roster-change'
}
