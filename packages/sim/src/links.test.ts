import type { Link, LinkClosed, LinkEvents } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'
import { createSea, type LinkEvent, type LinkQuality, type Sea } from './links.ts'
import { createRandom } from './random.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'

/** A session from node 0 to node 1, open, and what its far end hears. */
interface Crossing {
  readonly scheduler: Scheduler
  readonly sea: Sea
  readonly near: Link
  readonly heard: number[]
  readonly ends: { readonly at: 'near' | 'far'; readonly reason: LinkClosed }[]
  readonly events: LinkEvent[]
  runUntil(atMs: number): void
}

function crossing(reliable: boolean, quality: LinkQuality): Crossing {
  const scheduler = createScheduler()
  const heard: number[] = []
  const ends: Crossing['ends'] = []
  const events: LinkEvent[] = []
  const sea = createSea({
    scheduler,
    random: createRandom(7, 'sea'),
    quality,
    dialMs: [1, 1],
    onEvent: (event) => events.push(event),
  })
  const endOf = (at: 'near' | 'far'): LinkEvents => ({
    opened: () => undefined,
    frame: (bytes) => {
      if (at === 'far') heard.push((bytes[0] as number) * 256 + (bytes[1] as number))
    },
    closed: (reason) => ends.push({ at, reason }),
  })
  const host = { accept: () => endOf('far') }
  const listener = sea.listener(1, { reliable })
  if (listener.kind === 'listen') listener.listen(host)
  const near = sea.dialer(0, 1, { reliable }).dial(endOf('near'))
  const runUntil = (atMs: number): void => {
    for (let next = scheduler.nextAtMs(); next !== undefined && next <= atMs; next = scheduler.nextAtMs()) {
      scheduler.step()
    }
    scheduler.advanceTo(atMs)
  }
  runUntil(10)
  return { scheduler, sea, near, heard, ends, events, runUntil }
}

const send = (link: Link, from: number, count: number): void => {
  for (let i = from; i < from + count; i += 1) link.send(Uint8Array.of(i >> 8, i & 255))
}

const numbers = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)
const rough: LinkQuality = { latencyMs: [5, 80], loss: 0.2, duplicate: 0.2, reorder: 0.3 }
const even: LinkQuality = { latencyMs: [100, 100], loss: 0, duplicate: 0, reorder: 0 }

describe('the sea', () => {
  it('[SM4] keeps order and loses nothing on a reliable session, whatever the weather', () => {
    const { near, heard, ends, runUntil } = crossing(true, rough)
    send(near, 0, 500)
    runUntil(60_000)
    expect(heard).toEqual(numbers(0, 500))
    expect(ends).toEqual([])
  })

  it('[SM4] loses, repeats and reorders on an unreliable session, which stays open', () => {
    const { near, heard, ends, runUntil } = crossing(false, rough)
    send(near, 0, 500)
    runUntil(60_000)
    const distinct = new Set(heard)
    expect(distinct.size).toBeLessThan(500)
    expect(heard.length).toBeGreaterThan(distinct.size)
    expect(heard).not.toEqual([...heard].sort((a, b) => a - b))
    expect(ends).toEqual([])
  })

  it('[SM4] sinks what meets a cut in the middle; what was past it arrives, and what came after the cut passes', () => {
    const { scheduler, sea, near, heard, ends, events, runUntil } = crossing(false, even)
    const startMs = scheduler.nowMs
    send(near, 1, 1)
    runUntil(startMs + 60)
    // The first is past the middle, the second meets the cut there, the third gets there when it is lifted.
    sea.cut(0, 1)
    send(near, 2, 1)
    runUntil(startMs + 120)
    send(near, 3, 1)
    runUntil(startMs + 150)
    sea.restore(0, 1)
    runUntil(startMs + 1_000)
    expect(heard).toEqual([1, 3])
    const sunk = events.flatMap((event) => (event.kind === 'frame-sunk' ? [[event.cause, event.frame.payload[1]]] : []))
    expect(sunk).toEqual([['cut', 2]])
    expect(ends).toEqual([])
  })

  it('[SM4] tells nobody of a cut; a reliable session that lost a frame to it ends with a reset later', () => {
    const { sea, near, heard, ends, runUntil } = crossing(true, even)
    sea.cut(0, 1)
    send(near, 1, 3)
    runUntil(10_000)
    expect([heard, ends]).toEqual([[], []])
    sea.restore(0, 1)
    runUntil(20_000)
    expect(ends).toEqual([])
    // What was lost is never made up for: nothing later arrives, and whoever sends learns that the session is gone.
    send(near, 4, 1)
    runUntil(30_000)
    expect(heard).toEqual([])
    expect(ends.map(({ at, reason }) => [at, reason.code]).sort()).toEqual([
      ['far', 'reset'],
      ['near', 'reset'],
    ])
  })

  it('[SM21] with patience sends again what sank, in order, also frames that left meanwhile', () => {
    const patient = crossing(true, { ...even, latencyMs: [5, 80], patienceMs: 60_000 })
    send(patient.near, 0, 20)
    patient.sea.cut(0, 1)
    send(patient.near, 20, 20)
    patient.runUntil(3_000)
    expect(patient.heard.length).toBeLessThan(40)
    send(patient.near, 40, 20)
    patient.sea.restore(0, 1)
    // Some of these leave before what sank is sent again, some after.
    for (let at = 3_100; at < 12_000; at += 100) {
      send(patient.near, 60 + (at - 3_100) / 100, 1)
      patient.runUntil(at)
    }
    patient.runUntil(20_000)
    expect(patient.heard).toEqual(numbers(0, 149))
    expect(patient.ends).toEqual([])
  })

  it('[SM21] whose patience is over breaks the direction', () => {
    const short = crossing(true, { ...even, patienceMs: 5_000 })
    short.sea.cut(0, 1)
    send(short.near, 0, 1)
    short.runUntil(20_000)
    short.sea.restore(0, 1)
    send(short.near, 1, 1)
    short.runUntil(30_000)
    expect(short.heard).toEqual([])
    expect(short.ends.map(({ reason }) => reason.code)).toContain('reset')
  })

  it('[SM21] carries no more than its bandwidth', () => {
    const narrow = crossing(true, { ...even, latencyMs: [1, 1], bytesPerMs: 64 })
    for (let frame = 0; frame < 10; frame += 1) narrow.near.send(new Uint8Array(6_400))
    narrow.runUntil(narrow.scheduler.nowMs + 550)
    expect(narrow.heard.length).toBe(5)
    narrow.runUntil(1_100)
    expect(narrow.heard.length).toBe(10)
  })
})
