import type { FencingToken } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type Receipt } from '../index.ts'
import { insideOf } from '../replica.ts'
import { sealRow } from '../rows.ts'
import type { Session } from '../session.ts'
import { outcome, World } from '../world.test-helper.ts'
import { Cluster } from './cluster.test-helper.ts'
import { clientOf, Match, type Side, ttlMs, voters, want, wantAt } from './leases.test-helper.ts'
import { Neighbours } from './neighbours.ts'
import type { PartitionOptions, PartitionStatus } from './partitions.ts'
import type { Roster, Voter } from './roster.ts'
import { RosterDesk, rosterPrefix } from './roster-desk.ts'
import { initialRosterLogState, lostRosterLogState } from './roster-record.ts'
import { encodeVote } from './voter-wire.ts'
import { voting } from './voting.ts'
import { encodeRosterRow } from './wire.ts'

const votersOf = (ids: string): Voter[] => [...ids].map((id) => ({ id, weight: 1 }))
const policy = { kind: 'keep-majority' } as const
const statusOf = (cluster: Cluster, name: string): PartitionStatus => cluster.node(name).watch.status

describe('rosters of which a server did not hear', () => {
  it.each([
    ['with common voters', [{ id: 'a', weight: 3 }, ...votersOf('bc')], votersOf('abc')],
    ['without', votersOf('a'), votersOf('bc')],
  ])('[RL6] are one again after two operators forced two, %s: one replica holds a lease', (_, left, right) => {
    const cluster = voters()
    cluster.between('a', 'bc', true)
    cluster.world.advance(30_000)
    cluster.node('a').watch.force({ voters: left, policy })
    cluster.node('b').watch.force({ voters: right, policy })
    cluster.world.advance(1000)
    const sides = [want(cluster, 'a'), want(cluster, 'b')]
    cluster.world.advance(60_000)
    const holders = (): number => sides.filter(({ lease }) => lease.token !== undefined).length
    expect(holders()).toBe(2)
    cluster.between('a', 'bc', false)
    const rosters = (): number =>
      new Set([...'abc'].map((name) => JSON.stringify(statusOf(cluster, name).roster?.voters))).size
    cluster.until('one holds', () => rosters() === 1, 10)
    cluster.world.advance(1000)
    expect(holders()).toBe(1)
    for (let second = 0; second < 60; second++) {
      cluster.world.advance(1000)
      expect(holders()).toBe(1)
    }
    // Who held it under the other gets it when that one gives it back.
    const [holder, other] = sides[0]?.lease.token === undefined ? sides.reverse() : sides
    holder?.lease.release()
    cluster.until('the other holds it', () => other?.lease.token !== undefined, 60)
  })

  it.each([
    ['at once', true],
    ['before that is on its disk', false],
  ])('[LX33] void a lease where one that was forced elsewhere is heard, %s', (_, autoFlush) => {
    const cluster = voters()
    const { lease } = want(cluster, 'b')
    cluster.until('b holds it', () => lease.token !== undefined, 60)
    cluster.between('a', 'bc', true)
    cluster.node('a').watch.force({ voters: votersOf('a'), policy })
    const other = want(cluster, 'a')
    cluster.until('a holds it, too', () => other.lease.token !== undefined, 60)
    // By votes that the operator said there would be none of.
    expect(lease.token).toBeDefined()
    const disk = cluster.disks.get('b')
    if (disk === undefined) throw new Error('no disk')
    disk.autoFlush = autoFlush
    cluster.between('a', 'bc', false)
    for (let tenth = 0; tenth < 600; tenth++) {
      cluster.world.advance(100)
      if (statusOf(cluster, 'b').roster?.epoch !== 1) expect(lease.token).toBeUndefined()
    }
    expect(statusOf(cluster, 'b').roster?.epoch).toBeGreaterThanOrEqual(2 ** 36)
  })

  it('[LX46] let who asks for a lease wait that is void, also while that is on its way to the disk', () => {
    const cluster = voters()
    const { lease } = want(cluster, 'b')
    cluster.until('b holds it', () => lease.token !== undefined, 60)
    cluster.between('a', 'bc', true)
    cluster.node('a').watch.force({ voters: votersOf('a'), policy })
    const disk = cluster.disks.get('b')
    if (disk === undefined) throw new Error('no disk')
    disk.autoFlush = false
    cluster.between('a', 'bc', false)
    cluster.until('b has heard of it', () => lease.token === undefined, 60)
    const got: unknown[] = []
    lease.held().then((token) => got.push(token, lease.token))
    expect(got).toEqual([])
    disk.autoFlush = true
    disk.flush()
    cluster.until('b holds it again', () => got.length > 0, 60)
    expect(got[0]).toEqual(got[1])
    expect(got[0]).toMatchObject({ epoch: statusOf(cluster, 'a').roster?.epoch })
  })

  it('[LX34] leave what is written under the one that is kept above what was under the other, however often that granted', () => {
    const cluster = voters()
    cluster.between('a', 'bc', true)
    cluster.node('a').watch.force({ voters: votersOf('a'), policy })
    cluster.world.advance(10_000)
    cluster.node('b').watch.force({ voters: votersOf('bc'), policy })
    cluster.world.advance(1000)
    const epochOf = (name: string): number => statusOf(cluster, name).roster?.epoch ?? 0
    const [kept, dropped] = epochOf('a') > epochOf('b') ? ['a', 'b'] : ['b', 'a']
    const write = ({ lease, handle }: Side, round: number): Receipt => {
      cluster.until('it is held', () => lease.token !== undefined, 60)
      return handle.change((draft) => draft.round.set(round), { token: lease.token as FencingToken })
    }
    const holder = want(cluster, kept)
    write(holder, 1)
    for (let round = 50; round < 55; round++) {
      const other = want(cluster, dropped)
      write(other, round)
      other.lease.release()
      cluster.world.advance(1000)
    }
    cluster.between('a', 'bc', false)
    cluster.until('they are one', () => epochOf('a') === epochOf('b'), 10)
    cluster.world.advance(5000)
    const counts = outcome(holder.lease.reached(write(holder, 2)))
    cluster.until('it counts', () => counts.code === 'resolved', 60)
    expect(holder.handle.snapshot.round).toBe(2)
    for (const { participant } of cluster.nodes)
      participant.replica.open('match', Match).then(({ snapshot }) => expect(snapshot.round).toBe(2))
  })

  it('[RL14] are taken by one that was away while the voters that it knew left, and by its clients', () => {
    const cluster = new Cluster([...'abcdef'], { voters: votersOf('abc') }, { maxTtlMs: ttlMs })
    cluster.world.advance(40_000)
    cluster.node('f').participant.replica.close()
    for (const [at, ids] of ['ade', 'def'].entries()) {
      cluster.node('a').watch.propose({ voters: votersOf(ids), policy })
      const isIn = (name: string): boolean => statusOf(cluster, name).roster?.epoch === at + 2
      const isSettled = (name: string): boolean => name === 'f' || statusOf(cluster, name).isSettled
      cluster.until('it is in force', () => [...'abcde'].every(isIn) && [...ids].every(isSettled), 300)
    }
    for (const name of 'abc') cluster.node(name).participant.replica.close()
    cluster.start('f')
    const ada = clientOf(cluster, 'of ada', { names: ['f'] })
    cluster.until('f has it', () => statusOf(cluster, 'f').roster?.epoch === 3, 30)
    cluster.until('its client, too', () => ada.watch.status.roster?.epoch === 3, 5)
    cluster.until('f votes', () => statusOf(cluster, 'f').isSettled, 30)
  })

  it('[RL14] are not those of a server that founded a group of its own', () => {
    const cluster = new Cluster([...'abcz'], { voters: votersOf('abc') }, { maxTtlMs: ttlMs })
    cluster.world.advance(1000)
    cluster.node('z').participant.replica.close()
    cluster.disks.delete('z')
    cluster.start('z', { roster: { epoch: 9, voters: votersOf('z'), policy }, isFounding: true })
    cluster.between('a', 'bc', true)
    cluster.world.advance(1000)
    cluster.node('z').watch.propose({ voters: votersOf('z'), policy })
    cluster.world.advance(60_000)
    expect(statusOf(cluster, 'z').roster?.epoch).toBe(10)
    expect([...'abc'].map((name) => statusOf(cluster, name).roster?.epoch)).toEqual([1, 1, 1])
  })

  it.each([
    ['a', 'ad'],
    ['a', 'ade'],
    ['abc', 'ade'],
  ])('[RL13] are taken up by servers that begin anew and do not know their past: from %s to %s', (from, to) => {
    const all = [...new Set(from + to)]
    const cluster = new Cluster(all, { voters: votersOf(from) }, { maxTtlMs: ttlMs })
    for (const name of all.filter((one) => !from.includes(one))) {
      cluster.node(name).participant.replica.close()
      cluster.disks.delete(name)
      cluster.start(name, { isFounding: false })
    }
    cluster.world.advance(40_000)
    cluster.node('a').watch.propose({ voters: votersOf(to), policy })
    const isIn = (name: string): boolean =>
      statusOf(cluster, name).roster?.epoch === 2 && statusOf(cluster, name).isSettled
    cluster.until('it is in force, and all are settled', () => [...to].every(isIn), 30)
  })
})

