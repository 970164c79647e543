import { describe, expect, it } from 'vitest'
import { noStorage, type Storage, type StorageOp } from './index.ts'
import { insideOf } from './replica.ts'
import { star, World } from './world.test-helper.ts'

describe('replicas over a server', () => {
  it('[SY1] bring a change to everybody and to the disk of the server', () => {
    const { world, clients, handles } = star(2)
    const [alice, bob] = handles
    expect(clients.map((client) => client.net?.link.state)).toEqual(['synced', 'synced'])
    const receipt = alice!.change((draft) => draft.phase.set('fight'))
    expect(receipt.level).toBe('disk')
    expect(alice!.unsaved.changes).toBe(1)
    world.advance(100)
    expect(bob!.snapshot.phase).toBe('fight')
    expect(receipt.level).toBe('server')
    expect(alice!.unsaved).toEqual({ changes: 0, bytes: 0 })
    expect(alice!.digest()).toBe(bob!.digest())
  })

  it('[SY2] heal after a cut, with the planted conflict in the report', () => {
    const { world, clients, handles, wires } = star(2)
    const [alice, bob] = handles
    alice!.change((draft) => draft.phase.set('fight'))
    world.advance(200)
    for (const wire of wires) wire.cut()
    world.advance(1000)
    expect(clients.map((client) => client.net?.link.state)).toEqual(['offline', 'offline'])
    alice!.change((draft) => draft.phase.set('won'))
    alice!.change((draft) => draft.items.add('key'))
    bob!.change((draft) => draft.phase.set('lost'))
    bob!.change((draft) => draft.potions.add(-3))
    world.advance(5000)
    expect(alice!.unsaved.changes).toBe(2)
    for (const wire of wires) wire.restore()
    for (const client of clients) client.net?.reconnect()
    world.advance(1000)
    expect(alice!.snapshot).toEqual(bob!.snapshot)
    expect(alice!.digest()).toBe(bob!.digest())
    expect(alice!.unsaved.changes + bob!.unsaved.changes).toBe(0)
    const reports = clients.flatMap((client) => client.healed.slice(-1))
    expect(reports.map((report) => report.conflicts.map((conflict) => conflict.path.join('.')))).toEqual([
      ['phase'],
      ['phase'],
    ])
    expect(reports[0]?.conflicts[0]?.ancestor).toEqual({ known: true, value: 'fight' })
    expect(alice!.snapshot.potions).toBe(7)
  })

  it('[LA6] spell nothing for a disk that keeps nothing, also not what a server acknowledged', () => {
    const written: StorageOp[] = []
    const storage: Storage = {
      ...noStorage(),
      write: (ops) => {
        written.push(...ops)
        return noStorage().write(ops)
      },
    }
    const { world, handles } = star(1, { client: { storage } })
    handles[0]?.change((draft) => draft.phase.set('fight'))
    world.advance(500)
    expect(handles[0]?.unsaved.changes).toBe(0)
    const spelled = written.flatMap((op) => (op.kind === 'put' && op.bytes.length > 5 ? [op.key] : []))
    expect(spelled.filter((key) => key.includes('/m/acked/'))).toEqual([])
  })

  it('[LA6] work, heal and report alike without storage, and come back with nothing', () => {
    const counted = [undefined, { storage: noStorage() }].map((client) => {
      const { world, clients, wires, handles } = star(2, client === undefined ? {} : { client })
      const [alice, bob] = handles
      for (const wire of wires) wire.cut()
      world.advance(1000)
      const receipt = alice!.change((draft) => draft.phase.set('won'))
      bob!.change((draft) => draft.phase.set('lost'))
      world.advance(1000)
      expect(receipt.level).toBe('disk')
      const { unsaved } = alice!
      for (const wire of wires) wire.restore()
      for (const { net } of clients) net?.reconnect()
      world.advance(1000)
      expect(alice!.digest()).toBe(bob!.digest())
      expect(receipt.level).toBe('server')
      const report = clients[0]?.healed.at(-1)
      expect(report?.conflicts.length).toBe(1)
      return { unsaved, ours: report?.ours.bytes }
    })
    expect(counted[1]).toEqual(counted[0])
    expect(counted[0]?.unsaved.bytes).toBeGreaterThan(0)

    const { world, server, clients, wires, handles } = star(2, { client: { storage: noStorage() } })
    handles[0]!.change((draft) => draft.phase.set('fight'))
    world.advance(200)
    for (const wire of wires) wire.cut()
    const [alice, bob] = clients
    handles[0]!.close()
    expect(server.disk.rows.size).toBeGreaterThan(0)
    expect(world.open(alice!).snapshot.phase).toBe('lobby')
    wires[0]!.restore()
    alice!.net?.reconnect()
    world.advance(1000)
    expect(world.open(alice!).digest()).toBe(world.open(bob!).digest())
  })

  it('go on writing where a step at the end of a batch throws, and take the other steps', () => {
    const { replica, disk } = new World().replica({ role: 'server', name: 'a' })
    const core = insideOf(replica)
    const done: string[] = []
    const batch = (): void =>
      core.batch(() => {
        core.soon(() => done.push('first'))
        core.soon(() => {
          throw new Error('a bug')
        })
        core.soon(() => done.push('last'))
      })
    expect(batch).toThrow('a bug')
    core.batch(() => core.queue.push([{ kind: 'put', key: 'x', bytes: new Uint8Array(1) }]))
    expect([done, disk.rows.has('x')]).toEqual([['first', 'last'], true])
  })
})
