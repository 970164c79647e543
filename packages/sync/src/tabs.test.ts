import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type DocumentHandle } from './index.ts'
import { type Raid, star, World } from './world.test-helper.ts'

type Raiders = DocumentHandle<typeof Raid>

describe('several openings of one stored profile', () => {
  const tabs = (): { world: World; one: Raiders; two: Raiders; parts: ReturnType<World['replica']>[] } => {
    const world = new World()
    const disk = createMemoryDisk()
    const between = world.wire('tabs')
    const [first, second] = [world.replica({ disk }), world.replica({ disk })]
    first.join({ transports: [between.listen] })
    second.join({ transports: [between.dial] })
    const handles = [world.open(first), world.open(second)] as const
    world.advance(200)
    return { world, one: handles[0], two: handles[1], parts: [first, second] }
  }

  it('[TA1] know each other as tabs, and show each other everything', () => {
    const { world, one, two, parts } = tabs()
    expect(parts.map((part) => part.net?.peers.map((peer) => peer.isSameProfile))).toEqual([[true], [true]])
    one.change((draft) => draft.items.add('from one'))
    world.advance(100)
    expect(two.snapshot.items).toEqual(['from one'])
    two.change((draft) => draft.items.add('from two'))
    world.advance(100)
    expect(one.snapshot.items).toEqual(['from one', 'from two'])
  })

  it('[TA2] count the same unsaved work, whoever of them did it', () => {
    const { world, one, two } = tabs()
    one.change((draft) => draft.items.add('x'))
    two.change((draft) => draft.items.add('y'))
    world.advance(100)
    expect(one.unsaved.changes).toBe(2)
    expect(two.unsaved).toEqual(one.unsaved)
  })

  it('[TA2] a tab that hears of work after the server acknowledged it does not count it for ever', () => {
    const disk = createMemoryDisk()
    const { world, server, clients, handles } = star(1, { disks: [disk] })
    const [wire, between] = [world.wire('second'), world.wire('tabs')]
    server.join({ transports: [wire.listen] })
    clients[0]?.join({ transports: [between.listen] })
    const second = world.replica({ disk })
    const net = second.join({ transports: [wire.dial, between.dial] })
    const two = world.open(second)
    // Whatever the moment of its return at which the other tab writes.
    for (let afterMs = 0; afterMs < 40; afterMs++) {
      wire.cut()
      world.advance(500)
      wire.restore()
      net.reconnect()
      world.advance(afterMs)
      handles[0]?.change((draft) => draft.potions.add(1))
      world.advance(1500)
      expect([two.unsaved.changes, net.link.state], `${afterMs} ms`).toEqual([0, 'synced'])
    }
  })

  it('[LA2] [HE3] what any of them heard to be at the server counts as saved after a reload of all', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(2, { disks: [disk, disk] })
    handles[0]?.change((draft) => draft.potions.add(1))
    world.advance(500)
    handles[1]?.change((draft) => draft.potions.add(2))
    world.advance(500)
    handles[0]?.change((draft) => draft.potions.add(4))
    world.advance(500)
    for (const client of clients) client.replica.close()
    const again = world.replica({ disk })
    const reopened = world.open(again)
    expect([reopened.unsaved.changes, reopened.snapshot.potions]).toEqual([0, 17])
    reopened.change((draft) => draft.potions.add(8))
    again.join({ transports: [(wires[0] as NonNullable<(typeof wires)[0]>).dial] })
    world.advance(500)
    expect(again.healed.map(({ ours }) => ours.changes)).toEqual([1])
    expect(again.healed[0]?.merged[0]?.effect).toMatchObject({ kind: 'counter', ours: 8, theirs: 0, after: 25 })
  })

  it('[LA5] what each of them heard is written down once for all when rows are folded', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles } = star(2, {
      disks: [disk, disk],
      client: { limits: { rowsBeforeCompaction: 20 } },
    })
    const rows = (): number => [...disk.rows.keys()].filter((key) => key.includes('/m/acked/')).length
    for (const handle of handles) handle.change((draft) => draft.potions.add(1))
    world.advance(500)
    expect(rows()).toBe(2)
    clients[1]?.replica.close()
    for (let i = 0; i < 30; i++) {
      handles[0]?.change((draft) => draft.potions.add(1))
      world.advance(50)
    }
    expect(clients[0]?.replica.metrics().compactions).toBeGreaterThan(0)
    expect(rows()).toBe(1)
  })

  it('[TA3] one tab with a way to the server brings the work of all, and of those that were closed', () => {
    const { world, one, two, parts } = tabs()
    one.change((draft) => draft.items.add('x'))
    two.change((draft) => draft.items.add('y'))
    world.advance(100)
    parts[1]?.replica.close()
    const wire = world.wire('server')
    const server = world.replica({ role: 'server' })
    server.join({ transports: [wire.listen] })
    parts[0]?.join({ transports: [wire.dial] })
    world.advance(500)
    expect(one.unsaved.changes).toBe(0)
    const other = world.wire('other')
    server.join({ transports: [other.listen] })
    const bob = world.replica()
    bob.join({ transports: [other.dial] })
    const theirs = world.open(bob)
    world.advance(500)
    expect(theirs.snapshot.items).toEqual(['x', 'y'])
  })

  it('[TA4] neither loses nor doubles work when both are connected to the server and to each other', () => {
    const disk = createMemoryDisk()
    const { world, server, clients, handles } = star(1, { disks: [disk] })
    const wire = world.wire('second')
    const between = world.wire('tabs')
    server.join({ transports: [wire.listen] })
    clients[0]?.join({ transports: [between.listen] })
    const second = world.replica({ disk })
    second.join({ transports: [wire.dial, between.dial] })
    const two = world.open(second)
    world.advance(500)
    for (let i = 0; i < 20; i++) {
      handles[0]?.change((draft) => draft.potions.add(1))
      two.change((draft) => draft.potions.add(1))
      world.advance(7)
    }
    world.advance(1000)
    expect([handles[0]?.snapshot.potions, two.snapshot.potions]).toEqual([50, 50])
    expect([handles[0]?.unsaved.changes, two.unsaved.changes]).toEqual([0, 0])
    expect(handles[0]?.digest()).toBe(two.digest())
  })

  it('[TA5] each writes under its own incarnation, so that neither can overwrite the other', () => {
    const { world, one, two } = tabs()
    one.change((draft) => draft.phase.set('one'))
    two.change((draft) => draft.phase.set('two'))
    world.advance(100)
    expect(one.store.author).not.toBe(two.store.author)
    expect([...one.version.entries()].length).toBe(2)
  })
})

