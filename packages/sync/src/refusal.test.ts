import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type Permission, type RefusedContent, type Replica } from './index.ts'
import { insideOf } from './replica.ts'
import type { Session } from './session.ts'
import { codeOf, outcome, star, World } from './world.test-helper.ts'

describe('a connection that may not write', () => {
  it('[RE1] is told so at change(), and what others write still arrives', () => {
    const rights = new Map<string, Permission>([['client-0', 'read']])
    const { world, handles } = star(2, {
      server: { authorize: ({ token }) => rights.get(token ?? '') ?? 'write' },
      token: (index) => `client-${index}`,
    })
    const [reader, writer] = handles
    expect(reader?.permission).toBe('read')
    expect(codeOf(() => reader?.change((draft) => draft.phase.set('x')))).toBe('forbidden')
    writer?.change((draft) => draft.phase.set('fight'))
    world.advance(200)
    expect(reader?.snapshot.phase).toBe('fight')
  })

  it('[RE2] falls back in one step, with its content handed over, when the right was lost while it was away', () => {
    let right: Permission = 'write'
    const { world, clients, handles, wires, server } = star(2, {
      server: { authorize: ({ token }) => (token === 'client-0' ? right : 'write') },
      token: (index) => `client-${index}`,
    })
    const [alice, bob] = handles
    alice?.change((draft) => draft.phase.set('before'))
    world.advance(200)
    wires[0]?.cut()
    world.advance(100)
    const receipt = alice?.change((draft) => {
      draft.phase.set('mine')
      draft.players.get('ada').hp.add(-5)
    })
    const second = alice?.change((draft) => draft.log.push('one', 'two'))
    bob?.change((draft) => draft.items.add('key'))
    world.advance(200)
    right = 'read'
    const contents: RefusedContent[] = []
    const seen: unknown[] = []
    alice?.onRefused((content) => contents.push(content))
    alice?.subscribe(() => seen.push(alice.snapshot))
    const refusals = [outcome(receipt?.reached('server')), outcome(second?.reached('server'))]
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)

    expect(alice?.snapshot).toEqual(bob?.snapshot)
    expect(alice?.digest()).toBe(bob?.digest())
    expect(seen).toEqual([bob?.snapshot])
    expect(contents.length).toBe(1)
    expect(contents[0]).toMatchObject({
      code: 'forbidden',
      reason: expect.stringMatching(/was not given, or was lost/),
    })
    const writes = contents[0]?.changes.flatMap((change) => change.writes) ?? []
    expect(writes.map(({ type, path, kind, value }) => [type, path.join('.'), kind, value])).toEqual(
      expect.arrayContaining([
        ['put', 'phase', 'register', 'mine'],
        ['put', 'players.ada.hp', 'counter', -5],
        ['insert', 'log', 'list', ['one', 'two']],
      ]),
    )
    expect(contents[0]?.before).toMatchObject({ phase: 'mine', log: ['one', 'two'] })
    expect(refusals.map((result) => result.code)).toEqual(['refused', 'refused'])
    expect([receipt?.level, second?.level]).toEqual(['refused', 'refused'])
    expect(alice?.unsaved).toEqual({ changes: 0, bytes: 0 })
    expect(server.replica.metrics().changesMerged).toBe(2)
    expect(codeOf(() => alice?.change((draft) => draft.phase.set('x')))).toBe('forbidden')
  })

  it('[RE3] goes on under a fresh incarnation when the right comes back, and nothing refused returns', () => {
    let right: Permission = 'write'
    const disk = createMemoryDisk()
    const { world, clients, handles, wires, server } = star(2, {
      server: { authorize: ({ token }) => (token === 'client-0' ? right : 'write') },
      token: (index) => `client-${index}`,
      disks: [disk],
    })
    const [alice, bob] = handles
    alice?.change((draft) => draft.items.add('kept'))
    world.advance(200)
    wires[0]?.cut()
    alice?.change((draft) => draft.items.add('refused'))
    right = 'read'
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    right = 'write'
    server.replica.reauthorize('raid')
    world.advance(1000)
    expect(alice?.permission).toBe('write')
    alice?.change((draft) => draft.items.add('again'))
    world.advance(1000)
    expect(bob?.snapshot.items).toEqual(['again', 'kept'])
    expect(bob?.digest()).toBe(alice?.digest())
    const authors = [...(bob?.version.entries() ?? [])].length
    expect(authors).toBe(2)
    clients[0]?.replica.close()
    const reopened = world.replica({ disk })
    expect(world.open(reopened).snapshot.items).toEqual(['again', 'kept'])
  })

  it('[RE3] keeps what was refused and then came from a server after all, over a restart too', () => {
    let right: Permission = 'write'
    const world = new World()
    const mine = world.wire('mine', { token: () => 'alice' })
    const [others, between, tabs] = [world.wire('others'), world.wire('between'), world.wire('tabs')]
    const disk = createMemoryDisk()
    const authorize = ({ token }: { readonly token: string | undefined }) => (token === 'alice' ? right : 'write')
    const server = world.replica({ role: 'server', name: 'server', authorize })
    server.join({ transports: [mine.listen, others.listen] })
    const alice = world.replica({ disk, name: 'alice' })
    const bob = world.replica({ name: 'bob' })
    alice.join({ transports: [mine.dial, between.listen, tabs.listen] })
    bob.join({ transports: [others.dial, between.dial] })
    const [one, two] = [world.open(alice), world.open(bob)]
    world.advance(500)
    // A second tab of alice that only the first one connects.
    const second = world.replica({ disk, name: 'alice' })
    second.join({ transports: [tabs.dial] })
    const tab = world.open(second)
    world.advance(500)
    const told: number[] = []
    one.onRefused((content) => told.push(content.changes.length))
    for (const wire of [mine, others]) wire.cut()
    one.change((draft) => draft.items.add('carried'))
    one.change((draft) => draft.items.add('carried too'))
    world.advance(500)
    right = 'read'
    mine.restore()
    alice.net?.reconnect()
    world.advance(1000)
    expect([one.snapshot.items, two.snapshot.items]).toEqual([[], ['carried', 'carried too']])
    expect(tab.snapshot.items).toEqual([])
    expect(told).toEqual([2])
    // Bob may write, and vouches for what he brings.
    others.restore()
    bob.net?.reconnect()
    world.advance(1000)
    right = 'write'
    server.replica.reauthorize()
    world.advance(1000)
    one.change((draft) => draft.items.add('on top'))
    world.advance(1000)
    expect(one.snapshot.items).toEqual(['carried', 'carried too', 'on top'])
    expect(tab.snapshot.items).toEqual(one.snapshot.items)
    alice.replica.close()
    second.replica.close()
    const again = world.open(world.replica({ disk }))
    again.onRefused((content) => told.push(content.changes.length))
    expect(again.snapshot.items).toEqual(['carried', 'carried too', 'on top'])
    expect(told).toEqual([2])
  })

  it('[RE4] loses only unsent work when it may not even read, and keeps what the server was known to have', () => {
    let right: Permission = 'write'
    const { world, clients, handles, wires } = star(1, { server: { authorize: () => right } })
    const [alice] = handles
    alice?.change((draft) => draft.phase.set('shared'))
    world.advance(200)
    wires[0]?.cut()
    alice?.change((draft) => draft.phase.set('mine'))
    const contents: RefusedContent[] = []
    alice?.onRefused((content) => contents.push(content))
    right = 'no'
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    expect(alice?.permission).toBe('no')
    expect(alice?.snapshot.phase).toBe('shared')
    expect(contents.map((content) => content.changes.length)).toEqual([1])
    expect(alice?.unsaved.changes).toBe(0)
    expect(clients[0]?.net?.link).toMatchObject({ state: 'refused', code: 'forbidden' })
    right = 'write'
    world.advance(20_000)
    expect(alice?.permission).toBe('write')
    expect(clients[0]?.net?.link.state).toBe('synced')
  })

  it('[RE2] falls back too when the right is lost while it is connected and writing', () => {
    let right: Permission = 'write'
    const { world, handles, server } = star(2, {
      server: { authorize: ({ token }) => (token === 'client-0' ? right : 'write') },
      token: (index) => `client-${index}`,
    })
    const [alice, bob] = handles
    for (let i = 0; i < 40; i++) {
      if (alice?.permission === 'write') alice.change((draft) => draft.items.add(`item-${i}`))
      if (i === 20) {
        right = 'read'
        server.replica.reauthorize()
      }
      world.advance(3)
    }
    const contents: RefusedContent[] = []
    // Whoever listens late is told of what was refused before.
    alice?.onRefused((content) => contents.push(content))
    world.advance(1000)
    expect(alice?.digest()).toBe(bob?.digest())
    expect(alice?.unsaved.changes).toBe(0)
    const refused = contents.flatMap((content) => content.changes).length
    expect(refused).toBeGreaterThan(0)
    expect((bob?.snapshot.items.length ?? 0) + refused).toBeGreaterThanOrEqual(21)
  })

  it('[RE3] hands over what another tab wrote and nobody heard of', () => {
    let right: Permission = 'write'
    const disk = createMemoryDisk()
    const { world, clients, handles, wires } = star(1, { server: { authorize: () => right }, disks: [disk] })
    handles[0]?.change((draft) => draft.phase.set('shared'))
    world.advance(200)
    wires[0]?.cut()
    handles[0]?.change((draft) => draft.items.add('mine'))
    // Another tab without any way to the first, closed again at once.
    const other = world.replica({ disk })
    world.open(other).change((draft) => draft.items.add('theirs'))
    other.replica.close()
    const contents: RefusedContent[] = []
    handles[0]?.onRefused((content) => contents.push(content))
    right = 'read'
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(1000)
    expect(handles[0]?.snapshot).toMatchObject({ phase: 'shared', items: [] })
    expect(contents.flatMap((content) => content.changes).length).toBe(2)
    expect(world.open(world.replica({ disk })).snapshot.items).toEqual([])
  })

  it('[RE5] merges nothing at the server from whoever may not write, and ends floods', () => {
    const { world, clients, handles, server } = star(1, {
      server: { authorize: () => 'read', limits: { refusedWrites: 3 } },
      rules: { refusalFallsBack: false },
    })
    const [alice] = handles
    for (let i = 0; i < 10; i++) {
      const session = clientSession(clients[0])
      if (session === undefined) break
      // A client that does not keep to the rules: it believes that it may write.
      for (const stream of session.streams.values()) {
        stream.rights.granted = 'write'
        stream.core.setPermission('write')
      }
      alice?.change((draft) => draft.potions.add(1))
      world.advance(50)
    }
    expect(server.replica.metrics().changesMerged).toBe(0)
    expect(server.replica.metrics().refusedWrites).toBeGreaterThan(3)
    expect(clients[0]?.links).toContain('refused')
  })

  it('[RE6] takes the other tabs of its profile back too', () => {
    let right: Permission = 'write'
    const world = new World()
    const wires = [world.wire('a'), world.wire('b')] as const
    const between = world.wire('tabs')
    const disk = createMemoryDisk()
    const server = world.replica({
      role: 'server',
      name: 'server',
      authorize: ({ token }) => (token === 'me' ? right : 'write'),
    })
    const others = world.wire('other')
    server.join({ transports: [wires[0].listen, wires[1].listen, others.listen] })
    const mine = world.wire('mine', { token: () => 'me' })
    server.join({ transports: [mine.listen] })
    const first = world.replica({ disk })
    const second = world.replica({ disk })
    first.join({ transports: [mine.dial, between.listen] })
    second.join({ transports: [between.dial] })
    const bob = world.replica()
    bob.join({ transports: [others.dial] })
    const [one, two, three] = [world.open(first), world.open(second), world.open(bob)]
    one.change((draft) => draft.phase.set('shared'))
    world.advance(500)
    mine.cut()
    world.advance(100)
    two.change((draft) => draft.items.add('from two'))
    one.change((draft) => draft.items.add('from one'))
    world.advance(500)
    expect(one.snapshot.items).toEqual(['from one', 'from two'])
    right = 'read'
    const handed: string[] = []
    one.onRefused((content) => handed.push(`one ${content.changes.length}`))
    two.onRefused((content) => handed.push(`two ${content.changes.length}`))
    mine.restore()
    first.net?.reconnect()
    world.advance(2000)
    expect([one.snapshot.items, two.snapshot.items, three.snapshot.items]).toEqual([[], [], []])
    expect(new Set([one.digest(), two.digest(), three.digest()]).size).toBe(1)
    expect(handed.length).toBeGreaterThanOrEqual(1)
    expect(world.open(world.replica({ disk })).snapshot.items).toEqual([])
  })

  it('[RE7] a replica that does not fall back stays apart: the rule is needed', () => {
    let right: Permission = 'write'
    const { world, clients, handles, wires } = star(2, {
      server: { authorize: ({ token }) => (token === 'client-0' ? right : 'write') },
      token: (index) => `client-${index}`,
      rules: { refusalFallsBack: false },
    })
    wires[0]?.cut()
    handles[0]?.change((draft) => draft.phase.set('mine'))
    right = 'read'
    wires[0]?.restore()
    clients[0]?.net?.reconnect()
    world.advance(2000)
    expect(handles[0]?.digest()).not.toBe(handles[1]?.digest())
  })
})

function clientSession(client: { readonly replica: Replica } | undefined): Session | undefined {
  if (client === undefined) return undefined
  return [...insideOf(client.replica).connections][0]?.session
}
