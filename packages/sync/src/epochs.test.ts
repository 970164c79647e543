import { applyBundle, bundleSince, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from './codec.ts'
import type { Frame } from './frame.ts'
import { createMemoryDisk } from './memory-storage.ts'
import { hello } from './stranger.test-helper.ts'
import { type RaidHandle, star } from './world.test-helper.ts'

const limits = { epochMs: 10_000, epochItems: 1 }

/** Two clients that have the same; what was added to a counter was reset in part, and a player with one deleted. */
function begun(options: Parameters<typeof star>[1] = {}, flush = (): void => undefined) {
  const made = star(2, { ...options, server: { limits, ...options.server } })
  const [ada, bob] = made.handles as [RaidHandle, RaidHandle]
  const settle = (): void => {
    for (let i = 0; i < 20; i++) {
      made.world.advance(25)
      flush()
    }
  }
  settle()
  ada.change((s) => {
    s.potions.add(5)
    s.players.get('eve').hp.add(-7)
  })
  settle()
  bob.change((s) => {
    s.potions.reset()
    s.players.delete('eve')
  })
  settle()
  return { ...made, ada, bob }
}

function expectSame(ada: RaidHandle, bob: RaidHandle): void {
  expect(bob.snapshot).toEqual(ada.snapshot)
  expect(bob.digest()).toBe(ada.digest())
  expect([ada.unsaved.changes, bob.unsaved.changes]).toEqual([0, 0])
}

describe('an epoch', () => {
  it('[EB1] is begun by the server when it has run long enough and enough would go, and is crossed by all', () => {
    const { world, server, ada, bob } = begun()
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBe(0)
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBe(1)
    expect([ada.store.epochs.length, bob.store.epochs.length]).toEqual([1, 1])
    // Of what bob deleted nothing is left, and nobody was sent the whole state.
    expect(bob.store.stats).toMatchObject({ liveItems: 1, removalRecords: 0 })
    expect(server.replica.metrics().joinsWhole).toBe(0)
    expect(bob.snapshot.potions).toBe(12)
    expectSame(ada, bob)
    world.advance(60_000)
    expect(server.replica.metrics().epochs).toBe(1)
  })

  it('[EB1] is begun by no server that was told not to', () => {
    const { world, server, ada } = begun({ server: { limits, beginsEpochs: false } })
    world.advance(60_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBe(0)
  })

  it('[EB2] is heard of by nobody before it is on disk, and has not begun after a crash before that', () => {
    const serverDisk = createMemoryDisk({ autoFlush: false })
    const { world, server, ada, bob } = begun({ serverDisk }, () => serverDisk.flush())
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBe(1)
    expect([ada.store.epochs.length, bob.store.epochs.length]).toEqual([0, 0])
    serverDisk.crash()
    const again = world.open(world.replica({ disk: serverDisk, role: 'server' }))
    expect(again.store.epochs).toEqual([])
  })

  it('[EB2] is there when a server is opened again, with what was folded', () => {
    const serverDisk = createMemoryDisk()
    const { world, server, ada, wires, bob } = begun({ serverDisk })
    wires[1]?.cut()
    bob.change((s) => s.potions.add(3))
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBe(1)
    const reopened = world.open(world.replica({ disk: serverDisk, role: 'server', limits }))
    expect(reopened.store.epochs).toHaveLength(1)
    expect(reopened.digest()).toBe(ada.digest())
    expect(applyBundle(reopened.store, bundleSince(bob.store, reopened.store.version))).toBe('applied')
    expect(reopened.snapshot.potions).toBe(14)
  })

  it('[EB3] takes in what was written before it by who was away, and gives it the rest', () => {
    const { world, server, ada, bob, wires, clients } = begun()
    wires[1]?.cut()
    world.advance(100)
    bob.change((s) => {
      s.potions.add(3)
      s.log.push('bob')
      s.players.get('eve').hp.add(-1)
    })
    ada.change((s) => s.potions.add(100))
    world.advance(10_000)
    ada.change((s) => s.potions.reset())
    world.advance(500)
    world.advance(60_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(server.replica.metrics().epochs).toBeGreaterThan(0)
    wires[1]?.restore()
    world.advance(60_000)
    expect(ada.snapshot.potions).toBe(14)
    expect(ada.snapshot.players['eve']?.hp).toBe(99)
    expectSame(ada, bob)
    expect(clients[1]?.healed).toHaveLength(1)
    const effects = clients[1]?.healed[0]?.merged.map(({ path, effect }) => [path.join('/'), effect])
    expect(effects).toContainEqual(['potions', { kind: 'counter', ours: 3, theirs: 1, after: 14 }])
  })

  it('[EB4] ends connections of those who know of none, with nothing lost', () => {
    const { world, server, ada } = begun()
    const wire = world.wire('earlier')
    server.join({ transports: [wire.listen] })
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    const received: Uint8Array[] = []
    const link = wire.dial.dial({ opened: () => {}, frame: (bytes) => received.push(bytes), closed: () => {} })
    world.advance(50)
    const send = (frame: Frame): void => link.send(Uint8Array.of(0, ...encodeFrame(frame)))
    const range = { min: 1, max: 2 }
    send({ ...hello, protocol: range, format: range })
    world.advance(50)
    send({ kind: 'open', handle: 1, document: 'raid', version: Version.empty })
    world.advance(500)
    const text = received.map((bytes) => new TextDecoder().decode(bytes)).join()
    expect(text).toContain('protocol-error')
    expect(text).toContain('an epoch')
    // Nothing that it would read wrongly was sent.
    expect(received.some((bytes) => bytes[1] === 7)).toBe(false)
    expect(server.replica.isReady).toBe(true)
  })

  it('[EB3] is crossed by an opening that finds work from before it on its disk', () => {
    const disk = createMemoryDisk()
    const { world, ada, bob, wires, clients } = begun({ disks: [createMemoryDisk(), disk] })
    wires[1]?.cut()
    world.advance(100)
    bob.change((s) => s.potions.add(3))
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    clients[1]?.replica.close()
    const again = world.replica({ disk })
    const reopened = world.open(again)
    expect(reopened.unsaved.changes).toBe(1)
    wires[1]?.restore()
    again.join({ transports: [(wires[1] as (typeof wires)[number]).dial] })
    world.advance(60_000)
    expect(reopened.snapshot.potions).toBe(14)
    expectSame(ada, reopened)
    reopened.change((s) => s.potions.reset())
    world.advance(500)
    const third = world.open(world.replica({ disk }))
    expect(third.digest()).toBe(ada.digest())
    expect(third.store.epochs).toEqual(ada.store.epochs)
  })

  it('[EB3] goes on through tabs of one profile of which one alone reaches the server', () => {
    const disk = createMemoryDisk()
    const { world, server, ada, bob, clients } = begun({ disks: [createMemoryDisk(), disk] })
    const tab = world.replica({ disk })
    const wire = world.wire('tabs')
    const opened = world.open(tab)
    clients[1]?.net?.close()
    clients[1]?.join({ transports: [wire.listen] })
    tab.join({ transports: [wire.dial] })
    world.advance(1_000)
    bob.change((s) => s.potions.add(3))
    world.advance(10_000)
    ada.change((s) => s.potions.add(1))
    world.advance(500)
    expect(ada.store.epochs).toHaveLength(1)
    expect(opened.snapshot.potions).toBe(13)
    const toServer = world.wire('back')
    server.join({ transports: [toServer.listen] })
    tab.join({ transports: [toServer.dial] })
    world.advance(60_000)
    expect(ada.snapshot.potions).toBe(14)
    expect(bob.digest()).toBe(ada.digest())
    expect(opened.unsaved.changes).toBe(0)
  })
})
