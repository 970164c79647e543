/** What the regions of the page read and do. Two worlds implement it: the simulated sea and the live server. */
import type { ReadonlySignal } from '@preact/signals'
import type { ChartEvent, ConflictCard, HealCard, WriteOp, WriteRecord } from './events.ts'
import type { BoatFrame, Frame, Seat } from './frame.ts'

export interface SeaModel {
  readonly kind: 'simulated' | 'live'
  /** The frame at the playhead. */
  readonly frame: ReadonlySignal<Frame>
  /** Everything up to the playhead, oldest first. */
  readonly events: ReadonlySignal<readonly ChartEvent[]>
  /** The newest report of a heal up to the playhead. */
  readonly report: ReadonlySignal<HealCard | undefined>
  /** Boats at the playhead, as of this animation frame; {@link frame} follows at a slower pace when only boats moved. */
  boats(): readonly BoatFrame[]
  /** Page time with fractions, for whatever moves in every frame. */
  now(): number
  /** Advances by real milliseconds; the sea calls it once per animation frame. */
  tick(elapsedMs: number): void
  /** Whether the visitor rules this island. */
  mayWrite(seat: Seat): boolean
  write(seat: Seat, op: WriteOp): void
  reapply(card: ConflictCard): void
  /** The last write that set a value, for its why-card. */
  record(key: string): WriteRecord | undefined
}
