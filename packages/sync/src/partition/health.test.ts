import { describe, expect, it } from 'vitest'
import { Cluster, isAll } from './cluster.test-helper.ts'
import { type HealthCode, healthOf, onHealth } from './health.ts'
import type { PartitionStatus } from './partitions.ts'

/** Three voters that have long been connected. */
function three(roster: ConstructorParameters<typeof Cluster>[1] = {}): Cluster {
  const cluster = new Cluster(['a', 'b', 'c'], roster)
  cluster.until('all are there', () => isAll(cluster, 'full'), 30)
  cluster.world.advance(10_000)
  return cluster
}
const codesAt = (cluster: Cluster, name: string): string =>
  healthOf(cluster.node(name).watch.status)
    .reasons.map(({ code }) => code)
    .join(' ')

describe('how well a replica does', () => {
  it('[PL35] is well where all are there, and says for what reasons it is not', () => {
    const voters = [
      { id: 'a', weight: 1 },
      { id: 'b', weight: 1 },
      { id: 'c', weight: 1, role: 'store', isCritical: true },
    ]
    const cluster = three({ voters })
    expect(healthOf(cluster.node('a').watch.status)).toEqual({ status: 'well', reasons: [] })
    cluster.between('c', 'ab', true)
    cluster.until('it is doubted', () => codesAt(cluster, 'a').includes('suspected'), 20)
    cluster.until('it is split', () => isAll(cluster, 'full') === false && codesAt(cluster, 'c').includes('split'), 30)
    cluster.world.advance(30_000)
    expect(codesAt(cluster, 'a')).toBe('split critical-missing role-missing')
    expect(codesAt(cluster, 'c')).toBe('split no-quorum')
    const { status, reasons } = healthOf(cluster.node('a').watch.status)
    expect(status).toBe('degraded')
    expect(reasons.map(({ text }) => text)).toEqual([
      'On another side, or down: c.',
      'Missing, and marked critical: c.',
      'Nobody is here for the role: store.',
    ])
    cluster.between('c', 'ab', false)
    cluster.until('all are well', () => [...'abc'].every((name) => codesAt(cluster, name) === ''), 60)
  })

  it('[PL35] names links that are missing, and a voter that lost its disk', () => {
    const cluster = three()
    cluster.between('a', 'b', true)
    cluster.until('it is named', () => codesAt(cluster, 'c') === 'through-others', 60)
    expect(healthOf(cluster.node('c').watch.status).reasons[0]?.text).toBe('Only through others: a with b.')
    cluster.between('a', 'b', false)
    cluster.node('c').participant.replica.close()
    cluster.disks.delete('c')
    cluster.start('c', { isFounding: false })
    cluster.until('it says so', () => codesAt(cluster, 'c').includes('no-vote'), 30)
  })

  it('[PL35] knows each of its reasons', () => {
    const { status } = three().node('a').watch
    const { verdict } = status
    const incident = { failure: undefined, symptoms: { diverged: ['raid'], lossy: ['b'], slow: ['c'] } }
    const open = (failure: string) => ({ open: [{ ...incident, failure }] }) as unknown as PartitionStatus
    const cases: readonly [HealthCode, Partial<PartitionStatus>][] = [
      ['unknown', { state: 'unknown' }],
      ['paused', { isPaused: true, state: 'unknown' }],
      ['offline', { state: 'unknown', verdict: { ...verdict, powerless: 'offline' } } as Partial<PartitionStatus>],
      ['healing', { state: 'healing', progress: { changes: 3, documents: 1, done: 0.5 } } as Partial<PartitionStatus>],
      ['one-way', { oneWay: [{ from: 'a', to: 'b' }] }],
      ['divergence', open('divergence')],
      ['message-loss', open('message-loss')],
      ['slowness', open('slowness')],
    ]
    for (const [code, change] of cases) {
      // Not by spreading: what was written apart is only counted when somebody looks.
      const { reasons } = healthOf({ ...status, ...change } as PartitionStatus)
      expect(
        reasons.map((reason) => reason.code),
        code,
      ).toEqual([code])
      expect(reasons[0]?.text).toMatch(/^[A-Z].*\.$/)
    }
  })

  it('[PL35] takes nobody for degraded by a policy under which nobody is a quorum', () => {
    expect(codesAt(three({ policy: { kind: 'none' } }), 'a')).toBe('')
  })
})

describe('whoever follows how well a replica does', () => {
  it('[PL36] hears of each change of the reasons once, the end of a heal too, and nothing after it stopped', () => {
    const cluster = three()
    const { watch } = cluster.node('a')
    const heard: string[] = []
    const stop = onHealth(watch, ({ reasons }) => heard.push(reasons.map(({ code }) => code).join(' ') || 'well'))
    const round = (): void => {
      cluster.between('c', 'ab', true)
      cluster.until('it is split', () => codesAt(cluster, 'a') === 'split', 60)
      cluster.world.advance(20_000)
      cluster.between('c', 'ab', false)
      cluster.until('all are well', () => codesAt(cluster, 'a') === '', 60)
      cluster.world.advance(10_000)
    }
    round()
    expect(heard.filter((codes, at) => codes === heard[at - 1])).toEqual([])
    expect(heard).toContain('split')
    expect(heard.at(-1)).toBe('well')
    expect(heard.filter((codes) => codes === 'split')).toHaveLength(1)
    stop()
    heard.length = 0
    round()
    expect(heard).toEqual([])
  })

  it('[PL36] hears nothing of a link that flaps faster than anything is believed', () => {
    const cluster = three()
    const heard: string[] = []
    onHealth(cluster.node('a').watch, ({ reasons }) => heard.push(reasons.map(({ code }) => code).join(' ')))
    for (let flap = 0; flap < 20; flap++) {
      cluster.between('c', 'ab', flap % 2 === 0)
      cluster.world.advance(200)
      if (flap === 10) expect(codesAt(cluster, 'a')).toContain('split')
    }
    cluster.between('c', 'ab', false)
    cluster.world.advance(60_000)
    expect(heard).toEqual([])
  })
})
