import { describe, expect, it } from 'vitest'
import { atOnce } from '../world.test-helper.ts'
import { countVotes, grantedLeases } from './granted.ts'
import { clientOf, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import type { Lease } from './leases.ts'
import type { Partitions } from './partitions.ts'

const names = ['a', 'b', 'c'] as const

/** A lease of a document, wanted at a replica. */
function leaseOf(watch: Partitions, document: string, name: string): Lease {
  return atOnce(watch.lease({ name: document }, name))
}

describe('what a voter knows of leases', () => {
  it('[LX41] is who was given its vote, under which token, and until when, at each voter', () => {
    const cluster = voters()
    const at = (name: string) => grantedLeases(cluster.node(name).watch)
    const { now } = cluster.world.time.clock
    expect(names.map(at)).toEqual(names.map(() => ({ leases: [], count: 0 })))
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    const { epoch, ballot } = lease.token ?? { epoch: 0, ballot: 0 }
    for (const name of names) {
      const known = at(name)
      expect(known).toMatchObject({
        count: 1,
        leases: [{ document: 'match', name: 'round', holder: 'a', token: { epoch, ballot } }],
      })
      const leftMs = (known?.leases[0]?.until ?? 0) - now()
      expect(leftMs > 0 && leftMs <= 1.05 * ttlMs).toBe(true)
    }
    cluster.world.advance(60_000)
    expect(at('b')?.count).toBe(1)
    lease.release()
    cluster.world.advance(100)
    expect(names.map(at)).toEqual(names.map(() => ({ leases: [], count: 0 })))
  })

  it('[LX41] is over when its time is, though nobody asks', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    cluster.between('a', 'bc', true)
    cluster.world.advance(100)
    const known = grantedLeases(cluster.node('b').watch)
    const leftMs = (known?.leases[0]?.until ?? 0) - cluster.world.time.clock.now()
    cluster.world.advance(leftMs - 1)
    expect(grantedLeases(cluster.node('b').watch)?.count).toBe(1)
    cluster.world.advance(1)
    expect(grantedLeases(cluster.node('b').watch)).toEqual({ leases: [], count: 0 })
  })

  it('[LX41] names a client as everybody is told of it, without its key', () => {
    const cluster = voters()
    const client = clientOf(cluster, 'ada', { name: 'ada' })
    const { lease } = wantAt(client)
    cluster.until('the client holds it', () => lease.token !== undefined, 10)
    for (const name of names) {
      const { leases = [] } = grantedLeases(cluster.node(name).watch) ?? {}
      expect(leases.map(({ holder }) => holder)).toEqual(['ada (client)'])
    }
    expect(grantedLeases(client.watch)).toBeUndefined()
  })

  it('[LX41] is listed as far as is asked for, of all documents or of one, and counted in whole', () => {
    const cluster = voters()
    const { watch } = cluster.node('a')
    const wanted = ['one', 'two', 'three'].flatMap((document) =>
      ['x', 'y'].map((name) => leaseOf(watch, document, name)),
    )
    cluster.until('all are held', () => wanted.every(({ token }) => token !== undefined), 20)
    const listed = (query: Parameters<typeof grantedLeases>[1]) => {
      const { leases = [], count = 0 } = grantedLeases(cluster.node('b').watch, query) ?? {}
      return [leases.map(({ document, name }) => `${document} ${name}`), count]
    }
    expect(listed({ document: 'two' })).toEqual([['two x', 'two y'], 2])
    expect(listed({ document: 'two', most: 1 })).toEqual([['two x'], 2])
    expect(listed({ most: 3 })).toEqual([['one x', 'one y', 'three x'], 6])
    expect(listed({ most: 0 })).toEqual([[], 6])
    expect(listed({})).toEqual([['one x', 'one y', 'three x', 'three y', 'two x', 'two y'], 6])
    const many = Array.from({ length: 101 }, (_, at) => leaseOf(watch, 'many', `lease ${at}`))
    cluster.until('all are held', () => many.every(({ token }) => token !== undefined), 60)
    const { leases, count } = grantedLeases(watch) ?? {}
    expect([leases?.length, count]).toEqual([100, 107])
  })

  it('[LX41] is known again after a restart with the next renewal, and until then it is said that it only renews', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    cluster.node('c').participant.replica.close()
    const { watch } = cluster.start('c')
    cluster.world.advance(100)
    expect(grantedLeases(watch)?.count).toBe(0)
    expect(watch.status.renewsOnlyUntil).toBeGreaterThan(cluster.world.time.clock.now())
    cluster.world.advance(ttlMs / 2)
    expect(grantedLeases(watch)?.leases).toMatchObject([{ holder: 'a', token: { ballot: lease.token?.ballot } }])
  })
})

describe('what a voter answered', () => {
  it('[LX42] is counted: votes, what was given back and what ended otherwise, and refusals by reason', () => {
    const cluster = voters()
    const counts = countVotes(cluster.node('b').watch)
    const none = { grants: 0, releases: 0, lapses: 0, refusals: {} }
    expect([counts, countVotes(clientOf(cluster, 'x').watch)]).toEqual([none, none])
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 5)
    // However often it is renewed.
    cluster.world.advance(60_000)
    expect(counts).toEqual({ ...none, grants: 1 })
    const other = want(cluster, 'c')
    cluster.until('c is refused', () => other.lease.denial !== undefined, 5)
    expect(counts).toMatchObject({ grants: 1, refusals: { held: expect.any(Number) } })
    lease.release()
    cluster.until('c holds it', () => other.lease.token !== undefined, 20)
    expect(counts).toMatchObject({ grants: 2, releases: 1, lapses: 0 })
    const { held = 0 } = counts.refusals
    const third = want(cluster, 'a')
    cluster.between('c', 'ab', true)
    cluster.until('a holds it again', () => third.lease.token !== undefined, 60)
    expect(counts).toMatchObject({ grants: 3, releases: 1, lapses: 1 })
    expect(counts.refusals.held).toBeGreaterThan(held)
  })
})
