import { describe, expect, it } from 'vitest'
import { Cluster } from './cluster.test-helper.ts'
import { ttlMs, voters, want } from './leases.test-helper.ts'

/** Its disk is lost, and it is started again on an empty one. */
function loseDisk(cluster: Cluster, name: string): void {
  cluster.node(name).participant.replica.close()
  cluster.disks.delete(name)
  cluster.world.advance(1000)
  cluster.start(name, { isFounding: false })
}

describe('leases after disks were lost', () => {
  it('[LX27] are to be had of voters that lost theirs one after the other, and vote again', () => {
    const cluster = voters()
    for (const name of 'bc') {
      loseDisk(cluster, name)
      cluster.until('all are settled', () => cluster.nodes.every(({ watch }) => watch.status.isSettled), 300)
      cluster.world.advance(60_000)
    }
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 60)
    expect(lease.denial).toBeUndefined()
  })

  it('[LX27] are to be had of one that was forced to be the only voter', () => {
    const cluster = voters()
    for (const name of 'bc') cluster.node(name).participant.replica.close()
    loseDisk(cluster, 'a')
    cluster.world.advance(40_000)
    cluster.node('a').watch.force({ voters: [{ id: 'a', weight: 1 }], policy: { kind: 'keep-majority' } })
    const { lease } = want(cluster, 'a')
    cluster.until('a holds it', () => lease.token !== undefined, 60)
    expect(lease.token?.epoch).toBeGreaterThanOrEqual(2 ** 36)
  })

  it('[RL16] are to be had of standby servers that were forced to be the voters, beside the one that is left', () => {
    const cluster = new Cluster(
      [...'abcde'],
      { voters: [...'abc'].map((id) => ({ id, weight: 1 })) },
      { maxTtlMs: ttlMs },
    )
    for (const name of 'de') loseDisk(cluster, name)
    cluster.world.advance(40_000)
    for (const name of 'ab') cluster.node(name).participant.replica.close()
    const voters = [...'cde'].map((id) => ({ id, weight: 1 }))
    cluster.node('c').watch.force({ voters, policy: { kind: 'keep-majority' } })
    cluster.world.advance(5000)
    expect([...'cde'].map((name) => cluster.node(name).watch.status.isSettled)).toEqual([true, true, true])
    // Without the one that forced it.
    cluster.node('c').participant.replica.close()
    const { lease } = want(cluster, 'd')
    cluster.until('d holds it', () => lease.token !== undefined, 60)
  })
})
