/** The last so many numbers, with their mean and deviation. */
export interface SampleWindow {
  readonly mean: number
  /** Standard deviation; never negative, never NaN. */
  readonly deviation: number
  /** Oldest first. */
  readonly values: readonly number[]
  /** O(1), but for one pass over the window each time it was filled anew. */
  add(value: number): void
}

/**
 * A window of the last `most` numbers. By differences from the mean (Welford 1962), as a sum of squares cancels to less than nothing
 * where numbers are large and nearly equal; errors of rounding end with the next full pass.
 */
export function createSampleWindow(most: number, first: readonly number[]): SampleWindow {
  const ring: number[] = []
  let at = 0
  let mean = 0
  let squares = 0

  const recount = (): void => {
    mean = ring.reduce((sum, value) => sum + value, 0) / ring.length
    squares = ring.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  }
  const add = (value: number): void => {
    const before = mean
    const dropped = ring[at]
    ring[at] = value
    at = (at + 1) % most
    if (at === 0) recount()
    else if (dropped === undefined) {
      mean += (value - before) / ring.length
      squares += (value - before) * (value - mean)
    } else {
      mean += (value - dropped) / most
      squares += (value - dropped) * (value - mean + dropped - before)
    }
  }
  for (const value of first) add(value)

  return {
    get mean(): number {
      return mean
    },
    get deviation(): number {
      return Math.sqrt(Math.max(0, squares) / ring.length)
    },
    get values(): readonly number[] {
      return ring.length < most ? [...ring] : [...ring.slice(at), ...ring.slice(0, at)]
    },
    add,
  }
}
