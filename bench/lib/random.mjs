// Every engine gets the same inputs: one seeded generator, no Math.random in any workload.

/** A small seeded generator (mulberry32) with the few draws the workloads need. */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0
  }

  /** A 32-bit integer. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let mixed = this.state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** A float64 in [0, 1) with all 53 bits in use, so that no engine can store it in four bytes. */
  float() {
    return ((this.next() >>> 5) * 67108864 + (this.next() >>> 6)) / 9007199254740992
  }

  /** An integer in [0, below). */
  below(below) {
    return Math.floor((this.next() / 4294967296) * below)
  }

  /**
   * `count` distinct places of 0 .. size-1 in random order. Few of many are drawn until they differ, so that a draw from a
   * million places neither makes a million numbers nor leaves them to the collector.
   */
  sample(size, count) {
    if (count * 4 > size) return this.#shuffled(size, count)
    const places = new Set()
    while (places.size < count) places.add(this.below(size))
    return [...places]
  }

  /** The first places of a shuffle. */
  #shuffled(size, count) {
    const places = Array.from({ length: size }, (_, place) => place)
    for (let at = 0; at < count; at++) {
      const other = at + this.below(size - at)
      const kept = places[at]
      places[at] = places[other]
      places[other] = kept
    }
    places.length = count
    return places
  }
}
