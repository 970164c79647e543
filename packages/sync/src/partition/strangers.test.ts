import { describe, expect, it } from 'vitest'
import { insideOf } from '../replica.ts'
import { atOnce, outcome } from '../world.test-helper.ts'
import { ApartLedger } from './apart.ts'
import { Cluster } from './cluster.test-helper.ts'
import { clientOf, Match, tell, ttlMs, voters, want } from './leases.test-helper.ts'

/** Whoever is no server of it may read. */
function guarded(): Cluster {
  const cluster = new Cluster(['a', 'b', 'c'], {}, { maxTtlMs: ttlMs }, ({ token, document }) => {
    if (token === 'of the cluster') return document === '@cluster' ? 'admin' : 'write'
    return document === '@cluster' ? 'no' : 'read'
  })
  cluster.world.advance(40_000)
  return cluster
}

describe('a stranger', () => {
  it('[PL10] that calls itself like a voter and leaves is not taken for that one', () => {
    const cluster = guarded()
    const { world } = cluster
    const left: string[] = []
    const { leaving } = ApartLedger.prototype
    ApartLedger.prototype.leaving = function (peer, session) {
      left.push(peer)
      leaving.call(this, peer, session)
    }
    try {
      const mallory = world.replica({ role: 'server', name: 'b' })
      const wire = world.wire('mallory', { token: () => 'of mallory' })
      cluster.node('a').participant.join({ transports: [wire.listen] })
      mallory.join({ transports: [wire.dial], capMs: 2000 })
      world.advance(200)
      wire.cut()
      expect(left).toEqual([])
      cluster.between('a', 'b', true)
      world.advance(40_000)
      expect(left).toContain('b')
    } finally {
      ApartLedger.prototype.leaving = leaving
    }
  })

  it('[PL11] that may read, and lies about what it holds, opens no incident at a server', () => {
    const cluster = guarded()
    const { world } = cluster
    const { watch, participant } = cluster.node('a')
    const { handle } = want(cluster, 'a')
    handle.change((draft) => draft.title.set('x'))
    const reader = clientOf(cluster, 'of mallory', { names: ['a'] })
    reader.participant.replica.open('match', Match)
    world.advance(5000)
    const known = watch.incidents.length
    const found: string[] = []
    participant.replica.onDivergence(({ document }) => found.push(document))
    for (let lie = 0; lie < 3; lie++) {
      for (const { session } of insideOf(reader.participant.replica).connections)
        for (const stream of session.streams.values()) {
          const { version } = handle.store
          session.send({ kind: 'digest', handle: stream.theirHandle, version, digest: '0123456789abcdef' })
        }
      world.advance(31_000)
    }
    expect([found.length > 0, watch.incidents.length]).toEqual([true, known])
  })

  it('[LX22] that asks again and again has its votes written once for each flush, not for each question', () => {
    const cluster = voters()
    const client = clientOf(cluster, 'of ada', { names: ['a'] })
    client.participant.replica.open('match', Match)
    cluster.world.advance(1000)
    const nameOf = (at: number): string => '\u0001'.repeat(124) + String(at).padStart(4, '0')
    const ask = (ballot: number, at: number): void => {
      const asked = { kind: 'accept', lease: nameOf(at), epoch: 1, request: 1, ttlMs, renewal: false } as const
      const message = { ...asked, token: { epoch: 1, ballot } }
      tell(client, { kind: 'lease', document: 'match', key: '\u0001'.repeat(32), message })
    }
    for (let at = 0; at < 256; at++) ask(1, at)
    cluster.world.advance(100)
    const disk = cluster.disks.get('a')
    if (disk === undefined) throw new Error('no disk')
    disk.autoFlush = false
    const core = insideOf(cluster.node('a').participant.replica)
    const { bytesIn } = core.metrics
    for (let ballot = 2; ballot < 102; ballot++) ask(ballot, 0)
    cluster.world.advance(10)
    // It takes some 20 kB; the whole table a hundred times would be 33 MB.
    expect(core.metrics.bytesIn - bytesIn).toBeGreaterThan(10_000)
    expect(core.queue.pendingBytes).toBeLessThan(1_000_000)
    disk.autoFlush = true
    disk.flush()
    cluster.world.advance(1000)
    expect(core.queue.pendingBytes).toBe(0)
  })
})

describe('a partition layer that was closed', () => {
  it('[PL22] gives no leases, and says of no change that a quorum has it', () => {
    const cluster = voters()
    const { watch, participant } = cluster.node('a')
    const receipt = atOnce(participant.replica.open('match', Match)).change((draft) => draft.title.set('x'))
    watch.close()
    const reached = outcome(watch.reached({ name: 'match' }, receipt))
    const lease = outcome(watch.lease({ name: 'other' }, 'round'))
    expect([reached.code, lease.code]).toEqual(['closed', 'closed'])
    expect(insideOf(participant.replica).shelf.has('other')).toBe(false)
  })
})
