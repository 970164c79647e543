import type { FencingToken } from '@rejoin/state'
import type { NodeId, Roster } from '../roster.ts'
import type { LeaseClock, Reading } from './clock.ts'
import type { LeaseRefusal } from './messages.ts'
import type { Ballot } from './token.ts'

/** One question to all voters. */
export interface LeaseQuestion<V> {
  readonly request: number
  readonly sentAt: number
  readonly until: number
  /** Who voted for it. */
  readonly granted: readonly NodeId[]
  readonly refused: readonly { readonly by: NodeId; readonly why: LeaseRefusal }[]
  /** What the documents of those who voted held. */
  readonly versions: readonly V[]
  /** The highest ballot that they had promised. */
  readonly ballot: number
}

export type HolderPhase<V> =
  /** It does not want the lease. */
  | { readonly phase: 'idle' }
  /** Until it asks again. */
  | { readonly phase: 'waiting'; readonly at: number }
  | {
      readonly phase: 'asking'
      readonly stage: 'preVote' | 'prepare' | 'accept'
      readonly ballot: number
      readonly question: LeaseQuestion<V>
    }
  | {
      readonly phase: 'held'
      readonly token: FencingToken
      /** The question by which it was granted: it and all later ones are about this grant. */
      readonly since: number
      readonly until: number
      /** Whether the document holds what the voters knew. */
      readonly isCovered: boolean
      readonly renewAt: number
      /** Of the renewal that is under way. */
      readonly question?: LeaseQuestion<V>
    }

/** All of a holder as plain data; instants are by `clock.elapsed`. It may be kept and given to `createHolder` again. */
export interface HolderState<V> {
  readonly clock: LeaseClock
  readonly roster: Roster | undefined
  /** The greatest number under which the document is known to be written: a grant with none above it would be of no use. */
  readonly outdone?: Ballot
  readonly nextRequest: number
  /** Attempts without success in a row. */
  readonly failures: number
  readonly phase: HolderPhase<V>
}

/**
 * A holder that has not asked yet. Whatever it held before it was started is void: the state of a holder is not kept
 * over a boot. `random` makes its questions unlike those of any boot before.
 */
export function startHolder<V>(random: () => number, { now, wall }: Reading): HolderState<V> {
  return {
    clock: { now, wall, elapsed: 0 },
    roster: undefined,
    nextRequest: Math.floor(random() * 2 ** 52),
    failures: 0,
    phase: { phase: 'idle' },
  }
}
