/** What happened on the sea, as the page tells it. Each comes from one protocol event; none is invented. */

import type { Seat, StormMode, VersionEntry } from './frame.ts'
import type { Side } from './stand.ts'

/** One leaf of the world touched by one write. */
export type WriteOp =
  | { readonly leaf: 'flag'; readonly value: string }
  | { readonly leaf: 'chest'; readonly item: string; readonly way: 'add' | 'remove' }
  | { readonly leaf: 'tally'; readonly by: number }
  | { readonly leaf: 'log'; readonly text: string }

/** A write with what its author had seen, which is all it takes to say why it won. */
export interface WriteRecord {
  /** `author:seq`, unique for ever. */
  readonly key: string
  readonly author: string
  readonly seat: Seat | undefined
  readonly name: string
  readonly at: number
  readonly op: WriteOp | undefined
  /** The author's version vector right after the write, itself included. */
  readonly seen: readonly VersionEntry[]
}

/** Two concurrent writes to one value, and which one the rule kept. */
export interface ConflictCard {
  readonly id: string
  readonly leaf: 'flag' | 'chest' | 'tally' | 'log'
  /** The item of the chest; empty for a leaf with one value. */
  readonly item: string
  readonly rule: string
  readonly kept: ConflictWrite
  readonly other: ConflictWrite
  readonly bothKept: boolean
  /** What stood there before the sides parted, where that is known. */
  readonly before: string | undefined
  /** Writes the loser back, as an ordinary change. */
  readonly canReapply: boolean
}

export interface ConflictWrite {
  /** Text of the value; `undefined` where the write took it away. */
  readonly value: string | undefined
  readonly record: WriteRecord
  /** Wall clock of the author at the write, ms; what a tie of clocks compares. */
  readonly clockMs: number
}

/** One side of a healed split. */
export interface SideCard {
  /** Empty where the side is not of this sea (a server). */
  readonly seats: readonly Seat[]
  readonly name: string
  readonly islands: readonly string[]
  readonly ink: string
  readonly did: readonly string[]
  readonly changes: number
  readonly keys: number
  readonly bytes: number
}

/** Everything the report of a heal says. */
export interface HealCard {
  readonly id: number
  readonly at: number
  readonly cutAt: number
  readonly liftedAt: number
  readonly digest: string
  readonly ink: string
  readonly sides: readonly SideCard[]
  readonly conflicts: readonly ConflictCard[]
  /** One line per value that merged without a conflict. */
  readonly quiet: readonly { readonly what: string; readonly text: string }[]
  readonly reporter: Seat | undefined
  /** What parted the sides: weather, or a plug. */
  readonly cause: 'storm' | 'cable'
}

/** An entry of the log. */
export type ChartEvent = { readonly at: number } & (
  | { readonly kind: 'write'; readonly seat: Seat; readonly op: WriteOp; readonly key: string }
  | {
      readonly kind: 'merge'
      readonly seat: Seat
      readonly from: Seat
      readonly sentAt: number
      readonly changes: number
    }
  | {
      readonly kind: 'storm'
      readonly id: number
      readonly mode: StormMode
      readonly lanes: number
      readonly sides: readonly (readonly Seat[])[]
    }
  | { readonly kind: 'lift'; readonly id: number; readonly since: number }
  | { readonly kind: 'sunk'; readonly from: Seat; readonly to: Seat; readonly bytes: number; readonly carried: boolean }
  | { readonly kind: 'silent'; readonly seat: Seat; readonly about: Seat }
  | { readonly kind: 'contact'; readonly seat: Seat; readonly about: Seat; readonly silentMs: number }
  | {
      readonly kind: 'converged'
      readonly rounds: number
      readonly messages: number
      readonly bytes: number
      readonly digest: string
      readonly tookMs: number
    }
  | { readonly kind: 'parted'; readonly digests: number }
  | {
      readonly kind: 'healed'
      readonly seat: Seat
      readonly conflicts: number
      readonly report: number
      readonly keys: readonly string[]
    }
  /** `what` was to be done. */
  | { readonly kind: 'refused'; readonly seat: Seat; readonly what: string; readonly reason: string }
  | { readonly kind: 'verdict'; readonly seat: Seat; readonly side: Side; readonly members: readonly Seat[] }
  | { readonly kind: 'doubt'; readonly seat: Seat; readonly about: Seat }
  | {
      readonly kind: 'regatta'
      readonly seat: Seat
      readonly step: 'asked' | 'started' | 'counts' | 'ended' | 'lost'
      readonly number?: number
      readonly token?: number
    }
)

/** Key of a {@link WriteRecord}. */
export function dotKey(author: string, seq: number): string {
  return `${author}:${seq}`
}
