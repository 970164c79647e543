/**
 * Phi accrual on one connection (Hayashibara, Défago, Yared, Katayama: The phi accrual failure detector, 2004): how unlikely a silence is,
 * by the intervals between heartbeats so far. `phi` of 8 is a silence that comes once in 10^8 of them.
 *
 * Invariants
 * 1. Only heartbeats make samples; whatever is heard ends a silence.
 * 2. An interval that ended a suspicion, or in which somebody was paused, hidden or shown, is no sample.
 * 3. A sample is at most three expected intervals and the acceptable pause: a slow hour does not make the next one blind.
 * 4. Nothing that goes out is infinite or NaN.
 */
import { createSampleWindow, type SampleWindow } from './sample-window.ts'

/** What a `Phi` goes by. */
export interface PhiOptions {
  /** At which phi a silence is told. Higher: fewer false alarms, found later. */
  readonly threshold: number
  /** Silence beyond the mean that is nobody's fault, as of a collector of garbage, milliseconds. */
  readonly acceptablePauseMs: number
  /** Time between heartbeats before any is known, milliseconds. */
  readonly heartbeatMs: number
  /** The same while the other side is hidden. Default: `heartbeatMs`. */
  readonly hiddenHeartbeatMs?: number
  /** Least standard deviation, milliseconds: regular heartbeats must not make a detector that allows nothing. Default 100. */
  readonly leastDeviationMs?: number
  /** Intervals that are remembered, for each profile. Default 200. */
  readonly samples?: number
  /** What `intervals` of an earlier connection with this peer were. */
  readonly intervals?: PhiIntervals
}

/** Remembered intervals, milliseconds, oldest first: one profile for a peer in view, one for a hidden one. */
export interface PhiIntervals {
  readonly visible: readonly number[]
  readonly hidden: readonly number[]
}

/** `now`: milliseconds of a monotonic clock. */
export type PhiInput =
  /** A heartbeat of the peer came in. */
  | { readonly kind: 'heartbeat'; readonly now: number }
  /** Anything else came in. */
  | { readonly kind: 'heard'; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number }
  /** The connection is new, or this replica was paused: what was before says nothing. */
  | { readonly kind: 'restart'; readonly now: number }
  /** The peer is hidden, and slow for that reason, or in view again. */
  | { readonly kind: 'hidden' | 'visible'; readonly now: number }

/** `silent`: phi reached the threshold. `heard`: a silence that was told has ended. */
export type PhiEffect = 'silent' | 'heard'

/** How likely it is that one connection is dead. */
export interface Phi {
  step(input: PhiInput): readonly PhiEffect[]
  /** 0 to `mostPhi`. O(1). */
  at(now: number): number
  readonly isSilent: boolean
  /** What it goes by at present. */
  readonly isHidden: boolean
  readonly intervals: PhiIntervals
  /** When a `tick` would find silence. */
  readonly wakeAt: number | undefined
}

/** Beyond it phi says nothing more, and doubles end. */
export const mostPhi = 300

/** The exponent of the logistic approximation of the normal distribution (Bowling et al. 2009), as Akka uses it. */
const exponent = (y: number): number => y * (1.5976 + 0.070566 * y * y)

/** How many deviations above the mean phi is `threshold`: the inverse of `exponent`, by Newton's method. */
function deviationsAt(threshold: number): number {
  const wanted = threshold * Math.LN10 + Math.log1p(-(10 ** -threshold))
  let y = Math.cbrt(wanted / 0.070566)
  for (let round = 0; round < 20; round++) y -= (exponent(y) - wanted) / (1.5976 + 0.211698 * y * y)
  return y
}

/** As most steps have no effect. */
const nothing: readonly PhiEffect[] = []

/** A connection that was opened or is judged anew at the `restart` that comes first. */
export function createPhi(options: PhiOptions): Phi {
  const { threshold, acceptablePauseMs, heartbeatMs, hiddenHeartbeatMs = heartbeatMs } = options
  const { leastDeviationMs = 100, samples = 200, intervals } = options
  const deviations = deviationsAt(threshold)
  const expected = { visible: heartbeatMs, hidden: hiddenHeartbeatMs }
  const mostSample = (profile: keyof PhiIntervals): number => 3 * expected[profile] + acceptablePauseMs
  const window = (profile: keyof PhiIntervals): SampleWindow => {
    const known = (intervals?.[profile] ?? []).filter((value) => value >= 0 && value <= mostSample(profile))
    // As Akka begins: two samples, a quarter below and above.
    const first = known.length > 0 ? known.slice(-samples) : [0.75 * expected[profile], 1.25 * expected[profile]]
    return createSampleWindow(samples, first)
  }
  const windows = { visible: window('visible'), hidden: window('hidden') }
  let profile: keyof PhiIntervals = 'visible'
  let heardAt: number | undefined
  /** The last heartbeat that an interval may begin with. */
  let beatAt: number | undefined
  let isSilent = false

  const deviation = (): number => Math.max(leastDeviationMs, windows[profile].deviation)
  const patienceMs = (): number => windows[profile].mean + acceptablePauseMs + deviations * deviation()
  /** Kept, as it is asked for far more often than it changes. */
  let patience = patienceMs()
  const silentAt = (): number => (heardAt === undefined ? Number.POSITIVE_INFINITY : heardAt + patience)
  const heard = (now: number): readonly PhiEffect[] => {
    heardAt = now
    if (!isSilent) return nothing
    isSilent = false
    return ['heard']
  }

  return {
    at: (now) => {
      if (heardAt === undefined) return 0
      const y = (now - heardAt - windows[profile].mean - acceptablePauseMs) / deviation()
      // -log10 of the chance that a heartbeat still comes, 1 / (1 + e^exponent).
      return Math.min(mostPhi, Math.log1p(Math.exp(exponent(y))) / Math.LN10)
    },
    get isSilent(): boolean {
      return isSilent
    },
    get isHidden(): boolean {
      return profile === 'hidden'
    },
    get intervals(): PhiIntervals {
      return { visible: windows.visible.values, hidden: windows.hidden.values }
    },
    get wakeAt(): number | undefined {
      return isSilent || heardAt === undefined ? undefined : silentAt()
    },
    step: ({ kind, now }) => {
      switch (kind) {
        case 'heartbeat':
          if (beatAt !== undefined && !isSilent && now < silentAt()) {
            windows[profile].add(Math.min(Math.max(0, now - beatAt), mostSample(profile)))
            patience = patienceMs()
          }
          beatAt = now
          return heard(now)
        case 'heard':
          return heard(now)
        case 'tick':
          if (isSilent || now < silentAt()) return nothing
          isSilent = true
          beatAt = undefined
          return ['silent']
        case 'restart':
          beatAt = undefined
          return heard(now)
        case 'hidden':
        case 'visible':
          if (profile === kind) return nothing
          profile = kind
          patience = patienceMs()
          beatAt = undefined
          return heard(now)
      }
    },
  }
}
