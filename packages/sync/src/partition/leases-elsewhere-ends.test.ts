import { type FencingToken, isRejoinError } from '@rejoin/state'
import { describe, expect, it, vi } from 'vitest'
import { deferred } from '../later.ts'
import type { Lease } from './leases.ts'
import { granting, next, outcomeOf, Setting, sleep, ttlMs } from './leases-elsewhere.test-helper.ts'
import { leasesFrom } from './leases-elsewhere.ts'

describe('a lease that is granted elsewhere, where its time is up, its document refuses it or it is let go of', () => {
  it('[LW20] is waited for once it has ended, also where no timer has run', () => {
    const setting = new Setting(['a'])
    const { lease, told } = setting.holder('a')
    const before = lease.token as FencingToken
    sleep(setting.cluster, 10 * ttlMs)
    const got: (FencingToken | undefined)[] = []
    lease.held().then((token) => got.push(token, lease.token))
    expect([got, lease.token]).toEqual([[], undefined])
    setting.cluster.until('a holds it again', () => got.length > 0, 30)
    expect(got[1]).toEqual(got[0])
    expect(got[0]?.ballot).toBeGreaterThan(before.ballot)
    expect(told.slice(0, 3)).toEqual(['usable', 'lost', 'usable'])
  })

  it('[LW21] is of no use where it ended before the document held what was left', () => {
    const setting = new Setting(['a', 'b'])
    const { world } = setting.cluster
    const writer = setting.want('a')
    const first = writer.handle.change((draft) => draft.title.set('one')).change
    world.advance(1000)
    let word: string | undefined = `${first?.author} ${(first?.seq ?? 0) + 1}`
    const ground = setting.grounds.get('b')
    const token: FencingToken = { lease: 'round', epoch: 1, ballot: 1 }
    let wanted: Lease | undefined
    const backend = granting(token, ttlMs, () => word)
    if (ground !== undefined)
      leasesFrom({ of: () => backend })(ground)
        .open('match', 'round', { ttlMs })
        .then((lease) => {
          wanted = lease
        })
    const lease = wanted as unknown as Lease
    world.advance(0)
    expect(lease.denial).toMatch(/lacks what the holder before left/)
    const told: string[] = []
    lease.onChange(({ kind }) => told.push(kind))
    word = undefined
    writer.handle.change((draft) => draft.title.set('two'))
    sleep(setting.cluster, 10 * ttlMs)
    // What was on its way is here before any timer runs.
    for (let ms = 0; ms < 200 && told.length === 0; ms++) world.advance(1)
    expect(told).toEqual(['lost'])
    expect(lease.denial).toMatch(/not renewed in time/)
  })

  it('[LW22] is not usable, and asked for ever less often, while its tokens are below one that the document knows', () => {
    const setting = new Setting(['a'])
    const { world } = setting.cluster
    const { handle, lease, told } = setting.holder('a')
    const { token } = lease
    const held = token as FencingToken
    // It was written under the lease of a store that was lost since, and that began while a clock was ahead.
    const greater = { ...held, epoch: held.epoch + 3_600_000 }
    handle.change((draft) => draft.round.set(7), { token: greater })
    expect(() => handle.change((draft) => draft.round.set(8), { token: held })).toThrow('stale')
    world.advance(0)
    const since = setting.asks.length
    world.advance(120_000)
    expect(told).toEqual(['usable', 'lost'])
    // Waits of a third of its time at most, half of that on average; and another question follows on each grant.
    expect(setting.asks.length - since).toBeLessThan(2 * 120)
    expect(lease.token).toBeUndefined()
    expect(lease.denial).toContain(`${greater.epoch}.${greater.ballot}`)
    expect(lease.denial).toMatch(/granted elsewhere/)
    // Who asks next finds it free.
    expect([...setting.store.records].filter(([key]) => key.startsWith('lease/')).map(([, { text }]) => text)).toEqual([
      expect.stringContaining('"ttlMs":0'),
    ])
  })

  it('[LW22] is lost also while it is not usable yet', () => {
    const setting = new Setting(['a'])
    const { world } = setting.cluster
    const { handle } = setting.want('a')
    const ground = setting.grounds.get('a')
    const token: FencingToken = { lease: 'round', epoch: 2 ** 53 - 1, ballot: 1 }
    const told: string[] = []
    const { change } = handle.change((draft) => draft.round.set(7), { token: { ...token, ballot: 2 } })
    if (ground !== undefined)
      leasesFrom({ of: () => granting(token, ttlMs, () => `${change?.author} 9`) })(ground)
        .open('match', 'round', { ttlMs })
        .then((lease) => lease.onChange(({ kind }) => told.push(kind)))
    world.advance(0)
    expect(told).toEqual([])
    expect(() => handle.change((draft) => draft.round.set(8), { token })).toThrow('stale')
    world.advance(0)
    expect(told).toEqual(['lost'])
  })

  it('[LW22] is usable once its tokens are above', () => {
    const setting = new Setting(['a'])
    const { handle, lease, told } = setting.holder('a')
    const held = lease.token as FencingToken
    handle.change((draft) => draft.round.set(7), { token: { ...held, ballot: held.ballot + 7 } })
    expect(() => next({ handle, lease, told })).toThrow('stale')
    setting.cluster.until('a is refused by its document', () => /a later one/.test(lease.denial ?? ''), 60)
    setting.cluster.until('a holds it again', () => lease.token !== undefined, 60)
    next({ handle, lease, told })
    expect(told).toEqual(['usable', 'lost', 'usable'])
  })

  it('[LW23] is of backends that no other replica uses, unless that has let go of them', () => {
    const setting = new Setting(['a', 'b'])
    const [a, b] = ['a', 'b'].map((name) => setting.grounds.get(name))
    if (a === undefined || b === undefined) throw new Error('no leases')
    const source = leasesFrom({ of: () => granting({ lease: 'round', epoch: 1, ballot: 1 }, ttlMs, () => undefined) })
    const first = source(a)
    let said: unknown
    try {
      source(b)
    } catch (error) {
      said = error
    }
    expect(isRejoinError(said) && [said.code, said.message]).toEqual([
      'config-invalid',
      expect.stringMatching(/both would hold the same lease.*for each replica/),
    ])
    first.close()
    const second = source(b)
    // Closed twice it takes nothing from who came after.
    first.close()
    expect(() => source(a)).toThrow('Another replica')
    second.close()
  })

  it('[LW24] keeps no document open once the layer is closed, nor is one wanted whose document opens only then', () => {
    const setting = new Setting(['a'])
    const shelf = setting.grounds.get('a')?.core.shelf
    if (shelf === undefined) throw new Error('no leases')
    const released = vi.spyOn(shelf, 'release')
    const { handle, lease } = setting.holder('a')
    const { watch, participant } = setting.cluster.node('a')
    const { acquire } = shelf
    const opening = deferred<void>()
    shelf.acquire = (name) => opening.later.then(() => acquire.call(shelf, name))
    const late = outcomeOf(watch.lease({ name: 'match' }, 'other'))
    watch.close()
    expect(released.mock.calls).toEqual([['match']])
    lease.release()
    handle.close()
    expect(released.mock.calls.map(([name]) => name)).toEqual(['match', 'match'])
    opening.resolve()
    expect(late.said).toBe('closed')
    expect(released).toHaveBeenCalledTimes(3)
    participant.replica.close()
  })

  it('[LX43] ends with what the document had', () => {
    const setting = new Setting(['a', 'b'])
    const { lease, told } = setting.holder('a')
    setting.cluster.node('a').participant.replica.forget('match')
    expect(lease.token).toBeUndefined()
    setting.holder('b')
    expect([outcomeOf(lease.held()).said, told]).toEqual(['closed', ['usable', 'lost']])
  })

  it('[LX45] is lost by whom its own document refuses', () => {
    const setting = new Setting()
    const holder = setting.holder('a')
    const held = holder.lease.token as FencingToken
    holder.handle.change((draft) => draft.round.set(7), { token: { ...held, ballot: held.ballot + 1 } })
    expect(() => next(holder)).toThrow('stale')
    setting.cluster.world.advance(0)
    expect([holder.lease.token, holder.lease.denial]).toEqual([undefined, expect.stringContaining('greater token')])
    setting.cluster.until('a holds it again', () => holder.lease.token !== undefined, 30)
    next(holder)
    // An older one that somebody kept says nothing of the lease.
    expect(() => holder.handle.change((draft) => draft.round.set(7), { token: held })).toThrow('stale')
    setting.cluster.world.advance(0)
    expect(holder.lease.token).toBeDefined()
  })
})