describe('a server that was started', () => {
  const own = (name: string): PartitionOptions => ({
    roster: { epoch: 1, voters: votersOf(name), policy },
    isFounding: true,
  })
  const begin = (from: string, to: string, optionsOf: (name: string) => PartitionOptions): Cluster => {
    const all = [...new Set(from + to)]
    const cluster = new Cluster(all, { voters: votersOf(from) }, { maxTtlMs: ttlMs })
    for (const name of all.filter((one) => !from.includes(one))) {
      cluster.node(name).participant.replica.close()
      cluster.disks.delete(name)
      cluster.start(name, optionsOf(name))
    }
    cluster.world.advance(40_000)
    return cluster
  }
  const isIn = (cluster: Cluster, names: string, epoch: number): boolean =>
    [...names].every((name) => {
      const { roster, isSettled } = statusOf(cluster, name)
      return roster?.epoch === epoch && isSettled
    })

  it.each([
    ['a', 'ad'],
    ['a', 'ade'],
    ['abc', 'abd'],
    ['abc', 'abcd'],
    ['abc', 'ade'],
  ])('[RL17] alone gives up its own group for the one that asks for its vote: from %s to %s', (from, to) => {
    const cluster = begin(from, to, own)
    const alone = [...to].filter((name) => !from.includes(name))
    // Nobody has asked yet.
    expect(alone.map((name) => statusOf(cluster, name).roster?.voters.map(({ id }) => id))).toEqual(
      alone.map((name) => [name]),
    )
    cluster.node('a').watch.propose({ voters: votersOf(to), policy })
    cluster.until('all vote', () => isIn(cluster, to, 2), 60)
    const { lease } = want(cluster, to.at(-1) as string)
    cluster.until('one that joined holds a lease', () => lease.token !== undefined, 60)
  })

  it.each([
    ['before', 'a', 'd'],
    ['after', 'd', 'a'],
  ])(
    '[LX35] alone holds no lease of its own group once it goes by the one that asks, which stands %s it',
    (_, asks, alone) => {
      const cluster = begin(asks, asks + alone, own)
      const sides = [want(cluster, asks), want(cluster, alone)]
      const holders = (): number => sides.filter(({ lease }) => lease.token !== undefined).length
      cluster.until('each holds it in its own group', () => holders() === 2, 60)
      // Nothing comes of that: the third is nowhere.
      cluster.node(asks).watch.propose({ voters: votersOf('adx'), policy: { kind: 'static-quorum', voters: 3 } })
      const votersAt = (name: string): unknown => statusOf(cluster, name).roster?.voters
      for (let tenth = 0; tenth < 600; tenth++) {
        cluster.world.advance(100)
        if (JSON.stringify(votersAt(alone)) === JSON.stringify(votersAt(asks))) expect(holders()).toBeLessThan(2)
      }
      expect(votersAt(alone)).toEqual(votersOf(asks))
      sides[0]?.lease.release()
      cluster.until('it holds one of the group', () => sides[1]?.lease.token !== undefined, 60)
    },
  )

  it('[RL17] alone, and is named by a roster that it had no part in, is no voter that remembers', () => {
    const cluster = begin('abc', 'abcd', own)
    cluster.between('d', 'abc', true)
    cluster.node('a').watch.propose({ voters: votersOf('abcd'), policy })
    cluster.until('it is in force', () => isIn(cluster, 'abc', 2), 30)
    cluster.between('d', 'abc', false)
    cluster.until('d is told', () => statusOf(cluster, 'd').roster?.epoch !== 1, 30)
    expect(statusOf(cluster, 'd').isSettled).toBe(false)
    cluster.until('it is readmitted', () => isIn(cluster, 'abcd', 3), 60)
  })

  it('[RL17] anew without memory, as the only voter of itself, follows those to whom the roster went since', () => {
    const cluster = begin('a', 'abc', () => ({ isFounding: false }))
    cluster.node('a').watch.propose({ voters: votersOf('bc'), policy })
    cluster.until('it is in force', () => isIn(cluster, 'bc', 2), 60)
    cluster.node('a').participant.replica.close()
    cluster.disks.delete('a')
    cluster.start('a', { isFounding: false })
    cluster.until('it has it', () => statusOf(cluster, 'a').roster?.epoch === 2, 10)
  })

  it.each([false, true])(
    '[RL19] alone, and grew to a group with others, goes on with one of them by force: all started again before: %s',
    (isAgain) => {
      const cluster = begin('a', 'abc', own)
      for (const [at, ids] of ['ab', 'abc'].entries()) {
        cluster.node('a').watch.propose({ voters: votersOf(ids), policy })
        cluster.until('it is in force', () => isIn(cluster, ids, at + 2), 60)
      }
      for (const name of 'abc') {
        if (isAgain || name === 'a') cluster.node(name).participant.replica.close()
        if (isAgain && name !== 'a') cluster.start(name, own(name))
      }
      cluster.world.advance(10_000)
      cluster.node('b').watch.force({ voters: votersOf('bc'), policy })
      cluster.until('both vote', () => [...'bc'].every((name) => statusOf(cluster, name).isSettled), 10)
      const { lease } = want(cluster, 'c')
      cluster.until('it holds a lease', () => lease.token !== undefined, 60)
    },
  )

  it.each(['adx', 'dax', 'xda'])(
    '[RL17] to join others follows them through one that joined itself, and its clients do: of %s',
    (ids) => {
      const [first, joins, through] = [...ids] as [string, string, string]
      const cluster = new Cluster([...ids], { voters: votersOf(first) }, { maxTtlMs: ttlMs })
      cluster.between(first, ids, true)
      for (const name of joins + through) {
        cluster.node(name).participant.replica.close()
        cluster.disks.delete(name)
        cluster.start(name, { ...own(name), isFounding: false })
      }
      const client = wantAt(clientOf(cluster, 'of ada', { names: [joins] }))
      const sides = [client, want(cluster, joins)]
      cluster.world.advance(40_000)
      expect(client.lease.denial).toContain('No voters are known here')
      cluster.between(first, through, false)
      const votersAt = (name: string): unknown => statusOf(cluster, name).roster?.voters
      cluster.until(
        'both follow',
        () => [joins, through].every((name) => JSON.stringify(votersAt(name)) === JSON.stringify(votersOf(first))),
        10,
      )
      cluster.between(first, joins, false)
      for (const who of ['one', 'the other']) {
        const holder = (): Side | undefined => sides.find(({ lease }) => lease.token !== undefined)
        cluster.until(`${who} holds a lease`, () => holder() !== undefined, 60)
        sides.splice(sides.indexOf(holder() as Side), 1)[0]?.lease.release()
      }
    },
  )

  it.each([
    ['without a roster', {}],
    ['with another one than the others were', { roster: { epoch: 1, voters: votersOf('abcd'), policy } }],
    ['with one that stands before theirs', { roster: { epoch: 1, voters: votersOf('abcde').slice(1), policy } }],
  ] as const)('[RL18] %s learns that of the servers that it reaches, and votes once it is named', (_, options) => {
    const cluster = begin('abc', 'abcd', () => ({ roster: undefined, isFounding: false, ...options }) as never)
    expect(statusOf(cluster, 'd').roster?.voters.map(({ id }) => id)).toEqual([...'abc'])
    expect(statusOf(cluster, 'd').verdict?.mode).toBe('full')
    cluster.node('a').watch.propose({ voters: votersOf('abcd'), policy })
    cluster.until('it votes', () => isIn(cluster, 'abcd', 2), 30)
  })

  it.each(['abc', 'bcd'])(
    '[RL18] again on an empty disk with %s as voters, where it was one of abd, takes nobody else there',
    (ids) => {
      const cluster = new Cluster([...'abd'], { voters: votersOf('abd') }, { maxTtlMs: ttlMs })
      cluster.world.advance(40_000)
      cluster.node('d').participant.replica.close()
      cluster.disks.delete('d')
      cluster.start('d', { roster: { epoch: 1, voters: votersOf(ids), policy }, isFounding: false })
      cluster.world.advance(60_000)
      for (const name of 'abd') expect(statusOf(cluster, name).roster?.voters, name).toEqual(votersOf('abd'))
      const { lease } = want(cluster, 'd')
      cluster.until('all vote', () => [...'abd'].every((name) => statusOf(cluster, name).isSettled), 60)
      cluster.until('it holds a lease', () => lease.token !== undefined, 60)
    },
  )
})

