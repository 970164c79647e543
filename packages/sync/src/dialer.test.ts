import { describe, expect, it } from 'vitest'
import { createDialer, type Dialer } from './dialer.ts'
import { seededRandom } from './world.test-helper.ts'

function failing(dialer: Dialer, attempts: number): number[] {
  const waits: number[] = []
  let now = 0
  dialer.step({ kind: 'start', now })
  for (let attempt = 0; attempt < attempts; attempt++) {
    dialer.step({ kind: 'down', now, productive: false, refused: false })
    waits.push((dialer.wakeAt ?? Number.NaN) - now)
    now = dialer.wakeAt ?? now
    expect(dialer.step({ kind: 'tick', now })).toEqual(['dial'])
  }
  return waits
}

describe('a dialer', () => {
  it('[DI1] never gives up', () => {
    const dialer = createDialer({ random: seededRandom(1).float })
    expect(failing(dialer, 2000).length).toBe(2000)
    expect(dialer.state.phase).toBe('dialing')
  })

  it('[DI2] waits uniformly below a ceiling that doubles up to the cap', () => {
    const waits = failing(createDialer({ random: () => 0.999, baseMs: 250, capMs: 30_000 }), 12)
    expect(waits.map((wait) => Math.round(wait / 250))).toEqual([1, 2, 4, 8, 16, 32, 64, 120, 120, 120, 120, 120])
    const lows = failing(createDialer({ random: () => 0, baseMs: 250 }), 5)
    expect(lows).toEqual([0, 0, 0, 0, 0])
  })

  it('[DI3] forgets failures only after a connection that lived or carried data', () => {
    const dialer = createDialer({ random: () => 0.5, baseMs: 1000 })
    failing(dialer, 5)
    dialer.step({ kind: 'up', now: 100_000 })
    dialer.step({ kind: 'down', now: 100_050, productive: false, refused: false })
    expect((dialer.wakeAt ?? 0) - 100_050).toBe(15_000)
    dialer.step({ kind: 'tick', now: 200_000 })
    dialer.step({ kind: 'up', now: 200_000 })
    dialer.step({ kind: 'down', now: 200_100, productive: true, refused: false })
    expect((dialer.wakeAt ?? 0) - 200_100).toBe(500)
  })

  it('[DI4] gives up on a hint what was under way for a second or more', () => {
    const dialer = createDialer({ random: () => 0.5 })
    expect(dialer.step({ kind: 'start', now: 0 })).toEqual(['dial'])
    expect(dialer.step({ kind: 'hint', now: 900 })).toEqual([])
    expect(dialer.step({ kind: 'hint', now: 1_000 })).toEqual(['hangUp', 'dial'])
    expect(dialer.step({ kind: 'up', now: 1_100 })).toEqual([])
    expect(dialer.step({ kind: 'hint', now: 9_000 })).toEqual([])
  })

  it('[DI4] gives up what began right before a hint once it is a second old, and is not up', () => {
    const dialer = createDialer({ random: () => 0.5 })
    dialer.step({ kind: 'start', now: 0 })
    expect(dialer.wakeAt).toBeUndefined()
    dialer.step({ kind: 'hint', now: 300 })
    expect(dialer.wakeAt).toBe(1_000)
    expect(dialer.step({ kind: 'tick', now: 999 })).toEqual([])
    expect(dialer.step({ kind: 'tick', now: 1_000 })).toEqual(['hangUp', 'dial'])
    // Once: what is dialled now is given its time.
    expect(dialer.wakeAt).toBeUndefined()
    dialer.step({ kind: 'hint', now: 1_100 })
    dialer.step({ kind: 'up', now: 1_200 })
    expect(dialer.wakeAt).toBeUndefined()
  })

  it('[DI4] dials at once on a hint, but not twice within the debounce', () => {
    const dialer = createDialer({ random: () => 0.9, baseMs: 10_000 })
    failing(dialer, 3)
    const { wakeAt } = dialer
    dialer.step({ kind: 'down', now: wakeAt ?? 40_000, productive: false, refused: false })
    expect(dialer.step({ kind: 'hint', now: 1_000_000 })).toEqual(['dial'])
    dialer.step({ kind: 'down', now: 1_000_001, productive: false, refused: false })
    expect(dialer.step({ kind: 'hint', now: 1_000_200 })).toEqual([])
    expect(dialer.step({ kind: 'hint', now: 1_000_600 })).toEqual(['dial'])
  })

  it('[DI5] reconnects at will: hangs up first when it is up', () => {
    const dialer = createDialer({ random: () => 0.5 })
    expect(dialer.step({ kind: 'reconnect', now: 0 })).toEqual(['dial'])
    dialer.step({ kind: 'up', now: 10 })
    expect(dialer.step({ kind: 'reconnect', now: 20 })).toEqual(['hangUp', 'dial'])
  })

  it('[DI6] after a refusal waits at least half the cap, and still dials again', () => {
    const dialer = createDialer({ random: () => 0, capMs: 30_000 })
    dialer.step({ kind: 'start', now: 0 })
    dialer.step({ kind: 'down', now: 0, productive: false, refused: true })
    expect(dialer.wakeAt).toBe(15_000)
    expect(dialer.step({ kind: 'tick', now: 15_000 })).toEqual(['dial'])
  })

  it('[DI7] does nothing once stopped', () => {
    const dialer = createDialer({ random: () => 0 })
    dialer.step({ kind: 'start', now: 0 })
    expect(dialer.step({ kind: 'stop' })).toEqual(['hangUp'])
    expect(dialer.step({ kind: 'reconnect', now: 0 })).toEqual([])
    expect(dialer.wakeAt).toBeUndefined()
  })
})
