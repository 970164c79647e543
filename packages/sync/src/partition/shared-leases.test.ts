import type { FencingToken } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { outcome } from '../world.test-helper.ts'
import { clientOf, next, type Side, voters, want, wantAt } from './leases.test-helper.ts'

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
})

describe('a fenced write', () => {
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
