/** The seam between the page's time machine and whatever simulates the sea. */
import type { ChartEvent, HealCard, WriteOp, WriteRecord } from '../events.ts'
import type { Frame, Seat, StormMode } from '../frame.ts'
import type { Point } from '../sea/layout.ts'

/** What a visitor can do to the sea, at the moment it has reached. */
export type Deed =
  | { readonly kind: 'write'; readonly seat: Seat; readonly op: WriteOp }
  | { readonly kind: 'regatta'; readonly seat: Seat }
  | { readonly kind: 'storm'; readonly mode: Exclude<StormMode, 'brush'>; readonly seat: Seat }
  | {
      readonly kind: 'cut'
      readonly lanes: readonly (readonly [Seat, Seat])[]
      readonly line: readonly Point[] | undefined
    }
  | { readonly kind: 'lift' }

/** A frame before its colours are chosen. */
export type BareFrame = Omit<Frame, 'inks' | 'boats'> & {
  readonly boats: readonly Omit<Frame['boats'][number], 'ink' | 'tone'>[]
}

/** A sea that only sails forwards. */
export interface World {
  /** Page time reached, ms. */
  readonly at: number
  readonly seed: number
  /** Sails on to `at`; stops early at nothing. */
  advance(at: number): void
  act(deed: Deed): void
  /** The sea as it is; equal objects for what did not change. */
  view(): BareFrame
  /** Grows whenever {@link view} would differ in more than the clock. */
  readonly revision: number
  /** Events and reports since the last call, oldest first. */
  take(): { readonly events: readonly ChartEvent[]; readonly reports: readonly HealCard[] }
  record(key: string): WriteRecord | undefined
  /** The run so far as text for a link. */
  link(): string
}

/** Makes worlds: calm ones, and ones that have sailed a run up to a moment. */
export interface Shipyard {
  calm(seed: number): World
  /** A new world that has done what `world` did up to `at`, and nothing after it. */
  replay(world: World, at: number): World
}
