import { describe, expect, it } from 'vitest'
import type { Detector, DetectorEffect } from './detector.ts'
import { createLinkDetector } from './link-detector.ts'
import { detectorPresets } from './presets.ts'

/** A replica without a vote, and what it saw from tick to tick. */
class Guest {
  readonly detector: Detector = createLinkDetector(detectorPresets.lan)
  readonly asked: string[] = []
  readonly seen: string[] = []
  now = 0
  /** Who answers what it is asked. */
  readonly answering = new Set<string>()

  take(effects: readonly DetectorEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'stateChanged') this.seen.push(`${effect.peer} ${effect.to}`)
      if (effect.kind === 'paused') this.seen.push('paused')
      if (effect.kind !== 'send' || effect.message.kind !== 'probe') continue
      this.asked.push(effect.to)
      if (!this.answering.has(effect.to)) continue
      const message = { kind: 'ack', seq: effect.message.seq, incarnation: 1, rumours: [] } as const
      this.take(this.detector.step({ kind: 'message', from: effect.to, message, now: this.now }))
    }
  }

  link(kind: 'opened' | 'join' | 'removed' | 'closed', peer: string): void {
    this.take(
      this.detector.step({ kind, peer, isLost: true, now: this.now } as { kind: 'join'; peer: string; now: number }),
    )
  }

  tick(wall = this.now): void {
    this.take(this.detector.step({ kind: 'tick', now: this.now, wall }))
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end; ) {
      this.now += 500
      this.tick()
    }
  }

  reach(peer: string): string | undefined {
    return this.detector.memberOf(peer)?.reach.via
  }
}

/** One that is connected to `a`, of the voters `a` and `b`. */
function guest(): Guest {
  const one = new Guest()
  one.answering.add('a')
  one.link('opened', 'a')
  one.link('join', 'a')
  one.link('join', 'b')
  one.run(20_000)
  return one
}

describe('the detector of a replica without a vote', () => {
  it('[LD1] asks the voters that it is connected to, whichever it hears of first, and nobody else', () => {
    const one = guest()
    expect([one.reach('a'), one.reach('b'), one.reach('c')]).toEqual(['direct', 'none', undefined])
    expect(new Set(one.asked)).toEqual(new Set(['a']))
    expect(one.asked.length).toBeGreaterThan(15)
    expect(one.asked.length).toBeLessThan(25)
    one.answering.add('b')
    one.link('opened', 'b')
    one.link('opened', 'c')
    one.run(2000)
    expect([one.reach('a'), one.reach('b'), one.reach('c')]).toEqual(['direct', 'direct', undefined])
    expect(new Set(one.asked)).toEqual(new Set(['a', 'b']))
    one.link('removed', 'a')
    expect(one.reach('a')).toBeUndefined()
    one.link('join', 'a')
    one.run(2000)
    expect(one.reach('a')).toBe('direct')
  })

  it('[LD2] takes a silent voter for unreachable once one more question went unanswered, and back at its first word', () => {
    const one = guest()
    one.answering.delete('a')
    one.seen.length = 0
    one.run(5000)
    expect(one.seen).toEqual([])
    one.run(500)
    expect([one.seen, one.reach('a')]).toEqual([['a suspect'], 'direct'])
    one.take(one.detector.step({ kind: 'heartbeat', peer: 'a', isHidden: false, now: one.now }))
    expect(one.seen).toEqual(['a suspect', 'a alive'])
    one.run(8000)
    expect([one.seen.slice(2), one.reach('a')]).toEqual([['a suspect', 'a unreachable'], 'none'])
    // It is asked for ever.
    one.run(60_000)
    one.answering.add('a')
    one.run(1000)
    expect([one.seen.at(-1), one.reach('a')]).toEqual(['a alive', 'direct'])
  })

  it('[LD3] knows that a voter is unreachable as soon as its connection is gone, whatever is still heard', () => {
    const one = guest()
    one.link('closed', 'a')
    expect(one.reach('a')).toBe('none')
    one.take(one.detector.step({ kind: 'heard', peer: 'a', now: one.now }))
    expect(one.reach('a')).toBe('none')
    one.link('opened', 'a')
    expect(one.reach('a')).toBe('direct')
  })

  it('[LD4] blames itself for a pause: no silence from before it counts', () => {
    const one = guest()
    one.answering.delete('a')
    one.run(6000)
    one.seen.length = 0
    one.now += 60_000
    one.tick()
    expect([one.seen, one.detector.isArmed, one.reach('a')]).toEqual([['paused'], true, 'direct'])
    one.run(4500)
    expect(one.seen).toEqual(['paused'])
    one.run(10_000)
    expect([one.seen, one.detector.isArmed]).toEqual([['paused', 'a unreachable'], false])
  })

  it('[LD5] is slower while its page is hidden', () => {
    const one = guest()
    const { now } = one
    one.take(one.detector.step({ kind: 'hint', hint: 'hidden', now, wall: now }))
    one.asked.length = 0
    one.seen.length = 0
    for (let minute = 0; minute < 10; minute++) {
      one.now += 60_000
      one.tick()
    }
    expect([one.seen, one.asked.length]).toEqual([[], 10])
    one.take(one.detector.step({ kind: 'hint', hint: 'visible', now: one.now, wall: one.now }))
    one.run(10_000)
    expect(one.asked.length).toBeGreaterThanOrEqual(19)
    expect(one.reach('a')).toBe('direct')
  })
})
