import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { elapsedAtLeast, elapsedAtMost } from './elapsed.ts'
import { createPauseGuard, type PauseGuard, type PauseGuardEffect } from './pause-guard.ts'

const wallOf = (now: number): number => 1_700_000_000_000 + now
const tick = (guard: PauseGuard, now: number, wall = wallOf(now)): PauseGuardEffect[] =>
  guard.step({ kind: 'tick', now, wall })

function running(until: number, options = { intervalMs: 1000 }): PauseGuard {
  const guard = createPauseGuard(options)
  for (let now = 0; now <= until; now += 1000) expect(tick(guard, now)).toEqual([])
  return guard
}

describe('a pause guard', () => {
  it('[PG1] tells a tick that is more than three intervals late, 5 s at least, and is armed for one window', () => {
    const guard = running(3000)
    expect(guard.wakeAt).toBe(4000)
    expect(tick(guard, 9000)).toEqual([])
    expect(guard.isArmed).toBe(false)
    expect(tick(guard, 15_001)).toEqual([{ kind: 'paused', forMs: 6001, until: 20_001, cause: 'late-tick' }])
    expect(guard.isArmed).toBe(true)
    expect([tick(guard, 20_000), guard.isArmed]).toEqual([[], true])
    expect([tick(guard, 20_001), guard.isArmed]).toEqual([[], false])

    const slow = createPauseGuard({ intervalMs: 4000 })
    expect([tick(slow, 0), tick(slow, 16_000)]).toEqual([[], []])
    expect(tick(slow, 32_001)).toMatchObject([{ until: 44_001 }])
  })

  it('[PG2] tells a sleep in which the monotonic clock stood still, and not a clock that was set back', () => {
    const guard = running(3000)
    expect(tick(guard, 4000, wallOf(4000) - 3_600_000)).toEqual([])
    expect(tick(guard, 5000, wallOf(5000) - 3_600_000)).toEqual([])
    const wall = wallOf(6000) - 3_600_000 + 28_800_000
    expect(tick(guard, 6000, wall)).toEqual([{ kind: 'paused', forMs: 28_801_000, until: 11_000, cause: 'clock-jump' }])
  })

  it('[PG3] tells a freeze by what comes next, and a page that comes into view if its ticks were late', () => {
    const guard = running(3000)
    const hint = (kind: 'visible' | 'hidden' | 'freeze' | 'resume', now: number) =>
      guard.step({ kind: 'hint', hint: kind, now, wall: wallOf(now) }).map(({ cause, forMs }) => [cause, forMs])
    expect(hint('freeze', 3500)).toEqual([])
    expect(hint('resume', 3600)).toEqual([['hint', 100]])
    expect(hint('freeze', 3700)).toEqual([])
    expect(tick(guard, 3900)).toMatchObject([{ cause: 'hint' }])
    expect(hint('visible', 4500)).toEqual([])
    expect(hint('visible', 6600)).toEqual([['hint', 2100]])
  })

  it('[PG4] expects ticks once a minute of a hidden page, and often of one in view', () => {
    const guard = createPauseGuard({ intervalMs: 5000, hiddenIntervalMs: 60_000 })
    guard.step({ kind: 'hint', hint: 'hidden', now: 0, wall: wallOf(0) })
    for (let now = 60_000; now < 600_000; now += 60_000) expect(tick(guard, now)).toEqual([])
    expect(guard.wakeAt).toBe(600_000)
    expect(tick(guard, 900_000)).toMatchObject([{ cause: 'late-tick', forMs: 360_000 }])
    expect(guard.step({ kind: 'hint', hint: 'visible', now: 930_000, wall: wallOf(930_000) })).toHaveLength(1)
    expect(tick(guard, 955_000)).toHaveLength(1)
  })

  it('[PG5] with the time that passed at most for holders and at least for those who wait, whatever clocks do', () => {
    const moment = fc.record({
      now: fc.double({ noNaN: true, min: 0, max: 1e12 }),
      wall: fc.integer({ min: 0, max: 2e12 }),
    })
    fc.assert(
      fc.property(moment, moment, (since, until) => {
        const most = elapsedAtMost(since, until)
        const least = elapsedAtLeast(since, until)
        expect(least).toBeGreaterThanOrEqual(0)
        for (const delta of [until.now - since.now, until.wall - since.wall]) {
          expect(most).toBeGreaterThanOrEqual(delta)
          expect(least).toBeLessThanOrEqual(Math.max(0, delta))
        }
      }),
    )
    // Slept for an hour; was set back by an hour; was restarted.
    expect([
      elapsedAtMost({ now: 0, wall: 0 }, { now: 1, wall: 3.6e6 }),
      elapsedAtLeast({ now: 0, wall: 0 }, { now: 1, wall: 3.6e6 }),
    ]).toEqual([3.6e6, 1])
    expect([
      elapsedAtMost({ now: 0, wall: 3.6e6 }, { now: 9, wall: 0 }),
      elapsedAtLeast({ now: 0, wall: 3.6e6 }, { now: 9, wall: 0 }),
    ]).toEqual([9, 0])
    expect([
      elapsedAtMost({ now: 500, wall: 0 }, { now: 0, wall: 7 }),
      elapsedAtLeast({ now: 500, wall: 0 }, { now: 0, wall: 7 }),
    ]).toEqual([7, 0])
  })
})
