import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Breaker, breakerFault, createBreaker, mostBroken } from './breaker.ts'

const failing = (breaker: Breaker, key: string, times: number, now = 0): void => {
  for (let time = 0; time < times; time++) breaker.step({ kind: 'failed', key, now })
}
const enough = { isBelowMin: false }

describe('a circuit breaker', () => {
  it('[CB1] opens after five failures in a row, and not while some succeed in between', () => {
    const breaker = createBreaker({ random: () => 0.5 })
    failing(breaker, 'a', 4)
    breaker.step({ kind: 'ok', key: 'a', now: 0 })
    failing(breaker, 'a', 4)
    expect(breaker.stateOf('a', 0)).toBe('closed')
    failing(breaker, 'a', 1)
    expect(breaker.stateOf('a', 0)).toBe('open')
    expect(breaker.admit(['a', 'b'], { ...enough, now: 1 })).toEqual(['b'])
  })

  it('[CB2] lets one through when its time is up, closes if that succeeds, and else stays open twice as long, up to a cap', () => {
    const breaker = createBreaker({ random: () => 0.5 })
    failing(breaker, 'a', 5)
    let now = 0
    const openTimes: number[] = []
    for (let round = 0; round < 8; round++) {
      const since = now
      while (breaker.stateOf('a', now) === 'open') now += 1000
      openTimes.push((now - since) / 1000)
      expect(breaker.admit(['a', 'b'], { ...enough, now })).toEqual(['a', 'b'])
      expect(breaker.admit(['a', 'b'], { ...enough, now })).toEqual(['b'])
      breaker.step({ kind: 'failed', key: 'a', now })
    }
    expect(openTimes).toEqual([30, 60, 120, 240, 480, 900, 900, 900])
    breaker.step({ kind: 'ok', key: 'a', now })
    expect(breaker.stateOf('a', now)).toBe('closed')
  })

  it('[CB3] never takes the last route: it is not asked below the least number of links, nor where a peer has no other address', () => {
    const breaker = createBreaker({ random: () => 0.5 })
    failing(breaker, 'a', 50)
    failing(breaker, 'b', 50)
    expect(breaker.admit(['a', 'c'], { isBelowMin: true, now: 1 })).toEqual(['a', 'c'])
    expect(breaker.admit(['a', 'b'], { ...enough, now: 1 })).toEqual(['a', 'b'])
    const step = fc.tuple(
      fc.constantFrom('ok' as const, 'failed' as const),
      fc.constantFrom('a', 'b', 'c'),
      fc.nat(60_000),
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 100 }),
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
        (steps, keys) => {
          const made = createBreaker({ random: () => 0.5 })
          let now = 0
          for (const [kind, key, later] of steps) {
            now += later
            made.step({ kind, key, now })
            expect(made.admit(keys, { ...enough, now }).length).toBeGreaterThan(0)
          }
        },
      ),
    )
  })

  it('[CB4] does not wait for ever for the result of a trial', () => {
    const breaker = createBreaker({ random: () => 0.5 })
    failing(breaker, 'a', 5)
    expect(breaker.admit(['a', 'b'], { ...enough, now: 30_000 })).toEqual(['a', 'b'])
    expect(breaker.admit(['a', 'b'], { ...enough, now: 59_999 })).toEqual(['b'])
    expect(breaker.admit(['a', 'b'], { ...enough, now: 60_000 })).toEqual(['a', 'b'])
  })

  it('[CB5] keeps a bounded number of addresses, and says what is wrong with its numbers', () => {
    const breaker = createBreaker({ random: () => 0.5 })
    failing(breaker, 'first', 5)
    for (let n = 0; n < mostBroken; n++) failing(breaker, `k${n}`, 1)
    expect(breaker.stateOf('first', 0)).toBe('closed')
    expect(breakerFault({})).toBeUndefined()
    for (const bad of [{ threshold: 0 }, { threshold: 1.5 }, { openMs: 1 }, { capMs: 1000 }, { capMs: Number.NaN }])
      expect(breakerFault(bad)).toBeTypeOf('string')
  })
})
