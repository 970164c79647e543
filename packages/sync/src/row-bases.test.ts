import type { VersionName } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type MemoryDisk } from './index.ts'
import { insideOf } from './replica.ts'
import { type Participant, type RaidHandle, type Star, star, World } from './world.test-helper.ts'

const limits = { namedVersionAuthors: 1, rowsBeforeCompaction: 1000 }
const bases = (disk: MemoryDisk): string[] => [...disk.rows.keys()].filter((key) => key.startsWith('d/raid/v/'))
const ownersOf = (disk: MemoryDisk): Set<string> => new Set(bases(disk).map((key) => key.split('/')[3] as string))

/** Openings one after another on a disk: each writes under an incarnation of its own. */
function openings(disk: MemoryDisk, count: number, world = new World()): void {
  for (let i = 0; i < count; i++) {
    const participant = world.replica({ disk, limits })
    const handle = world.open(participant)
    for (let at = 0; at < 3; at++) handle.change((draft) => draft.items.add(`${i}-${at}`))
    participant.replica.close()
    world.advance(100)
  }
}

function reopened(disk: MemoryDisk, world = new World()): { handle: RaidHandle; participant: Participant } {
  const participant = world.replica({ disk, limits })
  return { participant, handle: world.open(participant) }
}

const copyOf = (disk: MemoryDisk): MemoryDisk => {
  const copy = createMemoryDisk()
  for (const [key, row] of disk.rows) copy.rows.set(key, row.slice())
  return copy
}

