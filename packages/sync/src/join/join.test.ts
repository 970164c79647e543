import { describe, expect, it } from 'vitest'
import type { ReplicaOptions } from '../index.ts'
import { type RaidHandle, type Star, star } from '../world.test-helper.ts'

const prunes = { floorLagMs: 336_000, floorShare: 0, keptChanges: 0, joinItems: 1 }

/** Ada and Bob share some items; Bob is cut off, both go on, and what Ada removed is forgotten at the server. */
function below(options: { server?: Partial<ReplicaOptions>; items?: number; removed?: number } = {}): Star {
  const { items = 600, removed = 40 } = options
  const limits = { ...prunes, ...options.server?.limits }
  const world = star(2, { server: { ...options.server, limits } })
  const [ada, bob] = world.handles as [RaidHandle, RaidHandle]
  ada.change((draft) => {
    for (let i = 0; i < items; i++) draft.items.add(`item ${i}`)
    draft.players.get('eve').name.set('Eve')
    draft.log.push('one', 'two', 'three')
    draft.potions.add(3)
  })
  world.world.advance(1_000)
  world.wires[1]?.cut()
  ada.change((draft) => {
    for (let i = 0; i < removed; i++) draft.items.delete(`item ${i}`)
    draft.players.delete('eve')
    draft.log.delete(1)
    draft.phase.set('hers')
    draft.tags.set('ada')
  })
  bob.change((draft) => {
    draft.items.add('mine')
    draft.items.add('item 1')
    draft.items.delete('item 599')
    draft.tags.set('bob')
    draft.log.push('four')
    draft.potions.add(2)
  })
  for (let minutes = 0; minutes < 10; minutes++) {
    world.world.advance(60_000)
    ada.change((draft) => draft.potions.add(1))
  }
  world.world.advance(1_000)
  expect(world.server.replica.metrics().prunings).toBeGreaterThan(0)
  return world
}

function comesBack({ world, wires, handles, clients }: Star): void {
  const [ada, bob] = handles as [RaidHandle, RaidHandle]
  wires[1]?.restore()
  world.advance(60_000)
  expect(bob.version.equals(ada.version)).toBe(true)
  expect(bob.digest()).toBe(ada.digest())
  expect(bob.snapshot).toEqual(ada.snapshot)
  expect(bob.snapshot).toMatchObject({ phase: 'hers', players: {}, log: ['one', 'three', 'four'], potions: 25 })
  expect([...bob.snapshot.tags].sort()).toEqual(['ada', 'bob'])
  expect(bob.snapshot.items).toContain('mine')
  expect(bob.snapshot.items).toContain('item 1')
  expect(bob.snapshot.items).not.toContain('item 2')
  expect(bob.unsaved.changes).toBe(0)
  expect(bob.store.floor.size).toBeGreaterThan(0)
  expect(clients[1]?.healed).toHaveLength(1)
}

describe('the return from below the floor', () => {
  it('[JO1] [JO2] is answered by sketch where most is the same: exact, with what was written meanwhile', () => {
    const world = below()
    comesBack(world)
    expect(world.server.replica.metrics()).toMatchObject({ joinsBySketch: 1, joinsWhole: 0, divergences: 0 })
    expect(world.clients[1]?.replica.metrics()).toMatchObject({ joinsFailed: 0, needs: 0, divergences: 0 })
  })

  it('[JO3] is answered with the whole state where much differs, or little is there', () => {
    const much = below({ removed: 500 })
    comesBack(much)
    expect(much.server.replica.metrics()).toMatchObject({ joinsBySketch: 0, joinsWhole: 1 })
    const little = below({ server: { limits: { joinItems: 10_000 } } })
    comesBack(little)
    expect(little.server.replica.metrics()).toMatchObject({ joinsBySketch: 0, joinsWhole: 1 })
  })

  it('[JO3] is answered with the whole state where no room is left for sketches', () => {
    const world = below({ server: { limits: { sketchItems: 100 } } })
    comesBack(world)
    expect(world.server.replica.metrics()).toMatchObject({ joinsBySketch: 0, joinsWhole: 1 })
  })
})
