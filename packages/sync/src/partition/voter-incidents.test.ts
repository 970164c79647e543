import { describe, expect, it } from 'vitest'
import { Cluster, isAll, type Node } from './cluster.test-helper.ts'

/** Three voters that have long been connected. */
const three = (): Cluster => {
  const cluster = new Cluster(['a', 'b', 'c'])
  cluster.world.advance(60_000)
  return cluster
}
const close = ({ participant }: Node): void => {
  participant.replica.close()
}
/** Ends one as a crash does: nobody is told. */
const kill = (cluster: Cluster, name: string): void => {
  cluster.between(name, 'abc', true)
  close(cluster.node(name))
  cluster.between(name, 'abc', false)
}
const incidentsAt = (cluster: Cluster, names: string): unknown[] =>
  [...names].flatMap((name) =>
    cluster.node(name).watch.incidents.map(({ failure, symptoms }) => [failure, symptoms.absent]),
  )

describe('a voter that says good-bye', () => {
  it('[PL34] is missed by nobody where it is back soon, however often', () => {
    for (const awayMs of [0, 500, 5000, 20_000]) {
      const cluster = three()
      for (const name of ['c', 'a', 'c']) {
        close(cluster.node(name))
        cluster.world.advance(awayMs)
        const others = cluster.nodes.filter((node) => node.name !== name)
        // What may be done is known all the same.
        if (awayMs > 0) expect(others.map(({ watch }) => watch.status.state)).toEqual(['split', 'split'])
        cluster.start(name)
        cluster.until('all are there', () => isAll(cluster, 'full'), 10)
        cluster.world.advance(10_000)
      }
      expect(incidentsAt(cluster, 'abc'), `${awayMs}`).toEqual([])
    }
  })

  it('[PL34] is missed once it has had the time to be back', () => {
    const cluster = three()
    close(cluster.node('c'))
    const seconds = cluster.until('it is missed', () => incidentsAt(cluster, 'ab').length === 2, 60)
    expect(seconds).toBeGreaterThanOrEqual(29)
    expect(seconds).toBeLessThanOrEqual(32)
    cluster.world.advance(10_000)
    expect(incidentsAt(cluster, 'ab')).toEqual(['a', 'b'].map(() => ['node-lost', ['c']]))
    cluster.start('c')
    const isClosed = (): boolean => cluster.nodes.every(({ watch }) => watch.status.open.length === 0)
    cluster.until('it is closed', isClosed, 60)
    // From then on it is as before.
    cluster.world.advance(10_000)
    close(cluster.node('c'))
    cluster.world.advance(20_000)
    expect(incidentsAt(cluster, 'ab')).toHaveLength(2)
  })

  it('[PL34] is missed at once where it dies without a word, or after it was back', () => {
    const cluster = three()
    kill(cluster, 'c')
    cluster.until('it is missed', () => incidentsAt(cluster, 'ab').length === 2, 3)
    const other = three()
    close(other.node('c'))
    other.world.advance(2000)
    other.start('c')
    other.until('all are there', () => isAll(other, 'full'), 10)
    kill(other, 'c')
    other.until('it is missed', () => incidentsAt(other, 'ab').length === 2, 3)
  })

  it('[PL34] excuses no other that is lost meanwhile', () => {
    const cluster = three()
    close(cluster.node('c'))
    cluster.world.advance(2000)
    cluster.between('a', 'b', true)
    cluster.world.advance(2000)
    expect(incidentsAt(cluster, 'ab').map((incident) => (incident as unknown[])[1])).toEqual([['b'], ['a']])
  })
})
