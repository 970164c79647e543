import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countedDown, forMore } from './left-words.ts'

describe('how long something lasts still', () => {
  it('[LX40] is counted down in what was told, and nothing else of it is changed', () => {
    const told = `b, c said that 5 s are 1 s; a holds it, ${forMore(27_400)} unless it is renewed; d ${forMore(3000)}.`
    expect(countedDown(told, 0)).toBe(told)
    expect(countedDown(told, 10_000)).toBe(
      'b, c said that 5 s are 1 s; a holds it, for 18 s more unless it is renewed; d for 1 s more.',
    )
    // The clock was put back.
    expect(countedDown(told, -60_000)).toBe(told)
  })

  it('[LX40] is told as two seconds too much at most, and never as too little', () => {
    const ms = { min: 1, max: 86_400_000 }
    fc.assert(
      fc.property(fc.integer(ms), fc.integer(ms), (left, passed) => {
        const seconds = Number(/\d+/.exec(countedDown(forMore(left), passed))?.[0])
        const now = Math.max(0, left - passed) / 1000
        expect(seconds).toBeGreaterThanOrEqual(now)
        expect(seconds).toBeLessThanOrEqual(now + 2)
      }),
    )
  })
})