describe('rows that are told by a version in a row of its own', () => {
  it('[LA8] come back after a reload, with the version on disk before them at every cut of the power', () => {
    const disk = createMemoryDisk({ autoFlush: false })
    const world = new World()
    const first = createMemoryDisk()
    openings(first, 40)
    for (const [key, row] of first.rows) disk.rows.set(key, row)
    const { handle } = reopened(disk, world)
    for (let at = 0; at < 12; at++) {
      handle.change((draft) => draft.items.add(`late-${at}`))
      world.advance(1)
      const cut = copyOf(disk)
      const late = reopened(cut).handle.snapshot.items.filter((item) => item.startsWith('late'))
      // All that was flushed, in its order.
      expect([...late].sort()).toEqual(Array.from(late, (_, i) => `late-${i}`).sort())
      expect(late.length).toBeGreaterThanOrEqual(at - 1)
      disk.flush()
    }
    disk.flush()
    expect(bases(disk).length).toBeGreaterThan(0)
    expect(reopened(copyOf(disk)).handle.snapshot.items.length).toBe(40 * 3 + 12)
  })

  it('[LA8] lose nothing when any one row is damaged but what stands in it', () => {
    const disk = createMemoryDisk()
    openings(disk, 12)
    const all = reopened(copyOf(disk)).handle.snapshot.items.length
    expect(all).toBe(36)
    for (const key of bases(disk)) {
      const damaged = copyOf(disk)
      const row = damaged.rows.get(key) as Uint8Array
      row[row.length >> 1] = (row[row.length >> 1] as number) ^ 1
      expect(reopened(damaged).handle.snapshot.items.length).toBe(all)
    }
  })

  it('[LA8] stay where they are when their version is gone, and are read once somebody tells it', () => {
    const disk = createMemoryDisk()
    openings(disk, 12)
    const damaged = copyOf(disk)
    const lost = bases(damaged).at(-1)
    const name = (lost as string).split('/')[4] as string
    const row = damaged.rows.get(lost as string) as Uint8Array
    for (const key of bases(damaged)) if (key.includes(name)) damaged.rows.delete(key)
    const rows = [...damaged.rows.keys()].filter((key) => key.includes('/c/')).length
    const { handle, participant } = reopened(damaged)
    expect(handle.snapshot.items.length).toBeLessThan(36)
    participant.replica.close()
    expect([...damaged.rows.keys()].filter((key) => key.includes('/c/')).length).toBe(rows)
    damaged.rows.set(lost as string, row)
    expect(reopened(damaged).handle.snapshot.items.length).toBe(36)
  })

  it('[LA8] go with their versions when all are folded, but for those of openings that may still write', () => {
    const disk = createMemoryDisk()
    const made: Star = star(2, { disks: [disk, disk], client: { limits: { ...limits, rowsBeforeCompaction: 20 } } })
    const { world, clients, handles, server } = made
    for (let at = 0; at < 4; at++) {
      for (const handle of handles) handle.change((draft) => draft.items.add(`${at}-${Math.random()}`))
      world.advance(200)
    }
    expect(ownersOf(disk).size).toBe(2)
    for (let at = 0; at < 30; at++) {
      handles[0]?.change((draft) => draft.potions.add(1))
      world.advance(100)
    }
    expect(clients[0]?.replica.metrics().compactions).toBeGreaterThan(0)
    // The other one is open: what it writes next refers to its version.
    expect(ownersOf(disk).size).toBe(2)
    handles[1]?.change((draft) => draft.items.add('after'))
    world.advance(1)
    expect(reopened(copyOf(disk)).handle.snapshot.items).toContain('after')
    clients[1]?.replica.close()
    world.advance(500)
    for (let at = 0; at < 60; at++) {
      handles[0]?.change((draft) => draft.potions.add(1))
      world.advance(100)
    }
    expect(ownersOf(disk).size).toBe(1)
    expect(bases(disk).length).toBeLessThanOrEqual(4)
    const { potions, items } = world.open(server).snapshot
    const again = reopened(copyOf(disk)).handle.snapshot
    expect([again.potions, [...again.items].sort()]).toEqual([potions, [...items].sort()])
  })

  it('[LA8] are put again where the disk lost everything', () => {
    const disk = createMemoryDisk()
    const { world, handles } = star(1, { disks: [disk], client: { limits } })
    for (let at = 0; at < 6; at++) {
      handles[0]?.change((draft) => draft.items.add(`early-${at}`))
      world.advance(100)
    }
    disk.rows.clear()
    disk.fail('storage-evicted')
    handles[0]?.change((draft) => draft.items.add('while'))
    world.advance(1000)
    disk.fail(undefined)
    world.advance(60_000)
    for (let at = 0; at < 6; at++) {
      handles[0]?.change((draft) => draft.items.add(`late-${at}`))
      world.advance(100)
    }
    expect(reopened(copyOf(disk)).handle.snapshot.items.length).toBe(13)
  })

  it('[LA8] are the folded state, too: it takes bytes for what differs, and is there when any one row is damaged', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const many = { namedVersionAuthors: 1, rowsBeforeCompaction: 30 }
    const peer = world.replica({ disk, role: 'peer', limits: many })
    const handle = world.open(peer)
    for (let at = 0; at < 400; at++) {
      handle.store.renewAuthor()
      handle.change((draft) => draft.phase.set(`${at}`))
      if (at % 10 === 0) world.advance(1)
    }
    for (let at = 0; at < 100; at++) {
      handle.change((draft) => draft.items.add(`${at}`))
      world.advance(1)
    }
    const folded = [...disk.rows.keys()].filter((key) => key.includes('/b/'))
    expect([folded.length, [...disk.rows.keys()].filter((key) => key.includes('/s/')).length]).toEqual([1, 0])
    expect(disk.rows.get(folded[0] as string)?.length).toBeLessThan(400 * 8)
    expect(reopened(copyOf(disk)).handle.digest()).toBe(handle.digest())
    for (const key of bases(disk)) {
      const damaged = copyOf(disk)
      const row = (damaged.rows.get(key) as Uint8Array).slice()
      row[row.length >> 1] = (row[row.length >> 1] as number) ^ 1
      damaged.rows.set(key, row)
      expect(reopened(damaged).handle.digest()).toBe(handle.digest())
    }
    // The next opening folds it, and puts what it needs itself.
    peer.replica.close()
    world.advance(10)
    const next = world.replica({ disk, role: 'peer', limits: many })
    const again = world.open(next)
    for (let at = 0; at < 80; at++) {
      again.change((draft) => draft.potions.add(1))
      world.advance(1)
    }
    expect(next.replica.metrics().compactions).toBeGreaterThan(0)
    expect(ownersOf(disk).size).toBe(1)
    expect(reopened(copyOf(disk)).handle.digest()).toBe(again.digest())
  })

  it('[LA8] leave memory with the last row that is told by them', () => {
    const disk = createMemoryDisk()
    const world = new World()
    const peer = world.replica({ disk, role: 'peer', limits: { namedVersionAuthors: 1, rowsBeforeCompaction: 50 } })
    const handle = world.open(peer)
    const names = new Set<string>()
    for (let at = 0; at < 64 * 40; at++) {
      handle.store.renewAuthor()
      handle.change((draft) => draft.items.add(`${at % 100}`))
      if (at % 10 > 0) continue
      world.advance(1)
      for (const key of bases(disk)) names.add(key.split('/')[4] as string)
    }
    world.advance(1000)
    expect(names.size).toBeGreaterThan(30)
    expect(bases(disk).length).toBeLessThanOrEqual(4)
    const { rowBases } = insideOf(peer.replica).shelf.cores()[0]!
    // A dozen is remembered for other replicas.
    expect([...names].filter((name) => rowBases.lookup(name as VersionName) !== undefined).length).toBeLessThan(15)
  }, 60_000)
})
