import type { NodeId } from '../roster.ts'
import type { AddressRecord } from './address.ts'
import type { AddressBook, AddressBookEffect, AddressBookInput } from './address-book.ts'
import type { Breaker } from './breaker.ts'
import type { DialBudget } from './dial-budget.ts'
import type { DialPace, LinkLimits } from './dial-options.ts'

/** What a planner plans with. */
export interface DialPlannerOptions {
  readonly self: NodeId
  readonly book: AddressBook
  readonly breaker: Breaker
  /** Shared with the races that carry dials out. */
  readonly budget: DialBudget
  readonly links: LinkLimits
  readonly pace?: Partial<DialPace>
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** What a planner hears. `now` is of a monotonic clock, `wall` of the wall clock, both milliseconds. */
export type DialPlannerInput = { readonly now: number; readonly wall: number } & (
  | { readonly kind: 'start' | 'tick' | 'stop' }
  /** For the book; what follows from it is dialled. */
  | { readonly kind: 'book'; readonly input: AddressBookInput }
  /** One address of a dial failed; others of its race may go on. */
  | { readonly kind: 'attempt-failed'; readonly dial: number; readonly key: string }
  /** All addresses failed. `refused`: the other side will not have us, as when it is full. */
  | { readonly kind: 'failed'; readonly dial: number; readonly refused: boolean }
  /** A handshake is complete; `dial` and `key` where we opened the link. `link` is the driver's number, used once. */
  | {
      readonly kind: 'up'
      readonly link: number
      readonly peer: NodeId
      readonly dial?: number
      readonly key?: string
    }
  /** `productive`: data came over it. */
  | { readonly kind: 'down'; readonly link: number; readonly productive: boolean; readonly refused: boolean }
  /** The platform says that success is likelier: it is online, visible, awake, has another network. */
  | { readonly kind: 'hint' }
  /** Who can be reached, directly or through others: our side. The set is kept, and must not change any more. */
  | { readonly kind: 'side'; readonly reachable: ReadonlySet<NodeId> }
)

/** What a planner wants done. The driver answers each `dial` with `up` or `failed`, unless it was told to give up. */
export type DialPlannerEffect =
  /** Race for these addresses, in this order; one dial of the budget is spent. */
  | {
      readonly kind: 'dial'
      readonly dial: number
      readonly addresses: readonly AddressRecord[]
    }
  /** Stop the race. */
  | { readonly kind: 'give-up'; readonly dial: number }
  /** `feeler`: it was only to be seen whether somebody answers. */
  | { readonly kind: 'close'; readonly link: number; readonly reason: 'duplicate' | 'full' | 'self' | 'feeler' }
  | AddressBookEffect

/** Decides whom to dial and which links to close. */
export interface DialPlanner {
  step(input: DialPlannerInput): DialPlannerEffect[]
  /** Peers that are connected. */
  readonly connected: ReadonlySet<NodeId>
  /** Dials under way. */
  readonly dials: number
  readonly wakeAt: number | undefined
}
