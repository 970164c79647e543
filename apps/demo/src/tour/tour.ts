/**
 * The first minute: six beats over the real sea. A beat does one thing, waits until the sea shows it, and pauses until
 * Continue. Nothing in it is played back: what the captions say has just happened to five replicas.
 */
import { type ReadonlySignal, signal } from '@preact/signals'
import type { ChartEvent } from '../events.ts'
import type { Frame } from '../frame.ts'
import type { Sailing } from '../world/sailing.ts'

export interface Beat {
  readonly headline: string
  readonly sentence: string
  /** What the beat does to the sea, with pauses in page time between the steps. */
  readonly steps: readonly { readonly afterMs: number; readonly run: (sailing: Sailing) => void }[]
  /** Whether the sea has shown it. */
  readonly shown: (frame: Frame, events: readonly ChartEvent[], startedAt: number) => boolean
  /** At least this long, so that there is time to look. */
  readonly leastMs: number
}

const quiet =
  (ms: number) =>
  (frame: Frame, _: readonly ChartEvent[], startedAt: number): boolean =>
    frame.seal.converged && frame.at - startedAt >= ms

export const beats: readonly Beat[] = [
  {
    headline: 'Five islands, one world',
    sentence: 'Each island keeps its own copy. Boats carry every change to the others.',
    steps: [],
    shown: quiet(9_000),
    leastMs: 9_000,
  },
  {
    headline: 'A change sails',
    sentence: 'Lantern adds one. Watch the others catch up.',
    steps: [{ afterMs: 300, run: (sailing) => sailing.write(0, { leaf: 'tally', by: 1 }) }],
    shown: (frame, events, startedAt) =>
      frame.seal.converged && events.some((event) => event.kind === 'write' && event.at >= startedAt),
    leastMs: 2_500,
  },
  {
    headline: 'A storm cuts the sea',
    sentence: 'Boats that reach it sink. Nobody is told, so the islands begin to doubt.',
    steps: [{ afterMs: 200, run: (sailing) => sailing.storm('halves', 1) }],
    shown: (_, events, startedAt) =>
      events.filter((event) => event.kind === 'sunk' && event.at >= startedAt).length >= 4,
    leastMs: 8_000,
  },
  {
    headline: 'Two worlds drift apart',
    sentence: 'West raises the star, east the whale. Cinder may start no regatta.',
    steps: [
      // Far enough apart that each boat has landed before its side writes again.
      { afterMs: 200, run: (sailing) => sailing.write(0, { leaf: 'flag', value: 'star' }) },
      { afterMs: 1_640, run: (sailing) => sailing.write(2, { leaf: 'flag', value: 'whale' }) },
      { afterMs: 3_000, run: (sailing) => sailing.regatta(2) },
      { afterMs: 5_600, run: (sailing) => sailing.write(4, { leaf: 'chest', item: 'pearl', way: 'remove' }) },
      { afterMs: 7_000, run: (sailing) => sailing.write(1, { leaf: 'chest', item: 'pearl', way: 'add' }) },
      { afterMs: 11_000, run: (sailing) => sailing.write(3, { leaf: 'tally', by: 5 }) },
      { afterMs: 12_400, run: (sailing) => sailing.write(2, { leaf: 'tally', by: 4 }) },
      { afterMs: 14_200, run: (sailing) => sailing.write(2, { leaf: 'chest', item: 'coral', way: 'add' }) },
    ],
    shown: (frame, events, startedAt) =>
      frame.seal.digests === 2 &&
      events.some((event) => event.kind === 'refused' && event.at >= startedAt) &&
      events.filter((event) => event.kind === 'write' && event.at >= startedAt).length >= 7,
    leastMs: 17_500,
  },
  {
    headline: 'One world again',
    sentence: 'Each side sent only what the other lacked. Nothing was lost.',
    steps: [{ afterMs: 200, run: (sailing) => sailing.lift() }],
    shown: (frame, events, startedAt) =>
      frame.seal.converged &&
      frame.at - frame.seal.since > 2_500 &&
      events.some((event) => event.kind === 'healed' && event.at >= startedAt && event.conflicts > 1),
    leastMs: 6_000,
  },
  {
    headline: 'Now you',
    sentence: 'Draw a storm. Try to make two islands disagree after it lifts.',
    steps: [],
    shown: () => false,
    leastMs: 0,
  },
]

export interface Tour {
  /** The beat on show, from 0; `undefined` when the tour is over. */
  readonly beat: ReadonlySignal<number | undefined>
  /** Lit when the beat has been shown and the sea waits. */
  readonly waiting: ReadonlySignal<boolean>
  next(): void
  skip(): void
  /** Looks at the sea; the page calls it whenever the frame may have changed. */
  look(): void
  /** Something was done to the sea. Unless the tour did it, the sea is the visitor's now, and the tour steps aside. */
  acted(): void
}

/** Starts the tour on a calm sea. `onBeat` and `onShown` let the page open what a beat is about, before or after it. */
export function startTour(
  sailing: Sailing,
  onBeat: (beat: number | undefined) => void,
  onShown?: (beat: number) => void,
): Tour {
  const beat = signal<number | undefined>(undefined)
  const waiting = signal(false)
  let startedAt = 0
  let done = 0
  let own = false

  const run = (step: Beat['steps'][number]): void => {
    own = true
    try {
      step.run(sailing)
    } finally {
      own = false
    }
  }
  const leave = (): void => {
    beat.value = undefined
    waiting.value = false
    onBeat(undefined)
  }

  const begin = (index: number): void => {
    if (index >= beats.length) {
      beat.value = undefined
      onBeat(undefined)
      return
    }
    beat.value = index
    waiting.value = false
    done = 0
    startedAt = sailing.edge.peek()
    sailing.seek(startedAt)
    onBeat(index)
    sailing.play()
  }

  begin(0)
  return {
    beat,
    waiting,
    next: () => {
      const now = beat.peek()
      if (now === undefined) return
      // Whoever is ahead of the story still gets all of it: what a beat had yet to do is done at once.
      for (const step of beats[now]?.steps.slice(done) ?? []) run(step)
      begin(now + 1)
    },
    skip: () => {
      leave()
      sailing.play()
    },
    acted: () => {
      if (own || beat.peek() === undefined) return
      // A pause that the visitor did not ask for ends with the tour.
      const paused = waiting.peek()
      leave()
      if (paused) sailing.play()
    },
    look: () => {
      const now = beat.peek()
      const current = now === undefined ? undefined : beats[now]
      if (current === undefined || waiting.peek()) return
      const passed = sailing.edge.peek() - startedAt
      for (const step of current.steps.slice(done)) {
        if (passed < step.afterMs) break
        done += 1
        run(step)
      }
      if (done < current.steps.length || passed < current.leastMs) return
      if (!current.shown(sailing.frame.peek(), sailing.events.peek(), startedAt)) return
      waiting.value = true
      sailing.pause()
      onShown?.(now ?? 0)
    },
  }
}
