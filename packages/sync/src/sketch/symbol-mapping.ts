/** Indexes of symbols are below this, so that all sizes of a sketch are bounded. */
export const symbolLimit: number = 2 ** 22

/**
 * The index of the next symbol after `index` that an item is part of; every item is part of symbol 0.
 *
 * An item is part of symbol i with probability 2 / (i + 2), independently for each i (Yang, Gilad and Alizadeh,
 * "Practical Rateless Set Reconciliation", SIGCOMM 2024, section 4.2, with alpha = 1/2). The chance that none of
 * index + 1 .. n is hit is therefore the product of i / (i + 2), which is (index + 1)(index + 2) / ((n + 1)(n + 2)), and
 * one uniform draw u of 1 .. 2^32 finds the next index: the least n > index with
 *
 *   (n + 1)(n + 2) u >= (index + 1)(index + 2) 2^32.
 *
 * That comparison is the rule. It uses products only, which IEEE 754 rounds exactly, so that all engines agree; the
 * square root, which ECMAScript lets engines approximate, only guesses where to begin.
 *
 * @param hi The high lane of the item's check: keyed, so that nobody can choose what an item maps to.
 * @param lo The low lane.
 * @returns An index, or `symbolLimit` for any beyond it.
 */
export function nextSymbol(hi: number, lo: number, index: number): number {
  const draw = drawAt(hi, lo, index)
  const bound = (index + 1) * (index + 2) * 4294967296
  let next = Math.ceil(Math.sqrt(bound / draw + 0.25) - 1.5)
  while (next * (next + 1) * draw >= bound) next--
  while ((next + 1) * (next + 2) * draw < bound) next++
  if (next <= index) return index + 1
  return Math.min(next, symbolLimit)
}

/** A number of 1 .. 2^32 for each item and index: a counter with a step of its own per item, mixed. */
function drawAt(hi: number, lo: number, index: number): number {
  let mixed = (lo + Math.imul(index + 1, hi | 1)) | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) + 1
}
