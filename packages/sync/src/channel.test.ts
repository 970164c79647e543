import { describe, expect, it } from 'vitest'
import { type Channel, type ChannelEffect, type ChannelInput, createChannel } from './channel.ts'
import { seededRandom } from './world.test-helper.ts'

interface End {
  readonly channel: Channel
  readonly delivered: number[]
  ready: boolean
  failed: string | undefined
}

/** Two channels over a link with faults, driven in virtual time. */
class Pair {
  readonly ends: readonly [End, End]
  now = 0
  readonly #random
  readonly #faults: { readonly loss: number; readonly duplicate: number; readonly reorderMs: number }
  #flight: { readonly to: 0 | 1; readonly at: number; readonly bytes: Uint8Array }[] = []
  consumes = true

  constructor(
    seed: number,
    faults: { readonly loss: number; readonly duplicate: number; readonly reorderMs: number },
    options: { readonly reliable: boolean; readonly windowBytes?: number },
    /** What the first end takes itself to be granted, where that is something else. */
    greed?: number,
  ) {
    this.#random = seededRandom(seed)
    this.#faults = faults
    const end = (nonce: number, windowBytes = options.windowBytes): End => ({
      channel: createChannel({ ...options, ...(windowBytes === undefined ? {} : { windowBytes }), nonce }),
      delivered: [],
      ready: false,
      failed: undefined,
    })
    this.ends = [end(1001, greed), end(2002)]
    this.step(0, { kind: 'opened', now: 0 })
    this.step(1, { kind: 'opened', now: 0 })
  }

  send(from: 0 | 1, number: number, size = 8): void {
    const payload = new Uint8Array(Math.max(4, size))
    new DataView(payload.buffer).setUint32(0, number)
    this.step(from, { kind: 'send', payload, now: this.now })
  }

  step(index: 0 | 1, input: ChannelInput): void {
    const end = this.ends[index]
    for (const effect of end.channel.step(input)) this.#carryOut(index, end, effect)
  }

  inject(to: 0 | 1, bytes: Uint8Array): void {
    this.step(to, { kind: 'frame', bytes, now: this.now })
  }

  run(ms: number): void {
    const until = this.now + ms
    while (this.now < until) {
      this.now += 5
      const due = this.#flight.filter((frame) => frame.at <= this.now).sort((a, b) => a.at - b.at)
      this.#flight = this.#flight.filter((frame) => frame.at > this.now)
      for (const { to, bytes } of due) this.step(to, { kind: 'frame', bytes, now: this.now })
      for (const index of [0, 1] as const) this.step(index, { kind: 'tick', now: this.now })
    }
  }

  #carryOut(index: 0 | 1, end: End, effect: ChannelEffect): void {
    const to = index === 0 ? 1 : 0
    if (effect.kind === 'ready') end.ready = true
    if (effect.kind === 'failed') end.failed = effect.code
    if (effect.kind === 'deliver') {
      end.delivered.push(new DataView(effect.payload.buffer, effect.payload.byteOffset).getUint32(0))
      if (this.consumes) this.step(index, { kind: 'consumed', bytes: effect.payload.length, now: this.now })
    }
    if (effect.kind !== 'transmit') return
    const copies = this.#random.float() < this.#faults.duplicate ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.float() < this.#faults.loss) continue
      this.#flight.push({ to, at: this.now + 10 + this.#random.float() * this.#faults.reorderMs, bytes: effect.frame })
    }
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

describe('a channel over a reliable link', () => {
  it('[CH1] delivers every frame once and in order', () => {
    const pair = new Pair(1, { loss: 0, duplicate: 0, reorderMs: 0 }, { reliable: true })
    for (const number of numbers(100)) pair.send(0, number)
    pair.run(100)
    expect(pair.ends[1].delivered).toEqual(numbers(100))
    expect(pair.ends.map((end) => end.ready)).toEqual([true, true])
  })

  it('[CH3] holds a sender to the credit of its receiver and lets it go on as that grows', () => {
    const pair = new Pair(1, { loss: 0, duplicate: 0, reorderMs: 0 }, { reliable: true, windowBytes: 1000 })
    pair.consumes = false
    for (const number of numbers(50)) pair.send(0, number, 100)
    pair.run(100)
    expect(pair.ends[1].delivered.length).toBe(10)
    expect(pair.ends[0].channel.queuedBytes).toBe(4000)
    pair.step(1, { kind: 'consumed', bytes: 1000, now: pair.now })
    pair.run(100)
    expect(pair.ends[1].delivered.length).toBe(20)
    pair.consumes = true
    pair.step(1, { kind: 'consumed', bytes: 1000, now: pair.now })
    pair.run(500)
    expect(pair.ends[1].delivered).toEqual(numbers(50))
  })

  it('[CH4] gives up on a peer that takes nothing in, at the bound of the queue', () => {
    const channel = createChannel({ reliable: true, nonce: 1, windowBytes: 10, maxQueuedBytes: 1000 })
    channel.step({ kind: 'opened', now: 0 })
    const effects = numbers(20).flatMap(() => channel.step({ kind: 'send', payload: new Uint8Array(100), now: 0 }))
    expect(effects.find((effect) => effect.kind === 'failed')).toMatchObject({ code: 'slow-peer' })
  })

  it('[CH5] fails on a frame of unknown kind and on more bytes than were granted', () => {
    const unknown = createChannel({ reliable: true, nonce: 1 })
    expect(unknown.step({ kind: 'frame', bytes: Uint8Array.of(9, 9), now: 0 })[0]).toMatchObject({
      code: 'protocol-error',
    })
    expect(
      createChannel({ reliable: true, nonce: 1 }).step({ kind: 'frame', bytes: new Uint8Array(0), now: 0 })[0],
    ).toMatchObject({ code: 'protocol-error' })
    const flooded = createChannel({ reliable: true, nonce: 1, windowBytes: 1000 })
    const flood = numbers(20).flatMap(() => flooded.step({ kind: 'frame', bytes: new Uint8Array(100_000), now: 0 }))
    expect(flood.at(-1)).toMatchObject({ kind: 'failed', code: 'protocol-error' })
  })
})

