import { rangeFault } from './range-fault.ts'
import { type NodeId, type Roster, rosterFault } from './roster.ts'
import type { RosterLogState, RosterMessage } from './roster-record.ts'

/** What a roster log needs to know of its group and its replica. */
export interface RosterLogOptions {
  readonly self: NodeId
  /** What is on disk; `initialRosterLogState` or `lostRosterLogState` where nothing is. */
  readonly stored: RosterLogState
  /** The longest that a lease may last in this group, milliseconds, the same at every voter. */
  readonly maxTtlMs: number
  /** How long an answer is waited for. Longer than a round trip and two flushes. Default 2,000. */
  readonly answerTimeoutMs?: number | undefined
  /** How long a proposed change is attempted. After a long split nobody wants it any more. Default 60,000. */
  readonly proposalMs?: number | undefined
  /** Whether voters of the role `browser` are taken: closing tabs would count as absent voters. Default no. */
  readonly mayBrowsersVote?: boolean | undefined
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** `now` is what acceptors of leases count by: of monotonic and wall clock the one that went less. */
export type RosterLogInput =
  | { readonly kind: 'start'; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** `from` is who was authenticated on the connection. `isOfServer`: it was let in as one of the cluster. */
  | {
      readonly kind: 'receive'
      readonly from: NodeId
      readonly isOfServer?: boolean
      readonly message: RosterMessage
      readonly now: number
    }
  /** Somebody is connected: the rosters of both are compared. */
  | { readonly kind: 'contact'; readonly peer: NodeId; readonly now: number }
  /** Change the roster to this one, of the epoch after the present. */
  | { readonly kind: 'propose'; readonly roster: Roster; readonly now: number }
  /** A roster in force that the caller vouches for, as of a server to its client. */
  | { readonly kind: 'learn'; readonly roster: Roster; readonly previous?: Roster | undefined; readonly now: number }
  /** All that counted before the roster of this epoch is here, or what is missing of it is on the way to the disk. */
  | { readonly kind: 'settle'; readonly epoch: number; readonly now: number }
  /**
   * An operator asserts that the voters of the present roster are not coming back, or may not act any more. Nothing is asked. Whoever
   * hears of it has this roster, and those of lower epochs can merge and never act. `wall`: Unix milliseconds.
   */
  | { readonly kind: 'force'; readonly roster: Omit<Roster, 'epoch'>; readonly now: number; readonly wall: number }

/** What to do, in this order. */
export type RosterLogEffect =
  | { readonly kind: 'persist'; readonly state: RosterLogState }
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: RosterMessage }
  /** Another roster is in force. */
  | { readonly kind: 'roster'; readonly roster: Roster; readonly how: 'decided' | 'learned' | 'forced' }
  /** Two rosters of one epoch, or of two lines after it, as two operators forced them: which holds, everywhere. */
  | { readonly kind: 'conflict'; readonly kept: Roster; readonly dropped: Roster }
  /**
   * What became of a proposed or forced roster. `superseded`: another came first. `expired`: no longer attempted, though it
   * may come into force if somebody has accepted it. `refused`: for the reason.
   */
  | {
      readonly kind: 'settled'
      readonly outcome: 'decided' | 'superseded' | 'expired' | 'refused'
      readonly reason?: string
    }

/** The part of one replica in the roster. */
export interface RosterLog {
  step(input: RosterLogInput): RosterLogEffect[]
  /** What is on disk once the effects so far are carried out. */
  readonly state: RosterLogState
  readonly roster: Roster
  /** The roster that is being changed to, as far as known here. */
  readonly pending?: Roster | undefined
  /** Whether this replica may vote under `roster` now, for leases and all else. Undefined like what follows where it never does. */
  readonly mayVote?: boolean
  /** Until then leases are only renewed, on the clock of `now`. Infinite before `start`. */
  readonly grantsHeldUntil?: number
  readonly wakeAt?: number | undefined
}

/** What is wrong with options, in words; undefined where nothing is. */
export function rosterLogOptionsFault(options: RosterLogOptions): string | undefined {
  const { maxTtlMs, answerTimeoutMs = 2000, proposalMs = 60_000, stored } = options
  const fault = rangeFault({
    maxTtlMs: [maxTtlMs, 1000, 86_400_000],
    answerTimeoutMs: [answerTimeoutMs, 100, 60_000],
    proposalMs: [proposalMs, 4 * answerTimeoutMs, 86_400_000],
  })
  return fault ?? rosterFault(stored.roster)
}
