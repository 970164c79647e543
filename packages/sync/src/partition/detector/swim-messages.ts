import type { NodeId } from '../roster.ts'

/** Members that one replica keeps, and entries of a `table`. */
export const mostMembers = 1024
/** Rumours in any other message. */
export const mostRumours = 16
/** Accusers that a rumour names. */
export const mostAccusers = 10
/** By how much one message may raise an incarnation, so that nobody can use up those of another. */
export const mostRaise = 1_048_576

/** The same for who has no vote: it may be anybody, as often as it likes. */
export const mostStrangerRaise = 1024

/** What a replica believes of a member. `unreachable` never ends by itself. */
export type MemberStatus = 'alive' | 'suspect' | 'unreachable' | 'left'

/** What somebody says of a member. */
export interface Rumour {
  readonly id: NodeId
  readonly status: MemberStatus
  /** Of `id`, from 1. */
  readonly incarnation: number
  /** Who found it `suspect` or `unreachable`, the first one first. Nobody for `alive` and `left`, which the member says itself. */
  readonly by: readonly NodeId[]
}

/** What members send each other, over the connections that there are. */
export type SwimMessage =
  /** Asks for an `ack`. */
  | { readonly kind: 'probe'; readonly seq: number; readonly rumours: readonly Rumour[] }
  /** `incarnation` is that of whom was probed, also where a helper passes the ack on. */
  | { readonly kind: 'ack'; readonly seq: number; readonly incarnation: number; readonly rumours: readonly Rumour[] }
  /** Asks a helper to probe `subject`. */
  | {
      readonly kind: 'indirect'
      readonly seq: number
      readonly subject: NodeId
      readonly rumours: readonly Rumour[]
    }
  /** A helper has no answer. `isNeighbour`: it is or was connected with the subject, so that this says something. */
  | { readonly kind: 'nack'; readonly seq: number; readonly isNeighbour: boolean }
  | { readonly kind: 'gossip'; readonly rumours: readonly Rumour[] }
  /** All that is known. An answer is not answered. */
  | { readonly kind: 'table'; readonly rumours: readonly Rumour[]; readonly isAnswer: boolean }
