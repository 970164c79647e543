import { describe, expect, it } from 'vitest'
import { createNodeTime, type SleepFault } from './node-time.ts'
import { createScheduler } from './scheduler.ts'

function sleeper(how: SleepFault) {
  const scheduler = createScheduler()
  const time = createNodeTime(scheduler, { skewMs: 0, drift: 0 })
  const seen: string[] = []
  const runUntil = (atMs: number): void => {
    for (let next = scheduler.nextAtMs(); next !== undefined && next <= atMs; next = scheduler.nextAtMs()) {
      scheduler.step()
    }
    scheduler.advanceTo(atMs)
  }
  const say = (what: string) => (): void => {
    seen.push(`${what} ${scheduler.nowMs}`)
  }
  time.timers.set(1_000, say('second'))
  time.timers.set(90_000, say('ninety'))
  scheduler.after(500, () => time.sleep(how))
  scheduler.after(600, () => time.hear(say('message')))
  scheduler.after(60_000, () => time.wake())
  return { scheduler, time, seen, runUntil }
}

describe('a node that sleeps', () => {
  it('[SM22] runs nothing, and all at once when it wakes', () => {
    const first = sleeper({ stopsMonotonic: false, timersFirst: true })
    first.runUntil(59_999)
    expect([first.seen, first.time.isAsleep]).toEqual([[], true])
    first.runUntil(100_000)
    expect(first.seen).toEqual(['second 60000', 'message 60000', 'ninety 90000'])
    const inOrder = sleeper({ stopsMonotonic: false, timersFirst: false })
    inOrder.runUntil(60_000)
    expect(inOrder.seen).toEqual(['message 60000', 'second 60000'])
  })

  it('[SM22] whose monotonic clock stood still sets its timers from there, while the wall clock went on', () => {
    const suspended = sleeper({ stopsMonotonic: true, timersFirst: true })
    const wall = suspended.time.clock.now()
    suspended.runUntil(60_000)
    expect([suspended.time.clock.monotonic(), suspended.time.clock.now() - wall]).toEqual([500, 60_000])
    suspended.runUntil(200_000)
    expect(suspended.seen).toEqual(['message 60000', 'second 60500', 'ninety 149500'])
  })

  it('[SM22] that crashes before it wakes runs nothing of it', () => {
    const gone = sleeper({ stopsMonotonic: false, timersFirst: true })
    gone.runUntil(1_000)
    gone.time.stop()
    gone.runUntil(200_000)
    expect(gone.seen).toEqual([])
  })
})
