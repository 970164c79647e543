import { digestOf, type Path, recheck, type Store, storeToPlain, verifyStore } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { encodeFrame } from '../codec.ts'
import type { DivergenceEvent, LogEntry } from '../index.ts'
import { createMemoryDisk, noStorage } from '../index.ts'
import { insideOf } from '../replica.ts'
import { type Participant, type RaidHandle, type Star, star, World } from '../world.test-helper.ts'

/** Changes a value past the interface, as memory that fails does: nothing notices by itself. */
function flip(store: Store, ...path: string[]): void {
  digestOf(store)
  const node = store.tree.findNode(path)
  expect(node).not.toBe(0)
  store.tree.values.set(node, 'flipped')
}

/** The same as if it had been merged so: a difference that no look at the own memory shows. */
function diverge(store: Store, ...path: string[]): void {
  flip(store, ...path)
  expect(recheck(store, Number.POSITIVE_INFINITY)).toEqual([path])
}

function alarmsOf(participant: Participant | undefined): DivergenceEvent[] {
  const alarms: DivergenceEvent[] = []
  participant?.replica.onDivergence((event) => alarms.push(event))
  return alarms
}

function storeAt(participant: Participant): Store {
  return insideOf(participant.replica).shelf.cores()[0]!.store
}

/** A star of which the first client has something to lose. */
function raid(options: Parameters<typeof star>[1] = {}, count = 2): Star {
  const made = star(count, options)
  made.handles[0]?.change((draft) => {
    draft.phase.set('fight')
    draft.items.add('key')
    for (let i = 0; i < 300; i++) draft.players.get(`player ${i}`).name.set(`name ${i}`)
  })
  made.world.advance(1000)
  return made
}

function expectSound(...stores: Store[]): void {
  for (const store of stores) {
    expect(verifyStore(store)).toEqual([])
    expect(digestOf(store)).toBe(digestOf(stores[0] as Store))
  }
}

