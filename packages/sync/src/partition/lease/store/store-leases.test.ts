import { type FencingToken, isRejoinError } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { type LeaseSubject, runLeaseContract } from '../../../contracts/lease-contract.ts'
import { deferred, type Later } from '../../../later.ts'
import { seededRandom, virtualTime } from '../../../world.test-helper.ts'
import { epochAt } from '../../forced-epoch.ts'
import type { LeaseBackend, LeaseOutcome } from '../backend.ts'
import { MemoryStore } from './memory-store.test-helper.ts'
import type { StoreAnswer } from './store-lease-types.ts'
import { type ConditionalStore, storeLeases } from './store-leases.ts'

const ttlMs = 1000

/** Whatever was answered at once. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve()
}

/** Answers come later, as they do. */
const inTurns = (store: ConditionalStore): ConditionalStore => ({
  read: (key, withinMs) => Promise.resolve().then(() => store.read(key, withinMs)),
  write: (key, text, expected, withinMs) => Promise.resolve().then(() => store.write(key, text, expected, withinMs)),
})

/** A store in memory, open already, and replicas in virtual time. */
async function memoryLeases() {
  const time = virtualTime()
  const store = new MemoryStore()
  const cutOff = new Set<string>()
  const open = (name: string, document = 'match'): LeaseBackend => {
    const { clock, timers } = time
    const client = inTurns(store.client(() => cutOff.has(name)))
    return storeLeases({ store: client, name, maxTtlMs: ttlMs, clock, timers, random: seededRandom(name.length) }).of(
      document,
    )
  }
  const pass = async (ms: number): Promise<void> => {
    await settle()
    for (let gone = 0; gone < ms; gone += 10) {
      time.advance(Math.min(10, ms - gone))
      await settle()
    }
  }
  const opener = open('opener')
  await opener.acquire('door', ttlMs)
  await pass(1.05 * ttlMs)
  const opened = await opener.acquire('door', ttlMs)
  expect(opened.kind).toBe('granted')
  const subject: LeaseSubject = { open, pass, ttlMs, cut: (name) => void cutOff.add(name), dispose: () => {} }
  return { ...subject, store, time, cutOff }
}

runLeaseContract({ describe, it, expect }, 'a store that writes conditionally', memoryLeases)

