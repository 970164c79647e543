/**
 * At most so many dials in any second, whatever the reasons for them: one budget for all of a replica.
 *
 * It keeps the times of the last ones (a sliding window) instead of a token bucket, which lets twice as many through where
 * its burst meets its refill.
 */
export interface DialBudget {
  /** When one more is allowed: `now`, or later. */
  nextAt(now: number): number
  /** Counts one. */
  spend(now: number): void
}

/** A budget of so many dials a second. Times are of a monotonic clock, milliseconds; both calls cost O(perSecond). */
export function createDialBudget(perSecond: number): DialBudget {
  let spentAt: number[] = []
  return {
    nextAt: (now) => (spentAt.length < perSecond ? now : Math.max(now, (spentAt[0] as number) + 1000)),
    spend: (now) => {
      spentAt = [...spentAt, now].slice(-perSecond)
    },
  }
}
