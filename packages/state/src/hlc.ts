/** A hybrid logical clock stamp as one exact float64: 41 bits of milliseconds since 2020, then an 11-bit counter. */
export type Stamp = number

const epochMs = 1_577_836_800_000
const counters = 2048

/** How far ahead of the local clock a stamp may be before it is flagged and no longer moves the local clock. */
export const defaultAheadBoundMs = 60_000

/** Wall milliseconds (Unix) of a stamp. */
export function stampMs(stamp: Stamp): number {
  return Math.floor(stamp / counters) + epochMs
}

/** Counter of a stamp: orders stamps within one millisecond. */
export function stampCounter(stamp: Stamp): number {
  return stamp % counters
}

/** The least stamp of a wall millisecond. */
export function stampAt(ms: number): Stamp {
  return Math.max(0, Math.floor(ms) - epochMs) * counters
}

/** Greatest stamp: differences of two must still travel as a varint. It is reached in 2091. */
export const maxStamp: Stamp = 2 ** 52 - 1

/** Whether a number can be a stamp. */
export function isStamp(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= maxStamp
}

/**
 * Hybrid logical clock (Kulkarni et al., 2014). It orders concurrent siblings and never gates merging: a stamp too far
 * ahead is merged like any other, but does not move this clock.
 */
export class HybridClock {
  #last: Stamp = 0
  readonly #aheadBoundMs: number

  constructor(aheadBoundMs: number = defaultAheadBoundMs) {
    this.#aheadBoundMs = aheadBoundMs
  }

  /** The stamp of a new local event: above every stamp given or heeded before, at least the wall clock. */
  tick(nowMs: number): Stamp {
    this.#last = Math.max(this.#last + 1, stampAt(nowMs))
    return this.#last
  }

  /** Learns from a stamp that came in. Stamps that are too far ahead are not heeded. */
  observe(stamp: Stamp, nowMs: number): void {
    if (stamp > this.#last && !this.isAhead(stamp, nowMs)) this.#last = stamp
  }

  /** Never gives a stamp again that another clock gave. */
  heed({ last }: { readonly last: Stamp }): void {
    this.#last = Math.max(this.#last, last)
  }

  /** The last stamp given or heeded. */
  get last(): Stamp {
    return this.#last
  }

  /** Whether a stamp lies further ahead of `nowMs` than the bound. */
  isAhead(stamp: Stamp, nowMs: number): boolean {
    return stampMs(stamp) > nowMs + this.#aheadBoundMs
  }
}