describe('leases in a store', () => {
  it('[SL1] are the same object for one document, and apart for two', async () => {
    const { store, time } = await memoryLeases()
    const { clock, timers } = time
    const leases = storeLeases({
      store: store.client(),
      name: 'alice',
      maxTtlMs: ttlMs,
      clock,
      timers,
      random: seededRandom(9),
    })
    expect(leases.of('a')).toBe(leases.of('a'))
    expect((await leases.of('a').acquire('round', ttlMs)).kind).toBe('granted')
    expect((await leases.of('b').acquire('round', ttlMs)).kind).toBe('granted')
  })

  it('[SL2] are asked for one after the other, and given up at once', async () => {
    const { open } = await memoryLeases()
    const alice = open('alice')
    const told: (FencingToken | undefined)[] = []
    alice.watch('round', (token) => told.push(token))
    const [first, second] = await Promise.all([alice.acquire('round', ttlMs), alice.acquire('round', ttlMs)])
    // Who holds it already is not granted another.
    expect(first).toEqual(second)
    expect(told).toHaveLength(1)
    const token = told[0] as FencingToken
    const renewed = alice.renew(token, ttlMs)
    const released = alice.release(token)
    expect(told).toEqual([token, undefined])
    await released
    expect((await renewed).kind).toBe('refused')
    const bob = open('bob')
    expect((await bob.acquire('round', ttlMs)).kind).toBe('granted')
    const [, again] = await Promise.all([bob.release(told[0] as FencingToken), bob.acquire('round', ttlMs)])
    const held = again.kind === 'granted' ? again.token : token
    // What is asked for while it is being given back comes after that.
    const [, next] = await Promise.all([bob.release(held), bob.acquire('round', ttlMs)])
    expect(next.kind === 'granted' && next.token.ballot).toBeGreaterThan(held.ballot)
    expect((await bob.renew(held, ttlMs)).kind).toBe('refused')
  })

  it('[SL3] are refused where a store fails or rejects, and asked for again', async () => {
    const { time } = await memoryLeases()
    const { clock, timers } = time
    let isBroken = true
    const store = new MemoryStore()
    const whole = store.client()
    const random = seededRandom(3)
    const leases = storeLeases({
      store: {
        read: (key, ms) => (isBroken ? Promise.reject(new Error('broken pipe')) : whole.read(key, ms)),
        write: whole.write,
      },
      name: 'alice',
      maxTtlMs: ttlMs,
      clock,
      timers,
      random,
    }).of('match')
    const refused = await leases.acquire('round', ttlMs)
    expect(refused).toEqual({ kind: 'refused', because: 'unavailable', reason: 'Error: broken pipe' })
    isBroken = false
    expect(await leases.acquire('round', ttlMs)).toMatchObject({ because: 'taken' })
  })

  it('[SL4] have sound options only', async () => {
    const { clock, timers } = virtualTime()
    const all = { store: new MemoryStore().client(), name: 'alice', clock, timers, random: seededRandom(1) }
    for (const options of [{ maxTtlMs: 10 }, { epsilon: 0.9 }]) {
      let code = ''
      try {
        storeLeases({ ...all, ...options })
      } catch (error) {
        code = isRejoinError(error) ? error.code : ''
      }
      expect(code).toBe('config-invalid')
    }
    const leases = storeLeases({ ...all, maxTtlMs: ttlMs }).of('match')
    expect(await leases.acquire('round', 2 * ttlMs)).toMatchObject({ kind: 'refused', because: 'unsound' })
  })

  describe('where the life of the store is rubbish', () => {
    /** One that asks a store which counts what it is asked, over two thousandths of a second a question. */
    function asking() {
      const { clock, timers, advance } = virtualTime()
      const store = new MemoryStore()
      let writes = 0
      const late = (answer: () => StoreAnswer): Later<StoreAnswer> => {
        const pair = deferred<StoreAnswer>()
        timers.set(2, () => pair.resolve(answer()))
        return pair.later
      }
      const counted: ConditionalStore = {
        read: (key) => late(() => store.read(key)),
        write: (key, text, expected) => {
          writes += 1
          return late(() => store.write(key, text, expected))
        },
      }
      const random = seededRandom(5)
      const leases = storeLeases({ store: counted, name: 'alice', maxTtlMs: ttlMs, clock, timers, random }).of('match')
      const ask = (): { readonly outcome: LeaseOutcome | undefined; readonly writes: number } => {
        let outcome: LeaseOutcome | undefined
        writes = 0
        leases.acquire('round', ttlMs).then((told) => {
          outcome = told
        })
        advance(500)
        return { outcome, writes }
      }
      return { store, ask, advance }
    }

    it('[SL40] begin one life for each time that they are asked for, where that is not kept', () => {
      const { store, ask } = asking()
      const { write } = store
      store.write = () => ({ kind: 'written', revision: 1 })
      const refused = { kind: 'refused', because: 'unsound', reason: expect.stringMatching(/does not keep/) }
      expect(ask()).toEqual({ outcome: refused, writes: 1 })
      expect(ask()).toEqual({ outcome: refused, writes: 1 })
      store.write = write
      expect(ask()).toMatchObject({ outcome: { because: 'taken' }, writes: 1 })
    })

    it('[SL41] take a life whose epoch leaves no room for later ones for none', () => {
      const { store, ask, advance } = asking()
      const rubbish = (epoch: number): void => {
        store.write(['life'], JSON.stringify({ id: 'x', epoch, maxTtlMs: ttlMs }))
        store.write(['open', 'x'], '{}')
      }
      rubbish(Number.MAX_SAFE_INTEGER)
      expect(ask()).toMatchObject({ outcome: { because: 'taken' }, writes: 1 })
      expect(store.read(['life'])).toMatchObject({ text: expect.not.stringContaining('"x"') })
      advance(1.05 * ttlMs)
      expect(ask()).toMatchObject({ outcome: { kind: 'granted' } })
      // A life that begins by the latest time that clocks know is one.
      const epoch = epochAt(8.64e15)
      rubbish(epoch)
      advance(2.1 * ttlMs)
      expect(ask()).toMatchObject({ outcome: { kind: 'granted', token: { epoch } } })
      store.write(['life'], undefined)
      expect(ask()).toMatchObject({ outcome: { because: 'taken' }, writes: 1 })
    })
  })
})
