import { forceOf, isAfterForce } from './forced-epoch.ts'
import { hasQuorums, isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'

/** The number of an attempt to change the roster: greater by round, then by who attempts it. */
export interface Ballot {
  readonly round: number
  readonly by: NodeId
}

/** What a voter answered for. It is on disk before the answer is on its way. */
export interface RosterLogState {
  /** The roster in force, as far as known here. */
  readonly roster: Roster
  /** No attempt below this one is answered any more. It is about the epoch after that of `roster`, as is `accepted`. */
  readonly promised: Ballot
  /** What may have been decided. */
  readonly accepted?: { readonly ballot: Ballot; readonly roster: Roster } | undefined
  /** The epoch of the first roster under which it votes: the present, or a later one after its disk was lost. */
  readonly votesFrom: number
  /** The roster before that of `roster`, where it is known: its voters have what counted under it. */
  readonly previous?: Roster | undefined
  /** What counted under the rosters before that of this epoch is on the disk here, or what of it is missing is written there. */
  readonly settled: number
  /** Who was at hand without memory when the roster was forced here, as which process: it may vote under it. */
  readonly admitted?: readonly SeenProcess[] | undefined
}

/** A server as one process of it, of whose start `nonce` was drawn. */
export interface SeenProcess {
  readonly id: NodeId
  readonly nonce: number
}

/**
 * `query`: would you take part in such an attempt? Changes nothing at who is asked. `prepare`: answer nothing below this ballot any
 * more. `accept`: take this roster.
 */
export type RosterPhase = 'query' | 'prepare' | 'accept'

/**
 * What voters tell each other. `epoch` is that of the roster to come. The largest has two rosters of `mostVoters`, some 150 kB at the
 * very most.
 */
export type RosterMessage =
  | {
      readonly kind: 'request'
      readonly phase: RosterPhase
      readonly epoch: number
      readonly ballot: Ballot
      /** With `accept`, and with `query` where it is known: its voters are asked too. */
      readonly roster?: Roster | undefined
    }
  /** Yes to that. */
  | {
      readonly kind: 'answer'
      readonly phase: RosterPhase
      readonly epoch: number
      readonly ballot: Ballot
      /** What was accepted before, with `prepare` only. */
      readonly accepted?: RosterLogState['accepted']
    }
  /** No to that: what was promised already. */
  | { readonly kind: 'refused'; readonly epoch: number; readonly promised: Ballot }
  /** What roster is in force? */
  | { readonly kind: 'ask'; readonly nonce: number }
  /**
   * The roster in force, and the one before where that is known. `answers` is the nonce of who asked, and is missing where the one who
   * answers lost its own memory.
   */
  | {
      readonly kind: 'roster'
      readonly roster: Roster
      readonly answers?: number | undefined
      readonly isPending: boolean
      readonly previous?: Roster | undefined
    }
  /** Vote under this roster, which was forced when the process of that nonce ran already. */
  | { readonly kind: 'admit'; readonly roster: Roster; readonly nonce: number }
  /** Begin the roster of this epoch, with the same voters: one that lost its disk may vote again under it. */
  | { readonly kind: 'readmit'; readonly epoch: number }

/** Before all ballots. */
export const noBallot: Ballot = { round: 0, by: '' }
/** The state of a voter that does not know since when it may vote. */
export const neverVotes: number = Number.MAX_SAFE_INTEGER

/** The state of a replica that has never voted, and knows: one that sets the group up, or a new one whose id is as new as its disk. */
export function initialRosterLogState(roster: Roster): RosterLogState {
  return { roster, promised: noBallot, votesFrom: roster.epoch, settled: roster.epoch }
}

/**
 * The state of a replica that may have voted, and has no record of it: its disk was lost, or put back to an
 * older copy, or may have been. `roster` is the last it knows.
 */
export function lostRosterLogState(roster: Roster): RosterLogState {
  return { roster, promised: noBallot, votesFrom: neverVotes, settled: 0 }
}

/** Whether it is that of a group that may be given up: one of a single voter, who has not changed it yet. */
export function isOfOne({ epoch, voters }: Roster): boolean {
  return epoch === 1 && voters.length === 1
}

/** Whether a server was started without memory and without others: nobody votes under its roster, and it waits to be told another. */
export function isWaiting({ roster, votesFrom }: RosterLogState, self: NodeId): boolean {
  return isOfOne(roster) && roster.voters[0]?.id === self && votesFrom === neverVotes
}

export function compareBallots(a: Ballot, b: Ballot): number {
  return a.round - b.round || (a.by < b.by ? -1 : Number(a.by > b.by))
}

/** A roster as text, the same for the same roster everywhere. */
export function rosterText({ epoch, voters, policy, arbiter }: Roster): string {
  const told = voters.map(({ id, weight, role, isCritical }) => [id, weight, role ?? '', isCritical === true])
  return JSON.stringify([epoch, told, policy.kind, policy.kind === 'static-quorum' ? policy.voters : 0, arbiter ?? ''])
}

/**
 * The order of rosters, the same everywhere: by epoch; two of one epoch, which only force brings about, by their text. Whoever goes by one
 * goes by a later one of this order, never by the epoch alone.
 */
export function compareRosters(a: Roster, b: Roster): number {
  if (a === b) return 0
  const [textA, textB] = [rosterText(a), rosterText(b)]
  return a.epoch - b.epoch || (textA < textB ? -1 : Number(textA > textB))
}

/** A short name of a roster that was forced, or came after one, as of such an epoch there may be several (FNV-1a); undefined for any other. */
export function markOf(roster: Roster): number | undefined {
  if (!isAfterForce(roster.epoch)) return undefined
  let mark = 0x811c9dc5
  for (const char of rosterText(roster)) mark = Math.imul(mark ^ (char.codePointAt(0) as number), 0x01000193)
  return mark >>> 0
}

/**
 * Whether what was granted under a roster is void under the one that holds now. Of votes of one epoch nobody could tell under which of two
 * rosters they were given; a forced one has waited for what was granted before since it was forced, not since it became known; and an earlier
 * one, which holds where servers were set up anew, for nothing.
 */
export function isVoidUnder(granted: Roster, roster: Roster): boolean {
  const isOther = roster.epoch === granted.epoch && compareRosters(roster, granted) !== 0
  return isOther || roster.epoch < granted.epoch || forceOf(roster.epoch) > forceOf(granted.epoch)
}

/**
 * Whether a voter may tell those of the roster of `epoch` what counted before it, as one of a quorum of the roster before: nothing
 * counts there by its votes any more, and it has all that did. Whoever is settled for that epoch itself needs no others beside it.
 */
export function mayHandOver({ roster, accepted, settled, votesFrom }: RosterLogState, epoch: number): boolean {
  const hasCeased = roster.epoch >= epoch || accepted?.roster.epoch === epoch
  const isOfOneForce = forceOf(roster.epoch) === forceOf(epoch)
  const hasAll = settled >= epoch || (settled === epoch - 1 && votesFrom < epoch)
  return hasCeased && isOfOneForce && hasAll
}

/**
 * Whether voters may decide to go from one roster to the next: a quorum of the present, which then votes under it no more, and
 * one of the next, which so knows of it. A next roster of whom nobody ever is a quorum needs none.
 */
export function mayDecide(roster: Roster, next: Roster, votes: ReadonlySet<NodeId>): boolean {
  return isQuorum(roster, votes) && (!hasQuorums(next) || isQuorum(next, votes))
}
