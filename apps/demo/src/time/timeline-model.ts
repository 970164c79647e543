/** The past of a sea as ribbons: one per island, painted in its ink over time. Pure; pixels come later. */

import { eventText, opText, stormNames } from '../captions.ts'
import type { ChartEvent } from '../events.ts'
import type { Ink, InkFrame, Seat, Tone } from '../frame.ts'
import { clockText, seatName } from '../frame.ts'

/** Lanes of the timeline from top to bottom: west above east, so that a cut can lie between them. */
export const laneOrder: readonly Seat[] = [4, 0, 3, 1, 2]

/** A stretch of one colour. */
export interface Span {
  readonly from: number
  to: number
  readonly ink: Ink
  readonly tone: Tone
}

/** A write, drawn as a dot; as a coral diamond once a report has named it in a conflict. */
export interface Mark {
  readonly at: number
  readonly seat: Seat
  readonly conflict: boolean
  /** A regatta that was started, or one that was refused; else a write. */
  readonly kind?: 'regatta' | 'refused'
  readonly text: string
}

export interface StormBand {
  readonly from: number
  readonly to: number | undefined
  readonly label: string
  /** Between which lanes the jagged line runs: after this many lanes from the top. */
  readonly split: number | undefined
}

export interface MergeArrow {
  readonly from: Seat
  readonly to: Seat
  readonly sentAt: number
  readonly at: number
  /** Across sides that had parted. */
  readonly strong: boolean
}

/** A road not taken further: it keeps its past, and can be taken up again. */
export interface ForkTrack {
  readonly id: number
  readonly name: string
  readonly from: number
  readonly to: number
}

export interface TimelineModel {
  readonly spans: readonly (readonly Span[])[]
  readonly marks: readonly Mark[]
  readonly merges: readonly MergeArrow[]
  readonly storms: readonly StormBand[]
}

/** Colours of every island since the start, joined into spans as frames are recorded. */
export class SpanRecorder {
  readonly #spans: Span[][] = [[], [], [], [], []]

  /** Adds what a frame shows from `at` on. */
  add(at: number, inks: readonly InkFrame[]): void {
    inks.forEach((ink, seat) => {
      const spans = this.#spans[seat]
      if (spans === undefined) return
      const last = spans.at(-1)
      if (last !== undefined) last.to = at
      if (last?.ink === ink.ink && last.tone === ink.tone) return
      // Two changes at one instant leave one span: the later.
      if (last !== undefined && last.from === at) spans.pop()
      spans.push({ from: at, to: at, ink: ink.ink, tone: ink.tone })
    })
  }

  /** The spans so far; the last of each runs on to `until`. */
  spans(until: number): Span[][] {
    return this.#spans.map((spans) =>
      spans.map((span, at) => (at === spans.length - 1 ? { ...span, to: Math.max(until, span.from) } : { ...span })),
    )
  }
}

/** Everything but the ribbons, read from the events up to `knownAt`: what lies ahead of the playhead tells nothing. */
export function marksOf(events: readonly ChartEvent[], knownAt: number): Omit<TimelineModel, 'spans'> {
  const marks: Mark[] = []
  const merges: MergeArrow[] = []
  const storms: { from: number; to: number | undefined; label: string; split: number | undefined }[] = []
  const conflicting = new Set<string>()
  for (const event of events)
    if (event.kind === 'healed' && event.at <= knownAt) for (const key of event.keys) conflicting.add(key)
  let stormy = false
  let lastLift = Number.NEGATIVE_INFINITY
  for (const event of events) {
    if (event.kind === 'write') {
      marks.push({
        at: event.at,
        seat: event.seat,
        conflict: conflicting.has(event.key),
        text: `${clockText(event.at, 1)} ${seatName(event.seat)} ${opText(event.op)}`,
      })
    } else if (event.kind === 'refused' || (event.kind === 'regatta' && event.step === 'started')) {
      const text = `${clockText(event.at, 1)} ${eventText(event)}`
      marks.push({ at: event.at, seat: event.seat, conflict: false, kind: event.kind, text })
    } else if (event.kind === 'merge') {
      merges.push({
        from: event.from,
        to: event.seat,
        sentAt: event.sentAt,
        at: event.at,
        strong: !stormy && event.at - lastLift < 15_000,
      })
    } else if (event.kind === 'storm') {
      stormy = true
      storms.push({
        from: event.at,
        to: undefined,
        label: `Storm, ${stormNames[event.mode]}`,
        split: splitOf(event.sides),
      })
    } else if (event.kind === 'lift') {
      stormy = false
      lastLift = event.at
      const open = storms.at(-1)
      if (open !== undefined) open.to = event.at
    }
  }
  return { marks, merges, storms }
}

/** The end of the scale: a minute, then whole half minutes with some water ahead. */
export function scaleEnd(edgeMs: number): number {
  return Math.max(60_000, Math.ceil((edgeMs * 1.06) / 30_000) * 30_000)
}

/** Times of the ticks, about seven of them. */
export function tickTimes(endMs: number): number[] {
  const step =
    [10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000].find((size) => endMs / size <= 8) ?? endMs
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, at) => at * step)
}

/** Where a cut lies between the lanes: only where each side is a block of neighbours. */
function splitOf(sides: readonly (readonly Seat[])[]): number | undefined {
  if (sides.length !== 2) return undefined
  const first = laneOrder.map((seat) => (sides[0]?.includes(seat) ? 0 : 1))
  const changes = first.filter((side, at) => at > 0 && side !== first[at - 1]).length
  return changes === 1 ? first.findIndex((side, at) => at > 0 && side !== first[at - 1]) : undefined
}
