/**
 * How long to set a timer for something due at `at`. Whole milliseconds, rounded up: a timer that fires a fraction too
 * early would find nothing due and be set again for a fraction, for ever.
 */
export function delayUntil(at: number, now: number): number {
  return Math.max(0, Math.ceil(at - now))
}
