import { describe, expect, it } from 'vitest'
import { mirrorDocuments } from './servers/mirror.ts'
import { World } from './world.test-helper.ts'

describe('how a replica says that it stands to the others', () => {
  it('[SY58] is not in sync with a server that takes in nothing, though another has what was written', () => {
    const world = new World()
    const servers = ['a', 'b'].map((name) => {
      const server = world.replica({ role: 'server', name, grantsRights: false })
      mirrorDocuments(server.replica)
      return server
    })
    const wires = servers.map((server, at) => {
      const wire = world.wire(`wire-${at}`)
      server.join({ transports: [wire.listen] })
      return wire
    })
    const client = world.replica()
    const net = client.join({ transports: wires.map(({ dial }) => dial) })
    const raid = world.open(client)
    raid.change((draft) => draft.phase.set('before'))
    world.advance(3000)
    expect([net.link.state, net.peers.map(({ isSynced }) => isSynced)]).toEqual(['synced', [true, true]])
    for (const wire of wires.slice(0, 1)) wire.silent = true
    raid.change((draft) => draft.phase.set('after'))
    world.advance(2000)
    expect(raid.unsaved).toMatchObject({ changes: 0 })
    const synced = net.peers.map(({ name, isSynced }) => [name, isSynced])
    expect([net.link.state, Object.fromEntries(synced)]).toEqual(['syncing', { a: false, b: true }])
    for (const wire of wires) wire.silent = false
  })

  it('[SY59] says when it dials next, the same for as long as the same wait runs', () => {
    const world = new World()
    const { clock } = world.time
    const fine = { now: () => Math.floor(clock.now()), monotonic: () => clock.monotonic() + 0.7 }
    const client = world.replica({ clock: fine })
    const wire = world.wire('nowhere')
    wire.cut()
    const net = client.join({ transports: [wire.dial], baseMs: 60_000, capMs: 60_000 })
    const told: string[] = []
    net.onLink((link) => told.push(link.state))
    world.open(client)
    world.advance(1000)
    const said = new Set<unknown>()
    told.length = 0
    for (let at = 0; at < 200; at++) {
      world.advance(0.37)
      client.replica.open(`another ${at}`, {} as never).then(undefined, () => undefined)
      if (net.link.state === 'offline') said.add(net.link.nextAttemptAt)
    }
    expect([said.size, told]).toEqual([1, []])
  })
})