describe('a channel over an unreliable link', () => {
  it('[CH1] delivers every frame once and in order through loss, duplication and reordering', () => {
    for (let seed = 1; seed <= 12; seed++) {
      const pair = new Pair(seed, { loss: 0.25, duplicate: 0.2, reorderMs: 80 }, { reliable: false })
      for (const number of numbers(150)) {
        pair.send(0, number)
        if (number % 3 === 0) pair.send(1, number)
        pair.run(5)
      }
      pair.run(60_000)
      expect(pair.ends[1].delivered).toEqual(numbers(150))
      expect(pair.ends[0].delivered).toEqual(numbers(150).filter((number) => number % 3 === 0))
    }
  })

  it('[CH3] recovers when the frame with new credit is lost', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const pair = new Pair(seed, { loss: 0.5, duplicate: 0, reorderMs: 0 }, { reliable: false, windowBytes: 500 })
      for (const number of numbers(40)) pair.send(0, number, 100)
      pair.run(120_000)
      expect(pair.ends[1].delivered).toEqual(numbers(40))
    }
  })

  it('[CH2] delivers nothing of an earlier channel', () => {
    const old = new Pair(3, { loss: 0, duplicate: 0, reorderMs: 0 }, { reliable: false })
    old.run(100)
    const stale: Uint8Array[] = []
    for (const number of [77, 78]) {
      const payload = new Uint8Array(8)
      new DataView(payload.buffer).setUint32(0, number)
      for (const effect of old.ends[0].channel.step({ kind: 'send', payload, now: old.now })) {
        if (effect.kind === 'transmit') stale.push(effect.frame)
      }
    }
    const far = createChannel({ reliable: false, nonce: 5 })
    const effects = [
      far.step({ kind: 'opened', now: 0 }),
      ...stale.map((bytes) => far.step({ kind: 'frame', bytes, now: 1 })),
    ]
    expect(stale.length).toBe(2)
    expect(effects.flat().filter((effect) => effect.kind === 'deliver' || effect.kind === 'ready')).toEqual([])
  })

  it('[CH3] keeps what arrives out of order within a bounded window', () => {
    const pair = new Pair(1, { loss: 1, duplicate: 0, reorderMs: 0 }, { reliable: false })
    for (const number of numbers(2000)) pair.send(0, number)
    expect(pair.ends[0].channel.queuedBytes).toBe(16_000)
    expect(pair.ends[0].channel.wakeAt).toBeDefined()
  })

  it.each([true, false])('[CH5] fails when more comes than was granted (reliable: %s)', (reliable) => {
    const still = { loss: 0, duplicate: 0, reorderMs: 0 }
    const pair = new Pair(1, still, { reliable, windowBytes: 10_000 }, 100_000_000)
    pair.consumes = false
    pair.run(100)
    for (const number of numbers(20)) pair.send(0, number, 50_000)
    pair.run(1000)
    // The one frame that begins within the credit may be as large as any.
    expect([pair.ends[1].failed, pair.ends[1].delivered.length]).toEqual([undefined, 20])
    for (const number of numbers(20)) pair.send(0, number, 50_000)
    pair.run(1000)
    expect(pair.ends[1].failed).toBe('protocol-error')
    expect(pair.ends[1].delivered.length).toBeLessThan(25)
  })

  it('[CH5] survives 3,000 frames of noise: each is dropped or fails the channel with a code', () => {
    const random = seededRandom(99)
    for (let round = 0; round < 3000; round++) {
      const channel = createChannel({ reliable: round % 2 === 0, nonce: 7 })
      channel.step({ kind: 'opened', now: 0 })
      const bytes = random.bytes(Math.floor(random.float() * 30))
      if (bytes.length > 0) bytes[0] = (bytes[0] as number) % 5
      for (const effect of channel.step({ kind: 'frame', bytes, now: 1 })) {
        if (effect.kind === 'failed') expect(effect.code).toBe('protocol-error')
      }
    }
  })
})
