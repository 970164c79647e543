import { authorIdFrom, rejoinError, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from '../index.ts'
import { deferred, rejected, resolved } from '../later.ts'
import type { Limits } from '../limits.ts'
import { insideOf } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { StorageOp, StoredRow } from '../seams.ts'
import { Raid, World } from '../world.test-helper.ts'
import { Handover } from './handover.ts'
import { rosterOf } from './lease/lease.test-helper.ts'
import type { Neighbours } from './neighbours.ts'
import type { NodeId } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { forcedEpochAfter, initialRosterLogState, type RosterLogState } from './roster-record.ts'
import type { CountedVersion, PartitionMessage } from './wire.ts'

type Told = Extract<PartitionMessage, { kind: 'handover' | 'handed' }>

const author = authorIdFrom('00000000000000a1')
const upTo = (seq: number): Version => Version.from([[author, seq]])
const before = rosterOf(1, 'a', 'b', 'c')
const roster = rosterOf(2, 'a', 'd', 'e')
/** A voter that has just taken this roster. */
const taken: RosterLogState = { ...initialRosterLogState(roster), votesFrom: 1, previous: before, settled: 1 }

/** The disk finds a row by its key, not by going through all. */
function readByKey(core: ReplicaCore, disk: MemoryDisk): void {
  core.storage.read = (key) => {
    const bytes = disk.rows.get(key)
    return resolved(bytes === undefined ? [] : [{ key, bytes }])
  }
}

/** What is read from now on is told when the test says so. */
function holdReads({ storage }: ReplicaCore): { go(): void } {
  const read = storage.read.bind(storage)
  const waiting: (() => void)[] = []
  storage.read = (prefix) => {
    const rows = deferred<readonly StoredRow[]>()
    waiting.push(() => read(prefix).then(rows.resolve, rows.reject))
    return rows.later
  }
  return {
    go: () => {
      for (const tell of waiting.splice(0)) tell()
    },
  }
}

/** How many rows each reading below a prefix has found since this was asked last. */
function countReads({ storage }: ReplicaCore): (below: string) => number[] {
  const read = storage.read.bind(storage)
  let found: [string, number][] = []
  storage.read = (prefix) =>
    read(prefix).then((rows) => {
      found.push([prefix, rows.length])
      return rows
    })
  return (below) => {
    const counts = found.flatMap(([prefix, count]) => (prefix.startsWith(below) ? count : []))
    found = found.filter(([prefix]) => !prefix.startsWith(below))
    return counts
  }
}

/** The handover of one voter, whose log and connections are played by the test. */
function voter(
  self: NodeId,
  first: RosterLogState,
  disk: MemoryDisk = createMemoryDisk(),
  limits: Partial<Limits> = {},
) {
  const world = new World()
  const { replica } = world.replica({ role: 'server', name: self, disk, limits })
  const core = insideOf(replica)
  const pushed: string[] = []
  const push = core.queue.push.bind(core.queue)
  core.queue.push = (ops: readonly StorageOp[], done?: () => void) => {
    pushed.push(...ops.map((op) => `${op.kind} ${op.kind === 'delete-prefix' ? op.prefix : op.key}`))
    push(ops, done)
  }
  const sent: [NodeId, Told][] = []
  const held: (() => void)[] = []
  const at = { state: first, isDurable: true }
  const desk = {
    log: {
      get state() {
        return at.state
      },
    },
    step: (input: { kind: string; epoch?: number }) => {
      if (input.kind !== 'settle') return
      pushed.push('settled')
      at.state = { ...at.state, settled: input.epoch as number }
    },
    afterAll: (run: () => void) => (at.isDurable ? run() : held.push(run)),
  }
  const neighbours = { send: (to: NodeId, told: Told) => sent.push([to, told]) }
  const handover = new Handover({
    core,
    self,
    neighbours: neighbours as unknown as Neighbours,
    desk: desk as unknown as RosterDesk,
  })
  core.batch(() => handover.begin())
  const hand = (from: NodeId, counted: readonly CountedVersion[], more: Partial<Told> = {}): void => {
    const told = { kind: 'handed', epoch: 2, after: '', settled: 1, counted, isLast: true, ...more } as Told
    core.batch(() => handover.receive(from, told))
  }
  const ask = (from: NodeId, epoch = 2, after = ''): Told | undefined => {
    const count = sent.length
    core.batch(() => handover.receive(from, { kind: 'handover', epoch, after }))
    return sent.slice(count).find(([, told]) => told.kind === 'handed')?.[1]
  }
  const asked = (): string => sent.flatMap(([to, { kind }]) => (kind === 'handover' ? to : [])).join('')
  /** Whether leases of a document, of which this version is on the disk, are granted by nobody; as votes judge it. */
  const isBehind = (document: string, version: Version, isKept: boolean): boolean => {
    let isLacking = true
    handover.counted(document).then(
      (counted) => {
        isLacking = !version.covers(counted)
        if (!isLacking && isKept) core.batch(() => handover.covered(document))
      },
      () => {},
    )
    return isLacking
  }
  return { at, world, core, disk, handover, pushed, sent, held, hand, ask, asked, isBehind, replica }
}

describe('a handover', () => {
  it('[LX14] asks all voters of both rosters until it knows enough, and grants nothing before', () => {
    const { handover, asked, hand, isBehind, at, world, sent } = voter('d', { ...taken, settled: 0 })
    expect(asked()).toBe('aebc')
    expect(isBehind('match', upTo(9), true)).toBe(true)
    hand('b', [])
    // Nobody asked for that.
    hand('b', [], { settled: 2 })
    expect([at.state.settled, isBehind('match', upTo(9), true)]).toEqual([0, true])
    world.advance(1000)
    sent.length = 0
    handover.tick()
    expect(asked()).toBe('aec')
    hand('c', [])
    expect([at.state.settled, isBehind('match', upTo(9), true), handover.wakeAt]).toEqual([2, false, undefined])
  })

  it('[LX21] asks those anew who were not settled when they had answered in full, and may be: voters of now', () => {
    const { asked, hand, world, sent, handover, at } = voter('d', { ...taken, settled: 0 })
    for (const from of 'eb') hand(from, [])
    const askedAfter = (ms: number): string => {
      world.advance(ms)
      sent.length = 0
      handover.tick()
      return asked()
    }
    expect([askedAfter(4000), askedAfter(1000)]).toEqual(['ac', 'aec'])
    hand('e', [], { settled: 2 })
    expect(at.state.settled).toBe(2)
  })

  it('[LX14] counts its own part where it was a voter before, and a single one that is settled', () => {
    const own = voter('a', taken)
    own.hand('d', [])
    expect(own.at.state.settled).toBe(1)
    own.hand('b', [])
    expect(own.at.state.settled).toBe(2)
    const one = voter('d', { ...taken, settled: 0 })
    one.hand('e', [], { settled: 2 })
    expect(one.at.state.settled).toBe(2)
    // It lost its disk since: what it voted for before it does not know.
    const lost = voter('a', { ...taken, votesFrom: 2 })
    lost.hand('b', [])
    expect(lost.at.state.settled).toBe(1)
    // Nobody else is to be asked, and nobody who does not vote asks.
    expect(voter('a', { ...taken, roster: rosterOf(2, 'a'), previous: rosterOf(1, 'a') }).at.state.settled).toBe(2)
    expect(voter('z', { ...taken, settled: 0 }).asked()).toBe('')
  })

  it('[LX14] holds back what a document lacks until it has it, over a restart, and then forgets it', () => {
    const first = voter('d', { ...taken, settled: 0 })
    first.hand('b', [{ document: 'match/é', version: upTo(3) }])
    first.hand('c', [{ document: 'match/é', version: upTo(5) }])
    const rows = first.pushed.filter((op) => op.startsWith('put p/h0/'))
    // On the disk before that it is settled.
    expect(first.pushed.lastIndexOf(rows[0] as string)).toBeLessThan(first.pushed.indexOf('settled'))
    expect(rows.length).toBe(2)
    const behind = ({ isBehind }: typeof first): boolean[] => [
      isBehind('match/é', upTo(4), true),
      isBehind('other', Version.empty, true),
    ]
    expect(behind(first)).toEqual([true, false])
    first.world.advance(10)
    const second = voter('d', first.at.state, first.disk)
    expect(behind(second)).toEqual([true, false])
    const rowsLeft = (): number => [...first.disk.rows.keys()].filter((key) => key.startsWith('p/h0/')).length
    expect(second.isBehind('match/é', upTo(5), false)).toBe(false)
    second.world.advance(10)
    // Without a row of its votes it would be told of in no handover.
    expect(rowsLeft()).toBe(1)
    expect(second.isBehind('match/é', upTo(5), true)).toBe(false)
    second.world.advance(10)
    expect(rowsLeft()).toBe(0)
  })

  it('[LX14] asks again where it cannot read what it has to hold', () => {
    const first = voter('d', { ...taken, settled: 0 })
    for (const from of 'bc') first.hand(from, [{ document: 'match', version: upTo(3) }])
    first.world.advance(10)
    const key = 'p/h0/match/'
    first.disk.rows.set(key, (first.disk.rows.get(key) as Uint8Array).with(2, 77))
    const second = voter('d', first.at.state, first.disk)
    expect([second.asked(), second.isBehind('other', upTo(9), true)]).toEqual(['', false])
    expect(second.isBehind('match', upTo(3), true)).toBe(true)
    expect([second.asked(), second.isBehind('other', upTo(9), true)]).toEqual(['aebc', true])
    expect(second.ask('e')).toBeUndefined()
    second.hand('e', [{ document: 'match', version: upTo(4) }], { settled: 2 })
    expect([second.isBehind('match', upTo(3), true), second.isBehind('other', upTo(9), true)]).toEqual([true, false])
    second.world.advance(10)
    expect(voter('d', second.at.state, first.disk).isBehind('match', upTo(3), true)).toBe(true)
  })

  it('[LX14] begins to ask once for what it cannot read, and does not count its own part meanwhile', () => {
    const first = voter('a', taken)
    for (const from of 'bc') first.hand(from, [{ document: 'match', version: upTo(3) }])
    const key = 'p/h0/match/'
    first.disk.rows.set(key, (first.disk.rows.get(key) as Uint8Array).with(2, 77))
    // Under the next roster it is one of those before, with what it took over.
    const { at, hand, isBehind } = voter('a', { ...taken, settled: 2 }, first.disk)
    expect(isBehind('match', upTo(3), true)).toBe(true)
    hand('b', [{ document: 'a', version: upTo(3) }], { isLast: false })
    expect([isBehind('match', upTo(3), true), isBehind('other', Version.empty, true)]).toEqual([true, true])
    hand('b', [{ document: 'match', version: upTo(3) }], { after: 'a' })
    expect(isBehind('other', Version.empty, true)).toBe(true)
    hand('c', [])
    expect([at.state.settled, isBehind('other', Version.empty, true)]).toEqual([2, false])
  })

  it('[LX14] holds nothing back for what it cannot read and nobody tells of: that did not count', () => {
    const { hand, disk, isBehind, world, at, sent } = voter('d', { ...taken, settled: 0 })
    for (const from of 'bc') hand(from, [{ document: 'match', version: upTo(3) }])
    const key = 'p/h0/match/'
    disk.rows.set(key, (disk.rows.get(key) as Uint8Array).with(2, 77))
    expect(isBehind('match', upTo(3), true)).toBe(true)
    hand('e', [{ document: 'match', version: Version.empty }], { settled: 2 })
    world.advance(10)
    sent.length = 0
    expect([at.state.settled, isBehind('match', Version.empty, true), disk.rows.has(key)]).toEqual([2, false, false])
    expect(sent).toEqual([])
  })

  it('[LX14] takes answers in their order, of this roster, and from those it asked', () => {
    const { hand, at, sent } = voter('d', { ...taken, settled: 0 })
    const row = (document: string): CountedVersion => ({ document, version: upTo(1) })
    const wrong: [NodeId, readonly CountedVersion[], Partial<Told>][] = [
      ['z', [], {}],
      ['b', [], { epoch: 3 }],
      ['b', [], { after: 'x' }],
      ['b', [], { isLast: false }],
      ['b', [row('y'), row('x')], {}],
      ['b', [row('')], {}],
    ]
    for (const [from, counted, more] of wrong) hand(from, counted, { settled: 2, ...more })
    expect(at.state.settled).toBe(0)
    // Whoever became settled while it answered was not when it began.
    hand('b', [row('x')], { settled: 1, isLast: false })
    expect(sent.at(-1)).toEqual(['b', { kind: 'handover', epoch: 2, after: 'x' }])
    hand('b', [row('z')], { settled: 2, after: 'x' })
    expect(at.state.settled).toBe(0)
  })

  it('[LX15] tells what votes were about, once it votes no more and its disk says so, and nothing to strangers', () => {
    const disk = createMemoryDisk()
    const { replica, world, core } = voter('b', taken, disk)
    for (const name of ['match', 'raid/é'])
      replica.open(name, Raid).then((handle) => {
        handle.change((draft) => draft.potions.add(1))
      })
    const bytes = new Uint8Array()
    const votes = ['p/l/match/', 'p/l/raid%2F%C3%A9/']
    core.batch(() => core.queue.push(votes.map((key) => ({ kind: 'put', key, bytes }))))
    world.advance(100)
    const durable = new Map(core.shelf.cores().map(({ name, durable: version }) => [name, version]))
    const accepted = { ballot: { round: 1, by: 'a' }, roster }
    const ceased: RosterLogState = { ...initialRosterLogState(before), accepted }
    const { ask, at, held, sent } = voter('b', ceased, disk)
    const all = ask('d')
    expect(all).toMatchObject({ epoch: 2, after: '', settled: 1, isLast: true })
    const told = (all as Extract<Told, { kind: 'handed' }>).counted.map(({ document, version }) => [
      document,
      version.equals(durable.get(document) as Version) && version.covers(Version.empty),
    ])
    expect(told).toEqual([
      ['match', true],
      ['raid/é', true],
    ])
    expect(ask('d', 2, 'match')).toMatchObject({ after: 'match', counted: [{ document: 'raid/é' }], isLast: true })
    at.state = initialRosterLogState(before)
    expect([ask('a'), ask('d')]).toEqual([undefined, undefined])
    at.state = ceased
    expect([ask('z'), ask('d', 3)]).toEqual([undefined, undefined])
    at.state = { ...ceased, settled: 0 }
    expect(ask('d')).toBeUndefined()
    at.state = ceased
    at.isDurable = false
    expect(ask('d')).toBeUndefined()
    // One answer at a time.
    expect([ask('d'), held.length]).toEqual([undefined, 1])
    const count = sent.length
    held[0]?.()
    expect(sent.slice(count).map(([to, { kind }]) => `${to} ${kind}`)).toEqual(['d handed'])
  })

  it.each(['p/h0/', 'p/l/', 'd/other/', 'p/h0/other/'])(
    '[LX15] tells nothing while it cannot read all of it, and then does: %s',
    (unread) => {
      const disk = createMemoryDisk()
      for (const name of ['match', 'other']) disk.rows.set(`p/l/${name}/`, new Uint8Array())
      const accepted = { ballot: { round: 1, by: 'a' }, roster }
      const { ask, core } = voter('b', { ...initialRosterLogState(before), accepted }, disk)
      const { read } = core.storage
      core.storage.read = (prefix) => (prefix === unread ? rejected(rejoinError('storage-unavailable')) : read(prefix))
      expect([ask('d'), ask('d', 2, 'match')]).toEqual([undefined, undefined])
      core.storage.read = read
      core.shelf.readMissed()
      expect(ask('d', 2, 'match')).toMatchObject({ counted: [{ document: 'other' }], isLast: true })
    },
  )

  it('[LX15] tells less in one answer where versions are large', () => {
    const { hand, ask } = voter('d', { ...taken, settled: 0 })
    const authors = Array.from({ length: 200 }, (_, nth) => authorIdFrom(`0000000000000${100 + nth}`))
    const version = Version.from(authors.map((name) => [name, 1]))
    const rows = Array.from({ length: 100 }, (_, nth) => ({ document: `m${100 + nth}`, version }))
    hand('e', rows, { settled: 2 })
    expect(ask('a')).toMatchObject({ isLast: false, counted: { length: 21 } })
    expect(ask('a', 2, 'm183')).toMatchObject({ isLast: true, counted: { length: 16 } })
  })

  it('[LX15] tells what it has to hold itself, joined with what it holds, in answers of a bounded size', () => {
    const { hand, ask, at } = voter('d', { ...taken, settled: 0 })
    const names = Array.from({ length: 300 }, (_, nth) => `m${1000 + nth}`)
    const rows = names.map((document) => ({ document, version: upTo(7) }))
    hand('b', rows.slice(0, 256), { isLast: false })
    hand('b', rows.slice(256), { after: 'm1255' })
    hand('c', [{ document: 'm1001', version: Version.from([[authorIdFrom('00000000000000b2'), 1]]) }])
    expect(at.state.settled).toBe(2)
    const first = ask('a') as Extract<Told, { kind: 'handed' }>
    expect([first.counted.length, first.isLast, first.settled]).toEqual([256, false, 2])
    expect(first.counted[1]?.version.toJSON()).toEqual({ '00000000000000a1': 7, '00000000000000b2': 1 })
    const second = ask('a', 2, 'm1255') as Extract<Told, { kind: 'handed' }>
    expect([second.counted.length, second.counted[0]?.document, second.isLast]).toEqual([44, 'm1256', true])
  })

  it('[LX30] takes over any number of documents, in pages of which each is on the disk before the next is asked for', () => {
    const { hand, at, core, disk, isBehind, sent } = voter('d', { ...taken, settled: 0 })
    readByKey(core, disk)
    const pages = 260
    const nameOf = (page: number, nth: number): string => `${1000 + page}/${1000 + nth}`
    for (let page = 0; page < pages; page += 1) {
      const counted = Array.from({ length: 256 }, (_, nth) => ({ document: nameOf(page, nth), version: upTo(3) }))
      const after = page === 0 ? '' : nameOf(page - 1, 255)
      hand('e', counted, { settled: 2, after, isLast: page === pages - 1 })
      if (page < pages - 1) expect(sent.at(-1)?.[1]).toMatchObject({ kind: 'handover', after: nameOf(page, 255) })
    }
    expect(at.state.settled).toBe(2)
    expect(disk.rows.size).toBeGreaterThan(66_000)
    for (const [page, nth] of [
      [0, 0],
      [pages - 1, 255],
    ] as const)
      expect([upTo(2), upTo(3)].map((version) => isBehind(nameOf(page, nth), version, true))).toEqual([true, false])
  })

  it('[LX30] joins what several tell of one document, one page at a time, and is settled when that is on the disk', () => {
    const disk = createMemoryDisk()
    const { hand, at, isBehind, sent, handover, world } = voter('d', { ...taken, settled: 0 }, disk)
    world.advance(10)
    disk.autoFlush = false
    const other = Version.from([[authorIdFrom('00000000000000b2'), 1]])
    const asks = (): unknown[] => sent.splice(0).map(([to, told]) => `${to} ${told.kind === 'handover' && told.after}`)
    asks()
    hand('b', [{ document: 'match', version: upTo(3) }], { isLast: false })
    hand('c', [{ document: 'match', version: other }])
    expect(asks()).toEqual([])
    disk.flush()
    expect(asks()).toEqual(['b match'])
    hand('c', [{ document: 'match', version: other }])
    hand('b', [{ document: 'other', version: other }], { after: 'match' })
    world.advance(1000)
    handover.tick()
    // Of c the answer is on its way to the disk, b was not heard meanwhile.
    expect(asks()).toEqual(['a ', 'e ', 'b match', 'c '])
    disk.flush()
    hand('b', [{ document: 'other', version: other }], { after: 'match' })
    expect(at.state.settled).toBe(0)
    disk.flush()
    expect(at.state.settled).toBe(2)
    expect([upTo(3), other, upTo(3).merge(other)].map((version) => isBehind('match', version, false))).toEqual([
      true,
      true,
      false,
    ])
  })

  it('[LX30] is settled by nothing else while a page is on its way to the disk', () => {
    const disk = createMemoryDisk()
    const single = { ...taken, roster: rosterOf(2, 'a', 'd'), previous: rosterOf(1, 'a'), settled: 0 }
    const { hand, at, handover, world } = voter('a', single, disk)
    world.advance(1000)
    disk.autoFlush = false
    hand('d', [{ document: 'match', version: upTo(3) }])
    // As if it had known all that counted before.
    at.state = { ...single, settled: 1 }
    handover.tick()
    expect(at.state.settled).toBe(1)
    disk.flush()
    expect(at.state.settled).toBe(2)
  })

  it('[LX30] counts no answer of before another roster that reaches the disk only then', () => {
    const disk = createMemoryDisk()
    const { hand, at, core, handover, world } = voter('d', { ...taken, settled: 0 }, disk)
    world.advance(10)
    disk.autoFlush = false
    hand('e', [{ document: 'match', version: upTo(3) }], { settled: 9 })
    at.state = { ...at.state, roster: rosterOf(3, 'd', 'e'), previous: roster }
    core.batch(() => handover.begin())
    disk.flush()
    expect(at.state.settled).toBe(0)
  })

  it('[LX30] takes a page again that could not be joined with what is on the disk', () => {
    const { hand, at, core, sent, handover, world } = voter('d', { ...taken, settled: 0 })
    const { read } = core.storage
    core.storage.read = () => rejected(rejoinError('storage-unavailable'))
    hand('e', [{ document: 'match', version: upTo(3) }], { settled: 2 })
    expect(at.state.settled).toBe(0)
    core.storage.read = read
    world.advance(1000)
    sent.length = 0
    handover.tick()
    expect(sent[1]).toEqual(['e', { kind: 'handover', epoch: 2, after: '' }])
    hand('e', [{ document: 'match', version: upTo(3) }], { settled: 2 })
    expect(at.state.settled).toBe(2)
  })

  it('[LX30] judges by no row that was read under a roster before', () => {
    const { core, handover, at, hand } = voter('d', { ...taken, settled: 0 })
    hand('e', [{ document: 'match', version: upTo(3) }], { settled: 2 })
    const late = holdReads(core)
    const told: unknown[] = []
    const count = (): void => {
      handover.counted('match').then(
        (version) => told.push(version.toJSON()),
        () => told.push('not known'),
      )
    }
    count()
    late.go()
    count()
    at.state = { ...at.state, roster: rosterOf(3, 'd', 'e'), previous: roster, settled: 3 }
    core.batch(() => handover.begin())
    late.go()
    expect(told).toEqual([{ '00000000000000a1': 3 }, 'not known'])
  })

  it('[LX30] tells nothing of what was lost while it was read', () => {
    const first = voter('d', { ...taken, settled: 0 })
    const rows = ['match', 'other'].map((document) => ({ document, version: upTo(3) }))
    for (const from of 'bc') first.hand(from, rows)
    expect(first.ask('a')).toMatchObject({ counted: [{ document: 'match' }, { document: 'other' }] })
    const late = holdReads(first.core)
    expect(first.ask('a')).toBeUndefined()
    late.go()
    // Another roster is forced meanwhile.
    const forced = { ...initialRosterLogState(rosterOf(forcedEpochAfter(0, 0), 'd')), previous: roster }
    first.at.state = forced
    first.sent.length = 0
    first.core.batch(() => first.handover.begin())
    for (let turn = 0; turn < 10; turn += 1) late.go()
    expect(first.sent).toEqual([])
  })

  it('[LX30] tells no part of what it found to be lost while it went through it', () => {
    const { hand, ask, disk, core, handover, sent } = voter('d', { ...taken, settled: 0 })
    const rows = ['match', 'other'].map((document) => ({ document, version: upTo(3) }))
    for (const from of 'bc') hand(from, rows)
    const key = 'p/h0/other/'
    disk.rows.set(key, (disk.rows.get(key) as Uint8Array).with(2, 77))
    const late = holdReads(core)
    ask('a')
    handover.counted('other').then(undefined, () => {})
    sent.length = 0
    for (let turn = 0; turn < 10; turn += 1) late.go()
    expect(sent.filter(([, { kind }]) => kind === 'handed')).toEqual([])
  })

  it('[LX30] tells no part of a page of which a row cannot be read', () => {
    const { hand, ask, disk, sent } = voter('d', { ...taken, settled: 0 })
    const rows = ['match', 'other'].map((document) => ({ document, version: upTo(3) }))
    for (const from of 'bc') hand(from, rows)
    const key = 'p/h0/other/'
    disk.rows.set(key, (disk.rows.get(key) as Uint8Array).with(2, 77))
    sent.length = 0
    expect(ask('a')).toBeUndefined()
    // Instead it asks itself.
    expect(sent.map(([to, { kind }]) => `${to} ${kind}`)).toEqual([
      'a handover',
      'e handover',
      'b handover',
      'c handover',
    ])
  })

  it('[LX30] tells of more only by and by while there are half as many documents in memory as there may be', () => {
    const disk = createMemoryDisk()
    for (let nth = 0; nth < 600; nth += 1) disk.rows.set(`p/l/${1000 + nth}/`, new Uint8Array())
    const accepted = { ballot: { round: 1, by: 'a' }, roster }
    const state = { ...initialRosterLogState(before), accepted }
    const { ask, world, core } = voter('b', state, disk, { documents: 500 })
    world.advance(10_000)
    const isTold = (after: string): boolean => ask('d', 2, after) !== undefined
    expect([isTold(''), core.shelf.size, isTold('1255')]).toEqual([true, 256, false])
    world.advance(1000)
    expect(isTold('1255')).toBe(false)
    world.advance(1000)
    expect([isTold('1255'), isTold('1511')]).toEqual([true, false])
    // Until nobody has used those for a while.
    world.advance(40_000)
    expect([core.shelf.size, isTold('1511')]).toEqual([0, true])
  })

  it('[LX31] reads its votes once for an answer of many pages, and of each document what it has to hold', () => {
    const disk = createMemoryDisk()
    const bytes = new Uint8Array()
    for (let nth = 0; nth < 1000; nth += 1) disk.rows.set(`p/l/${1000 + nth}/`, bytes)
    const accepted = { ballot: { round: 1, by: 'a' }, roster }
    const { ask, core, handover, world } = voter('b', { ...initialRosterLogState(before), accepted }, disk)
    const reads = countReads(core)
    const askAll = (from: NodeId): string[] => {
      const names: string[] = []
      for (let isLast = false; !isLast; ) {
        const answer = ask(from, 2, names.at(-1)) as Extract<Told, { kind: 'handed' }>
        names.push(...answer.counted.map(({ document }) => document))
        isLast = answer.isLast
      }
      return names
    }
    const names = Array.from({ length: 1000 }, (_, nth) => String(1000 + nth))
    expect(askAll('d')).toEqual(names)
    expect([reads('p/l/').length, reads('p/h0/').length]).toEqual([1, 1 + 1000])
    // Of another one that begins later there may be more.
    disk.rows.set('p/l/2000/', bytes)
    expect(askAll('e')).toEqual([...names, '2000'])
    expect(reads('p/l/').length).toBe(1)
    // Names are not kept for ever.
    disk.rows.set('p/l/2001/', bytes)
    const last = (): unknown => (ask('d', 2, '1999') as Extract<Told, { kind: 'handed' }>).counted.at(-1)?.document
    expect(last()).toBe('2000')
    world.advance(61_000)
    handover.tick()
    expect(last()).toBe('2001')
  })

  it('[LX31] reads of what it took over no more than what a page tells of', () => {
    const { hand, core, pushed } = voter('d', { ...taken, settled: 0 })
    const rows = Array.from({ length: 512 }, (_, nth) => ({ document: `m${1000 + nth}`, version: upTo(3) }))
    hand('b', rows.slice(0, 256), { isLast: false })
    const reads = countReads(core)
    hand('b', rows.slice(256), { after: 'm1255' })
    hand('c', rows.slice(0, 256), { isLast: false })
    expect(reads('p/h0/').map((found) => Math.max(1, found))).toEqual(Array.from({ length: 512 }, () => 1))
    // Nor does it write what is there.
    expect(pushed.length).toBe(512)
  })
})
