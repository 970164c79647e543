/** The simulated sea as the page steers it: everything a live sea has, and time. */
import type { ReadonlySignal } from '@preact/signals'
import type { Seat, StormMode } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import type { Point } from '../sea/layout.ts'
import type { ForkTrack, TimelineModel } from '../time/timeline-model.ts'

export interface Sailing extends SeaModel {
  readonly kind: 'simulated'
  /** The playhead, ten times a second; {@link SeaModel.now} has it in every frame. */
  readonly head: ReadonlySignal<number>
  /** How far this sea has been sailed. */
  readonly edge: ReadonlySignal<number>
  readonly playing: ReadonlySignal<boolean>
  readonly speed: ReadonlySignal<number>
  readonly seed: ReadonlySignal<number>
  readonly timeline: ReadonlySignal<TimelineModel>
  readonly forks: ReadonlySignal<readonly ForkTrack[]>
  /** How often the calm sea was found to agree. */
  readonly checks: ReadonlySignal<number>
  /** The line of the last storm that lifted, while its trace is shown. */
  readonly trace: ReadonlySignal<{ readonly line: readonly Point[]; readonly liftedAt: number } | undefined>
  toggle(): void
  play(): void
  pause(): void
  setSpeed(speed: number): void
  seek(at: number): void
  /** On by so many milliseconds, beyond what has been sailed if need be; back with a negative number. */
  stepTime(byMs: number): void
  /** To the next event (1) or the one before (-1). */
  stepEvent(way: 1 | -1): void
  /** A new road from the playhead; the old one stays as a dashed track. */
  forkHere(): void
  openFork(id: number): void
  /** The island asks to start a regatta. */
  regatta(seat: Seat): void
  storm(mode: Exclude<StormMode, 'brush'>, seat: Seat): void
  raise(line: readonly Point[] | undefined, lanes: readonly (readonly [Seat, Seat])[]): void
  lift(): void
  /** The run so far as the fragment of a link. */
  fragment(): string
}
