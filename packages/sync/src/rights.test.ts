import { bounded, type Rights, register, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { createMemoryDisk, type DocumentHandle, type MemoryDisk, type Replica } from './index.ts'
import { atOnce, codeOf, type Star, star } from './world.test-helper.ts'

const Raid = schema({ title: register(''), potions: bounded({ initial: 10 }), seats: bounded({ max: 3 }) })
type Handle = DocumentHandle<typeof Raid>

const open = (replica: Replica): Handle => atOnce(replica.open('rights', Raid))

function held(handle: Handle): Rights {
  let rights: Rights = { spend: 0, room: 0 }
  handle.change(({ potions, seats }) => {
    rights = { spend: potions.spendable(), room: seats.room() }
  })
  return rights
}

/** A server and clients that have the document open. */
function raid(count: number, options: Parameters<typeof star>[1] = {}): Star & { readonly raids: readonly Handle[] } {
  const made = star(count, options)
  const raids = made.clients.map(({ replica }) => open(replica))
  made.world.advance(500)
  return { ...made, raids }
}

describe('rights to bounded counters', () => {
  it('[RI1] are granted by the server to who asks, and spent without it', () => {
    const { world, raids, wires, server } = raid(2)
    const [ada, bob] = raids as [Handle, Handle]
    expect(codeOf(() => ada.change((s) => s.potions.subtract(1)))).toBe('rights-insufficient')
    ada.change((s) => s.potions.ask({ spend: 4 }))
    bob.change((s) => {
      s.potions.ask({ spend: 3 })
      s.seats.ask({ room: 1 })
    })
    world.advance(500)
    expect([held(ada), held(bob)]).toEqual([
      { spend: 4, room: 0 },
      { spend: 3, room: 1 },
    ])
    for (const wire of wires) wire.cut()
    world.advance(1000)
    ada.change((s) => s.potions.subtract(4))
    bob.change((s) => {
      s.potions.subtract(2)
      s.seats.add(1)
    })
    expect(codeOf(() => ada.change((s) => s.potions.subtract(1)))).toBe('rights-insufficient')
    for (const wire of wires) wire.restore()
    world.advance(60_000)
    expect([ada.snapshot, bob.snapshot]).toEqual([
      { title: '', potions: 4, seats: 1 },
      { title: '', potions: 4, seats: 1 },
    ])
    expect(server.replica.metrics().localChanges).toBeLessThanOrEqual(2)
  })

  it('[RI2] that are used up are given again when somebody who had some is gone', () => {
    const { world, raids, clients } = raid(2)
    const [ada, bob] = raids as [Handle, Handle]
    ada.change((s) => s.potions.ask({ spend: 9 }))
    world.advance(300)
    bob.change((s) => s.potions.ask({ spend: 5 }))
    world.advance(300)
    expect(held(bob).spend).toBe(1)
    ada.change((s) => s.potions.subtract(3))
    ada.close()
    world.advance(500)
    // What ada had left, as far as bob asked for it; bob could have asked later just as well.
    expect(held(bob).spend).toBe(5)
    const again = open(clients[0]!.replica)
    world.advance(300)
    expect(held(again)).toEqual({ spend: 0, room: 0 })
    again.change((s) => s.potions.ask({ spend: 2 }))
    world.advance(300)
    expect(held(again).spend).toBe(2)
    expect(again.snapshot.potions).toBe(7)
  })

  it('[RI3] are told to nobody before the server has them on its disk, so its next opening may go on with the rest', () => {
    const serverDisk: MemoryDisk = createMemoryDisk({ autoFlush: false })
    const first = raid(1, { serverDisk })
    const [ada] = first.raids as [Handle]
    ada.change((s) => s.potions.ask({ spend: 4 }))
    first.world.advance(300)
    serverDisk.flush(1)
    first.world.advance(300)
    // It granted, and its disk has not said so.
    expect(ada.version.size).toBe(1)
    expect(held(ada).spend).toBe(0)
    for (let i = 0; i < 20; i++) {
      serverDisk.flush()
      first.world.advance(50)
    }
    expect(held(ada).spend).toBe(4)

    serverDisk.crash()
    const second = raid(1, { serverDisk })
    const [bob] = second.raids as [Handle]
    bob.change((s) => s.potions.ask({ spend: 99 }))
    for (let i = 0; i < 40; i++) {
      second.world.advance(50)
      serverDisk.flush()
    }
    expect(held(bob).spend).toBe(6)
    expect(bob.snapshot.potions).toBe(10)
  })

  it('[RI4] are not handed out by a server that was told not to', () => {
    const { world, raids } = raid(1, { server: { grantsRights: false } })
    const [ada] = raids as [Handle]
    ada.change((s) => s.potions.ask({ spend: 4 }))
    world.advance(500)
    expect(held(ada).spend).toBe(0)
    expect(codeOf(() => ada.change((s) => s.potions.grant()))).toBe('rights-refused')
  })
})
