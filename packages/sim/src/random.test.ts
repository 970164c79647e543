import { describe, expect, it } from 'vitest'
import { createRandom } from './random.ts'

describe('seeded random streams', () => {
  it('[SM1] gives the same numbers for the same seed and name, on every platform', () => {
    const draw = (): number[] => Array.from({ length: 4 }, () => createRandom(417, 'links').int(1000))
    expect(draw()).toEqual(draw())
    const stream = createRandom(417, 'links')
    expect([stream.int(1000), stream.int(1000), stream.int(1000)]).toMatchInlineSnapshot(`
      [
        705,
        658,
        739,
      ]
    `)
  })

  it('[SM1] keeps streams of one seed apart, whatever the others drew', () => {
    const one = createRandom(1, 'a')
    one.float()
    expect(one.stream('x').float()).toBe(createRandom(1, 'a/x').float())
    expect(one.stream('x').float()).not.toBe(one.stream('y').float())
  })

  it('spreads evenly enough', () => {
    const stream = createRandom(3)
    const counts = [0, 0, 0, 0, 0]
    for (let i = 0; i < 10_000; i += 1) counts[stream.int(5)]! += 1
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200)
    expect(stream.shuffle([1, 2, 3, 4]).sort()).toEqual([1, 2, 3, 4])
    expect(() => stream.pick([])).toThrow(RangeError)
  })
})