describe('replicas at equal versions with unequal states', () => {
  it('[DV1] raise an alarm on both sides that names the subtree and has a trace of both', () => {
    const { world, server, clients, handles } = raid()
    const [here, there] = [alarmsOf(clients[0]), alarmsOf(server)]
    diverge(handles[0]!.store, 'players', 'player 17', 'name')
    world.advance(30_000)
    for (const [alarms, repair] of [
      [here, 'adopting'],
      [there, 'none'],
    ] as const) {
      expect(alarms).toHaveLength(1)
      const [alarm] = alarms as [DivergenceEvent]
      expect(alarm).toMatchObject({ document: 'raid', paths: [['players', 'player 17', 'name']], repair })
      const [header, ours, theirs] = alarm.trace
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
      expect(header).toMatchObject({ document: 'raid', ours: alarm.ours, theirs: alarm.theirs, version: alarm.version })
      const values = [ours, theirs].map(([{ entries }]) => entries[0].items[0].value)
      expect(values.sort()).toEqual(['flipped', 'name 17'])
    }
    expect(clients[0]?.replica.metrics().divergences).toBeGreaterThan(0)
  })

  it('[DV2] are repaired from the server, and stay so after a reload', () => {
    const disk = createMemoryDisk()
    const { world, server, clients, handles } = raid({ disks: [disk] })
    const others: unknown[] = []
    handles[0]?.subscribe((event) => others.push(event))
    diverge(handles[0]!.store, 'players', 'player 17', 'name')
    expect(storeToPlain(handles[0]!.store)).toMatchObject({ players: { 'player 17': { name: 'flipped' } } })
    world.advance(30_000)
    expect(handles[0]?.snapshot.players['player 17']?.name).toBe('name 17')
    expect(others.length).toBeGreaterThan(0)
    expectSound(handles[0]!.store, handles[1]!.store, storeAt(server))
    expect(clients[0]?.replica.metrics().repairs).toBe(1)
    expect(clients[1]?.replica.metrics().repairs).toBe(0)
    expect(clients[0]?.net?.link.state).toBe('synced')

    handles[0]?.change((draft) => draft.potions.add(1))
    world.advance(1000)
    clients[0]?.replica.close()
    const again = world.open(world.replica({ disk }))
    expect(again.snapshot.players['player 17']?.name).toBe('name 17')
    expectSound(again.store, handles[1]!.store)
  })

  it('[DV2] are repaired where the damage is on the disk, too', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles } = raid({ disks: [disk], client: { limits: { rowsBeforeCompaction: 1 } } })
    diverge(handles[0]!.store, 'phase')
    // Acknowledged and folded: what is on the disk now is the wrong state.
    handles[0]?.change((draft) => draft.potions.add(1))
    world.advance(2000)
    expect(clients[0]?.replica.metrics().compactions).toBeGreaterThan(0)
    world.advance(30_000)
    clients[0]?.replica.close()
    const again = world.open(world.replica({ disk }))
    expect(again.snapshot.phase).toBe('fight')
    expectSound(again.store, handles[1]!.store)
  })

  it('[DV3] lose nothing by a repair: unsent work stays, with its receipts, its rows and its rights', () => {
    const disk = createMemoryDisk()
    const { world, server, clients, handles, wires } = raid({ disks: [disk] })
    const [alice] = handles as [RaidHandle]
    diverge(alice.store, 'phase')
    const { author } = alice.store
    // Written at every moment of search and repair.
    let receipts = 0
    let reached = 0
    for (let i = 0; i < 600; i++) {
      if (clients[0]!.replica.metrics().divergences > 0 && i % 3 === 0) {
        receipts += 1
        alice
          .change((draft) => draft.items.add(`item ${i}`))
          .reached('server')
          .then(() => {
            reached += 1
          })
      }
      world.advance(50)
    }
    expect(clients[0]?.replica.metrics().repairs).toBeGreaterThanOrEqual(1)
    expect(receipts).toBeGreaterThan(50)
    expect(reached).toBe(receipts)
    expect(alice.unsaved.changes).toBe(0)
    expect(alice.snapshot.items).toHaveLength(receipts + 1)
    expect(alice.store.author).toBe(author)
    expectSound(alice.store, handles[1]!.store, storeAt(server))

    // Cut off right after it is damaged: what is written then is neither sent nor lost.
    diverge(alice.store, 'players', 'player 3', 'name')
    world.advance(10_000)
    wires[0]!.cut()
    alice.change((draft) => draft.items.add('unsent'))
    world.advance(1000)
    clients[0]?.replica.close()
    const again = world.open(world.replica({ disk }))
    expect(again.snapshot.items).toContain('unsent')
    expect(again.unsaved.changes).toBe(1)
  })

  it('[DV4] are repaired only so often, and then say so', () => {
    const { world, clients, handles } = raid({ client: { limits: { repairsPerHour: 2 } } })
    const alarms = alarmsOf(clients[0])
    for (let round = 0; round < 3; round++) {
      diverge(handles[0]!.store, 'players', 'player 3', 'name')
      world.advance(120_000)
    }
    expect(alarms.map(({ repair }) => repair).slice(0, 3)).toEqual(['adopting', 'adopting', 'exhausted'])
    expect(clients[0]?.replica.metrics().repairs).toBe(2)
    world.advance(3_600_000)
    expect(clients[0]?.replica.metrics().repairs).toBeGreaterThan(2)
    expectSound(handles[0]!.store, handles[1]!.store)
  })

  it('[DV5] that are no servers only tell: nobody knows who is right', () => {
    const world = new World()
    const wire = world.wire('peers')
    const [alice, bob] = [world.replica({ role: 'peer', name: 'alice' }), world.replica({ role: 'peer', name: 'bob' })]
    alice.join({ transports: [wire.listen] })
    bob.join({ transports: [wire.dial] })
    const [one, two] = [world.open(alice), world.open(bob)]
    one.change((draft) => draft.phase.set('fight'))
    world.advance(1000)
    const alarms = [alarmsOf(alice), alarmsOf(bob)]
    diverge(one.store, 'phase')
    world.advance(60_000)
    for (const heard of alarms) expect(heard[0]).toMatchObject({ paths: [['phase']], repair: 'none' })
    expect([one.snapshot.phase, two.snapshot.phase]).toEqual(['flipped', 'fight'])
    // The way out: a write puts an end to it, as it does to any difference.
    two.change((draft) => draft.phase.set('over'))
    world.advance(1000)
    expectSound(one.store, two.store)
  })

  it('[DV1] name whole subtrees that only one side has, and the place around where too many differ', () => {
    const { world, clients, handles } = raid()
    const alarms = alarmsOf(clients[0])
    const { store } = handles[0]!
    for (let i = 0; i < 200; i++) flip(store, 'players', `player ${i}`, 'name')
    flip(store, 'phase')
    recheck(store, Number.POSITIVE_INFINITY)
    world.advance(30_000)
    expect(alarms[0]?.paths).toEqual(expect.arrayContaining([['phase'], ['players']] satisfies Path[]))
    expectSound(store === handles[0]!.store ? store : handles[0]!.store, handles[1]!.store)
  })

  it('[DV1] are told of and repaired where the other side speaks an older protocol, without the place', () => {
    const { world, server, clients, handles } = raid()
    for (const { replica } of [server, ...clients]) {
      for (const { session } of insideOf(replica).connections) session.protocol = 1
    }
    const alarms = alarmsOf(clients[0])
    diverge(handles[0]!.store, 'phase')
    world.advance(60_000)
    expect(alarms).toMatchObject([{ paths: [[]], repair: 'adopting' }])
    expect(handles[0]?.snapshot.phase).toBe('fight')
    expectSound(handles[0]!.store, storeAt(server))
  })

  it('[DV6] are found by nobody who forgets to compare: the rule is needed', () => {
    const { world, clients, handles } = raid({ rules: { digestsAreCompared: false } })
    const alarms = alarmsOf(clients[0])
    diverge(handles[0]!.store, 'phase')
    world.advance(600_000)
    expect(alarms).toEqual([])
    expect(handles[0]?.digest()).not.toBe(handles[1]?.digest())
  })

  it('[DV7] cost little where they are equal: an unchanged version is compared once in a while', () => {
    const { world, clients } = raid()
    world.advance(60_000)
    const before = clients[0]!.replica.metrics().framesOut
    world.advance(600_000)
    // A ping and a pong with each heartbeat, and a digest with every sixth.
    expect(clients[0]!.replica.metrics().framesOut - before).toBeLessThan(60 * 2 + 60 / 6 + 5)
  })
})

