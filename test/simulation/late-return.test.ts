import { compactBundle, encodeBundle, map, register, schema } from '@rejoin/state'
import type { DocumentHandle } from '@rejoin/sync'
import { type Participant, World } from '@rejoin/sync/world.test-helper'
import { describe, expect, it } from 'vitest'

const Cells = schema({ cells: map(register(0)) })
type Cells = DocumentHandle<typeof Cells>
type Draft = Parameters<Parameters<Cells['change']>[0]>[0]

function open(participant: Participant): Cells {
  let handle: Cells | undefined
  participant.replica.open('cells', Cells).then((opened) => {
    handle = opened
  })
  if (handle === undefined) throw new Error('the document did not open at once')
  return handle
}

describe('a late return', () => {
  it('[JO2] with 10,000 own unsent changes against 100,000 others, of 200,000 keys, is exact and takes one round trip', () => {
    const world = new World()
    const wires = [world.wire('ada'), world.wire('bob')]
    const limits = { floorLagMs: 336_000, floorShare: 0, keptChanges: 0 }
    const server = world.replica({ role: 'server', name: 'server', limits })
    server.join({ transports: wires.map((wire) => wire.listen) })
    const clients = wires.map((wire, i) => {
      const client = world.replica({ name: `client-${i}` })
      client.join({ transports: [wire.dial] })
      return client
    })
    const [ada, bob] = clients.map(open) as [Cells, Cells]
    world.advance(500)
    const write = (
      handle: Cells,
      from: number,
      to: number,
      step: (draft: Draft, key: string, i: number) => void,
    ): void => {
      for (let start = from; start < to; start += 1_000) {
        handle.change((draft) => {
          for (let i = start; i < start + 1_000; i++) step(draft, `cell-${(i * 7_919) % 1_000_003}`, i)
        })
        world.advance(20)
      }
    }
    write(ada, 0, 200_000, (draft, key, i) => draft.cells.get(key).set(i))
    world.advance(60_000)
    wires[1]?.cut()
    world.advance(60_000)
    write(bob, 0, 8_000, (draft, key, i) => draft.cells.get(key).set(-i))
    write(bob, 300_000, 302_000, (draft, key, i) => draft.cells.get(key).set(-i))
    write(ada, 50_000, 120_000, (draft, key, i) => draft.cells.get(key).set(i + 1))
    write(ada, 120_000, 130_000, (draft, key) => draft.cells.delete(key))
    write(ada, 200_000, 220_000, (draft, key, i) => draft.cells.get(key).set(i))
    for (let minutes = 0; minutes < 10; minutes++) {
      world.advance(60_000)
      ada.change((draft) => draft.cells.get('clock').set(minutes))
    }
    world.advance(1_000)
    expect(ada.store.floor.covers(bob.store.version)).toBe(false)
    expect(server.replica.metrics().prunings).toBeGreaterThan(0)

    const before = server.replica.metrics()
    const startedAt = performance.now()
    wires[1]?.restore()
    for (let ms = 0; ms < 120_000 && !bob.version.covers(ada.version); ms += 5) world.advance(5)
    const tookMs = performance.now() - startedAt
    world.advance(1_000)
    expect(bob.digest()).toBe(ada.digest())
    expect(bob.snapshot).toEqual(ada.snapshot)
    expect(bob.unsaved.changes).toBe(0)
    const after = server.replica.metrics()
    expect(after).toMatchObject({ joinsBySketch: 1, joinsWhole: 0 })
    expect(clients[1]?.replica.metrics()).toMatchObject({ joinsContinued: 0, joinsFailed: 0, needs: 0 })

    const down = after.bytesOut - before.bytesOut
    const whole = encodeBundle(compactBundle(ada.store)).length
    const up = after.bytesIn - before.bytesIn
    console.log(
      `late return: ${down} bytes down, ${up} up, ${Math.round(tookMs)} ms; a compact snapshot: ${whole} bytes`,
    )
    expect(down).toBeLessThan(0.75 * whole)
  }, 120_000)
})
