import type { NodeId } from '../roster.ts'
import type { Member, Reach, StateChanged } from './beliefs.ts'
import type { MemberStatus, SwimMessage } from './swim-messages.ts'

/** Times are those of a monotonic clock, milliseconds. */
export type SwimInput =
  | { readonly kind: 'tick'; readonly now: number }
  | { readonly kind: 'message'; readonly from: NodeId; readonly message: SwimMessage; readonly now: number }
  /** Something else came from a member, as a heartbeat. */
  | { readonly kind: 'heard'; readonly peer: NodeId; readonly now: number }
  /** Phi of the connection reached its threshold. */
  | { readonly kind: 'silent'; readonly peer: NodeId; readonly now: number }
  /** The first connection with a member is open. */
  | { readonly kind: 'opened'; readonly peer: NodeId; readonly now: number }
  /** The last one has closed; `isLost` unless a side meant to. */
  | { readonly kind: 'closed'; readonly peer: NodeId; readonly isLost: boolean; readonly now: number }
  /** What the pause guard says. */
  | { readonly kind: 'paused'; readonly until: number; readonly now: number }
  | { readonly kind: 'visible' | 'hidden'; readonly now: number }
  | { readonly kind: 'join' | 'removed'; readonly peer: NodeId; readonly now: number }
  | { readonly kind: 'leave' | 'rejoin'; readonly now: number }

/** What is to be done, and what is believed now. */
export type SwimEffect =
  | { readonly kind: 'send'; readonly to: NodeId; readonly message: SwimMessage }
  | StateChanged
  | { readonly kind: 'reachChanged'; readonly peer: NodeId; readonly reach: Reach }

/** What is believed of a member. */
export interface MemberView {
  readonly id: NodeId
  readonly status: MemberStatus
  readonly incarnation: number
  readonly reach: Reach
}

export const viewOf = ({ id, status, incarnation, reach }: Member): MemberView => ({ id, status, incarnation, reach })

export const isSameReach = (left: Reach, right: Reach): boolean =>
  left.via === right.via && (left.via !== 'relayed' || (right.via === 'relayed' && left.by === right.by))