describe('memory that changed without being written', () => {
  for (const [who, at] of [
    ['a client', 0],
    ['the server', 1],
  ] as const) {
    it(`[DV8] is found at ${who} and made anew from its own disk, before anybody else sees it`, () => {
      const log: LogEntry[] = []
      const { world, server, clients, handles } = raid({ server: { onLog: (entry) => log.push(entry) } })
      const alarms = alarmsOf(clients[0])
      const [damaged, store] = at === 0 ? [clients[0]!, handles[0]!.store] : [server, storeAt(server)]
      flip(store, 'players', 'player 17', 'name')
      world.advance(30_000)
      expect(damaged.replica.metrics()).toMatchObject({ damagedPlaces: 1, repairs: 1, divergences: 0 })
      expect(alarms).toEqual([])
      expectSound(handles[0]!.store, handles[1]!.store, storeAt(server))
      if (at === 1)
        expect(log.map(({ event }) => event)).toEqual(expect.arrayContaining(['memory-damaged', 'repaired']))
      handles[0]?.change((draft) => draft.items.add('goes on'))
      handles[1]?.change((draft) => draft.items.add('too'))
      world.advance(1000)
      expect(handles[0]?.snapshot.items).toEqual(['goes on', 'key', 'too'])
      expectSound(handles[0]!.store, handles[1]!.store, storeAt(server))
    })
  }

  it('[DV8] is not folded into a snapshot, and not given to whoever asks for the whole state', () => {
    const { world, server, handles } = raid({ server: { limits: { rowsBeforeCompaction: 3, recheckedRows: 1 } } })
    flip(storeAt(server), 'players', 'player 17', 'name')
    for (let i = 0; i < 5; i++) handles[0]?.change((draft) => draft.potions.add(1))
    world.advance(3000)
    expect(server.replica.metrics()).toMatchObject({ damagedPlaces: 1, repairs: 1 })
    expectSound(handles[0]!.store, handles[1]!.store, storeAt(server))
  })

  it('[DV8] is repaired by the server where nothing is kept here', () => {
    const { world, clients, handles } = raid({ client: { storage: noStorage(), limits: { keptChanges: 0 } } })
    handles[1]?.change((draft) => draft.phase.set('over'))
    world.advance(1000)
    const alarms = alarmsOf(clients[0])
    flip(handles[0]!.store, 'phase')
    world.advance(180_000)
    expect(alarms.map(({ paths, repair }) => ({ paths, repair }))).toEqual([{ paths: [['phase']], repair: 'adopting' }])
    expect(handles[0]?.snapshot.phase).toBe('over')
    expectSound(handles[0]!.store, handles[1]!.store)
  })

  it('[DV8] stays unseen where it is never looked at: the rule is needed', () => {
    const { world, handles } = raid({ rules: { memoryIsRechecked: false } })
    flip(handles[0]!.store, 'phase')
    world.advance(600_000)
    expect(storeToPlain(handles[0]!.store)).toMatchObject({ phase: 'flipped' })
  })
})

