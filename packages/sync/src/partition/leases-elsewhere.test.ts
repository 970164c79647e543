import type { FencingToken } from '@rejoin/state'
import { describe, expect, it, vi } from 'vitest'
import { deferred, type Later } from '../later.ts'
import type { LeaseBackend, LeaseOutcome } from './lease/backend.ts'
import { storeLeases } from './lease/store/store-leases.ts'
import type { Lease } from './leases.ts'
import { next, outcomeOf, Setting, ttlMs } from './leases-elsewhere.test-helper.ts'
import { leasesFrom } from './leases-elsewhere.ts'

describe('a lease of a document that is granted elsewhere', () => {
  it('[LW1] is held by one at a time, renewed by itself, and has a token that its fenced fields take', () => {
    const setting = new Setting()
    const { world } = setting.cluster
    const first = setting.holder('a')
    const { token } = first.lease
    next(first)
    const second = setting.want('b')
    for (let turn = 0; turn < 60; turn++) {
      world.advance(1000)
      expect(first.lease.token).toEqual(token)
      expect(second.lease.token).toBeUndefined()
    }
    expect(second.lease.denial).toMatch(/held by a/)
    first.lease.release()
    expect(first.lease.token).toBeUndefined()
    setting.cluster.until('b holds it', () => second.lease.token !== undefined, 5)
    expect(second.lease.denial).toBeUndefined()
    next(second)
    expect(second.handle.snapshot.round).toBe(2)
  })

  it('[LX40] tells who does not get it for how long it is held still, each time that it is asked', () => {
    const setting = new Setting()
    setting.holder('a')
    const { lease } = setting.want('b')
    setting.cluster.until('b is refused', () => lease.denial !== undefined, 10)
    setting.cutOff.add('a')
    const seconds: number[] = []
    for (; lease.token === undefined; setting.cluster.world.advance(100))
      seconds.push(Number(/^It is held by a, for (\d+) s more/.exec(lease.denial ?? '')?.[1] ?? 0))
    expect(seconds.length).toBeGreaterThan(50)
    for (const told of new Set(seconds.filter((one) => one > 1)))
      expect(seconds.filter((one) => one === told).length, `${told} s`).toBeLessThanOrEqual(20)
  })

  it('[LW2] is lost by the clock here before another may have it, and asked for again for ever', () => {
    const setting = new Setting()
    const { world } = setting.cluster
    const first = setting.holder('a')
    const second = setting.want('b')
    world.advance(1000)
    setting.cutOff.add('a')
    let hasLost = false
    for (let turn = 0; turn < 300 && second.lease.token === undefined; turn++) {
      world.advance(100)
      hasLost ||= first.lease.token === undefined
      if (second.lease.token !== undefined) expect(hasLost).toBe(true)
    }
    expect(second.lease.token).toBeDefined()
    expect(first.told).toEqual(['usable', 'lost'])
    expect(first.lease.denial).toMatch(/does not answer/)
    second.lease.release()
    world.advance(600_000)
    expect(first.lease.token).toBeUndefined()
    const again = outcomeOf(first.lease.held())
    expect(again.said).toBe('')
    setting.cutOff.delete('a')
    setting.cluster.until('a holds it again', () => first.lease.token !== undefined, 5)
    expect(again.said).toBe('ok')
    expect(first.told).toEqual(['usable', 'lost', 'usable'])
  })

  it('[LW2] is lost by that clock also where no timer has run', () => {
    const setting = new Setting(['a'])
    const { lease } = setting.holder('a')
    const { clock } = setting.cluster.world.time
    const { now } = clock
    Object.assign(clock, { now: () => now() + ttlMs })
    expect(lease.token).toBeUndefined()
  })

  it('[LW3] is usable only once the document holds what the holder before left word of', () => {
    const setting = new Setting()
    const { cluster } = setting
    const first = setting.holder('a')
    const second = setting.want('b')
    cluster.between('b', 'ac', true)
    const reached = outcomeOf(first.lease.reached(next(first)))
    cluster.world.advance(2000)
    expect(reached.said).toBe('ok')
    first.lease.release()
    cluster.world.advance(60_000)
    // It is granted, and of no use: the round would begin a second time.
    expect(second.lease.token).toBeUndefined()
    expect(second.lease.denial).toMatch(/lacks what the holder before left/)
    cluster.between('b', 'ac', false)
    cluster.until('b has it', () => second.lease.token !== undefined, 65)
    expect(second.handle.snapshot.round).toBe(1)
    expect(second.told).toEqual(['usable'])
  })

  it('[LW4] counts a write once a quorum has it and word of it is left, and not where it was lost first', () => {
    const setting = new Setting()
    const { cluster } = setting
    const first = setting.holder('a')
    cluster.between('a', 'bc', true)
    const reached = outcomeOf(first.lease.reached(next(first)))
    cluster.world.advance(30_000)
    // The store is reached, and the other voters are not.
    expect([reached.said, first.lease.token === undefined]).toEqual(['', false])
    cluster.between('a', 'bc', false)
    cluster.until('stored', () => reached.said === 'ok', 65)

    setting.cutOff.add('a')
    const receipt = next(first)
    const late = outcomeOf(first.lease.reached(receipt))
    cluster.world.advance(2000)
    expect(late.said).toBe('')
    cluster.world.advance(2 * ttlMs)
    expect(late.said).toBe('lease-lost')
    expect(outcomeOf(first.lease.reached(receipt)).said).toBe('lease-lost')
  })

  it('[LW4] asks a server where the voters of the policy have no quorum', () => {
    const setting = new Setting(['a'], { kind: 'lease' })
    const first = setting.holder('a')
    const reached = outcomeOf(first.lease.reached(next(first)))
    setting.cluster.world.advance(1000)
    expect(reached.said).toBe('ok')
  })

  it('[LW5] leaves word of all that counts, whichever was stored first', () => {
    const setting = new Setting()
    const first = setting.holder('a')
    const [one, two] = [next(first), next(first)]
    const reached = [outcomeOf(first.lease.reached(two)), outcomeOf(first.lease.reached(one))]
    setting.cluster.world.advance(2000)
    expect(reached.map(({ said }) => said)).toEqual(['ok', 'ok'])
    const { lease } = JSON.parse(JSON.stringify({ lease: [...setting.store.records.values()].at(-1)?.text }))
    expect(JSON.parse(lease).word).toBe(`${two.change?.author} ${two.change?.seq}`)
  })

  it('[LW6] is void after a pause, and given back with it', () => {
    const setting = new Setting()
    const { world } = setting.cluster
    const first = setting.holder('a')
    const before = first.lease.token as FencingToken
    const second = setting.want('b')
    world.advance(500)
    // The wall clock ran on while nothing here did: for longer than anybody is just late, and less than the lease lasts.
    const { clock } = world.time
    const { now } = clock
    Object.assign(clock, { now: () => now() + 6000 })
    world.advance(1500)
    expect(first.told).toContain('lost')
    setting.cluster.until('somebody holds it', () => (first.lease.token ?? second.lease.token) !== undefined, 30)
    const after = first.lease.token ?? second.lease.token
    expect(after?.ballot).toBeGreaterThan(before.ballot)
  })

  it('[LW7] is wanted no longer once it is released, or the layer is closed, and is free at once', () => {
    const setting = new Setting()
    const { cluster } = setting
    const first = setting.holder('a')
    const held = outcomeOf(first.lease.held())
    expect(held.said).toBe('ok')
    const second = setting.want('b')
    const waiting = outcomeOf(second.lease.held())
    second.lease.release()
    second.lease.release()
    expect(waiting.said).toBe('closed')
    cluster.node('a').participant.replica.close()
    cluster.world.advance(10)
    const third = setting.want('c')
    cluster.until('c holds it', () => third.lease.token !== undefined, 2)
    cluster.world.advance(60_000)
    expect([first.lease.token, second.lease.token]).toEqual([undefined, undefined])
  })

  it('[LW8] is refused where its options cannot be kept', () => {
    const setting = new Setting(['a'])
    const { watch } = setting.cluster.node('a')
    const said = [
      watch.lease({ name: 'match' }, ''),
      watch.lease({ name: 'match' }, 'round', { ttlMs: 10 * ttlMs }),
    ].map((later) => outcomeOf(later).said)
    expect(said).toEqual(['config-invalid', 'config-invalid'])
  })

  it('[LW2] ends as if the answer had come when it was asked for, also where its backend does not tell', () => {
    const setting = new Setting(['a'])
    const { world } = setting.cluster
    const ground = setting.grounds.get('a')
    const token: FencingToken = { lease: 'round', epoch: 1, ballot: 1 }
    const answer = (): Later<LeaseOutcome> => {
      const pair = deferred<LeaseOutcome>()
      ground?.core.timers.set(300, () => pair.resolve({ kind: 'granted', token, validMs: 950 }))
      return pair.later
    }
    let asks = 0
    const silent: LeaseBackend = {
      acquire: answer,
      renew: () => {
        asks += 1
        return asks > 1 ? deferred<LeaseOutcome>().later : answer()
      },
      release: () => deferred<void>().later,
      watch: () => () => undefined,
    }
    let wanted: Lease | undefined
    if (ground !== undefined)
      leasesFrom({ of: () => silent })(ground)
        .open('match', 'round', { ttlMs: 1000 })
        .then((lease) => {
          wanted = lease
        })
    // Renewed once, at a third; that was heard 300 ms later.
    world.advance(333 + 950 - 5)
    expect(wanted?.token).toEqual(token)
    world.advance(10)
    expect(wanted?.token).toBeUndefined()
  })

  it('[LW2] is lost with the renewal that finds that somebody wrote over it', () => {
    const setting = new Setting(['a'])
    const { lease, told } = setting.holder('a')
    const [key = ''] = [...setting.store.records.keys()].filter((name) => name.startsWith('lease/'))
    setting.store.write(key.split('/'), 'rubbish')
    setting.cluster.world.advance(ttlMs / 3 + 100)
    expect(told).toEqual(['usable', 'lost'])
    expect(lease.token).toBeUndefined()
  })

  it('[LW7] is given back where it is granted after it was released, and released once', () => {
    const setting = new Setting(['a', 'b'])
    setting.holder('a').lease.release()
    const { world } = setting.cluster
    world.advance(100)
    const ground = setting.grounds.get('a')
    if (ground === undefined) throw new Error('no leases')
    const released = vi.spyOn(ground.core.shelf, 'release')
    const { store } = setting
    const leases = storeLeases({ ...ground.core, store: store.client(), name: 'x', maxTtlMs: ttlMs })
    const late = { ...leases.of('match') }
    const slow: typeof late = {
      ...late,
      acquire: (lease, ms) => {
        const pair = deferred<Awaited<ReturnType<typeof late.acquire>>>()
        ground.core.timers.set(500, () => void late.acquire(lease, ms).then(pair.resolve))
        return pair.later
      },
    }
    leasesFrom({ of: () => slow })(ground)
      .open('match', 'round', {})
      .then((wanted) => {
        world.advance(100)
        wanted.release()
        wanted.release()
      })
    expect(released.mock.calls).toEqual([['match']])
    world.advance(1000)
    const { lease } = setting.want('b')
    world.advance(100)
    expect(lease.token).toBeDefined()
  })

  it('[LW9] is asked for again after random waits with a ceiling that doubles up to a third of its time', () => {
    const setting = new Setting(['a', 'b'])
    setting.holder('a')
    setting.want('b')
    setting.cluster.world.advance(120_000)
    const asked = setting.asks.filter(({ name }) => name === 'b').map(({ at }) => at)
    const gaps = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
    expect(asked.length).toBeGreaterThan(40)
    expect(asked.length).toBeLessThan(120)
    expect(Math.max(...gaps)).toBeLessThan(ttlMs / 3 + 100)
    expect(new Set(gaps).size).toBeGreaterThan(20)
  })
})
