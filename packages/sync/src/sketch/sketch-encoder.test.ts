import { expect, it } from 'vitest'
import { CodedSymbols } from './coded-symbols.ts'
import { checkHash } from './salted-hash.ts'
import { pairOf, wordsFrom } from './sketch.test-helper.ts'
import { SketchEncoder } from './sketch-encoder.ts'
import { nextSymbol } from './symbol-mapping.ts'

const salt = { hi: 11, lo: 22 }
const rowOf = (symbols: CodedSymbols): unknown[] =>
  Array.from({ length: symbols.length }, (_, index) => ({ ...symbols.sumAt(index), count: symbols.countAt(index) }))

/** The obvious twin: for each symbol, all items that map to it. */
function slowSymbols(items: readonly (readonly [number, number])[], length: number): CodedSymbols {
  const check = checkHash(salt)
  const symbols = new CodedSymbols(length)
  for (const [hi, lo] of items) {
    const { hi: checkHi, lo: checkLo } = check.reset().word(hi).word(lo).finish()
    for (let index = 0; index < length; index = nextSymbol(checkHi, checkLo, index)) {
      symbols.add(index, hi, lo, checkHi, checkLo, 1)
    }
  }
  return symbols
}

const itemsOf = (seed: number, count: number): [number, number][] => {
  const word = wordsFrom(seed)
  return Array.from({ length: count }, () => [word(), word()])
}

it('[SK3] symbols are the same whether asked for at once, one by one, or with items added in between', () => {
  const items = itemsOf(1, 200)
  const expected = rowOf(slowSymbols(items, 300))
  const atOnce = new SketchEncoder(salt)
  for (const [hi, lo] of items) atOnce.add(hi, lo)
  expect(rowOf(atOnce.symbols(0, 300).symbols)).toEqual(expected)
  const oneByOne = new SketchEncoder(salt, 3)
  for (const [position, [hi, lo]] of items.entries()) {
    expect(oneByOne.add(hi, lo)).toBe(position)
    oneByOne.symbols(position, position + 1)
  }
  const rows = Array.from({ length: 300 }, (_, index) => rowOf(oneByOne.symbols(index, index + 1).symbols))
  expect(rows.flat()).toEqual(expected)
})

it('[SK3] a range that was handed out does not change when items are added', () => {
  const encoder = new SketchEncoder(salt)
  encoder.add(1, 2)
  const range = encoder.symbols(0, 10)
  const before = rowOf(range.symbols)
  encoder.add(3, 4)
  expect(rowOf(range.symbols)).toEqual(before)
  expect(range.setSize).toBe(1)
  expect(encoder.symbols(0, 1).symbols.countAt(0)).toBe(2)
})

it('[SK3] asking for symbols that cannot be is a mistake of the caller', () => {
  const encoder = new SketchEncoder(salt)
  expect(() => encoder.symbols(-1, 2)).toThrow('no symbols')
  expect(() => encoder.symbols(2, 1)).toThrow('no symbols')
  expect(() => encoder.symbols(0, 2 ** 22 + 1)).toThrow('no symbols')
  expect(() => encoder.itemAt(0)).toThrow('no item')
})

it('[SK1] items are found by their position, and positions by their item', () => {
  const { here } = pairOf(3, 5000, 0, 0)
  const { hi, lo } = here.itemAt(4321)
  const first = here.itemAt(0)
  const asked = Uint32Array.of(hi, lo, hi, lo ^ 1, first.hi, first.lo, lo, hi, hi, lo)
  expect([...here.positionsOf(asked)]).toEqual([4321, -1, 0, -1, 4321])
  expect(here.positionsOf(new Uint32Array(0))).toHaveLength(0)
})

it('[SK6] looking for items that were chosen to be alike stays quick', () => {
  const { here } = pairOf(4, 20_000, 0, 0)
  const { hi } = here.itemAt(7)
  const asked = new Uint32Array(40_000)
  for (let i = 0; i < 20_000; i++) asked.set([hi, i], i * 2)
  expect(here.positionsOf(asked).every((position) => position === -1)).toBe(true)
})
