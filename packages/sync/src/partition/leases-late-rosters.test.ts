import type { FencingToken } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { outcome } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { next, type Side, ttlMs, want, wantAt } from './leases.test-helper.ts'
import type { PartitionStatus } from './partitions.ts'
import { RosterDesk } from './roster-desk.ts'

const votersOf = (ids: string) => [...ids].map((id) => ({ id, weight: 1 }))

/**
 * a, b, c vote and c, which is connected with a only, holds a lease; then b makes a, b, d the voters. d is settled by what a and b
 * answered, and a has not heard what was decided: what d tells it of that is lost.
 */
function changed(): { readonly cluster: Cluster; readonly holder: Side; status(name: string): PartitionStatus } {
  const cluster = new Cluster([...'abcd'], { voters: votersOf('abc') }, { maxTtlMs: ttlMs })
  const status = (name: string): PartitionStatus => cluster.node(name).watch.status
  cluster.world.advance(40_000)
  const holder = want(cluster, 'c')
  cluster.until('c holds it', () => holder.lease.token !== undefined, 5)
  cluster.world.advance(2000)
  cluster.between('c', 'bd', true)
  cluster.world.advance(1000)
  cluster.node('b').watch.propose({ voters: votersOf('abd'), policy: { kind: 'keep-majority' } })
  soon(cluster, 'b has decided', () => status('b').roster?.epoch === 2)
  cluster.between('a', 'b', true)
  const { receive } = RosterDesk.prototype
  RosterDesk.prototype.receive = function (session, message) {
    if (session.peerName !== 'd') receive.call(this, session, message)
  }
  try {
    soon(cluster, 'd is settled', () => status('d').isSettled)
  } finally {
    RosterDesk.prototype.receive = receive
  }
  cluster.between('a', 'd', true)
  expect(status('a').roster?.epoch).toBe(1)
  return { cluster, holder, status }
}

/** To the millisecond, as much else follows within a few. */
function soon({ world }: Cluster, what: string, isSo: () => boolean): void {
  for (let ms = 0; !isSo(); ms++) {
    if (ms > 3000) throw new Error(`not so: ${what}`)
    world.advance(1)
  }
}

describe('a voter that hears late of the roster that it helped to decide', () => {
  it.each(['fast', 'slow'])(
    '[LX20] gives no vote under either before the next stands on its disk: a %s one',
    (speed) => {
      const { cluster, holder, status } = changed()
      const { world } = cluster
      next(holder)
      const token = holder.lease.token as FencingToken
      const counts = outcome(holder.lease.reached(holder.handle.change((draft) => draft.round.set(7), { token })))
      world.advance(500)
      // It is on the disk of a, which does not vote.
      expect(counts.code).toBe('pending')
      const disk = cluster.disks.get('a')
      if (disk === undefined) throw new Error('no disk')
      disk.autoFlush = speed === 'fast'
      cluster.between('a', 'b', false)
      soon(cluster, 'a has heard', () => status('a').roster?.epoch === 2)
      cluster.between('a', 'b', true)
      world.advance(4000)
      expect(counts.code).not.toBe('resolved')
      // a is gone with what was not on its disk.
      cluster.between('a', 'bcd', true)
      const later = wantAt(cluster.node('d'))
      cluster.until('d holds it', () => later.lease.token !== undefined, 60)
      expect([counts.code, holder.lease.token]).toEqual(['lease-lost', undefined])
    },
  )

  it('[LX21] is asked again once it is settled, by those to whom it answered before', () => {
    const { cluster, status } = changed()
    cluster.between('a', 'c', true)
    // Two of the three are there, and one of them knows all.
    const { lease } = want(cluster, 'd')
    cluster.until('d holds it', () => lease.token !== undefined, 60)
    expect([status('b').isSettled, status('d').isSettled]).toEqual([true, true])
  })
})
