import { type FencingToken, isRejoinError } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { Receipt } from '../index.ts'
import { outcome } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { clientOf, next, type Side, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import type { Lease } from './leases.ts'
import { sleep } from './leases-elsewhere.test-helper.ts'

const holders = (...sides: readonly Side[]): number => sides.filter(({ lease }) => lease.token !== undefined).length

function write({ handle, lease }: Side, round: number) {
  return handle.change((draft) => draft.round.set(round), { token: lease.token as FencingToken })
}

describe('leases that are wanted twice at one replica', () => {
  it.each(['server', 'client'])('[LX24] are one, given back with the last of both: at a %s', (who) => {
    const cluster = voters()
    const at = who === 'server' ? cluster.node('a') : clientOf(cluster, 'of ada')
    cluster.world.advance(2000)
    const [first, second] = [wantAt(at), wantAt(at)]
    cluster.world.advance(5000)
    expect(holders(first, second)).toBe(2)
    expect(first.lease.token).toEqual(second.lease.token)
    const other = want(cluster, 'b')
    cluster.world.advance(1000)
    first.lease.release()
    first.lease.release()
    expect([first.lease.token, first.told, second.told]).toEqual([undefined, ['usable', 'lost'], ['usable']])
    for (let ms = 0; ms < 30_000; ms += 100) {
      cluster.world.advance(100)
      expect(holders(second, other)).toBe(1)
    }
    next(second)
    second.lease.release()
    cluster.until('the other one holds it', () => other.lease.token !== undefined, 15)
    expect(other.handle.snapshot.round).toBe(1)
  })

  it('[LX24] reject who waits at one that is released, and nobody else', () => {
    const cluster = voters()
    const holder = want(cluster, 'b')
    cluster.until('b holds it', () => holder.lease.token !== undefined, 10)
    const [first, second] = [want(cluster, 'a'), want(cluster, 'a')]
    const waits = [first, second].map(({ lease }) => outcome(lease.held()))
    first.lease.release()
    expect(waits.map(({ code }) => code)).toEqual(['closed', 'pending'])
    expect(outcome(first.lease.held()).code).toBe('closed')
    holder.lease.release()
    cluster.until('a holds it', () => second.lease.token !== undefined, 10)
    expect([waits[1]?.code, first.lease.token]).toEqual(['resolved', undefined])
  })

  it('[LX24] tell who lets go of one that has ended, too, also where no timer has run', () => {
    const cluster = voters()
    const [first, second] = [want(cluster, 'a'), want(cluster, 'a')]
    cluster.until('a holds it', () => first.lease.token !== undefined, 10)
    sleep(cluster, 10 * ttlMs)
    first.lease.release()
    expect([first.told, second.told]).toEqual([['usable', 'lost'], ['usable']])
    second.lease.held()
    expect([first.told, second.told]).toEqual([
      ['usable', 'lost'],
      ['usable', 'lost'],
    ])
  })

  it('[LX24] are wanted anew by who hears of their end', () => {
    const cluster = voters()
    const { watch } = cluster.node('a')
    const holder = want(cluster, 'a')
    cluster.until('a holds it', () => holder.lease.token !== undefined, 10)
    let again: Lease | undefined
    holder.lease.reached(write(holder, 1)).then(undefined, () => {
      watch.lease({ name: 'match' }, 'round').then((lease) => {
        again = lease
      })
    })
    holder.lease.release()
    expect(again?.token).toBeUndefined()
    cluster.until('a holds it again', () => again?.token !== undefined, 30)
  })

  it.each([
    ['server', 'forget'],
    ['client', 'forget'],
    ['client', 'wipe'],
  ] as const)('[LX43] end with what the document had, at a %s by %s', (who, how) => {
    const cluster = voters()
    const at = who === 'server' ? cluster.node('a') : clientOf(cluster, 'of ada')
    cluster.world.advance(2000)
    const { handle, lease, told } = wantAt(at)
    cluster.until('it holds it', () => lease.token !== undefined, 10)
    const counts = outcome(lease.reached(write({ handle, lease, told }, 1)))
    cluster.until('it counts', () => counts.code === 'resolved', 10)
    const { replica } = at.participant
    if (how === 'forget') replica.forget('match')
    else replica.wipe()
    const reopened = wantAt(at)
    expect([lease.token, reopened.lease.token, reopened.handle.snapshot.round]).toEqual([undefined, undefined, 0])
    reopened.lease.release()
    const other = want(cluster, 'b')
    // Given back, it does not have to lapse; the voters heard of no more than that the connections of who was wiped ended.
    cluster.until('b holds it', () => other.lease.token !== undefined, how === 'forget' ? 5 : 30)
    expect([outcome(lease.held()).code, told]).toEqual(['closed', ['usable', 'lost']])
    next(other)
    cluster.world.advance(3000)
    if (how === 'wipe') return
    const again = wantAt(at)
    other.lease.release()
    cluster.until('it holds it again', () => again.lease.token !== undefined, 30)
    expect(again.handle.snapshot.round).toBe(2)
  })

  it('[LX47] tell what became of them in its order, whatever somebody does who is told', () => {
    const cluster = voters()
    const [first, second, third] = [want(cluster, 'a'), want(cluster, 'a'), want(cluster, 'a')]
    const [after, tokens]: [string[], boolean[]] = [[], []]
    const stop = first.lease.onChange(({ kind }) => {
      if (kind !== 'usable') return
      stop()
      second.lease.release()
      first.lease.release()
      const { token } = third.lease
      const { epoch, ballot } = token as FencingToken
      // The document was written under a greater one, so that the third loses it.
      third.handle.change((draft) => draft.round.set(7), { token: { lease: 'round', epoch, ballot: ballot + 1 } })
      expect(() => write(third, 8)).toThrow('stale')
    })
    first.lease.onChange(({ kind }) => after.push(kind))
    third.lease.held().then((token) => tokens.push(token === third.lease.token))
    cluster.until('a holds it', () => third.told.length > 1, 10)
    const both = ['usable', 'lost']
    expect([first.told, after, second.told, third.told.slice(0, 2)]).toEqual([both, both, both, both])
    expect(tokens).toEqual([true])
  })

  it('[LX47] let nobody wait for one that was lost by who waited before', () => {
    const cluster = voters()
    const [first, second] = [want(cluster, 'a'), want(cluster, 'a')]
    const tokens: boolean[] = []
    first.lease.held().then(({ epoch, ballot }) => {
      first.handle.change((draft) => draft.round.set(7), { token: { lease: 'round', epoch, ballot: ballot + 1 } })
      expect(() => write(first, 8)).toThrow('stale')
    })
    second.lease.held().then((token) => tokens.push(token === second.lease.token))
    cluster.until('a holds it again', () => second.told.length > 2, 30)
    expect([second.told, tokens]).toEqual([['usable', 'lost', 'usable'], [true]])
  })
})

describe('a fenced write', () => {
  it('[LX25] counts also where it was made by who waited for the lease, before anybody else was told', () => {
    const cluster = voters()
    const a = want(cluster, 'a')
    let receipt: Receipt | undefined
    a.lease.held().then((token) => {
      receipt = a.handle.change((draft) => draft.round.set(1), { token })
    })
    cluster.until('a holds it', () => receipt !== undefined, 10)
    const told = outcome(a.lease.reached(receipt as Receipt))
    cluster.until('it counts', () => told.code === 'resolved', 10)
  })

  it('[LX25] counts by no later grant, also where who waited for that one asks', () => {
    const cluster = voters()
    const a = want(cluster, 'a')
    cluster.until('a holds it', () => a.lease.token !== undefined, 10)
    cluster.between('a', 'bc', true)
    const receipt = write(a, 1)
    cluster.until('it is lost', () => a.told.length > 1, 60)
    const codes: string[] = []
    a.lease.held().then(() =>
      a.lease.reached(receipt).then(
        () => codes.push('counts'),
        (error: unknown) => codes.push(isRejoinError(error) ? error.code : String(error)),
      ),
    )
    cluster.between('a', 'bc', false)
    cluster.until('a was told', () => codes.length > 0, 60)
    expect(codes).toEqual(['lease-lost'])
  })

  it('[LX25] counts by no later grant, also where that comes at once', () => {
    const cluster = new Cluster(['a'], {}, { maxTtlMs: ttlMs })
    cluster.world.advance(40_000)
    const before = want(cluster, 'a')
    cluster.until('a holds it', () => before.lease.token !== undefined, 10)
    const receipt = write(before, 1)
    before.lease.release()
    const after = want(cluster, 'a')
    expect(after.lease.token).toBeDefined()
    const late = outcome(after.lease.reached(receipt))
    cluster.world.advance(5000)
    expect(late.code).toBe('lease-lost')
  })

  it('[LX25] counts by no later grant than that under which it was made', () => {
    const cluster = voters()
    const a = want(cluster, 'a')
    cluster.until('a holds it', () => a.lease.token !== undefined, 10)
    cluster.between('a', 'bc', true)
    const receipt = write(a, 1)
    const b = want(cluster, 'b')
    cluster.until('b holds it', () => b.lease.token !== undefined, 60)
    const counts = outcome(b.lease.reached(write(b, 100)))
    cluster.until('it counts', () => counts.code === 'resolved', 10)
    cluster.between('a', 'bc', false)
    cluster.world.advance(20_000)
    b.lease.release()
    cluster.until('a holds it again', () => a.lease.token !== undefined, 60)
    const late = outcome(a.lease.reached(receipt))
    cluster.world.advance(5000)
    expect([late.code, a.handle.snapshot.round]).toEqual(['lease-lost', 100])
  })

  it('[LX25] that counted is told to count also after the lease was given back', () => {
    const cluster = voters()
    const a = want(cluster, 'a')
    cluster.until('a holds it', () => a.lease.token !== undefined, 10)
    const [counted, not] = [write(a, 1), write(a, 2)]
    const told = outcome(a.lease.reached(counted))
    cluster.until('it counts', () => told.code === 'resolved', 10)
    a.lease.release()
    expect([outcome(a.lease.reached(counted)).code, outcome(a.lease.reached(not)).code]).toEqual([
      'resolved',
      'lease-lost',
    ])
  })
})
