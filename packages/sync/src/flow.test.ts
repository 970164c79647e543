import { stampMs } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk } from './index.ts'
import { insideOf } from './replica.ts'
import { codeOf, lossyLink, outcome, Raid, type RaidHandle, seededRandom, star, World } from './world.test-helper.ts'

describe('flow', () => {
  it('[SY30] carries many documents on one connection', () => {
    const { world, clients, wires } = star(2)
    const mine = Array.from({ length: 50 }, (_, index) => world.open(clients[0]!, `doc-${index}`))
    const theirs = Array.from({ length: 50 }, (_, index) => world.open(clients[1]!, `doc-${index}`))
    for (const [index, handle] of mine.entries()) handle.change((draft) => draft.potions.add(index))
    world.advance(500)
    expect(theirs.map((handle) => handle.snapshot.potions)).toEqual(mine.map((handle) => handle.snapshot.potions))
    expect(wires[0]?.links).toBe(1)
  })

  it('[SY39] carries everything over links that lose, double and reorder frames', () => {
    const world = new World()
    const net = lossyLink(world.time.timers, seededRandom(7), { loss: 0.2, duplicate: 0.2, spreadMs: 60 })
    const [left, right] = [world.replica({ role: 'peer' }), world.replica({ role: 'peer' })]
    left.join({ transports: [net.listen] })
    right.join({ transports: [net.dial] })
    const [a, b] = [world.open(left), world.open(right)]
    for (let i = 0; i < 60; i++) {
      a.change((draft) => draft.log.push(`a${i}`))
      b.change((draft) => draft.potions.add(1))
      world.advance(40)
    }
    world.advance(20_000)
    expect(a.digest()).toBe(b.digest())
    expect(a.snapshot.log.length).toBe(60)
    expect([left.net?.link.state, right.net?.link.state]).toEqual(['synced', 'synced'])
    expect(left.replica.metrics().malformedFrames + right.replica.metrics().malformedFrames).toBe(0)
  })

  it('[SY31] opens and closes documents while connected, and lets a server forget idle ones', () => {
    const { world, clients, server, handles } = star(1, { server: { limits: { idleDocumentMs: 1000 } } })
    handles[0]?.change((draft) => draft.phase.set('x'))
    world.advance(200)
    handles[0]?.close()
    world.advance(3000)
    expect(server.replica.metrics().openDocuments).toBe(0)
    const again = world.open(clients[0]!)
    world.advance(500)
    expect(again.snapshot.phase).toBe('x')
    again.change((draft) => draft.phase.set('y'))
    world.advance(500)
    expect(again.unsaved.changes).toBe(0)
  })

  it('[SY32] holds back towards a slow peer instead of filling memory, and sends the sum in the end', () => {
    const { world, clients, server, handles, wires } = star(2)
    // The link to bob takes everything and delivers nothing for a while.
    wires[1]!.silent = true
    for (let i = 0; i < 700; i++) {
      handles[0]?.change((draft) => draft.phase.set(`${'x'.repeat(4000)}${i}`))
      if (i % 100 === 0) world.advance(1)
    }
    world.advance(1000)
    const queued = [...insideOf(server.replica).connections].map((connection) => connection.queuedBytes)
    expect(Math.max(...queued)).toBeLessThan(2 * 1024 * 1024)
    wires[1]!.cut()
    wires[1]!.silent = false
    wires[1]!.restore()
    clients[1]?.net?.reconnect()
    world.advance(5000)
    expect(handles[1]?.digest()).toBe(handles[0]?.digest())
  })

  it('[SY33] holds input back while the disk is behind', () => {
    const { world, server, handles } = star(2, { server: { limits: { unwrittenBytes: 10_000 } } })
    const core = insideOf(server.replica)
    Object.defineProperty(core.queue, 'pendingBytes', { configurable: true, get: () => 1_000_000 })
    for (let i = 0; i < 900; i++) {
      handles[0]?.change((draft) => draft.phase.set(`${'x'.repeat(1000)}${i}`))
    }
    world.advance(2000)
    expect(handles[0]?.unsaved.changes).toBeGreaterThan(200)
    const merged = server.replica.metrics().changesMerged
    expect(merged).toBeLessThan(700)
  })

  it('[SY34] sends a change that is larger than a frame', () => {
    const { world, handles } = star(2, { server: { limits: { messageBytes: 20_000 } } })
    const receipt = handles[0]!.change((draft) => {
      for (let i = 0; i < 200; i++) draft.items.add(`${'y'.repeat(500)}${i}`)
    })
    world.advance(1000)
    expect(handles[1]?.snapshot.items.length).toBe(200)
    expect(receipt.level).toBe('server')
  })

  it('[SY40] bounds what is written here by the limits of the replica, and nothing of what is merged', () => {
    const { world, handles } = star(2, { client: { limits: { valueBytes: 100, documentItems: 3 } } })
    const [ada, bob] = handles as [RaidHandle, RaidHandle]
    expect(codeOf(() => ada.change((draft) => draft.phase.set('x'.repeat(200))))).toBe('value-too-large')
    ada.change((draft) => draft.log.push('1', '2'))
    bob.change((draft) => draft.log.push('3', '4', '5'))
    expect(codeOf(() => bob.change((draft) => draft.phase.set('x')))).toBe('document-full')
    world.advance(500)
    expect(ada.snapshot.log).toHaveLength(5)
    bob.change((draft) => draft.log.delete(0, 4))
    bob.change((draft) => draft.phase.set('x'))
  })

  it('[SY35] refuses more documents than allowed with a code, and serves the others', () => {
    const { world, clients } = star(1, { server: { limits: { documents: 2 } } })
    const [second, third] = [world.open(clients[0]!, 'second'), world.open(clients[0]!, 'third')]
    second.change((draft) => draft.phase.set('x'))
    third.change((draft) => draft.phase.set('x'))
    world.advance(500)
    expect([second.unsaved.changes, third.unsaved.changes]).toEqual([0, 1])
    expect(clients[0]?.net?.link.state).toBe('syncing')
  })

  it('[SY36] corrects its own clock by the server, and tells the offset', () => {
    const world = new World()
    const wire = world.wire('wire')
    const server = world.replica({ role: 'server' })
    server.join({ transports: [wire.listen] })
    const slow = { now: () => world.time.clock.now() - 3_600_000, monotonic: world.time.clock.monotonic }
    const client = world.replica({ clock: slow })
    client.join({ transports: [wire.dial] })
    const handle = world.open(client)
    world.advance(500)
    expect(client.net?.link).toMatchObject({ state: 'synced', clockOffsetMs: 3_600_000 })
    const change = handle.change((draft) => draft.phase.set('x')).change
    const wall = world.time.clock.now()
    expect(Math.abs(stampMs(change?.hlc ?? 0) - wall)).toBeLessThan(1000)
  })

  it('[SY37] a listener of presence or of the storage that throws harms nobody else', () => {
    const disk = createMemoryDisk()
    const { world, clients, handles } = star(2, { disks: [disk] })
    const seen: number[] = []
    const heard: string[] = []
    const fail = (): never => {
      throw new Error('a bug of the app')
    }
    handles[0]?.presence.subscribe(fail)
    handles[0]?.presence.subscribe((others) => seen.push(others.size))
    clients[0]?.replica.onStorageStatus(fail)
    clients[0]?.replica.onStorageStatus(({ state }) => heard.push(state))
    handles[1]?.presence.set('here')
    world.advance(100)
    expect(seen).toEqual([1])
    expect(clients[0]?.links).toEqual(['syncing', 'synced'])
    disk.fail('storage-full')
    handles[0]?.change((draft) => draft.phase.set('x'))
    world.advance(1000)
    disk.fail(undefined)
    world.advance(60_000)
    expect(heard).toEqual(['failing', 'ok'])
    const receipt = handles[0]!.change((draft) => draft.phase.set('y'))
    world.advance(1000)
    expect(receipt.level).toBe('server')
    expect(outcome(receipt.reached('disk')).code).toBe('resolved')
  })

  it('[SY37] a listener that throws harms nobody else', () => {
    const { world, clients, handles } = star(2)
    const logged: string[] = []
    handles[1]?.subscribe(() => {
      throw new Error('from the application')
    })
    handles[1]?.subscribe(() => logged.push('still told'))
    handles[0]?.change((draft) => draft.phase.set('x'))
    world.advance(200)
    expect(logged).toEqual(['still told'])
    expect(clients[1]?.net?.link.state).toBe('synced')
  })

  it('[SY38] asks for a new token at each dial and survives one that cannot be had', () => {
    const world = new World()
    let asked = 0
    const tokens: (string | undefined)[] = []
    const wire = world.wire('wire', {
      token: () => {
        asked += 1
        if (asked === 2) throw new Error('expired')
        return `token-${asked}`
      },
    })
    const server = world.replica({
      role: 'server',
      authorize: ({ token }) => {
        tokens.push(token)
        return 'write'
      },
    })
    server.join({ transports: [wire.listen] })
    const client = world.replica()
    client.join({ transports: [wire.dial] })
    client.replica.open('raid', Raid)
    world.advance(500)
    wire.cut()
    wire.restore()
    world.advance(60_000)
    expect(client.net?.link.state).toBe('synced')
    expect(tokens[0]).toBe('token-1')
    expect(tokens.at(-1)).toBe(`token-${asked}`)
    expect(asked).toBeGreaterThanOrEqual(3)
  })
})
