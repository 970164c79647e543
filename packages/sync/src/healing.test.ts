import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from './index.ts'
import { type Participant, star, World } from './world.test-helper.ts'

describe('healing', () => {
  it('[HE1] goes on where a transfer broke off: 100 ms flapping completes a large heal', () => {
    const { world, clients, handles, wires, server } = star(2, {
      client: { limits: { keptChanges: 10, sendAheadBytes: 65_536 } },
    })
    const [alice, bob] = handles
    wires[1]?.cut()
    world.advance(50)
    alice?.change((draft) => {
      for (let i = 0; i < 3000; i++) draft.players.get(`player-${i}`).name.set(`${'x'.repeat(400)}${i}`)
    })
    for (let i = 0; i < 30; i++) alice?.change((draft) => draft.potions.add(1))
    world.advance(5000)
    const before = server.replica.metrics()
    expect(bob?.snapshot.players).toEqual({})
    let flaps = 0
    for (; flaps < 400 && bob?.digest() !== alice?.digest(); flaps++) {
      wires[1]?.restore()
      clients[1]?.net?.reconnect()
      // Time for the handshake, the open and a part of the state.
      world.advance(60)
      wires[1]?.cut()
      world.advance(40)
    }
    expect(bob?.digest()).toBe(alice?.digest())
    expect(flaps).toBeGreaterThan(1)
    expect(server.replica.metrics().transfersResumed - before.transfersResumed).toBeGreaterThan(0)
    expect(server.replica.metrics().bundlesSent - before.bundlesSent).toBeLessThanOrEqual(2)
  })

  it('[HE1] goes on with a large transfer also after a reload of the receiver', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires, server } = star(2, {
      disks: [createMemoryDisk(), disk],
      client: { limits: { stagedDurablyBytes: 10_000 } },
      server: { limits: { keptChanges: 5, sendAheadBytes: 1 } },
    })
    wires[1]?.cut()
    world.advance(50)
    handles[0]?.change((draft) => {
      for (let i = 0; i < 1000; i++) draft.items.add(`${'x'.repeat(700)}${i}`)
    })
    for (let i = 0; i < 10; i++) handles[0]?.change((draft) => draft.potions.add(1))
    world.advance(1000)
    wires[1]?.restore()
    clients[1]?.net?.reconnect()
    // The handshake, the open, and some pieces, not all.
    world.advance(36)
    const staged = [...disk.rows.keys()].filter((key) => key.startsWith('d/raid/t/')).length
    expect(staged).toBeGreaterThan(0)
    expect(handles[1]?.snapshot.items).toEqual([])
    clients[1]?.replica.close()
    const again = world.replica({ disk })
    const reopened = world.open(again)
    again.join({ transports: [wires[1]!.dial] })
    world.advance(1000)
    expect(reopened.digest()).toBe(handles[0]?.digest())
    expect(server.replica.metrics().transfersResumed).toBe(1)
    expect([...disk.rows.keys()].filter((key) => key.startsWith('d/raid/t/'))).toEqual([])
  })

  it('[HE2] reports once per heal, and again when somebody who heals later conflicts with what was written apart', () => {
    const { world, clients, handles, wires } = star(3)
    const [alice, bob, carol] = handles
    alice?.change((draft) => draft.phase.set('start'))
    world.advance(300)
    for (const wire of wires) wire.cut()
    world.advance(300)
    alice?.change((draft) => draft.phase.set('alice'))
    alice?.change((draft) => draft.potions.add(3))
    world.advance(10)
    bob?.change((draft) => draft.phase.set('bob'))
    world.advance(10_000)
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    expect(clients[0]?.healed.map((event) => [event.revision, event.conflicts.length])).toEqual([[1, 0]])
    expect(clients[0]?.healed[0]).toMatchObject({ document: 'raid', peer: 'server' })
    expect(alice?.snapshot.potions).toBe(13)
    expect(clients[0]?.healed[0]?.merged.find(({ path }) => path[0] === 'potions')?.effect).toMatchObject({ after: 13 })
    expect(clients[0]?.healed[0]?.offlineMs).toBeGreaterThan(9000)
    wires[1]?.restore()
    clients[1]?.net?.reconnect()
    world.advance(1000)
    expect(clients[0]?.healed.map((event) => [event.revision, event.conflicts.length])).toEqual([
      [1, 0],
      [2, 1],
    ])
    expect(clients[0]?.healed.map((event) => event.theirs.changes)).toEqual([0, 1])
    expect(clients[0]?.healed[1]?.theirs).toMatchObject({ keys: 1, paths: [['phase']] })
    expect(clients[0]?.healed[1]?.theirs.bytes).toBeGreaterThan(0)
    expect(clients[1]?.healed.map((event) => [event.revision, event.conflicts.length])).toEqual([[1, 1]])
    expect(clients[1]?.healed[0]?.conflicts[0]).toMatchObject({
      rule: 'newer',
      ancestor: { known: true, value: 'start' },
    })
    wires[2]?.restore()
    clients[2]?.net?.reconnect()
    world.advance(1000)
    expect(clients[2]?.healed.map((event) => [event.ours.changes, event.theirs.changes])).toEqual([[0, 3]])
    expect(clients[2]?.healed[0]?.theirs.bytes).toBeGreaterThan(0)
    expect(new Set(handles.map((handle) => handle.digest())).size).toBe(1)
    expect(carol?.snapshot.phase).toBe(alice?.snapshot.phase)
  })

  it('[HE3] is exact for edits that were made before a reload', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(2, { disks: [disk] })
    const [alice, bob] = handles
    alice?.change((draft) => {
      draft.phase.set('start')
      draft.items.add('shared')
    })
    world.advance(300)
    for (const wire of wires) wire.cut()
    world.advance(300)
    alice?.change((draft) => draft.phase.set('alice'))
    alice?.change((draft) => draft.potions.add(2))
    world.advance(10)
    bob?.change((draft) => draft.phase.set('bob'))
    bob?.change((draft) => draft.items.delete('shared'))
    world.advance(2000)
    clients[0]?.replica.close()
    const again = world.replica({ disk, name: 'client-0' })
    const reopened = world.open(again)
    expect(reopened.snapshot).toMatchObject({ phase: 'alice', potions: 12 })
    expect(reopened.unsaved.changes).toBe(2)
    again.join({ transports: [wires[0]!.dial] })
    world.advance(500)
    expect(again.net?.link.state).toBe('offline')
    for (const wire of wires) wire.restore()
    again.net?.reconnect()
    clients[1]?.net?.reconnect()
    world.advance(1500)
    expect(reopened.snapshot).toEqual(bob?.snapshot)
    expect(reopened.digest()).toBe(bob?.digest())
    expect(reopened.unsaved).toEqual({ changes: 0, bytes: 0 })
    const last = again.healed.at(-1)
    expect(last?.conflicts.map((conflict) => [conflict.path.join('.'), conflict.rule])).toEqual([['phase', 'newer']])
    expect(last?.conflicts[0]?.ancestor).toEqual({ known: true, value: 'start' })
  })

  it('[HE4] two peers without a server heal both ways', () => {
    const world = new World()
    const wire = world.wire('between')
    const alice = world.replica({ role: 'peer', name: 'alice' })
    const bob = world.replica({ role: 'peer', name: 'bob' })
    alice.join({ transports: [wire.listen] })
    bob.join({ transports: [wire.dial] })
    const [a, b] = [world.open(alice), world.open(bob)]
    a.change((draft) => draft.phase.set('start'))
    world.advance(500)
    expect(b.snapshot.phase).toBe('start')
    expect([alice.net?.link.state, bob.net?.link.state]).toEqual(['synced', 'synced'])
    wire.cut()
    world.advance(100)
    a.change((draft) => draft.phase.set('alice'))
    b.change((draft) => draft.phase.set('bob'))
    world.advance(1000)
    wire.restore()
    bob.net?.reconnect()
    world.advance(1000)
    expect(a.digest()).toBe(b.digest())
    expect(alice.healed.map((event) => [event.peer, event.conflicts.length])).toEqual([['bob', 1]])
    expect(bob.healed.map((event) => [event.peer, event.conflicts.length])).toEqual([['alice', 1]])
  })

  it('[HE7] a cut at the moment when `synced` is first said is one outage with one report', () => {
    const world = new World()
    const wire = world.wire('between')
    const alice = world.replica({ name: 'alice' })
    const bob = world.replica({ role: 'peer', name: 'bob' })
    const [a, b] = [world.open(alice), world.open(bob)]
    a.change((draft) => draft.phase.set('plan'))
    b.change((draft) => draft.potions.add(1))
    bob.join({ transports: [wire.listen] })
    alice.join({ transports: [wire.dial] })
    const synced = (): boolean => alice.net?.link.state === 'synced'
    const splitAsSoonAsSynced = (name: string): void => {
      for (let i = 0; i < 1000 && !synced(); i++) world.advance(1)
      wire.cut()
      world.advance(100)
      a.change((draft) => draft.phase.set(`${name} here`))
      b.change((draft) => draft.phase.set(`${name} there`))
      world.advance(100)
      alice.healed.length = 0
      wire.restore()
      alice.net?.reconnect()
    }
    for (const name of ['first', 'second', 'third']) {
      splitAsSoonAsSynced(name)
      for (let i = 0; i < 1000 && !synced(); i++) world.advance(1)
      expect(
        alice.healed.map(({ revision, conflicts }) => [revision, conflicts.length]),
        name,
      ).toEqual([[1, 1]])
    }
  })

  it('[HE7] a heal ends also when the other side got our work from somebody else while it was on its way', () => {
    const world = new World()
    const slow = world.wire('slow', { latencyMs: 200 })
    const [toAlice, toBob] = [world.wire('to alice'), world.wire('to bob')]
    const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => world.replica({ role: 'peer', name })) as [
      Participant,
      Participant,
      Participant,
    ]
    alice.join({ transports: [slow.listen, toAlice.listen] })
    bob.join({ transports: [slow.dial, toBob.listen] })
    carol.join({ transports: [toAlice.dial, toBob.dial] })
    const handles = [alice, bob, carol].map((peer) => world.open(peer))
    const links = () => [alice, bob, carol].map((peer) => peer.net?.link.state)
    // Whatever the moment at which carol's change overtakes alice's copy of it.
    for (let afterMs = 0; afterMs < 2000; afterMs += 100) {
      slow.cut()
      toBob.cut()
      handles[2]?.change((draft) => draft.items.add(`${afterMs}`))
      world.advance(500)
      slow.restore()
      bob.net?.reconnect()
      world.advance(afterMs)
      toBob.restore()
      carol.net?.reconnect()
      world.advance(8000)
      expect(links(), `${afterMs} ms`).toEqual(['synced', 'synced', 'synced'])
    }
  })

  it('[SY66] follows no more outages than sixty-four at a time, whoever comes and stays away', () => {
    const world = new World()
    const wire = world.wire('between')
    const host = world.replica({ role: 'peer', name: 'host' })
    host.join({ transports: [wire.listen] })
    const handle = world.open(host)
    const meet = (name: string): Participant => {
      const guest = world.replica({ role: 'peer', name })
      guest.join({ transports: [wire.dial] })
      world.open(guest).change((draft) => draft.potions.add(1))
      world.advance(500)
      return guest
    }
    const { cuts } = handle.store.core
    for (let at = 0; at < 100; at++) {
      meet(`guest ${at}`).replica.close()
      world.advance(100)
    }
    expect(handle.snapshot.potions).toBe(110)
    expect(cuts.size).toBeLessThanOrEqual(64)
    // The last that went is told of when it comes back, and the first is met like anybody.
    handle.change((draft) => draft.phase.set('host'))
    for (const at of [99, 0]) meet(`guest ${at}`).replica.close()
    expect(host.healed.map(({ peer }) => peer)).toEqual(['guest 99'])
  })

  it('[HE5] a heal that skips the bundle leaves replicas apart: the rule is needed', () => {
    const { world, clients, handles, wires } = star(2, {
      rules: { healSendsBundle: false },
      server: { limits: { keptChanges: 5 } },
    })
    wires[1]?.cut()
    for (let i = 0; i < 50; i++) handles[0]?.change((draft) => draft.items.add(`item-${i}`))
    world.advance(1000)
    wires[1]?.restore()
    clients[1]?.net?.reconnect()
    world.advance(2000)
    expect(handles[1]?.digest()).not.toBe(handles[0]?.digest())
  })

  it('[HE5] a bundle that claims its version before all of it is there loses content: the rule is needed', () => {
    const { world, clients, handles, wires } = star(2, {
      rules: { bundlesAreWhole: false },
      server: { limits: { keptChanges: 5 } },
    })
    wires[1]?.cut()
    for (let i = 0; i < 50; i++) handles[0]?.change((draft) => draft.items.add(`item-${i}`))
    world.advance(1000)
    wires[1]?.restore()
    clients[1]?.net?.reconnect()
    world.advance(2000)
    expect(handles[1]?.version.equals(handles[0]!.version)).toBe(true)
    expect(handles[1]?.digest()).not.toBe(handles[0]?.digest())
  })
})
