/**
 * Who reaches whom among the voters, as each of them tells it.
 *
 * Invariants
 * 1. A row has one writer: it tells what its observer sees, and only the observer raises its version.
 * 2. Of two rows of one observer the one of the higher version counts; nobody lowers one that is fresh but its observer,
 *    on its own connection, where hearsay had put it out of reach.
 * 3. A row that is older than `staleAfterMs` proves nothing, neither life nor death. Its age travels with it, so that
 *    what was handed around does not become young again.
 * 4. There are rows of voters of the present roster only, with links to such only: one for each at most.
 */
import { rangeFault } from '../range-fault.ts'
import { mostVoters, type NodeId, type Roster } from '../roster.ts'
import { compareRosters } from '../roster-record.ts'

/** What one replica sees of another. */
export interface PeerLink {
  readonly peer: NodeId
  /** `direct`: it answers on a connection of its own. `relayed`: only what others pass on comes from it. */
  readonly kind: 'direct' | 'relayed' | 'unreachable'
  /** Who passes it on, where it is relayed. */
  readonly by?: NodeId | undefined
  /** Since when, by the observer's wall clock in milliseconds: for people to read, decides nothing. */
  readonly since: number
}

/**
 * How a replica stands with all voters together: `lost` some, which are on another side; `met` one of these again itself, and its own side
 * and that one may not have all of each other; neither, `kept`.
 */
export type Contact = 'kept' | 'lost' | 'met'

/** What one voter sees. */
export interface ReachabilityRow {
  readonly observer: NodeId
  readonly rosterEpoch: number
  /** Goes up with each row of this observer. */
  readonly version: number
  /** Whether it votes under that roster: not once it has accepted the next one, and not while its disk does not say what it promised. */
  readonly mayVote: boolean
  readonly contact: Contact
  /** One for each other voter. Who is not named is not reached. */
  readonly links: readonly PeerLink[]
}

/** A row as it travels, at most `mostVoters` in one message. */
export interface HeardRow {
  readonly row: ReachabilityRow
  /** How old it is at least, milliseconds: what it waited at each replica on its way. */
  readonly ageMs: number
}

/** A row as it is held. */
export interface HeldRow {
  readonly row: ReachabilityRow
  readonly isFresh: boolean
}

/** Times are those of the membership that finds out who is reached. */
export interface ReachabilityOptions {
  readonly self: NodeId
  /** How often the own row is told again, milliseconds. */
  readonly gossipIntervalMs: number
  /** The longest that a replica is suspected before it counts as unreachable, milliseconds. */
  readonly suspicionMaxMs: number
}

/** What happens to a matrix. `now` is milliseconds of a monotonic clock. */
export type ReachabilityInput =
  /** The roster in force. Rows of another one are dropped with it. */
  | { readonly kind: 'roster'; readonly roster: Roster; readonly now: number }
  /** All that this replica sees now, and how it stands: the rest of its row. */
  | {
      readonly kind: 'links'
      readonly links: readonly PeerLink[]
      readonly mayVote: boolean
      readonly contact: Contact
      readonly now: number
    }
  /**
   * Rows that a connection brought. `from` is who was authenticated there, never what a message says: a row whose observer
   * is `from` is first-hand, all others are hearsay.
   */
  | { readonly kind: 'hear'; readonly from: NodeId; readonly rows: readonly HeardRow[]; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }

/** What to do about it. */
export type ReachabilityEffect =
  /** Tell the own row to everybody connected. */
  | { readonly kind: 'publish'; readonly row: ReachabilityRow }
  /** What the rows say is another than before, or one became stale: judge anew. */
  | { readonly kind: 'changed' }

/** The rows that one replica holds, and its own. */
export interface Reachability {
  step(input: ReachabilityInput): ReachabilityEffect[]
  /** Another number once a row says something else than before, or became stale. */
  readonly revision: number
  /** In the order of the roster. A replica that is no voter has its own as the last. */
  readonly rows: readonly (HeldRow & { readonly heardAt: number })[]
  readonly wakeAt: number
}

/** A version this far above a fresh one is no news but an attempt to shut out what comes next. */
const mostVersionJump = 1_000_000

interface Entry {
  row: ReachabilityRow
  heardAt: number
  isFresh: boolean
  isHearsay: boolean
}

/** What is wrong with options, in words; undefined where nothing is. */
export function reachabilityOptionsFault({
  gossipIntervalMs,
  suspicionMaxMs,
}: ReachabilityOptions): string | undefined {
  return rangeFault({
    gossipIntervalMs: [gossipIntervalMs, 10, 600_000],
    suspicionMaxMs: [suspicionMaxMs, 100, 3_600_000],
  })
}

