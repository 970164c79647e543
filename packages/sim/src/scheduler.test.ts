import { describe, expect, it } from 'vitest'
import { createRandom } from './random.ts'
import { createScheduler } from './scheduler.ts'

describe('the event queue', () => {
  it('[SM2] runs events by time, and those of one time in the order of scheduling', () => {
    const scheduler = createScheduler()
    const random = createRandom(5)
    const ran: [number, number][] = []
    for (let i = 0; i < 500; i += 1) {
      const atMs = random.int(50)
      scheduler.at(atMs, () => ran.push([atMs, i]))
    }
    while (scheduler.step()) expect(ran.at(-1)?.[0]).toBe(scheduler.nowMs)
    expect(ran).toEqual([...ran].sort(([t1, i1], [t2, i2]) => t1 - t2 || i1 - i2))
    expect(ran.length).toBe(500)
    expect(scheduler.steps).toBe(500)
  })

  it('[SM2] never runs what was cancelled, and never runs into the past', () => {
    const scheduler = createScheduler()
    const ran: string[] = []
    const cancelled = scheduler.after(5, () => ran.push('cancelled'))
    scheduler.after(10, () => {
      scheduler.at(3, () => ran.push(`late at ${scheduler.nowMs}`))
    })
    cancelled.cancel()
    expect(scheduler.nextAtMs()).toBe(10)
    while (scheduler.step());
    expect(ran).toEqual(['late at 10'])
    expect(scheduler.nextAtMs()).toBeUndefined()
    scheduler.advanceTo(99)
    expect(scheduler.nowMs).toBe(99)
  })

  it('[SM2] says where time stands still, as something sets a timer for now again and again', () => {
    const scheduler = createScheduler()
    const spin = (): void => {
      scheduler.after(0, spin)
    }
    scheduler.at(7, spin)
    expect(() => scheduler.runUntil(10)).toThrow('stands still at 7 ms')
  })
})
