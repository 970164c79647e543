/**
 * One moment by both clocks, milliseconds. A monotonic clock stops while the machine sleeps (everywhere but on Windows), and begins
 * anew with each start; a wall clock can be set.
 */
export interface Moment {
  readonly now: number
  readonly wall: number
}

/**
 * The most that can have passed: the greater of both clocks' accounts. For whoever holds something for a time, so that it gives up
 * early, not late, when the machine has slept or its clock was set.
 */
export function elapsedAtMost(since: Moment, until: Moment): number {
  return Math.max(0, until.now - since.now, until.wall - since.wall)
}

/**
 * What has passed at least: the smaller of both accounts, never below 0. For whoever waits until another's time is over, so that it
 * waits too long, not too short.
 */
export function elapsedAtLeast(since: Moment, until: Moment): number {
  return Math.max(0, Math.min(until.now - since.now, until.wall - since.wall))
}