describe('a peer that lies about what it has', () => {
  it('[DV9] is asked little, believed nothing but what a server may say, and ends its own connection when it asks too much', () => {
    const { world, server, clients, handles } = raid()
    const session = [...insideOf(clients[0]!.replica).connections][0]!.session
    const alarms = alarmsOf(server)
    const before = digestOf(storeAt(server))
    const handle = session.streams.get('raid')!.handle
    for (let i = 0; i < 500; i++) {
      session.send({ kind: 'digest', handle, version: storeAt(server).version, digest: '00000000000000ee' })
      session.send({ kind: 'inspected', handle, digest: '00000000000000ee', answers: [], content: 'x' })
      world.advance(1000)
    }
    expect(digestOf(storeAt(server))).toBe(before)
    expect(alarms.length).toBeLessThanOrEqual(12)
    expect(server.replica.metrics().repairs).toBe(0)
    expect(server.replica.metrics().malformedFrames).toBe(0)
    for (let i = 0; i < 60; i++) {
      const frame = {
        kind: 'inspect',
        handle,
        digest: before,
        content: false,
        places: [{ path: [], bits: 0, bucket: 0 }],
      }
      session.send(frame as never)
    }
    world.advance(1000)
    expect(server.replica.metrics().malformedFrames).toBe(1)
    world.advance(60_000)
    expectSound(handles[0]!.store, handles[1]!.store)
  })

  it('[DV9] cannot ask twice for one place, nor for what is none', () => {
    const place = (bits: number, bucket: number, ...path: string[]) => ({ path, bits, bucket })
    const ask = (...places: ReturnType<typeof place>[]) =>
      encodeFrame({ kind: 'inspect', handle: 1, digest: '00000000000000ee', content: false, places })
    const { world, server, clients } = raid()
    let expected = 0
    for (const bytes of [
      ask(place(0, 0), place(0, 0)),
      ask(place(0, 0), place(0, 0, 'players')),
      ask(place(6, 3, 'players'), place(12, 3 * 64 + 5, 'players')),
      ask(place(7, 0)),
      ask(place(36, 0)),
      ask(place(6, 64)),
    ]) {
      const connection = [...insideOf(clients[0]!.replica).connections][0]
      ;(connection as unknown as { link: { send(bytes: Uint8Array): void } }).link.send(Uint8Array.of(0, ...bytes))
      world.advance(60_000)
      expected += 1
      expect(server.replica.metrics().malformedFrames).toBe(expected)
    }
  })
})
