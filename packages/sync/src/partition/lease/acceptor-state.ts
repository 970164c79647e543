import type { NodeId, Roster } from '../roster.ts'
import type { LeaseClock, Reading } from './clock.ts'
import type { Ballot } from './token.ts'

/** A promise to take nothing below it, and nothing equal from anybody else; to nobody once it was released. */
export interface BallotPromise extends Ballot {
  readonly to: NodeId | undefined
}

/** A vote that was given. A duration, no instant: an instant says nothing after the clocks began anew. */
export interface AcceptedLease extends Ballot {
  readonly holder: NodeId
  readonly ttlMs: number
}

/** What an acceptor keeps of one lease. */
export interface LeaseMemory {
  readonly lease: string
  readonly promised: BallotPromise
  readonly accepted?: AcceptedLease
}

/** What an acceptor keeps on its disk. Whoever has it has not forgotten a vote. */
export interface AcceptorMemory {
  /** Of the roster under which it votes. */
  readonly epoch: number
  /** Which of the rosters of that epoch, where there may be several: `markOf`. */
  readonly mark?: number | undefined
  /** Every ballot of this epoch that it promised for a lease which it no longer keeps is this or lower. */
  readonly floor: number
  /** For how long from the next boot on it only renews, as the roster was new. */
  readonly newRosterMs: number
  readonly leases: readonly LeaseMemory[]
}

/** A lease, and the instant of the vote by the clock of the machine. */
export interface KeptLease extends LeaseMemory {
  readonly acceptedAt: number
}

/** The way back of an acceptor without memory: it votes neither before it `isTaught` nor before `until`. */
export interface Recovery {
  readonly request: number
  readonly taughtBy: readonly NodeId[]
  readonly isTaught: boolean
  /** Highest ballot that the others know to be promised. */
  readonly ballot: number
  readonly until: number
  readonly askAt: number
}

/** All of an acceptor as plain data; instants are by `clock.elapsed`. It may be kept and given to `createAcceptor` again. */
export interface AcceptorState {
  readonly clock: LeaseClock
  readonly epoch: number
  readonly mark?: number | undefined
  readonly roster: Roster | undefined
  readonly floor: number
  readonly newRosterUntil: number
  readonly recovery: Recovery | undefined
  readonly leases: readonly KeptLease[]
}

/**
 * The memory of a voter that never voted, to be written once. Only for a founder of a roster, with the epoch of it, and for
 * who was just made a voter, with the epoch before: it then waits as the others do. Anybody else has lost its memory.
 */
export function emptyMemory(epoch: number): AcceptorMemory {
  return { epoch, floor: 0, newRosterMs: 0, leases: [] }
}

/** An acceptor after a boot with what its disk holds. Every lease that it voted for may live for as long as on the first day. */
export function bootAcceptor(memory: AcceptorMemory | undefined, { now, wall }: Reading): AcceptorState {
  const { epoch, mark, floor, newRosterMs, leases } = memory ?? emptyMemory(0)
  return {
    clock: { now, wall, elapsed: 0 },
    epoch,
    ...(mark !== undefined && { mark }),
    roster: undefined,
    floor,
    newRosterUntil: newRosterMs,
    recovery: memory === undefined ? notTaught(0, 0, 0) : undefined,
    leases: leases.map((kept) => ({ ...kept, acceptedAt: 0 })),
  }
}

/** For how long a lease that was voted for may live still, by the clock of the acceptor; not above 0 where it does not. */
export function leftOf({ accepted, acceptedAt }: KeptLease, elapsed: number, epsilon: number): number {
  return accepted === undefined ? 0 : accepted.ttlMs * (1 + epsilon) - (elapsed - acceptedAt)
}

/** A recovery that begins. */
export function notTaught(request: number, askAt: number, until: number): Recovery {
  return { request, taughtBy: [], isTaught: false, ballot: 0, until, askAt }
}

/** What of a state has to be on the disk. `waitMs` is how long an acceptor with a new roster waits in all. */
export function memoryOf(
  { epoch, mark, floor, newRosterUntil, clock, leases }: AcceptorState,
  waitMs: number,
): AcceptorMemory {
  return {
    epoch,
    ...(mark !== undefined && { mark }),
    floor,
    newRosterMs: newRosterUntil > clock.elapsed ? waitMs : 0,
    leases: leases.map(({ acceptedAt: _, ...kept }) => kept),
  }
}
