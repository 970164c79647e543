import { describe, expect, it } from 'vitest'
import { DifferenceEstimate, symbolsFor } from './difference-estimate.ts'
import { answerOf, decide, pairOf, symbolsNeeded } from './sketch.test-helper.ts'
import { SketchDecoder } from './sketch-decoder.ts'
import { SketchEncoder } from './sketch-encoder.ts'

const ample = { maxSymbols: 1 << 18 }
/** A few symbols at first, and a tenth more each time. */
const growing = (received: number): number => Math.max(4, Math.floor(received / 10))

describe('the difference', () => {
  const sizes = [0, 1, 2, 3, 10, 100, 1000, 10_000]
  const cases = sizes.flatMap((d) => [
    [d, 0, 0] as const,
    [0, d, 0] as const,
    [d, 0, 2000] as const,
    [0, d, 2000] as const,
    [Math.ceil(d / 3), Math.floor((2 * d) / 3), 2000] as const,
  ])

  it.each([...cases, [5000, 5000, 100_000], [3, 7, 100_000]] as const)(
    '[SK1] is exact: %i only here, %i only there, %i in both',
    (onlyHere, onlyThere, common) => {
      const pair = pairOf(onlyHere * 31 + onlyThere * 7 + common, common, onlyHere, onlyThere)
      const decoder = new SketchDecoder(pair.here, ample)
      expect(answerOf(decide(decoder, pair.there, growing))).toEqual(pair.truth)
    },
  )

  it('[SK1] is the same in whatever pieces the symbols come', () => {
    for (let seed = 0; seed < 40; seed++) {
      const pair = pairOf(seed, 50, seed, 40 - seed)
      for (const step of [1, 7, 64]) {
        const decoder = new SketchDecoder(pair.here, ample)
        expect(answerOf(decide(decoder, pair.there, () => step))).toEqual(pair.truth)
      }
    }
  })

  it('[SK1] of sets of small numbers and zero is found too', () => {
    const salt = { hi: 0, lo: 0 }
    const here = new SketchEncoder(salt)
    const there = new SketchEncoder(salt)
    for (let i = 0; i < 40; i++) here.add(0, i)
    for (let i = 3; i < 50; i++) there.add(0, i)
    const items = Array.from({ length: 10 }, (_, i) => `0:${i + 40}`)
    const decoder = new SketchDecoder(here, ample)
    expect(answerOf(decide(decoder, there, growing))).toEqual({ onlyHere: [0, 1, 2], onlyThere: items })
  })
})

describe('the number of symbols', () => {
  it.each([
    [100, 40],
    [300, 20],
    [1000, 10],
    [5000, 2],
  ])('[SK2] is at most 1.5 per difference on average: %i differences', (differences, seeds) => {
    for (const share of [0, 0.5, 1]) {
      let sum = 0
      for (let seed = 0; seed < seeds; seed++) {
        const onlyHere = differences * share
        sum += symbolsNeeded(pairOf(seed * 3 + differences, 30, onlyHere, differences - onlyHere))
      }
      expect(sum / seeds / differences).toBeLessThan(1.5)
    }
  })

  it('[SK2] is one for equal sets and for one difference', () => {
    expect(symbolsNeeded(pairOf(1, 100, 0, 0))).toBe(1)
    expect(symbolsNeeded(pairOf(1, 0, 0, 0))).toBe(1)
    expect(symbolsNeeded(pairOf(2, 100, 1, 0))).toBe(1)
    expect(symbolsNeeded(pairOf(3, 100, 0, 1))).toBe(1)
  })

  it('[SK2] is what was foretold or less in 9 cases of 10', () => {
    for (const differences of [1, 3, 10, 30, 100, 500]) {
      const enough = Array.from({ length: 100 }, (_, seed) => symbolsNeeded(pairOf(seed, 10, differences, 0)))
      const within = enough.filter((symbols) => symbols <= symbolsFor(differences))
      expect(within.length).toBeGreaterThanOrEqual(85)
    }
  })
})

describe('the estimate', () => {
  it.each([64, 256])('[SK10] is within five standard errors after %i symbols', (symbols) => {
    const bound = 5 * Math.sqrt(2 / symbols)
    for (const [onlyHere, onlyThere] of [
      [4000, 0],
      [2000, 2000],
      [500, 3500],
    ] as const) {
      let sum = 0
      for (let seed = 0; seed < 10; seed++) {
        const pair = pairOf(seed, 4000, onlyHere, onlyThere)
        const estimate = new DifferenceEstimate(pair.here)
        for (const from of [0, symbols / 2]) estimate.receive(pair.there.symbols(from, from + symbols / 2))
        const relative = estimate.value() / 4000
        expect(Math.abs(relative - 1)).toBeLessThan(bound)
        sum += relative
      }
      expect(Math.abs(sum / 10 - 1)).toBeLessThan(bound / 2)
    }
  })

  it('[SK10] is the difference of the sizes at least and the sum of the sizes at most', () => {
    const pair = pairOf(1, 10, 500, 3)
    const estimate = new DifferenceEstimate(pair.here)
    expect(estimate.value()).toBe(0)
    for (let index = 0; index < 100; index++) {
      estimate.receive(pair.there.symbols(index, index + 1))
      expect(estimate.value()).toBeGreaterThanOrEqual(497)
      expect(estimate.value()).toBeLessThanOrEqual(523)
    }
  })
})

describe('the budget', () => {
  it('[SK6] ends a sketch that is too short for its differences, whatever they are', () => {
    const pair = pairOf(20, 100, 10_000, 10_000)
    const decoder = new SketchDecoder(pair.here, { maxSymbols: 5000 })
    expect(decide(decoder, pair.there, () => 1000)).toEqual({ status: 'exhausted', spent: 'symbols' })
    expect(decoder.received).toBe(5000)
    expect(decoder.steps).toBeLessThan(32 * 5000)
  })

  it('[SK6] takes no symbol beyond its bound, and uses those up to it', () => {
    const pair = pairOf(21, 100, 30, 30)
    const needed = symbolsNeeded(pair)
    const enough = new SketchDecoder(pair.here, { maxSymbols: needed })
    expect(enough.receive(pair.there.symbols(0, 1000)).status).toBe('done')
    const tooFew = new SketchDecoder(pair.here, { maxSymbols: needed - 1 })
    expect(tooFew.receive(pair.there.symbols(0, 1000))).toEqual({ status: 'exhausted', spent: 'symbols' })
    expect(tooFew.received).toBe(needed - 1)
    expect(new SketchDecoder(pair.here, { maxSymbols: 0 }).receive(pair.there.symbols(0, 1)).status).toBe('exhausted')
  })

  it('[SK6] of steps is never passed', () => {
    const pair = pairOf(22, 100, 300, 300)
    for (const maxSteps of [0, 1, 2, 100, 1000, 5000]) {
      const decoder = new SketchDecoder(pair.here, { maxSymbols: 2000, maxSteps })
      expect(decide(decoder, pair.there, () => 100)).toEqual({ status: 'exhausted', spent: 'steps' })
      expect(decoder.steps).toBe(maxSteps)
    }
  })

  it('[SK6] by default suffices for honest sketches', () => {
    const pair = pairOf(23, 0, 2000, 3000)
    const decoder = new SketchDecoder(pair.here, { maxSymbols: symbolsFor(5000) + 500 })
    expect(decide(decoder, pair.there, () => 50).status).toBe('done')
    expect(decoder.steps).toBeLessThan(5000 * 24)
  })
})
