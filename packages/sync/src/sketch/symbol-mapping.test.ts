import { expect, it, vi } from 'vitest'
import { wordsFrom } from './sketch.test-helper.ts'
import { nextSymbol, symbolLimit } from './symbol-mapping.ts'

/** The obvious twin: the draw by the same mixing, the rule in exact integers, one index after another. */
function slowNextSymbol(hi: number, lo: number, index: number): number {
  const wrap = (value: bigint): bigint => value & 0xffff_ffffn
  let mixed = wrap(BigInt(lo) + BigInt(index + 1) * (BigInt(hi) | 1n))
  mixed = wrap((mixed ^ (mixed >> 16n)) * 0x85ebca6bn)
  mixed = wrap((mixed ^ (mixed >> 13n)) * 0xc2b2ae35n)
  const draw = (mixed ^ (mixed >> 16n)) + 1n
  const bound = (BigInt(index + 1) * BigInt(index + 2)) << 32n
  let next = index + 1
  while (next < symbolLimit && BigInt(next + 1) * BigInt(next + 2) * draw < bound) next++
  return next
}

const indexesBelow = (hi: number, lo: number, end: number, next = nextSymbol): number[] => {
  const indexes: number[] = []
  for (let index = 0; index < end; index = next(hi, lo, index)) indexes.push(index)
  return indexes
}

it('[SK4] the symbols of an item are those of the rule in exact integers', () => {
  const word = wordsFrom(4)
  for (let i = 0; i < 300; i++) {
    const [hi, lo] = [word(), word()]
    expect(indexesBelow(hi, lo, 500)).toEqual(indexesBelow(hi, lo, 500, slowNextSymbol))
  }
})

it('[SK4] the symbols of some items are what they have been since the format was made', () => {
  expect(indexesBelow(0x01234567, 0x89abcdef, 5000)).toEqual([0, 1, 2, 4, 13, 34, 72, 77, 291, 469, 1515, 1727])
  expect(indexesBelow(0, 0, 5000)).toEqual([
    0, 2, 4, 5, 10, 14, 16, 18, 20, 21, 32, 33, 337, 606, 633, 864, 997, 1367, 1898, 2166, 2572, 2598, 2854, 4174, 4674,
  ])
  expect(indexesBelow(0xffffffff, 0xffffffff, 5000)).toEqual([
    0, 1, 2, 5, 28, 35, 115, 250, 251, 288, 483, 706, 958, 1055, 3459,
  ])
})

it.each([1 - 1e-7, 1 + 1e-7])('[SK4] an engine whose square roots are wrong by a factor of %d maps alike', (factor) => {
  const word = wordsFrom(7)
  const items = Array.from({ length: 300 }, () => [word(), word()] as const)
  const right = items.map(([hi, lo]) => indexesBelow(hi, lo, symbolLimit))
  const exact = Math.sqrt
  const sloppy = vi.spyOn(Math, 'sqrt').mockImplementation((value) => exact(value) * factor)
  try {
    expect(items.map(([hi, lo]) => indexesBelow(hi, lo, symbolLimit))).toEqual(right)
    expect(sloppy.mock.calls.length).toBeGreaterThan(5000)
  } finally {
    sloppy.mockRestore()
  }
})

it('[SK4] symbol i has each item with probability 2 / (i + 2)', () => {
  const word = wordsFrom(5)
  const items = 40_000
  const hits = new Float64Array(400)
  for (let i = 0; i < items; i++) for (const index of indexesBelow(word(), word(), 400)) hits[index]!++
  expect(hits[0]).toBe(items)
  // The squares of deviations in units of the variance: 399 of them with mean 1 each and standard deviation sqrt(2).
  let sum = 0
  for (let index = 1; index < 400; index++) {
    const p = 2 / (index + 2)
    sum += (hits[index]! - items * p) ** 2 / (items * p * (1 - p))
  }
  expect(sum / 399).toBeGreaterThan(0.7)
  expect(sum / 399).toBeLessThan(1.3)
})

it('[SK4] indexes grow by at least one and end at the limit', () => {
  const word = wordsFrom(6)
  for (let i = 0; i < 2000; i++) {
    const index = word() % symbolLimit
    const next = nextSymbol(word(), word(), index)
    expect(next > index && next <= symbolLimit && Number.isInteger(next)).toBe(true)
  }
})
