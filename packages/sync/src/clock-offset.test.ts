import { describe, expect, it } from 'vitest'
import { createClockOffset } from './clock-offset.ts'

describe('the offset of a clock', () => {
  it('[SY36] is exact when both ways take the same time', () => {
    const offset = createClockOffset()
    offset.note(1000, 5050, 1100)
    expect([offset.offsetMs, offset.roundTripMs]).toEqual([4000, 100])
  })

  it('[SY36] keeps to the shortest round trip, and follows a route that became slower', () => {
    const offset = createClockOffset()
    offset.note(0, 4010, 20)
    offset.note(1000, 5900, 1950)
    expect(offset.offsetMs).toBe(4000)
    for (let i = 0; i < 30; i++) offset.note(10_000, 14_600, 10_400)
    expect([offset.offsetMs, offset.roundTripMs]).toEqual([4400, 400])
  })
})
