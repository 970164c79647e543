import { isRejoinError } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type MemoryLink, type Replica } from '../index.ts'
import { insideOf } from '../replica.ts'
import { type Participant, World } from '../world.test-helper.ts'
import { Cluster, clientOf, isAll } from './cluster.test-helper.ts'
import { Duties, type DutiesGround } from './duties.ts'
import { clientOf as clientWithLeases, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import { mostVoters, type Roster } from './roster.ts'
import { explainPartition } from './verdict/explain.ts'
import type { PeerLink, ReachabilityRow } from './verdict/reachability.ts'
import { voting } from './voting.ts'
import { watchPartitions } from './watch.ts'
import { decodePartition, encodePartition } from './whole-wire.ts'
import { type PartitionMessage, PartitionWire } from './wire.ts'

describe('the partition layer of a replica', () => {
  it('[PL1] finds all voters, and may act once it was so for long enough', () => {
    const cluster = new Cluster(['a', 'b', 'c', 'd', 'e'])
    cluster.until('full', () => isAll(cluster, 'full'), 20)
    cluster.world.advance(20_000)
    for (const { watch } of cluster.nodes) {
      expect(watch.status.verdict?.capabilities).toEqual({
        mayGrantLease: true,
        mayHoldLease: true,
        mayChangeRoster: true,
        mayPrune: true,
      })
      expect(watch.status.open).toEqual([])
      expect(explainPartition(watch.status.verdict)[0]).toMatch(/^All 5 voters have reached each other/)
    }
  })

  it('[PL17] tells whoever goes by another roster which one is in force, though it missed when that was decided', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.until('full', () => isAll(cluster, 'full'), 20)
    cluster.world.advance(20_000)
    const links = ['a-c', 'b-c'].map((pair) => cluster.links.get(pair) as MemoryLink)
    for (const link of links) link.silent = true
    const { voters, policy } = cluster.roster
    cluster.node('a').watch.propose({ voters: voters.map((voter) => ({ ...voter, weight: 2 })), policy })
    cluster.world.advance(500)
    for (const link of links) link.silent = false
    const epochs = (): string => cluster.nodes.map(({ watch }) => watch.status.roster?.epoch).join(' ')
    expect(epochs()).toBe('2 2 1')
    cluster.until('roster', () => epochs() === '2 2 2', 5)
    expect(cluster.nodes.map(({ participant }) => participant.replica.metrics().connectionsClosed)).toEqual([0, 0, 0])
  })

  it('[PL2] says on which side of a split it is, on both sides within 25 s, and heals', () => {
    const cluster = new Cluster(['a', 'b', 'c', 'd', 'e'])
    cluster.world.advance(40_000)
    cluster.between('ab', 'cde', true)
    const seconds = cluster.until(
      'verdicts',
      () => cluster.modes() === 'minority minority majority majority majority',
      25,
    )
    expect(seconds).toBeLessThanOrEqual(25)
    expect(cluster.node('a').watch.status.verdict?.sides).toEqual([['a', 'b'], expect.arrayContaining(['c'])])
    expect(cluster.node('a').watch.status.verdict?.capabilities.mayGrantLease).toBe(false)
    cluster.until('incident', () => cluster.node('a').watch.status.open[0]?.failure === 'partition', 60)
    expect(explainPartition(cluster.node('a').watch.status.verdict).join(' ')).toMatch(
      /On this side are a and b: 2 of 5, a minority/,
    )
    cluster.between('ab', 'cde', false)
    expect(cluster.until('healed', () => isAll(cluster, 'full'), 65)).toBeLessThanOrEqual(65)
    cluster.until('closed', () => cluster.nodes.every(({ watch }) => watch.status.open.length === 0), 90)
    for (const { watch, told } of cluster.nodes) {
      expect(watch.incidents.at(-1)).toMatchObject({ outcome: 'healed', failure: 'partition' })
      expect(told).toContain('closed partition')
    }
    // Both sides call it the same.
    expect(new Set(cluster.nodes.map(({ watch }) => watch.incidents.at(-1)?.name)).size).toBeLessThanOrEqual(2)
  })

  it('[PL3] tells who is alone, and that half of an even split may not act without an arbiter', () => {
    const cluster = new Cluster(['a', 'b', 'c', 'd'])
    cluster.world.advance(30_000)
    cluster.between('ab', 'cd', true)
    cluster.until('even', () => isAll(cluster, 'even'), 40)
    expect(cluster.nodes.map(({ watch }) => watch.status.verdict?.capabilities.mayGrantLease)).toEqual(
      Array(4).fill(false),
    )
    cluster.between('a', 'b', true)
    cluster.until('isolated', () => cluster.node('a').watch.status.verdict?.mode === 'isolated', 40)
  })

  it('[PL4] goes on where it was after a restart, with its incidents', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    cluster.between('c', 'ab', true)
    cluster.until('opened', () => cluster.node('c').watch.status.open.length > 0, 60)
    const before = cluster.node('c').watch.status.open[0]
    cluster.world.advance(30_000)
    cluster.node('c').participant.replica.close()
    cluster.world.advance(1000)
    const again = cluster.start('c')
    cluster.world.advance(5000)
    expect(again.watch.status.open[0]?.id).toBe(before?.id)
    cluster.between('c', 'ab', false)
    cluster.until('full', () => isAll(cluster, 'full'), 65)
    cluster.until('closed', () => again.watch.status.open.length === 0, 120)
    expect(again.watch.incidents.find(({ id }) => id === before?.id)?.outcome).toBe('healed')
  })

  it('[PL5] changes the roster by a quorum of both, tells everybody, and lets no minority change it', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const voters = cluster.roster.voters.map((voter) => (voter.id === 'a' ? { ...voter, weight: 3 } : voter))
    cluster.node('b').watch.propose({ voters, policy: { kind: 'keep-majority' } })
    cluster.until('decided', () => cluster.nodes.every(({ watch }) => watch.status.roster?.epoch === 2), 20)
    cluster.between('a', 'bc', true)
    cluster.until('a alone is the majority', () => cluster.modes() === 'majority minority minority', 40)
    cluster.node('b').watch.propose({ voters: cluster.roster.voters, policy: { kind: 'keep-majority' } })
    cluster.world.advance(30_000)
    expect(cluster.nodes.map(({ watch }) => watch.status.roster?.epoch)).toEqual([2, 2, 2])
  })

  it('[PL6] takes the word of an operator for voters that do not come back, who merge and may not act when they do', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    cluster.between('a', 'bc', true)
    cluster.until('isolated', () => cluster.node('a').watch.status.verdict?.mode === 'isolated', 40)
    cluster.node('a').watch.force({ voters: [{ id: 'a', weight: 1 }], policy: { kind: 'keep-majority' } })
    cluster.until('full', () => cluster.node('a').watch.status.verdict?.mode === 'full', 20)
    cluster.between('a', 'bc', false)
    cluster.until('told', () => new Set(cluster.nodes.map(({ watch }) => watch.status.roster?.epoch)).size === 1, 65)
    expect(cluster.node('b').watch.status.verdict?.capabilities.mayGrantLease).toBe(false)
  })

  it('[PL7] tells a client of its server where that stands', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const client = clientOf(cluster)
    const watch = watchPartitions(client.replica)
    cluster.until('known', () => watch.status.verdict?.mode === 'full', 40)
    expect(watch.status.verdict?.powerless).toBe('not-a-voter')
    cluster.node('b').watch.propose({ ...cluster.roster, arbiter: 'a' })
    cluster.until('another roster', () => watch.status.roster?.epoch === 2, 20)
    cluster.world.advance(20_000)
    cluster.between('a', 'bc', true)
    cluster.until('told', () => watch.status.verdict?.sides[0]?.length === 1, 60)
    expect(watch.status.verdict?.sides[0]).toEqual(['a'])
  })

  it('[PL10] takes nobody for a voter who only says so: a client of that name, or a server without the right', () => {
    const cluster = new Cluster(['a', 'b'], {}, {}, ({ token, document }) => {
      if (document !== '@cluster') return 'write'
      return token === 'of the cluster' ? 'admin' : 'write'
    })
    cluster.world.advance(20_000)
    // The real one is known by its token; whoever dials is asked for it.
    expect(cluster.modes()).toBe('full full')
    cluster.node('b').participant.replica.close()
    cluster.until('b is gone', () => cluster.node('a').watch.status.verdict?.mode === 'even', 40)
    for (const [role, at] of [
      ['client', 0],
      ['server', 1],
    ] as const) {
      const wire = cluster.world.wire(`false-${at}`)
      const impostor = cluster.world.replica({ role, name: 'b' })
      cluster.node('a').participant.join({ transports: [wire.listen] })
      impostor.join({ transports: [wire.dial] })
      watchPartitions(impostor.replica, { voting, roster: cluster.roster, isFounding: true })
    }
    cluster.world.advance(40_000)
    expect(cluster.node('a').watch.status.verdict?.mode).toBe('even')
    expect(cluster.node('a').watch.status.connected).not.toContain('b')
  })

  it('[PL11] hears of voters from voters only: no client makes them look gone', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const client = clientOf(cluster)
    cluster.world.advance(1000)
    for (let version = 1; version < 200; version++) {
      const rows = ['b', 'c'].map((observer) => ({
        row: { observer, rosterEpoch: 1, version, mayVote: false, contact: 'kept' as const, links: [] },
        ageMs: 0,
      }))
      for (const { session } of insideOf(client.replica).connections)
        session.send({ kind: 'aside', channel: 2, bytes: encodePartition({ kind: 'rows', rows }) })
      cluster.world.advance(100)
    }
    expect(isAll(cluster, 'full')).toBe(true)
    expect(cluster.nodes.map(({ watch }) => watch.metrics().splits)).toEqual([0, 0, 0])
  })

  it('[PL12] of a server without what voters need is refused, and a client never votes', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const without = (options: Parameters<typeof cluster.world.replica>[0], roster = cluster.roster): string => {
      try {
        watchPartitions(cluster.world.replica(options).replica, { roster })
        return 'ok'
      } catch (error) {
        return isRejoinError(error) ? error.reason : String(error)
      }
    }
    expect(without({ role: 'server', name: 'z' })).toMatch(/`voting`/)
    expect(without({ name: 'a' })).toMatch(/`voting`/)
    expect(without({ name: 'z' })).toBe('ok')
    cluster.world.advance(20_000)
    const client = clientOf(cluster)
    const watch = watchPartitions(client.replica)
    cluster.until('known', () => watch.status.roster !== undefined, 20)
    const asks = [
      () => watch.propose(cluster.roster),
      () => watch.force(cluster.roster),
      () => cluster.node('a').watch.propose({ ...cluster.roster, voters: [] }),
    ]
    for (const ask of asks) expect(ask).toThrow(/the option `voting`|voters/)
    expect(cluster.nodes.map(({ watch: { status } }) => status.roster?.epoch)).toEqual([1, 1, 1])
  })

  it('[PL14] sends heartbeats between voters, and to nobody else', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const client = clientOf(cluster)
    watchPartitions(client.replica)
    cluster.world.advance(10_000)
    const heardBy = (participant: Participant): Set<string> => {
      const heard = new Set<string>()
      const companion = insideOf(participant.replica).companions.get(2)
      if (companion === undefined) throw new Error('no partition layer')
      const receive = companion.receive.bind(companion)
      companion.receive = (session, bytes, now) => {
        const told = decodePartition(bytes)
        if (told.ok && told.value.kind === 'heartbeat') heard.add(session.peerName)
        receive(session, bytes, now)
      }
      return heard
    }
    const [a, atClient] = [heardBy(cluster.node('a').participant), heardBy(client)]
    cluster.world.advance(1500)
    expect([[...a].sort(), [...atClient]]).toEqual([['b', 'c'], []])
  })

  it('[PL13] works among peers without a server, who go by their names', () => {
    const world = new World()
    const names = ['ada', 'bob', 'eve']
    const roster = {
      epoch: 1,
      voters: names.map((id) => ({ id, weight: 1 })),
      policy: { kind: 'keep-majority' },
    } as const
    const wires = [world.wire('ada-bob'), world.wire('bob-eve'), world.wire('eve-ada')]
    const watches = names.map((name, at) => {
      const { replica, join } = world.replica({ role: 'peer', name })
      const [dials, listens] = [wires[at], wires[(at + 2) % 3]]
      join({ transports: [(dials as MemoryLink).dial, (listens as MemoryLink).listen] })
      return watchPartitions(replica, { voting, roster, isFounding: true })
    })
    world.advance(30_000)
    expect(watches.map(({ status }) => status.side)).toEqual(['full', 'full', 'full'])
    wires[1]?.cut()
    wires[2]?.cut()
    world.advance(60_000)
    expect(watches.map(({ status }) => status.side)).toEqual(['majority', 'majority', 'isolated'])
  })

  it('[PL25] leaves aside what only voters understand, where a roster names one that carries no votes', () => {
    const world = new World()
    const names = ['ada', 'bob', 'eve']
    const voters = names.map((id) => ({ id, weight: 1 }))
    const roster: Roster = { epoch: 1, voters, policy: { kind: 'keep-majority' } }
    const wires = [world.wire('ada-bob'), world.wire('bob-eve'), world.wire('eve-ada')]
    const replicas: Replica[] = []
    const [, , eve] = names.map((name, at) => {
      const { replica, join } = world.replica({ role: 'peer', name })
      replicas.push(replica)
      const [dials, listens] = [wires[at], wires[(at + 2) % 3]]
      join({ transports: [(dials as MemoryLink).dial, (listens as MemoryLink).listen] })
      return watchPartitions(replica, name === 'eve' ? {} : { voting, roster, isFounding: true })
    })
    world.advance(60_000)
    expect([eve?.status.connected.toSorted(), eve?.metrics().malformed]).toEqual([['ada', 'bob'], 0])
    expect(replicas.map((replica) => replica.metrics().malformedFrames)).toEqual([0, 0, 0])
  })

  it('[PL16] says who is suspected, since when, and when that one counts as gone', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const { watch } = cluster.node('a')
    expect(watch.status.suspected).toEqual([])
    cluster.between('c', 'ab', true)
    cluster.until('suspected', () => watch.status.suspected.length > 0, 30)
    const [suspicion] = watch.status.suspected
    const now = (): number => cluster.world.time.clock.now()
    expect(suspicion?.peer).toBe('c')
    expect(suspicion?.since).toBeLessThanOrEqual(now())
    expect(suspicion?.until).toBeGreaterThan(now())
    cluster.world.advance((suspicion?.until ?? 0) - now() - 1000)
    expect(watch.status.suspected).toEqual([suspicion])
    expect(watch.metrics().unreachable).toBe(0)
    cluster.world.advance(2000)
    expect(watch.status.suspected).toEqual([])
    expect(watch.metrics().unreachable).toBe(1)
  })

  it('[PL29] says the same of whoever is suspected each time, in whole milliseconds of the wall clock', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const { clock } = insideOf(cluster.node('a').participant.replica)
    cluster.between('c', 'ab', true)
    const said = new Set<string>()
    // As platforms have it: one clock in fractions, the other cut to whole milliseconds.
    const { monotonic, now } = { ...clock }
    Object.assign(clock, { monotonic: () => monotonic() + 0.7, now: () => Math.floor(now()) })
    for (let at = 0; at < 10_000; at += 10.3) {
      cluster.world.advance(10.3)
      for (const { since, until } of cluster.node('a').watch.status.suspected) {
        said.add(String(since))
        expect([since, until].every(Number.isInteger)).toBe(true)
      }
    }
    expect(said.size).toBe(1)
  })

  it('[PL21] a client of a server without a vote knows through it where it stands, for as long as that one is there', () => {
    const ids = ['a', 'b', 'c'].map((id) => ({ id, weight: 1 }))
    const cluster = new Cluster(['a', 'b', 'c', 'd'], { voters: ids })
    cluster.world.advance(40_000)
    const client = cluster.world.replica()
    const wire = cluster.world.wire('in')
    client.join({ transports: [wire.dial], capMs: 2000 })
    cluster.node('d').participant.join({ transports: [wire.listen] })
    const watch = watchPartitions(client.replica)
    const side = (): unknown => [watch.status.side, watch.status.members]
    cluster.until('full', () => watch.status.side === 'full', 10)
    cluster.between('c', 'abd', true)
    cluster.until('majority', () => watch.status.side === 'majority', 40)
    expect(side()).toEqual(['majority', ['a', 'b']])
    cluster.between('c', 'abd', false)
    cluster.until('full', () => watch.status.side === 'full', 65)
    cluster.between('d', 'abc', true)
    cluster.until('isolated', () => watch.status.side === 'isolated', 40)
    cluster.between('d', 'abc', false)
    cluster.until('full', () => watch.status.side === 'full', 65)
    wire.cut()
    cluster.until('isolated', () => watch.status.side === 'isolated', 40)
  })

  it('[PL23] tells the rows of a roster of the greatest size in several messages, each of which a connection takes', () => {
    const names = Array.from({ length: mostVoters }, (_, at) => `server-${String(at).padStart(3, '0')}`)
    const linkTo = (peer: string): PeerLink => ({ peer, kind: 'direct', since: 1_767_225_600_000 })
    const rowOf = (observer: string): ReachabilityRow => {
      const links = names.filter((name) => name !== observer).map(linkTo)
      return { observer, rosterEpoch: 1, version: 1, mayVote: true, contact: 'kept', links }
    }
    const told: PartitionMessage[] = []
    const duties = new Duties({
      core: { clock: { monotonic: () => 0 } },
      self: names[0],
      roster: { voters: new Set(names) },
      neighbours: { wire: new PartitionWire(), sendAll: (_: unknown, message: PartitionMessage) => told.push(message) },
      reachability: {
        rows: names.map((name) => ({ row: rowOf(name), isFresh: true, heardAt: 0 })),
      },
    } as unknown as DutiesGround)
    duties.publish([names[1] as string])
    const observers = told
      .flatMap((message) => (message.kind === 'rows' ? message.rows : []))
      .map(({ row }) => row.observer)
    expect(observers).toEqual(names)
    expect(told.length).toBeGreaterThan(2)
    for (const message of told) expect(encodePartition(message).length).toBeLessThan(200_000)
  })

  it('[PL26] is closed with its replica, before the connections: leases are given back, and nothing is told as lost', () => {
    const cluster = voters()
    for (const name of ['of ada', 'c']) {
      const { participant, watch } = name === 'c' ? cluster.node(name) : clientWithLeases(cluster, name)
      cluster.until('whole', () => watch.status.state === 'whole', 40)
      const first = wantAt({ participant, watch })
      cluster.until('held', () => first.lease.token !== undefined, 5)
      const second = want(cluster, 'b')
      cluster.world.advance(1000)
      const told: string[] = []
      watch.on('split', () => told.push('split'))
      watch.onVerdict(({ mode }) => told.push(mode))
      watch.onIncident((_, what) => told.push(what))
      participant.replica.close()
      expect([first.lease.token, first.told, told]).toEqual([undefined, ['usable', 'lost'], []])
      let waited = 0
      for (; second.lease.token === undefined && waited < 60_000; waited += 100) cluster.world.advance(100)
      expect(waited).toBeLessThan(ttlMs / 2)
      second.lease.release()
      cluster.world.advance(1000)
    }
  })

  it('[PL27] watches a replica once: again is refused until the first is closed, which it can be before it has begun', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    const { replica } = clientOf(cluster)
    const first = watchPartitions(replica)
    let reason = ''
    try {
      watchPartitions(replica)
    } catch (error) {
      reason = isRejoinError(error) ? `${error.code}: ${error.reason}` : String(error)
    }
    expect(reason).toMatch(/^config-invalid: Close the other watch first/)
    cluster.until('whole', () => first.status.state === 'whole', 20)
    first.close()
    watchPartitions(replica).close()
    const third = watchPartitions(replica)
    cluster.until('whole', () => third.status.state === 'whole', 20)
    const disk = createMemoryDisk().open()
    let fail: () => void = () => undefined
    const read = (): Promise<never> => new Promise((_, reject) => (fail = () => reject(new Error('too late'))))
    const late = { kind: 'late', read, write: disk.write.bind(disk), close: disk.close.bind(disk) }
    const world = new World()
    const slow = world.replica({ storage: late })
    const early = watchPartitions(slow.replica)
    slow.replica.close()
    fail()
    expect(() => early.lease({ name: 'match' }, 'round')).not.toThrow()
    expect(world.time.pending).toBe(0)
    expect(insideOf(slow.replica).companions.size).toBe(0)
  })

  it('[PL8] ends the connection of one that says what no partition layer would, and goes on', () => {
    const cluster = new Cluster(['a', 'b', 'c'])
    cluster.world.advance(30_000)
    const { replica } = cluster.node('a').participant
    for (const { session } of insideOf(cluster.node('b').participant.replica).connections) {
      if (session.peerName === 'a') session.send({ kind: 'aside', channel: 2, bytes: Uint8Array.of(2, 77) })
    }
    cluster.world.advance(100)
    expect(replica.metrics().malformedFrames).toBe(1)
    expect(cluster.node('a').watch.metrics().malformed).toBe(1)
    cluster.until('full', () => isAll(cluster, 'full'), 40)
  })
})
