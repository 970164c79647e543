import type { SymbolPrefix } from './symbol-prefix.ts'

/**
 * Where items stand in a set, -1 for those that it does not have.
 *
 * The few items that are looked for are sorted and one pass goes over the many of the set, so that a set needs no index
 * of its own. A hash table would be faster until a peer names items that all fall into one place of it; halving takes
 * O((size of the set + items) log items) whatever they are. Bits tell most items of the set apart before that.
 *
 * @param items Two lanes per item, the high one first.
 */
export function positionsOf(items: Uint32Array, set: SymbolPrefix): Int32Array {
  const order = sortedOrder(items)
  const positions = new Int32Array(order.length).fill(-1)
  if (order.length === 0) return positions
  const sorted = new Uint32Array(items.length)
  for (const [place, number] of order.entries()) sorted.set(items.subarray(number * 2, number * 2 + 2), place * 2)
  const bits = firstBits(items)
  const mask = bits.length - 1
  for (let position = 0; position < set.size; position++) {
    const hi = set.lane(position, 0)
    if (bits[hi & mask] === 0) continue
    const lo = set.lane(position, 1)
    let place = lowerBound(sorted, hi, lo)
    // Who asks twice for an item is answered twice.
    for (; sorted[place * 2] === hi && sorted[place * 2 + 1] === lo; place++) {
      positions[order[place] as number] = position
    }
  }
  return positions
}

/** The numbers of the items in the order of their lanes. */
function sortedOrder(items: Uint32Array): Uint32Array {
  const order = Uint32Array.from({ length: items.length >>> 1 }, (_, number) => number)
  return order.sort(
    (a, b) =>
      (items[a * 2] as number) - (items[b * 2] as number) ||
      (items[a * 2 + 1] as number) - (items[b * 2 + 1] as number),
  )
}

/** One byte for each value of the low bits of the high lane: 1 where some item has it. */
function firstBits(items: Uint32Array): Uint8Array {
  let size = 16
  while (size < items.length * 4) size *= 2
  const bits = new Uint8Array(size)
  for (let at = 0; at < items.length; at += 2) bits[(items[at] as number) & (size - 1)] = 1
  return bits
}

/** The first place whose item is not below the given one. */
function lowerBound(sorted: Uint32Array, hi: number, lo: number): number {
  let low = 0
  let high = sorted.length >>> 1
  while (low < high) {
    const middle = (low + high) >>> 1
    const lane = sorted[middle * 2] as number
    if (lane < hi || (lane === hi && (sorted[middle * 2 + 1] as number) < lo)) low = middle + 1
    else high = middle
  }
  return low
}
