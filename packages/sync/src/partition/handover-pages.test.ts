import { authorIdFrom, rejoinError, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from '../index.ts'
import { rejected } from '../later.ts'
import { forcedEpochAfter } from './forced-epoch.ts'
import {
  before,
  countReads,
  holdReads,
  readByKey,
  roster,
  type Told,
  taken,
  upTo,
  voter,
} from './handover.test-helper.ts'
import { rosterOf } from './lease/lease.test-helper.ts'
import type { NodeId } from './roster.ts'
import { initialRosterLogState } from './roster-record.ts'

describe('a handover of many documents', () => {
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
    const forced = { ...initialRosterLogState(rosterOf(forcedEpochAfter(0, 0, 0), 'd')), previous: roster }
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

  it('[LX36] tells of more documents than may be in memory, without waiting, and leaves those in memory where they are', () => {
    const disk = createMemoryDisk()
    for (let nth = 0; nth < 600; nth += 1) disk.rows.set(`p/l/${1000 + nth}/`, new Uint8Array())
    const accepted = { ballot: { round: 1, by: 'a' }, roster }
    const state = { ...initialRosterLogState(before), accepted }
    const { ask, core } = voter('b', state, disk, { documents: 4 })
    for (const name of ['1000', '1300', 'other']) core.shelf.acquire(name)
    const pages = ['', '1255', '1511'].map((after) => ask('d', 2, after))
    expect(pages.map((page) => page?.kind === 'handed' && page.counted.length)).toEqual([256, 256, 88])
    expect(core.shelf.names()).toEqual(['1000', '1300', 'other'])
  })

  it('[LX37] leaves others their turn within a page, however small its documents are', () => {
    const disk = createMemoryDisk()
    for (let nth = 0; nth < 256; nth += 1) disk.rows.set(`p/l/${1000 + nth}/`, new Uint8Array())
    const accepted = { ballot: { round: 1, by: 'a' }, roster }
    const { ask, world, core, sent } = voter('b', { ...initialRosterLogState(before), accepted }, disk)
    let looks = 0
    // Each look takes a tenth of a millisecond.
    Object.assign(core.clock, { monotonic: () => looks++ / 10 })
    expect(ask('d')).toBeUndefined()
    world.advance(0)
    expect(sent.at(-1)?.[1]).toMatchObject({ kind: 'handed', counted: { length: 256 } })
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
