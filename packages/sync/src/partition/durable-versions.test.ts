import { rejoinError, type Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { type Clock, createMemoryDisk, type MemoryDisk } from '../index.ts'
import { inTurn, type Later, rejected } from '../later.ts'
import { insideOf } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { numberBytes } from '../version-row.ts'
import { outcome, Raid, World } from '../world.test-helper.ts'
import { DurableVersions } from './durable-versions.ts'
import { countReads, holdReads } from './handover.test-helper.ts'

/** A disk with a document that was written to in some openings, thrice in each. */
function filled(openings: number, limits: { namedVersionAuthors?: number; rowsBeforeCompaction?: number } = {}) {
  const disk = createMemoryDisk()
  const world = new World()
  for (let nth = 0; nth < openings; nth++) {
    const writer = world.replica({ disk, limits, role: 'server' })
    const raid = world.open(writer)
    for (let at = 0; at < 3; at++) raid.change((draft) => draft.items.add(`${nth}-${at}`))
    world.advance(100)
    writer.replica.close()
    world.advance(100)
  }
  return disk
}

function reader(disk: MemoryDisk, clock?: Clock) {
  const world = new World()
  const logged: string[] = []
  const { replica } = world.replica({
    role: 'server',
    disk,
    onLog: ({ level, event, details }) => level === 'error' && logged.push(`${event} ${details['document']}`),
    ...(clock && { clock }),
  })
  world.advance(10)
  const core = insideOf(replica)
  const read = (name = 'raid'): { version: Version | undefined } => {
    const told: { version: Version | undefined } = { version: undefined }
    new DurableVersions(core).read(name).then(
      (version) => {
        told.version = version
      },
      () => {},
    )
    return told
  }
  return { world, replica, core, read, logged }
}

/** The obvious way: opens it. */
function opened({ shelf }: ReplicaCore, name = 'raid'): Version | undefined {
  let version: Version | undefined
  shelf.acquire(name).then(({ durable }) => {
    version = durable
  })
  return version
}

const damage = (disk: MemoryDisk, key: string): void => {
  disk.rows.set(key, (disk.rows.get(key) as Uint8Array).with(3, 99))
}
const keysOf = (disk: MemoryDisk, below: string): string[] =>
  [...disk.rows.keys()].filter((key) => key.startsWith(below))

describe('what the disk holds of a document that nobody uses', () => {
  it.each([
    ['in single rows', 'c/', 3, filled(3)],
    ['in a folded one', 's/', 4, filled(4, { rowsBeforeCompaction: 5 })],
    ['in rows that are told by another', 'v/', 12, filled(12, { namedVersionAuthors: 1, rowsBeforeCompaction: 20 })],
    ['nowhere', '', 0, createMemoryDisk()],
  ])('[LX36] is what whoever opens it finds, %s', (_, kind, authors, disk) => {
    expect(keysOf(disk, `d/raid/${kind}`).length > 0).toBe(authors > 0)
    const { core, read } = reader(disk)
    const { version } = read()
    expect(version?.size).toBe(authors)
    expect(version?.equals(opened(core) as Version)).toBe(true)
  })

  it('[LX36] is what its sound rows say, and the others stay where they are for whoever opens it', () => {
    const disk = filled(3)
    damage(disk, keysOf(disk, 'd/raid/c/')[4] as string)
    const { world, core, read } = reader(disk)
    const before = new Map(disk.rows)
    const { version } = core.batch(() => read())
    world.advance(10)
    expect(new Map(disk.rows)).toEqual(before)
    expect(version?.equals(opened(core) as Version)).toBe(true)
    world.advance(10)
    expect(keysOf(disk, 'x/raid/').length).toBe(1)
    expect(Object.values(version?.toJSON() ?? {}).sort()).toEqual([1, 3])
  })

  it('[LX36] leaves out what was refused', () => {
    const disk = filled(1)
    const [own] = keysOf(disk, 'd/raid/m/own/') as [string]
    disk.rows.set(own.replace('own', 'refused'), numberBytes(2))
    const { core, read } = reader(disk)
    const { version } = read()
    expect(Object.values(version?.toJSON() ?? {})).toEqual([1])
    expect(version?.equals(opened(core) as Version)).toBe(true)
  })

  it('[LX36] is not known where it cannot be read, and a line says so', () => {
    const { core, read, logged } = reader(filled(1))
    const { read: storageRead } = core.storage
    core.storage.read = () => rejected(rejoinError('storage-unavailable'))
    expect([read().version, logged]).toEqual([undefined, ['document-unread raid']])
    core.storage.read = storageRead
    expect(read().version?.size).toBe(1)
  })

  it('[LX36] is told without keeping it, and nobody hears of it', () => {
    const { core, read, world } = reader(filled(3))
    const heard: string[] = []
    core.companions.set(99, {
      channel: 99,
      established: () => {},
      ended: () => {},
      receive: () => {},
      used: ({ name }) => heard.push(`${name} used`),
      idle: ({ name }) => heard.push(`${name} idle`),
      dropped: ({ name }) => heard.push(`${name} dropped`),
    })
    const late = holdReads(core)
    const told = read()
    expect([core.shelf.size, core.metrics.openDocuments]).toEqual([0, 0])
    late.go()
    expect([told.version?.size, core.shelf.size, core.metrics.openDocuments]).toEqual([3, 0, 0])
    world.advance(60_000)
    expect(heard).toEqual([])
  })

  it('[LX36] is read beside whoever opens it meanwhile, who has it as ever', () => {
    const disk = filled(1)
    const { core, read, replica, world } = reader(disk)
    disk.autoFlush = false
    const late = holdReads(core)
    const told = read()
    replica.open('raid', Raid).then((raid) => raid.change((draft) => draft.items.add('late')))
    late.go()
    expect(Object.values(told.version?.toJSON() ?? {})).toEqual([3])
    world.advance(60_000)
    expect(core.shelf.loaded('raid')?.durable.size).toBe(1)
    disk.flush()
    expect(core.shelf.loaded('raid')?.durable.size).toBe(2)
    expect(opened(reader(disk).core)?.size).toBe(2)
  })
})

describe('what the disk holds of a document in memory', () => {
  it('[LX36] is what is known to be durable, and it stays for no longer than it would', () => {
    const disk = filled(1)
    const { core, read, replica, world } = reader(disk)
    disk.autoFlush = false
    replica.open('raid', Raid).then((raid) => {
      raid.change((draft) => draft.items.add('late'))
      raid.close()
    })
    const reads = countReads(core)
    expect(read().version?.size).toBe(1)
    disk.flush()
    expect(read().version?.size).toBe(2)
    world.advance(29_000)
    expect([read().version?.size, core.shelf.size]).toEqual([2, 1])
    expect(reads('d/')).toEqual([])
    world.advance(1000)
    expect([core.shelf.size, read().version?.size]).toEqual([0, 2])
  })

  it('[LX36] is not known while it holds less than its disk, as that could not be read', () => {
    const { core, read } = reader(filled(1))
    const { read: storageRead } = core.storage
    core.storage.read = () => rejected(rejoinError('storage-unavailable'))
    expect(opened(core)?.size).toBe(0)
    core.storage.read = storageRead
    expect(read().version).toBeUndefined()
  })
})

describe('documents whose versions are read from the disk', () => {
  /** Documents one after the other, by a clock on which every look takes a tenth of a millisecond: a slice is eighty looks. */
  function slow(count: number, openings: number) {
    const one = filled(openings)
    const disk = createMemoryDisk()
    const names = Array.from({ length: count }, (_, nth) => `raid-${nth}`)
    for (const name of names)
      for (const key of keysOf(one, 'd/raid/'))
        disk.rows.set(key.replace('raid', name), one.rows.get(key) as Uint8Array)
    let looks = 0
    const { world, core, replica, logged } = reader(disk, { now: () => 0, monotonic: () => looks++ / 10 })
    const at = { done: 0, turns: [] as number[] }
    const durable = new DurableVersions(core)
    const read = (name: string): Later<void> =>
      durable.read(name).then(() => {
        at.done += 1
      })
    const end = outcome(inTurn(names, read))
    const others = (): void => {
      at.turns.push(at.done)
      if (end.code === 'pending') world.time.timers.set(0, others)
    }
    others()
    return { at, end, world, replica, logged }
  }

  it('[LX37] leave others their turn after each slice, however many there are', () => {
    const { at, end, world } = slow(50, 3)
    expect(at.done).toBeLessThan(10)
    world.advance(0)
    expect([end.code, at.done]).toEqual(['resolved', 50])
    expect(at.turns.length).toBeGreaterThan(10)
    for (const [nth, done] of at.turns.entries()) expect(done - (at.turns[nth - 1] ?? 0)).toBeLessThan(10)
  })

  it('[LX37] leave others their turn after each slice, however large one is', () => {
    const { at, end, world } = slow(1, 60)
    world.advance(0)
    expect([end.code, at.done]).toEqual(['resolved', 1])
    expect(at.turns.length).toBeGreaterThan(5)
  })

  it('[LX37] are read no further once the replica is closed', () => {
    const { at, end, world, replica, logged } = slow(50, 3)
    replica.close()
    const { done } = at
    world.advance(0)
    expect([end.code, at.done, logged]).toEqual(['closed', done, []])
  })
})
