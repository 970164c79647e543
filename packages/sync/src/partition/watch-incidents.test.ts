import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type Permission } from '../index.ts'
import { deferred, type Later } from '../later.ts'
import { insideOf } from '../replica.ts'
import { Cluster, clientOf, isAll } from './cluster.test-helper.ts'
import { jsonRow } from './json-row.ts'
import { rosterPrefix } from './roster-desk.ts'
import { watchPartitions } from './watch.ts'

describe('the incidents of a replica', () => {
  it('[PL19] works on a divergence as an incident from when it is seen', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.until('full', () => isAll(cluster, 'full'), 60)
    cluster.world.advance(60_000)
    const { participant, watch, told } = cluster.node('a')
    told.length = 0
    const event = { document: 'match', version: {}, trace: new Uint8Array() }
    insideOf(participant.replica).diverged(event as never)
    cluster.world.advance(1000)
    expect([told[0], watch.status.open.length]).toEqual(['opened', 1])
    cluster.until('closed', () => watch.status.open.length === 0, 180)
    expect(told.at(-1)).toMatch(/^closed/)
  })

  it('[PL19] rests with an incident of an earlier opening while no roster is known', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const disk = createMemoryDisk()
    const client = cluster.world.replica({ disk })
    const wire = cluster.world.wire('in')
    client.join({ transports: [wire.dial] })
    cluster.node('a').participant.join({ transports: [wire.listen] })
    const watch = watchPartitions(client.replica)
    cluster.until('full', () => watch.status.side === 'full', 60)
    cluster.between('a', 'bc', true)
    cluster.until('it is wrong', () => watch.status.open.length > 0, 60)
    insideOf(client.replica).queue.push([{ kind: 'delete', key: rosterPrefix }])
    client.replica.close()
    cluster.world.advance(1000)
    const again = watchPartitions(cluster.world.replica({ disk }).replica)
    // One that woke for nothing would never come to the end of this.
    cluster.world.advance(120_000)
    expect(again.status.state).toBe('unknown')
  })

  it('[PL28] opens no incident before others had the time to be heard of, at a page or a server, and goes on with earlier ones from then', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(60_000)
    const { participant } = cluster.node('a')
    const client = clientOf(cluster)
    const watch = watchPartitions(client.replica)
    cluster.world.advance(60_000)
    expect([...cluster.nodes.map((node) => node.watch), watch].flatMap(({ incidents }) => incidents)).toEqual([])
    cluster.between('c', 'ab', true)
    cluster.until('opened', () => cluster.node('a').watch.status.open.length > 0, 60)
    const [{ id } = { id: '' }] = cluster.node('a').watch.status.open
    cluster.world.advance(10_000)
    participant.replica.close()
    cluster.between('a', 'bc', true)
    const again = cluster.start('a')
    const known = (): unknown[] => again.watch.incidents.map((incident) => [incident.id, incident.phase])
    const before = known()
    cluster.world.advance(20_000)
    expect([known(), again.told]).toEqual([before, []])
    cluster.between('a', 'bc', false)
    cluster.between('c', 'ab', false)
    cluster.until('closed', () => again.watch.status.open.length === 0, 120)
    expect(again.watch.incidents.map((incident) => [incident.id, incident.outcome])).toEqual([[id, 'healed']])
  })

  it('[RC20] calls one by the same name at both sides also where it takes long to let the other one in', () => {
    let isSlow = false
    const authorize = (): Later<Permission> => {
      const answer = deferred<Permission>()
      cluster.world.time.timers.set(isSlow ? 3000 : 0, () => answer.resolve('admin'))
      return answer.later
    }
    const cluster: Cluster = new Cluster(['a', 'b'], {}, {}, authorize)
    cluster.world.advance(60_000)
    isSlow = true
    cluster.between('a', 'b', true)
    cluster.world.advance(60_000)
    const ids = cluster.nodes.flatMap(({ watch }) => watch.status.open.map(({ id }) => id))
    // The one that lets the other in late has to hear of the name.
    expect(ids[1]?.localeCompare(ids[0] ?? '')).toBe(-1)
    cluster.between('a', 'b', false)
    cluster.until('closed', () => cluster.nodes.every(({ watch }) => watch.status.open.length === 0), 120)
    const names = cluster.nodes.flatMap(({ watch }) => watch.incidents.map(({ name }) => name))
    expect(names).toEqual([ids[1], ids[1]])
  })

  it('[PL40] leaves aside a record of an incident that this build does not understand', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(40_000)
    cluster.node('a').participant.replica.close()
    const symptoms = { here: [], absent: ['c'], missing: [], lossy: [], slow: [], diverged: [] }
    const sound = { id: 'known', name: 'known', openedAt: 1, phase: 'closed', rung: 'wait', symptoms, timeline: [] }
    const { slow, ...fewer } = symptoms
    const rows = [
      sound,
      { id: 'bare', timeline: [] },
      { ...sound, id: 'fewer', symptoms: fewer },
      { ...sound, id: 'phase', phase: 'resting' },
      { ...sound, id: 'rung', rung: 'pray' },
    ]
    const storage = cluster.disks.get('a')?.open()
    storage?.write(rows.map((row) => ({ kind: 'put', key: `p/i/${row.id}`, bytes: jsonRow(row) })))
    storage?.close?.()
    const { watch } = cluster.start('a')
    cluster.until('full', () => watch.status.verdict?.mode === 'full', 60)
    expect(watch.incidents.map(({ id }) => id)).toEqual(['known'])
  })

  it('[PL30] says of no incident that nothing is wrong any more because this replica was paused', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(60_000)
    let jumpMs = 0
    const { clock } = cluster.world.time
    const jumping = { now: () => clock.now() + jumpMs, monotonic: () => clock.monotonic() }
    const watch = watchPartitions(clientOf(cluster, { clock: jumping }).replica)
    const told: string[] = []
    watch.onIncident((_, what) => told.push(what))
    cluster.between('c', 'ab', true)
    cluster.until('opened', () => watch.status.open.length > 0, 60)
    cluster.world.advance(20_000)
    const { length } = told
    jumpMs = 3_600_000
    cluster.until('paused', () => watch.status.isPaused, 10)
    cluster.until('awake', () => !watch.status.isPaused && watch.status.state === 'split', 60)
    expect(watch.status.open[0]?.timeline.map(({ what }) => what)).not.toContain('cleared')
    expect(told.slice(length).filter((what) => /verifying|closed/.test(what))).toEqual([])
    cluster.between('c', 'ab', false)
    cluster.until('closed', () => watch.status.open.length === 0, 120)
  })
})
