import { describe, expect, it } from 'vitest'
import { HybridClock, isStamp, maxStamp, stampAt, stampCounter, stampMs } from './hlc.ts'

const now = Date.UTC(2026, 5, 1)

describe('a hybrid logical clock', () => {
  it('[HL1] gives stamps that only grow, also when the wall clock stands still or runs backward', () => {
    const clock = new HybridClock()
    const stamps = [now, now, now - 60_000, now, now + 1].map((ms) => clock.tick(ms))
    expect([...stamps].sort((a, b) => a - b)).toEqual(stamps)
    expect(new Set(stamps).size).toBe(stamps.length)
    expect(stampMs(stamps[0] ?? 0)).toBe(now)
    expect(stampCounter(stamps[0] ?? 0)).toBe(0)
    expect(stampCounter(stamps[1] ?? 0)).toBe(1)
  })

  it('[HL1] carries on into the next millisecond when one is full', () => {
    const clock = new HybridClock()
    let last = clock.tick(now)
    for (let i = 0; i < 5000; i++) last = clock.tick(now)
    expect(stampMs(last)).toBe(now + 2)
  })

  it('[HL2] stamps above what it has seen, but is not dragged along by what lies too far ahead', () => {
    const clock = new HybridClock(60_000)
    clock.observe(stampAt(now + 30_000), now)
    expect(stampMs(clock.tick(now))).toBe(now + 30_000)
    const far = stampAt(now + 3_600_000)
    expect(clock.isAhead(far, now)).toBe(true)
    clock.observe(far, now)
    expect(stampMs(clock.tick(now))).toBe(now + 30_000)
    expect(clock.isAhead(stampAt(now + 60_000), now)).toBe(false)
  })

  it('[HL3] has stamps that are whole numbers a float holds exactly', () => {
    expect([0, 1, maxStamp].every(isStamp)).toBe(true)
    expect([-1, 0.5, Number.NaN, maxStamp + 1, Number.POSITIVE_INFINITY].some(isStamp)).toBe(false)
    expect(stampAt(0)).toBe(0)
    expect(stampMs(stampAt(now + 0.7))).toBe(now)
  })
})
