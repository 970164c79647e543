import { type AuthorId, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { Pruning } from './pruning.ts'
import { type RaidHandle, star } from './world.test-helper.ts'

const author = 'a'.repeat(16) as AuthorId
const at = (seq: number) => Version.from([[author, seq]])
const stats = (removalRecords: number, liveItems = 1000) => ({ removalRecords, liveItems, listElements: 0, authors: 1 })
const hour = 3_600_000
const day = 24 * hour
const limits = { floorLagMs: 14 * day, floorShare: 0.25 }

describe('pruning', () => {
  it('[PN1] lets removal records go when they are older than the lag, and not before', () => {
    const pruning = new Pruning(limits)
    for (let hours = 0; hours <= 14 * 24; hours++) pruning.note(hours * hour, () => at(hours + 1))
    expect(pruning.due(14 * day - 1, stats(10), Version.empty)).toBeUndefined()
    const first = pruning.due(14 * day, stats(10), Version.empty)
    expect(first?.get(author)).toBe(1)
    const later = pruning.due(18 * day, stats(10), first as Version)?.get(author) ?? 0
    // Of older marks there is one for half a day, so the floor may be so much older than the lag, and never younger.
    expect(later).toBeGreaterThan(3.5 * 24)
    expect(later).toBeLessThanOrEqual(4 * 24 + 1)
  })

  it('[PN2] lets them go after an hour where they take more than their share', () => {
    const pruning = new Pruning(limits)
    for (let hours = 0; hours < 5; hours++) pruning.note(hours * hour, () => at(hours + 1))
    expect(pruning.due(4 * hour, stats(250), Version.empty)).toBeUndefined()
    expect(pruning.due(4 * hour, stats(251), Version.empty)?.get(author)).toBe(4)
    expect(pruning.due(4 * hour, stats(60, 0), Version.empty)).toBeUndefined()
  })

  it('[PN2] says nothing where nothing would go', () => {
    const pruning = new Pruning(limits)
    pruning.note(0, () => at(5))
    expect(pruning.due(30 * day, stats(0), Version.empty)).toBeUndefined()
    expect(pruning.due(30 * day, stats(9), at(5))).toBeUndefined()
    expect(pruning.due(30 * day, stats(9), at(4))?.get(author)).toBe(5)
  })

  it('[PN3] keeps few marks, and goes on when a clock is set back', () => {
    const pruning = new Pruning(limits)
    for (let hours = 0; hours < 5_000; hours++) pruning.note(hours * hour, () => at(hours + 1))
    pruning.note(10 * hour, () => at(6_000))
    expect(pruning.due(10 * hour + 14 * day, stats(9), Version.empty)?.get(author)).toBe(6_000)
  })
})

describe('a client that comes back from below the floor', () => {
  it('[PN4] has nothing that was removed, all that it wrote meanwhile, and a report', () => {
    const { world, handles, clients, wires, server } = star(2, {
      server: { limits: { floorLagMs: 336_000, floorShare: 0, keptChanges: 0 } },
    })
    const [ada, bob] = handles as [RaidHandle, RaidHandle]
    ada.change((draft) => {
      for (let i = 0; i < 200; i++) draft.items.add(`item ${i}`)
      draft.players.get('eve').name.set('Eve')
    })
    world.advance(1_000)
    wires[1]?.cut()
    ada.change((draft) => {
      for (let i = 0; i < 190; i++) draft.items.delete(`item ${i}`)
      draft.players.delete('eve')
    })
    bob.change((draft) => {
      draft.items.add('mine')
      draft.phase.set('alone')
    })
    for (let minutes = 0; minutes < 10; minutes++) {
      world.advance(60_000)
      ada.change((draft) => draft.potions.add(1))
    }
    world.advance(1_000)
    expect(server.replica.metrics().prunings).toBeGreaterThan(0)
    wires[1]?.restore()
    world.advance(60_000)
    expect(bob.snapshot).toEqual(ada.snapshot)
    expect(bob.digest()).toBe(ada.digest())
    expect(bob.snapshot.items).toHaveLength(11)
    expect(bob.snapshot.items).toContain('mine')
    expect(bob.snapshot).toMatchObject({ phase: 'alone', players: {} })
    expect(bob.unsaved.changes).toBe(0)
    // The floor came with what it joined, so it frees what it had, too.
    expect(bob.store.floor.size).toBeGreaterThan(0)
    expect(clients[1]?.healed).toHaveLength(1)
  })
})