describe('a replica that takes the roster of its server', () => {
  const after = { epoch: 5, voters: votersOf('abc'), policy }
  const told = { kind: 'roster', roster: after, isPending: false } as const
  const server = { isServer: true, peerName: 'a', peer: { role: 'server' } } as Session
  const deskOf = (options: PartitionOptions): RosterDesk => {
    const core = insideOf(new World().replica({ role: 'peer', name: 'c', disk: createMemoryDisk() }).replica)
    const ignore = (): void => undefined
    const ground = { core, self: 'c', neighbours: new Neighbours(core), maxTtlMs: ttlMs, options }
    return new RosterDesk({ ...ground, inForce: ignore, votes: ignore, tell: ignore })
  }

  it('[PL31] keeps nothing of what a voter answered for under another one, and votes by none that it was told first', () => {
    const before: Roster = { epoch: 1, voters: votersOf('abc'), policy }
    const ballot = { round: 3, by: 'b' }
    const accepted = { ballot, roster: { ...before, epoch: 2 } }
    const state = { ...initialRosterLogState(before), promised: ballot, accepted }
    const row = encodeRosterRow({ ...state, vote: encodeVote(state) })
    const rows = [{ key: rosterPrefix, bytes: sealRow(row) }]
    const voter = deskOf({ voting })
    voter.begin(rows)
    expect(voter.log?.state).toEqual(state)
    const reads = deskOf({})
    reads.begin(rows)
    expect(reads.log?.state).toMatchObject(lostRosterLogState(before))
    const isNew = deskOf({})
    isNew.begin([])
    const votes = deskOf({ voting })
    votes.begin([])
    for (const desk of [reads, isNew, votes]) {
      desk.receive(server, told)
      expect(desk.log?.state).toMatchObject(lostRosterLogState(after))
      expect([desk.log?.state.accepted, desk.mayVote]).toEqual([undefined, false])
    }
  })

  it('[RL6] votes under neither of two of one epoch before the later one stands on its disk', () => {
    const epoch = 2 ** 36
    const disk = createMemoryDisk()
    const world = new World()
    const core = insideOf(world.replica({ role: 'server', name: 'a', disk }).replica)
    const ignore = (): void => undefined
    const first: Roster = { epoch, voters: votersOf('a'), policy }
    const desk = new RosterDesk({
      core,
      self: 'a',
      neighbours: new Neighbours(core),
      maxTtlMs: ttlMs,
      options: { voting, roster: first, isFounding: true },
      inForce: ignore,
      votes: ignore,
      tell: ignore,
    })
    core.batch(() => desk.begin([]))
    world.advance(100)
    expect(desk.mayVote).toBe(true)
    disk.autoFlush = false
    core.batch(() => desk.step({ kind: 'learn', roster: { ...first, voters: [{ id: 'a', weight: 2 }] } }))
    world.advance(100)
    expect([desk.roster?.voters[0]?.weight, desk.mayVote]).toEqual([2, false])
    disk.autoFlush = true
    disk.flush()
    world.advance(100)
    expect(desk.mayVote).toBe(true)
  })
})