/** Makes an empty matrix; it begins with `roster`. Memory is O(voters squared), a step O(voters) for each row. */
export function createReachability(options: ReachabilityOptions): Reachability {
  const { self, gossipIntervalMs } = options
  const staleAfterMs = 3 * gossipIntervalMs + options.suspicionMaxMs
  const entries = new Map<NodeId, Entry>()
  let voters: ReadonlySet<NodeId> = new Set()
  let roster: Roster | undefined
  let epoch = 0
  let version = 0
  let said: Said = { mayVote: false, contact: 'kept', links: [] }
  /** Never before a roster is known. */
  let publishAt = Number.POSITIVE_INFINITY
  let revision = 0

  const own = (): Said => {
    const { mayVote, contact } = said
    return { mayVote, contact, links: linksAmongVoters(self, said.links) }
  }
  const linksAmongVoters = (observer: NodeId, told: readonly PeerLink[]): PeerLink[] => {
    const byPeer = new Map(told.slice(0, mostVoters).map((link) => [link.peer, link]))
    return [...voters].flatMap((id) => (id === observer ? [] : (byPeer.get(id) ?? [])))
  }

  const publish = (now: number): ReachabilityEffect[] => {
    version += 1
    const row = { observer: self, rosterEpoch: epoch, version, ...own() }
    entries.set(self, { row, heardAt: now, isFresh: true, isHearsay: false })
    publishAt = now + gossipIntervalMs
    return [{ kind: 'publish', row }]
  }

  const isNews = (held: Entry | undefined, { version: told }: ReachabilityRow, isHearsay: boolean): boolean => {
    // A replica that restarted counts from 1 again: what is stale blocks nothing.
    if (!held?.isFresh) return true
    const jump = told - held.row.version
    return (jump > 0 && jump <= mostVersionJump) || (!isHearsay && held.isHearsay && -jump > mostVersionJump)
  }

  /** Whether it says anything that was not known. */
  const hear = ({ row, ageMs }: HeardRow, from: NodeId, now: number): boolean => {
    const { observer } = row
    const isSound = row.rosterEpoch === epoch && Number.isSafeInteger(row.version) && row.version > 0
    if (!isSound || !voters.has(observer) || !(ageMs >= 0 && ageMs < staleAfterMs)) return false
    if (observer === self) {
      // From before a restart, or a lie: outdo it.
      if (row.version - version <= mostVersionJump) version = Math.max(version, row.version)
      return false
    }
    const held = entries.get(observer)
    const isHearsay = from !== observer
    if (!isNews(held, row, isHearsay)) return false
    const kept = { ...row, links: linksAmongVoters(observer, row.links) }
    entries.set(observer, { row: kept, heardAt: now - ageMs, isFresh: true, isHearsay })
    return !held?.isFresh || sayingOf(held.row) !== sayingOf(kept)
  }

  const isAnyStaleNow = (now: number): boolean => {
    let isAny = false
    for (const [id, entry] of entries) {
      if (id === self || !entry.isFresh || now < entry.heardAt + staleAfterMs) continue
      entry.isFresh = false
      isAny = true
    }
    return isAny
  }

  return {
    get revision(): number {
      return revision
    },
    get rows(): Entry[] {
      return [...new Set([...voters, self])].flatMap((id) => entries.get(id) ?? [])
    },
    get wakeAt(): number {
      let at = publishAt
      for (const [id, { isFresh, heardAt }] of entries)
        if (id !== self && isFresh) at = Math.min(at, heardAt + staleAfterMs)
      return at
    },
    step: (input) => {
      const { now } = input
      const effects: ReachabilityEffect[] = []
      let isChanged = isAnyStaleNow(now)
      switch (input.kind) {
        case 'roster':
          if (roster !== undefined && compareRosters(input.roster, roster) === 0) break
          roster = input.roster
          epoch = roster.epoch
          voters = new Set(input.roster.voters.map(({ id }) => id))
          entries.clear()
          effects.push(...publish(now))
          isChanged = true
          break
        case 'links': {
          const before = entries.get(self)
          said = input
          if (epoch === 0 || (before && sayingOf(before.row) === sayingOf(own()))) break
          effects.push(...publish(now))
          isChanged = true
          break
        }
        case 'hear':
          for (const heard of input.rows.slice(0, mostVoters)) if (hear(heard, input.from, now)) isChanged = true
          break
        case 'tick':
          if (now >= publishAt) effects.push(...publish(now))
      }
      if (isChanged) {
        revision += 1
        effects.push({ kind: 'changed' })
      }
      return effects
    },
  }
}

/** The fresh rows of others than `self`, to be handed on. */
export function handedOn({ rows }: Pick<Reachability, 'rows'>, self: NodeId, now: number): HeardRow[] {
  return rows
    .filter(({ row, isFresh }) => isFresh && row.observer !== self)
    .map(({ row, heardAt }) => ({ row, ageMs: now - heardAt }))
}

type Said = Pick<ReachabilityRow, 'mayVote' | 'contact' | 'links'>

/** What a row says, apart from since when. */
function sayingOf({ mayVote, contact, links }: Said): string {
  return JSON.stringify([mayVote, contact, links.map(({ peer, kind, by }) => [peer, kind, by])])
}
