import { type AuthorId, createStore, encodeSnapshot, openDocument, Version } from '@rejoin/state'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeFrame } from './codec.ts'
import type { Frame } from './frame.ts'
import { createMemoryDisk, type DialTransport, type LinkEvents, type MemoryDisk, type MemoryLink } from './index.ts'
import { documentKeys, sealRow } from './rows.ts'
import { hello } from './stranger.test-helper.ts'
import type { Participant, RaidHandle } from './world.test-helper.ts'
import { Raid, World } from './world.test-helper.ts'

const pastAuthors = 20_000
let crowded: Uint8Array
let pruned: Uint8Array

beforeAll(() => {
  let author = 0
  const newAuthor = (): AuthorId => (++author * 0x9e3779b97).toString(16).padStart(16, '0') as AuthorId
  const store = createStore({ newAuthor, now: () => Date.UTC(2025, 0, 1) })
  const raid = openDocument(Raid, store)
  for (let i = 0; i < pastAuthors; i++) {
    store.renewAuthor()
    raid.change((s) => s.players.get(`p${i % 20}`).name.set(`${i}`))
  }
  crowded = encodeSnapshot(store)
  pruned = encodeSnapshot(store, { compact: true })
})

/** A disk that has the document with all of its past authors. */
function diskWith(snapshot: Uint8Array): MemoryDisk {
  const disk = createMemoryDisk()
  const keys = documentKeys('raid')
  disk.open().write([
    { kind: 'put', key: keys.index, bytes: sealRow(new Uint8Array(0)) },
    { kind: 'put', key: keys.snapshot('past'), bytes: sealRow(snapshot) },
  ])
  return disk
}

/** Counts the bytes of a wire, each way. */
function counted(wire: MemoryLink): { readonly dial: DialTransport; readonly bytes: { up: number; down: number } } {
  const bytes = { up: 0, down: 0 }
  const dial = (events: LinkEvents): ReturnType<DialTransport['dial']> => {
    const link = wire.dial.dial({
      ...events,
      frame: (frame) => {
        bytes.down += frame.length
        events.frame(frame)
      },
    })
    return {
      get bufferedBytes(): number {
        return link.bufferedBytes
      },
      send: (frame) => {
        bytes.up += frame.length
        link.send(frame)
      },
      close: (code, reason) => link.close(code, reason),
    }
  }
  return { dial: { ...wire.dial, dial }, bytes }
}

interface Pair {
  readonly world: World
  readonly server: Participant
  readonly client: Participant
  readonly alice: RaidHandle
  readonly wire: MemoryLink
  readonly bytes: { up: number; down: number }
}

function pair(serverDisk: MemoryDisk, clientDisk: MemoryDisk): Pair {
  const world = new World()
  const wire = world.wire('wire')
  const server = world.replica({ role: 'server', name: 'server', disk: serverDisk })
  server.join({ transports: [wire.listen] })
  const client = world.replica({ name: 'alice', disk: clientDisk })
  const alice = world.open(client)
  const { dial, bytes } = counted(wire)
  client.join({ transports: [dial] })
  return { world, server, client, alice, wire, bytes }
}

function reset(bytes: { up: number; down: number }): void {
  bytes.up = 0
  bytes.down = 0
}

/** How often maps are looked into. A spy of the test runner would keep every call. */
function looksDuring(run: () => void): number {
  const { get, set } = Map.prototype
  let looks = 0
  Map.prototype.get = function (key) {
    looks += 1
    return get.call(this, key)
  }
  Map.prototype.set = function (key, value) {
    looks += 1
    return set.call(this, key, value)
  }
  try {
    run()
  } finally {
    Map.prototype.get = get
    Map.prototype.set = set
  }
  return looks
}

