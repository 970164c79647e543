import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CodedSymbols, SymbolRange } from './coded-symbols.ts'
import { DifferenceEstimate } from './difference-estimate.ts'
import { checkHash } from './salted-hash.ts'
import { answerOf, decide, type Pair, pairOf, wordsFrom } from './sketch.test-helper.ts'
import { SketchDecoder } from './sketch-decoder.ts'
import { SketchEncoder } from './sketch-encoder.ts'
import { nextSymbol } from './symbol-mapping.ts'

const SYMBOLS = 200
const budget = { maxSymbols: SYMBOLS }

/** Symbols of the other side with lies in them, which know the salt. */
class Forgery {
  readonly symbols: CodedSymbols
  readonly #pair: Pair

  constructor(pair: Pair) {
    this.#pair = pair
    this.symbols = pair.there.symbols(0, SYMBOLS).symbols.copy(0, SYMBOLS)
  }

  /** Puts an item with a right check into one symbol, or into all that it maps to. */
  put(hi: number, lo: number, sign: number, only?: number): this {
    const check = checkHash(this.#pair.salt).word(hi).word(lo).finish()
    if (only !== undefined) this.symbols.add(only, hi, lo, check.hi, check.lo, sign)
    else {
      for (let index = 0; index < SYMBOLS; index = nextSymbol(check.hi, check.lo, index)) {
        this.symbols.add(index, hi, lo, check.hi, check.lo, sign)
      }
    }
    return this
  }

  /** The first symbol from `from` on that an item does not map to. */
  outside(hi: number, lo: number, from: number): number {
    const check = checkHash(this.#pair.salt).word(hi).word(lo).finish()
    const indexes = new Set<number>()
    for (let index = 0; index < SYMBOLS; index = nextSymbol(check.hi, check.lo, index)) indexes.add(index)
    let index = from
    while (indexes.has(index)) index++
    return index
  }

  range(): SymbolRange {
    return { from: 0, setSize: this.symbols.countAt(0), symbols: this.symbols }
  }

  received(): ReturnType<SketchDecoder['receive']> {
    return new SketchDecoder(this.#pair.here, budget).receive(this.range())
  }
}

describe('a lie', () => {
  it('[SK7] is found where an item stands in a symbol that it does not map to', () => {
    // So many differences that no symbol is empty, but for the one that then gets the item.
    const pair = pairOf(1, 50, 300, 300)
    const forgery = new Forgery(pair)
    const index = forgery.outside(5, 6, 190)
    forgery.symbols.addSymbol(index, pair.there.symbols(0, SYMBOLS).symbols, index, -1)
    forgery.symbols.addSymbol(index, pair.here.symbols(0, SYMBOLS).symbols, index, 1)
    expect(forgery.put(5, 6, 1, index).received()).toEqual({
      status: 'failed',
      reason: `an item in symbol ${index}, which it does not map to`,
    })
  })

  it('[SK7] is found where something is only here that is not here', () => {
    const state = new Forgery(pairOf(2, 50, 0, 0)).put(5, 6, -1).received()
    expect(state).toEqual({ status: 'failed', reason: 'an item only here that is not here' })
  })

  it('[SK7] is found where something is only there that is here', () => {
    const pair = pairOf(3, 50, 0, 0)
    const { hi, lo } = pair.here.itemAt(20)
    const state = new Forgery(pair).put(hi, lo, 1).received()
    expect(state).toEqual({ status: 'failed', reason: 'an item only there that is here' })
  })

  it('[SK7] is found where an item would come again and again', () => {
    const forgery = new Forgery(pairOf(4, 0, 0, 0)).put(5, 6, 1).put(5, 6, 1, 0).put(5, 6, -1, 0)
    for (let index = 1; index < SYMBOLS; index++) forgery.put(5, 6, index % 2 === 0 ? 1 : -1, index)
    expect(forgery.received()).toEqual({ status: 'failed', reason: 'an item of symbol 19, which is empty' })
  })

  it('[SK7] is found where everything decodes and a symbol is left over', () => {
    const forgery = new Forgery(pairOf(5, 50, 3, 3))
    forgery.symbols.add(150, 1, 2, 3, 4, 2)
    expect(forgery.received()).toEqual({ status: 'failed', reason: 'symbol 150 is left over' })
  })

  it('[SK7] is found in the size of the set, and in one that changes', () => {
    const pair = pairOf(6, 50, 30, 30)
    const first = pair.there.symbols(0, 4)
    const decoder = new SketchDecoder(pair.here, budget)
    expect(decoder.receive({ ...first, setSize: 79 }).status).toBe('failed')
    const other = new SketchDecoder(pair.here, budget)
    expect(other.receive(first).status).toBe('reading')
    expect(other.receive({ ...pair.there.symbols(4, 8), setSize: 81 }).status).toBe('failed')
  })

  it('[SK7] that does not map to a symbol of its own runs into the budget or fails, for any sums and counts', () => {
    const lane = fc.integer({ min: 0, max: 0xffffffff })
    const symbol = fc.tuple(lane, lane, lane, lane, fc.integer({ min: -3, max: 3 }))
    const real = fc.tuple(fc.nat(5), fc.constantFrom(-1, 1, 2), fc.nat(SYMBOLS - 1))
    fc.assert(
      fc.property(fc.array(symbol, { maxLength: 20 }), fc.array(real, { maxLength: 60 }), (sums, items) => {
        const pair = pairOf(7, 5, 3, 0)
        const forgery = new Forgery(pair)
        for (const [i, [hi, lo, checkHi, checkLo, count]] of sums.entries()) {
          forgery.symbols.add((i * 37) % SYMBOLS, hi, lo, checkHi, checkLo, count)
        }
        for (const [item, sign, index] of items) {
          const { hi, lo } = pair.here.itemAt(item)
          forgery.put(hi, lo, sign, index)
        }
        const decoder = new SketchDecoder(pair.here, budget)
        const state = decoder.receive(forgery.range())
        expect(decoder.steps).toBeLessThanOrEqual(32 * SYMBOLS)
        const estimate = new DifferenceEstimate(pair.here)
        estimate.receive(forgery.range())
        expect(estimate.value()).toBeLessThanOrEqual(8 + Math.max(0, forgery.range().setSize))
        if (state.status === 'done') expect(answerOf(state)).toEqual(pair.truth)
        else expect(['failed', 'exhausted']).toContain(state.status)
      }),
      { numRuns: 300 },
    )
  })
})

it('[SK7] damage in any symbol that was read is never taken for an answer', () => {
  const word = wordsFrom(8)
  for (let seed = 0; seed < 300; seed++) {
    const pair = pairOf(seed, 20, seed % 40, (seed * 7) % 40)
    const forgery = new Forgery(pair)
    const index = word() % SYMBOLS
    const lanes = [0, 0, 0, 0]
    const count = word() % 3
    if (count === 0 || seed % 2 === 0) lanes[word() % 4] = 1 << (word() % 32)
    forgery.symbols.add(index, lanes[0]!, lanes[1]!, lanes[2]!, lanes[3]!, count)
    expect(['failed', 'exhausted']).toContain(forgery.received().status)
  }
})

it('[SK5] without the same salt on both sides nothing is done', () => {
  const items = [3, 1, 4, 1.5, 9, 2, 6].map((item) => item * 2)
  const setOf = (salt: number, more: number): SketchEncoder => {
    const encoder = new SketchEncoder({ hi: salt, lo: 1 })
    for (const item of [...items, more]) encoder.add(item, item)
    return encoder
  }
  const equal = new SketchDecoder(setOf(1, 100), budget)
  expect(decide(equal, setOf(2, 100), () => 1).status).toBe('exhausted')
  const other = new SketchDecoder(setOf(1, 100), budget)
  expect(decide(other, setOf(2, 200), () => 1).status).not.toBe('done')
  const same = new SketchDecoder(setOf(1, 100), budget)
  expect(decide(same, setOf(1, 200), () => 1).status).toBe('done')
})

it('[SK11] ranges are taken in order only, and a decided decoder stays as it is', () => {
  const pair = pairOf(9, 50, 20, 20)
  const gap = new SketchDecoder(pair.here, budget)
  gap.receive(pair.there.symbols(0, 4))
  expect(gap.receive(pair.there.symbols(5, 8))).toEqual({ status: 'failed', reason: 'symbols from 5 after 4' })
  expect(gap.receive(pair.there.symbols(4, 8)).status).toBe('failed')
  const twice = new SketchDecoder(pair.here, budget)
  twice.receive(pair.there.symbols(0, 4))
  expect(twice.receive(pair.there.symbols(0, 4)).status).toBe('failed')
  const done = new SketchDecoder(pair.here, budget)
  const state = done.receive(pair.there.symbols(0, SYMBOLS))
  expect(state.status).toBe('done')
  expect(done.receive(pair.there.symbols(3, 4))).toBe(state)
  const nothing = new SketchDecoder(pair.here, budget)
  expect(nothing.receive(pair.there.symbols(0, 0)).status).toBe('reading')
})
