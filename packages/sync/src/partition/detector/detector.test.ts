import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../world.test-helper.ts'
import { createDetector, type DetectorEffect, type SwimDetector } from './detector.ts'
import { detectorPresets } from './presets.ts'

const wallOf = (now: number): number => 1_700_000_000_000 + now
const heartbeat = (detector: SwimDetector, now: number): readonly DetectorEffect[] =>
  detector.step({ kind: 'heartbeat', peer: 'bob', isHidden: false, now })

/** Alice, who hears Bob every second. */
function alice(until: number): SwimDetector {
  const detector = createDetector({ self: 'alice', settings: detectorPresets.lan, random: seededRandom(1).float })
  detector.step({ kind: 'join', peer: 'bob', now: 0 })
  detector.step({ kind: 'opened', peer: 'bob', now: 0 })
  for (let now = 0; now <= until; now += 1000) {
    heartbeat(detector, now)
    detector.step({ kind: 'tick', now, wall: wallOf(now) })
  }
  return detector
}

describe('a detector', () => {
  it('[PG7] lets all silences start anew after a pause of its own, before it judges them', () => {
    const detector = alice(20_000)
    expect(detector.phiOf('bob', 25_500)).toBeGreaterThan(8)
    const woken = detector.step({ kind: 'tick', now: 80_000, wall: wallOf(80_000) })
    expect(woken.map(({ kind }) => kind)).toContain('paused')
    expect(detector.isArmed).toBe(true)
    expect(detector.phiOf('bob', 83_000)).toBeLessThan(1)
    expect(detector.wakeAt).toBeLessThanOrEqual(81_000)
  })

  it('[PH8] knows a peer again that connects anew, and forgets one that is removed', () => {
    const detector = alice(300_000)
    const waits = (now: number): number => {
      let ms = 0
      while ((detector.phiOf('bob', now + ms) ?? 99) < 8) ms += 10
      return ms
    }
    const before = waits(300_000)
    expect(before).toBeLessThan(4700)
    detector.step({ kind: 'closed', peer: 'bob', isLost: false, now: 300_000 })
    expect(detector.phiOf('bob', 300_000)).toBeUndefined()
    detector.step({ kind: 'opened', peer: 'bob', now: 301_000 })
    expect(Math.abs(waits(301_000) - before)).toBeLessThan(50)
    detector.step({ kind: 'removed', peer: 'bob', now: 302_000 })
    expect([detector.phiOf('bob', 302_000), detector.swim.members]).toEqual([undefined, []])
    // The roster may come after the connection.
    detector.step({ kind: 'join', peer: 'bob', now: 303_000 })
    expect(detector.phiOf('bob', 303_000)).toBeDefined()
    expect(waits(303_000)).toBeGreaterThan(5000)
  })
})