describe('versions of many authors', () => {
  it('[SY50] cost under 1 kB each way where both share a floor: hello, version exchange and first change', () => {
    const { world, server, alice, bytes } = pair(diskWith(pruned), diskWith(pruned))
    const bob = world.open(server)
    alice.change((s) => s.phase.set('alice'))
    world.advance(300)
    bob.change((s) => s.potions.add(1))
    world.advance(300)
    expect([bob.snapshot.phase, alice.snapshot.potions]).toEqual(['alice', 11])
    expect(bytes.up).toBeGreaterThan(100)
    expect(bytes.up).toBeLessThan(1000)
    expect(bytes.down).toBeLessThan(1000)
  }, 60_000)

  it('[LA10] cost a change, its acknowledgement and the folding of its rows nothing: none goes through them', () => {
    /** Entries of maps that 2,000 changes look at. */
    const looksWith = (snapshot: Uint8Array): number => {
      const { world, server, client, alice } = pair(diskWith(snapshot), diskWith(snapshot))
      const bob = world.open(server)
      const work = (changes: number): void => {
        for (let at = 0; at < changes; at++) {
          alice.change((s) => s.phase.set(`alice ${at}`))
          world.advance(20)
          if (at % 4 === 0) bob.change((s) => s.potions.add(1))
        }
        world.advance(500)
      }
      // What is shared is found, and the rows of the past are folded.
      work(1200)
      const folded = (): number => client.replica.metrics().compactions + server.replica.metrics().compactions
      const before = folded()
      const looks = looksDuring(() => work(2000))
      expect(folded() - before).toBeGreaterThan(4)
      return looks
    }
    const few = createStore({ newAuthor: () => '00000000000000a1' as AuthorId, now: () => Date.UTC(2025, 0, 1) })
    openDocument(Raid, few).change((s) => {
      for (let i = 0; i < 20; i++) s.players.get(`p${i}`).name.set(`${i}`)
    })
    expect(looksWith(pruned)).toBeLessThan(looksWith(encodeSnapshot(few, { compact: true })) * 1.1)
  })

  it('[SY50] are told whole once where nothing is shared, and then by what differs, also after work on both sides', () => {
    const { world, server, alice, wire, bytes } = pair(diskWith(crowded), diskWith(crowded))
    const bob = world.open(server)
    world.advance(500)
    expect(bytes.up).toBeGreaterThan(8 * pastAuthors)
    wire.cut()
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.potions.add(1))
    world.advance(60_000)
    reset(bytes)
    wire.restore()
    world.advance(60_000)
    expect([bob.snapshot.phase, alice.snapshot.potions]).toEqual(['alice', 11])
    // With six heartbeats and a digest or two.
    expect(bytes.up).toBeLessThan(1200)
    expect(bytes.down).toBeLessThan(1200)
  }, 60_000)

  it('[SY50] cost who joins with nothing one version, and its first changes bytes', () => {
    const { world, server, alice, bytes } = pair(diskWith(crowded), createMemoryDisk())
    const bob = world.open(server)
    world.advance(2000)
    expect(bytes.down).toBeGreaterThan(8 * pastAuthors)
    // Version exchange and bundle name the authors once between them, beside what the bundle holds.
    expect(bytes.down).toBeLessThan(11 * pastAuthors)
    reset(bytes)
    alice.change((s) => s.phase.set('alice'))
    bob.change((s) => s.potions.add(1))
    world.advance(500)
    expect([bob.snapshot.phase, alice.snapshot.potions]).toEqual(['alice', 11])
    expect(bytes.up).toBeLessThan(300)
    expect(bytes.down).toBeLessThan(300)
  }, 60_000)

  it('[SY51] are recalled by who does not hold what they name, and told again', () => {
    const disk = diskWith(crowded)
    const { world, server, client, alice, wire, bytes } = pair(disk, diskWith(crowded))
    world.advance(500)
    wire.cut()
    alice.change((s) => s.phase.set('alice'))
    world.advance(1000)
    // Another server, which remembers nothing of the last one.
    server.replica.close()
    const other = world.wire('other')
    const next = world.replica({ role: 'server', name: 'server', disk: diskWith(crowded) })
    next.join({ transports: [other.listen] })
    client.net?.close()
    const again = counted(other)
    client.join({ transports: [again.dial] })
    world.advance(1000)
    expect(world.open(next).snapshot.phase).toBe('alice')
    expect(again.bytes.up).toBeGreaterThan(8 * pastAuthors)
    expect(bytes.up).toBeGreaterThan(0)
  }, 60_000)
})

describe('the frames of versions', () => {
  it('[SY52] name nothing to a peer of an earlier format', () => {
    const world = new World()
    const wire = world.wire('wire')
    const server = world.replica({ role: 'server', name: 'server', disk: diskWith(crowded) })
    server.join({ transports: [wire.listen] })
    const received: Uint8Array[] = []
    const link = wire.dial.dial({ opened: () => {}, frame: (bytes) => received.push(bytes), closed: () => {} })
    world.advance(50)
    const send = (frame: Frame): void => link.send(Uint8Array.of(0, ...encodeFrame(frame)))
    send(hello)
    world.advance(50)
    const open = Uint8Array.of(4, 1, 4, ...new TextEncoder().encode('raid'), 0, 0)
    link.send(Uint8Array.of(0, ...open))
    send({ kind: 'opened', handle: 1, permission: 'write', version: Version.empty })
    world.advance(1000)
    const tags = received.map((bytes) => bytes[1] as number)
    expect(tags).toEqual(expect.arrayContaining([2, 4, 5, 7]))
    expect(tags.every((tag) => tag < 0x40)).toBe(true)
    // The first piece of a bundle in the format that the peer reads.
    const piece = received.find((bytes) => bytes[1] === 7) as Uint8Array
    expect(piece.length).toBeGreaterThan(1000)
  })
})
