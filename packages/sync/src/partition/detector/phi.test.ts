import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPhi, mostPhi, type Phi, type PhiOptions } from './phi.ts'
import { createSampleWindow } from './sample-window.ts'

const lan: PhiOptions = { threshold: 8, acceptablePauseMs: 3000, heartbeatMs: 1000, hiddenHeartbeatMs: 60_000 }

function beating(beats: number, everyMs = 1000, options: PhiOptions = lan): Phi {
  const phi = createPhi(options)
  phi.step({ kind: 'restart', now: 0 })
  for (let beat = 0; beat < beats; beat++) phi.step({ kind: 'heartbeat', now: beat * everyMs })
  return phi
}

describe('phi', () => {
  it('[PH1] is 8 after 4.5 s of silence where a heartbeat came every second, as in Akka', () => {
    const phi = beating(1000)
    const last = 999_000
    expect(phi.wakeAt).toBeGreaterThan(last + 4480)
    expect(phi.wakeAt).toBeLessThan(last + 4560)
    expect(phi.at(phi.wakeAt ?? 0)).toBeCloseTo(8, 6)
    expect(phi.step({ kind: 'tick', now: (phi.wakeAt ?? 0) - 1 })).toEqual([])
    expect(phi.step({ kind: 'tick', now: phi.wakeAt ?? 0 })).toEqual(['silent'])
    expect([phi.isSilent, phi.wakeAt]).toEqual([true, undefined])
    expect(phi.step({ kind: 'heard', now: last + 9000 })).toEqual(['heard'])
    expect(phi.isSilent).toBe(false)
  })

  it('[PH2] knows a new connection by two samples, and says nothing before it', () => {
    const phi = createPhi(lan)
    expect([phi.at(1e9), phi.wakeAt]).toEqual([0, undefined])
    phi.step({ kind: 'restart', now: 0 })
    expect(phi.intervals.visible).toEqual([750, 1250])
    expect(phi.wakeAt).toBeGreaterThan(5000)
    expect(phi.wakeAt).toBeLessThan(5500)
  })

  it('[PH3] is a number, 0 to mostPhi, whatever comes when', () => {
    const equal = createSampleWindow(1000, [])
    for (let sample = 0; sample < 2500; sample++) {
      equal.add(1e8 + 0.1)
      expect(equal.mean).toBeCloseTo(1e8 + 0.1, 5)
      expect(equal.deviation).toBeLessThan(1e-3)
    }
    const kinds = fc.constantFrom<'heartbeat' | 'heard' | 'tick' | 'restart' | 'hidden' | 'visible'>(
      'heartbeat',
      'heartbeat',
      'heard',
      'tick',
      'restart',
      'hidden',
      'visible',
    )
    const steps = fc.array(fc.tuple(kinds, fc.oneof(fc.nat(5000), fc.nat(100_000_000))), { maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 8, 16), (inputs, threshold) => {
        const phi = createPhi({ ...lan, threshold, samples: 5 })
        let now = 0
        for (const [kind, waitMs] of inputs) {
          now += waitMs
          phi.step({ kind, now })
          for (const later of [-1e9, 0, 1, 4000, 1e6, 1e12]) {
            const value = phi.at(now + later)
            expect(value >= 0 && value <= mostPhi).toBe(true)
          }
          const { visible, hidden } = phi.intervals
          expect(visible.length <= 5 && hidden.length <= 5 && [...visible, ...hidden].every(Number.isFinite)).toBe(true)
          expect(JSON.parse(JSON.stringify(phi.intervals))).toEqual(phi.intervals)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[PH4] learns nothing from an outage, a pause of its own, or messages that are no heartbeats', () => {
    const phi = beating(50)
    const before = phi.intervals
    phi.step({ kind: 'heard', now: 49_010 })
    phi.step({ kind: 'tick', now: 60_000 })
    phi.step({ kind: 'heartbeat', now: 90_000 })
    expect(phi.intervals).toEqual(before)
    // Late, but nobody had ticked.
    phi.step({ kind: 'heartbeat', now: 97_000 })
    expect(phi.intervals).toEqual(before)
    phi.step({ kind: 'restart', now: 98_000 })
    phi.step({ kind: 'heartbeat', now: 98_500 })
    expect(phi.intervals).toEqual(before)
    phi.step({ kind: 'heartbeat', now: 99_500 })
    expect(phi.intervals.visible.length).toBe(before.visible.length + 1)
  })

  it('[PH5] expects a hidden peer once a minute, and is as quick as before when it is back in view', () => {
    const phi = beating(300)
    const quick = (phi.wakeAt ?? 0) - 299_000
    phi.step({ kind: 'hidden', now: 300_000 })
    for (let minute = 6; minute < 200; minute++) {
      expect(phi.step({ kind: 'tick', now: minute * 60_000 - 1 })).toEqual([])
      phi.step({ kind: 'heartbeat', now: minute * 60_000 })
    }
    phi.step({ kind: 'visible', now: 12_000_000 })
    expect((phi.wakeAt ?? 0) - 12_000_000).toBeCloseTo(quick, 6)
    // Nor does a peer that is slow without saying so make a sample of more than three intervals and the pause.
    const slow = beating(2, 4400)
    for (let beat = 2; beat < 400; beat++) slow.step({ kind: 'heartbeat', now: beat * 5900 })
    slow.step({ kind: 'heartbeat', now: 399 * 5900 + 8500 })
    expect(slow.isSilent).toBe(false)
    expect(slow.intervals.visible.at(-1)).toBe(6000)
  })

  it('[PH6] goes on from the intervals of an earlier connection, as far as they make sense', () => {
    const first = beating(100, 1500)
    const next = createPhi({ ...lan, intervals: first.intervals })
    next.step({ kind: 'restart', now: 0 })
    expect(next.wakeAt).toBeCloseTo((first.wakeAt ?? 0) - 99 * 1500, 6)
    const odd = createPhi({
      ...lan,
      intervals: { visible: [Number.NaN, -5, 1e300, Number.POSITIVE_INFINITY], hidden: [] },
    })
    expect(odd.intervals.visible).toEqual([750, 1250])
  })

  it('[PH7] keeps a window that agrees with counting all of it', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1, maxLength: 80 }), (values) => {
        const window = createSampleWindow(7, [])
        for (const value of values) window.add(value)
        const kept = values.slice(-7)
        const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length
        const variance = kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / kept.length
        expect(window.values).toEqual(kept)
        expect(window.mean).toBeCloseTo(mean, 5)
        expect(window.deviation).toBeCloseTo(Math.sqrt(variance), 1)
      }),
    )
  })
})