describe('presence', () => {
  it('[PR1] shows who is here, through the server, and is gone when the connection is', () => {
    const { world, clients, handles, wires } = star(3)
    handles[0]?.presence.set({ cursor: 3 })
    world.advance(100)
    const shown = (index: number): unknown[] => [...(handles[index]?.presence.others.values() ?? [])]
    expect([shown(0), shown(1), shown(2)]).toEqual([[], [{ cursor: 3 }], [{ cursor: 3 }]])
    const seen: number[] = []
    handles[1]?.presence.subscribe((others) => seen.push(others.size))
    wires[0]?.cut()
    world.advance(100)
    expect([shown(1), shown(2), seen]).toEqual([[], [], [0]])
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(500)
    expect(shown(1)).toEqual([{ cursor: 3 }])
    handles[0]?.presence.clear()
    world.advance(100)
    expect(shown(1)).toEqual([])
  })

  it('[PR2] leaves no ghost behind a silent connection', () => {
    const { world, handles, wires } = star(2)
    handles[0]?.presence.set('here')
    world.advance(100)
    expect(handles[1]?.presence.others.size).toBe(1)
    wires[0]!.silent = true
    world.advance(60_000)
    expect(handles[1]?.presence.others.size).toBe(0)
  })

  it('[PR3] is bounded in size', () => {
    const { handles } = star(1)
    expect(() => handles[0]?.presence.set('x'.repeat(10_000))).toThrow('invalid-value')
    expect(() => handles[0]?.presence.set({ f: (() => {}) as never })).toThrow('invalid-value')
  })

  it('[PR4] goes when the document is closed', () => {
    const { world, handles } = star(2)
    handles[0]?.presence.set('here')
    world.advance(100)
    handles[0]?.close()
    world.advance(100)
    expect(handles[1]?.presence.others.size).toBe(0)
  })
})
