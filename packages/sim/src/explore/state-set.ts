/**
 * A set of states by 64 bits of hash each, in typed arrays: 16 bytes a state at the worst. Two states with one hash are taken
 * for one; among 10^7 states that has a probability of 3 in 10^6.
 */
export interface StateSet {
  readonly size: number
  /** Whether these numbers were not in it before. */
  add(numbers: Int32Array, from: number, width: number): boolean
}

export function createStateSet(): StateSet {
  let slots = 1 << 16
  let table = new Uint32Array(2 * slots)
  let size = 0

  const place = (into: Uint32Array, mask: number, low: number, high: number): boolean => {
    for (let at = low & mask; ; at = (at + 1) & mask) {
      const seenLow = into[2 * at]
      const seenHigh = into[2 * at + 1]
      if (seenLow === 0 && seenHigh === 0) {
        into[2 * at] = low
        into[2 * at + 1] = high
        return true
      }
      if (seenLow === low && seenHigh === high) return false
    }
  }
  const grow = (): void => {
    const next = new Uint32Array(4 * slots)
    for (let at = 0; at < slots; at++) {
      const low = table[2 * at] as number
      const high = table[2 * at + 1] as number
      if (low !== 0 || high !== 0) place(next, 2 * slots - 1, low, high)
    }
    table = next
    slots *= 2
  }

  return {
    get size() {
      return size
    },
    add: (numbers, from, width) => {
      let low = 0x9e3779b9
      let high = 0x85ebca6b
      for (let at = from; at < from + width; at++) {
        const number = numbers[at] as number
        low = Math.imul(low ^ number, 0xcc9e2d51)
        low = Math.imul((low << 15) | (low >>> 17), 0x1b873593) ^ (high >>> 7)
        high = Math.imul(high ^ number, 0xc2b2ae35)
        high = Math.imul((high << 13) | (high >>> 19), 0x27d4eb2f) ^ (low >>> 9)
      }
      low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
      high = Math.imul(high ^ (high >>> 15), 0xc2b2ae35)
      low = (low ^ (low >>> 13)) >>> 0
      // Never both zero, which stands for nobody.
      high = (high ^ (high >>> 16) ^ (low >>> 3)) >>> 0 || 1
      if (2 * (size + 1) > slots) grow()
      const isNew = place(table, slots - 1, low, high)
      if (isNew) size += 1
      return isNew
    },
  }
}
