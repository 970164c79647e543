/** A reading of both clocks, in milliseconds. */
export interface Reading {
  /** Of the monotonic clock. */
  readonly now: number
  /** Of the wall clock, which may be set in either direction. */
  readonly wall: number
}

/** The last reading, and how much time counts as gone by since the machine began. */
export interface LeaseClock extends Reading {
  readonly elapsed: number
}

/**
 * A clock read again. Of what either clock says went by, an acceptor counts the smaller (`Math.min`: it never gives a lease
 * away early), a holder the greater (`Math.max`: it never holds on for too long, also where the monotonic clock stands still
 * in sleep). The difference is taken from reading to reading, so that a wall clock that was put back a year costs an
 * acceptor one reading and not a year.
 */
export function readClock(
  clock: LeaseClock,
  { now, wall }: Reading,
  which: (a: number, b: number) => number,
): LeaseClock {
  const elapsed = clock.elapsed + Math.max(0, which(now - clock.now, wall - clock.wall))
  return { now: Math.max(clock.now, now), wall, elapsed }
}
