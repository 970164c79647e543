/**
 * Whether this replica itself did not run: a frozen tab, a laptop that slept, a collector of garbage. Who was away finds all others
 * silent, and must blame itself. (Cassandra's failure detector skips a round in which it was not run, for the same reason.)
 *
 * Invariants
 * 1. A pause longer than `pauseWindowMs` is told with the first input after it, whichever clock shows it.
 * 2. From then on the guard is armed for one more window, in which nobody is to be accused.
 */
import { elapsedAtMost, type Moment } from './elapsed.ts'

/** How often ticks are expected. */
export interface PauseGuardOptions {
  /** Time between ticks, milliseconds. */
  readonly intervalMs: number
  /** The same while the page is hidden, where timers are throttled to one a minute. Default: `intervalMs`. */
  readonly hiddenIntervalMs?: number
}

/** `resume` follows on a `freeze` of the page's life cycle; `visible` and `hidden` are what the page is to its reader. */
export type PauseHint = 'visible' | 'hidden' | 'freeze' | 'resume'

/** `now`: milliseconds of a monotonic clock; `wall`: of the other. */
export type PauseGuardInput =
  | { readonly kind: 'tick'; readonly now: number; readonly wall: number }
  | { readonly kind: 'hint'; readonly hint: PauseHint; readonly now: number; readonly wall: number }

/**
 * This replica did not run for about `forMs`. Windows of all peers start anew, leases held here are void, and until `until` (monotonic)
 * nobody is accused.
 */
export interface PauseGuardEffect {
  readonly kind: 'paused'
  readonly forMs: number
  readonly until: number
  readonly cause: 'late-tick' | 'clock-jump' | 'hint'
}

/** Whether this replica ran all the time. */
export interface PauseGuard {
  step(input: PauseGuardInput): PauseGuardEffect[]
  /** Whether nobody is to be accused, as of the last input. */
  readonly isArmed: boolean
  /** When the next `tick` is expected; undefined before the first input. */
  readonly wakeAt: number | undefined
}

/** What counts as a pause: three intervals, at least 5 s. Shorter ones are lived with, by the acceptable pause of `createPhi`. */
export function pauseWindowMs(intervalMs: number): number {
  return Math.max(5000, 3 * intervalMs)
}

/** Not armed; it begins with the first input. */
export function createPauseGuard({ intervalMs, hiddenIntervalMs = intervalMs }: PauseGuardOptions): PauseGuard {
  let last: Moment | undefined
  let interval = intervalMs
  let isFrozen = false
  let armedUntil = Number.NEGATIVE_INFINITY

  /** Why the time since `since` was a pause, if it was one. */
  const causeOf = (since: Moment, at: Moment, hint: PauseHint | undefined): PauseGuardEffect['cause'] | undefined => {
    if (isFrozen || hint === 'resume') return 'hint'
    const late = at.now - since.now - interval
    // What comes into view was throttled, or not: by then its timers say so themselves.
    if (hint === 'visible' && late > intervalMs) return 'hint'
    if (late > pauseWindowMs(interval)) return 'late-tick'
    const jump = at.wall - since.wall - (at.now - since.now)
    return jump > pauseWindowMs(interval) ? 'clock-jump' : undefined
  }

  return {
    get isArmed(): boolean {
      return last !== undefined && last.now < armedUntil
    },
    get wakeAt(): number | undefined {
      return last === undefined ? undefined : last.now + interval
    },
    step: (input) => {
      const at: Moment = { now: input.now, wall: input.wall }
      const hint = input.kind === 'hint' ? input.hint : undefined
      if (hint === 'visible') interval = intervalMs
      const since = last ?? at
      const cause = hint === 'freeze' ? undefined : causeOf(since, at, hint)
      last = at
      isFrozen = hint === 'freeze'
      if (hint === 'hidden') interval = hiddenIntervalMs
      if (cause === undefined) return []
      armedUntil = at.now + pauseWindowMs(interval)
      return [{ kind: 'paused', forMs: elapsedAtMost(since, at), until: armedUntil, cause }]
    },
  }
}
