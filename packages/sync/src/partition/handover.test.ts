import { authorIdFrom, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from '../index.ts'
import { insideOf } from '../replica.ts'
import type { StorageOp } from '../seams.ts'
import { Raid, World } from '../world.test-helper.ts'
import { Handover } from './handover.ts'
import { rosterOf } from './lease/lease.test-helper.ts'
import type { Neighbours } from './neighbours.ts'
import type { NodeId } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { initialRosterLogState, type RosterLogState } from './roster-record.ts'
import type { CountedVersion, PartitionMessage } from './wire.ts'

type Told = Extract<PartitionMessage, { kind: 'handover' | 'handed' }>

const author = authorIdFrom('00000000000000a1')
const upTo = (seq: number): Version => Version.from([[author, seq]])
const before = rosterOf(1, 'a', 'b', 'c')
const roster = rosterOf(2, 'a', 'd', 'e')
/** A voter that has just taken this roster. */
const taken: RosterLogState = { ...initialRosterLogState(roster), votesFrom: 1, previous: before, settled: 1 }

/** The handover of one voter, whose log and connections are played by the test. */
function voter(self: NodeId, first: RosterLogState, disk: MemoryDisk = createMemoryDisk()) {
  const world = new World()
  const { replica } = world.replica({ role: 'server', name: self, disk })
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
  return { at, world, core, disk, handover, pushed, sent, held, hand, ask, asked, replica }
}

describe('a handover', () => {
  it('[LX14] asks all voters of both rosters until it knows enough, and grants nothing before', () => {
    const { handover, asked, hand, at, world, sent } = voter('d', { ...taken, settled: 0 })
    expect(asked()).toBe('aebc')
    expect(handover.isBehind('match', upTo(9), true)).toBe(true)
    hand('b', [])
    expect([at.state.settled, handover.isBehind('match', upTo(9), true)]).toEqual([0, true])
    world.advance(1000)
    sent.length = 0
    handover.tick()
    expect(asked()).toBe('aec')
    hand('c', [])
    expect([at.state.settled, handover.isBehind('match', upTo(9), true), handover.wakeAt]).toEqual([
      2,
      false,
      undefined,
    ])
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
    const rows = first.pushed.filter((op) => op.startsWith('put p/h/'))
    // On the disk before that it is settled.
    expect(first.pushed.lastIndexOf(rows[0] as string)).toBeLessThan(first.pushed.indexOf('settled'))
    expect(rows.length).toBe(2)
    const behind = ({ handover }: typeof first): boolean[] => [
      handover.isBehind('match/é', upTo(4), true),
      handover.isBehind('other', Version.empty, true),
    ]
    expect(behind(first)).toEqual([true, false])
    first.world.advance(10)
    const second = voter('d', first.at.state, first.disk)
    expect(behind(second)).toEqual([true, false])
    const rowsLeft = (): number => [...first.disk.rows.keys()].filter((key) => key.startsWith('p/h/')).length
    second.core.batch(() => expect(second.handover.isBehind('match/é', upTo(5), false)).toBe(false))
    second.world.advance(10)
    // Without a row of its votes it would be told of in no handover.
    expect(rowsLeft()).toBe(1)
    second.core.batch(() => expect(second.handover.isBehind('match/é', upTo(5), true)).toBe(false))
    second.world.advance(10)
    expect(rowsLeft()).toBe(0)
  })

  it('[LX14] asks again where it cannot read what it has to hold', () => {
    const first = voter('d', { ...taken, settled: 0 })
    for (const from of 'bc') first.hand(from, [{ document: 'match', version: upTo(3) }])
    first.world.advance(10)
    const key = 'p/h/match'
    first.disk.rows.set(key, (first.disk.rows.get(key) as Uint8Array).with(2, 77))
    const second = voter('d', first.at.state, first.disk)
    expect([second.asked(), second.handover.isBehind('other', upTo(9), true)]).toEqual(['aebc', true])
    expect(second.ask('e')).toBeUndefined()
    second.hand('e', [{ document: 'match', version: upTo(4) }], { settled: 2 })
    expect([
      second.handover.isBehind('match', upTo(3), true),
      second.handover.isBehind('other', upTo(9), true),
    ]).toEqual([true, false])
    second.world.advance(10)
    expect(voter('d', second.at.state, first.disk).handover.isBehind('match', upTo(3), true)).toBe(true)
  })

  it('[LX14] takes answers in their order, of this roster, from those it asked, and no more than it may keep', () => {
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
    for (let page = 0; page < 400; page += 1) {
      const names = Array.from({ length: 200 }, (_, nth) => `${1000 + page}/${1000 + nth}`)
      const after = page === 0 ? '' : `${999 + page}/1199`
      hand('c', names.map(row), { after, isLast: page === 399 })
    }
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
})
