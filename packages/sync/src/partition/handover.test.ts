import { authorIdFrom, rejoinError, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from '../index.ts'
import { rejected } from '../later.ts'
import { Raid } from '../world.test-helper.ts'
import { before, roster, type Told, taken, upTo, voter } from './handover.test-helper.ts'
import { rosterOf } from './lease/lease.test-helper.ts'
import type { NodeId } from './roster.ts'
import { initialRosterLogState, type RosterLogState } from './roster-record.ts'
import type { CountedVersion } from './wire.ts'

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
})
