import { compactBundle, encodeBundle, map, register, schema } from '@rejoin/state'
import type { DocumentHandle } from '@rejoin/sync'
import { atOnce, type Participant, World } from '@rejoin/sync/world.test-helper'
import { describe, expect, it } from 'vitest'

const Cells = schema({ cells: map(register(0)) })
type Cells = DocumentHandle<typeof Cells>
type Draft = Parameters<Parameters<Cells['change']>[0]>[0]

/** From one end of bob's wire to the other. */
const flightMs = 50

const open = (participant: Participant): Cells => atOnce(participant.replica.open('cells', Cells))

interface Absence {
  readonly keys: number
  readonly own: number
  readonly others: number
  /** Whether what was removed meanwhile is freed before the return. */
  readonly freed: boolean
}

interface Return {
  readonly ada: Cells
  readonly bob: Cells
  readonly server: Participant
  readonly client: Participant
  /** From the end of the handshake until he has all that there is. */
  readonly flights: number
  readonly tookMs: number
  readonly bytesDown: number
  readonly bytesUp: number
}

/** Bob is away while ada writes and both are sound; then he comes back. */
function comeBack({ keys, own, others, freed }: Absence): Return {
  const world = new World()
  const wires = [world.wire('ada'), world.wire('bob', { latencyMs: flightMs })]
  const limits = { floorLagMs: freed ? 336_000 : 1e12, floorShare: freed ? 0 : 1e9, keptChanges: 0 }
  const server = world.replica({ role: 'server', name: 'server', limits })
  server.join({ transports: wires.map((wire) => wire.listen) })
  const clients = wires.map((wire, i) => {
    const client = world.replica({ name: `client-${i}` })
    client.join({ transports: [wire.dial] })
    return client
  })
  const [ada, bob] = clients.map(open) as [Cells, Cells]
  const client = clients[1] as Participant
  world.advance(500)
  const write = (handle: Cells, from: number, count: number, step: (draft: Draft, key: string, i: number) => void) => {
    for (let start = from; start < from + count; start += 1_000) {
      handle.change((draft) => {
        const end = Math.min(from + count, start + 1_000)
        for (let i = start; i < end; i++) step(draft, `cell-${(i * 7_919) % 1_000_003}`, i)
      })
      world.advance(20)
    }
  }
  write(ada, 0, keys, (draft, key, i) => draft.cells.get(key).set(i))
  world.advance(60_000)
  wires[1]?.cut()
  world.advance(60_000)
  // Four fifths of his are in what was there, and some of those did others write or remove, too.
  write(bob, 0, own * 0.8, (draft, key, i) => draft.cells.get(key).set(-i))
  write(bob, 2 * keys, own * 0.2, (draft, key, i) => draft.cells.get(key).set(-i))
  const from = own / 2
  write(ada, from, others * 0.7, (draft, key, i) => draft.cells.get(key).set(i + 1))
  write(ada, from + others * 0.7, others * 0.1, (draft, key) => draft.cells.delete(key))
  write(ada, keys, others * 0.2, (draft, key, i) => draft.cells.get(key).set(i))
  for (let minutes = 0; minutes < 10; minutes++) {
    world.advance(60_000)
    ada.change((draft) => draft.cells.get('clock').set(minutes))
  }
  world.advance(1_000)

  const before = server.replica.metrics()
  const startedAt = performance.now()
  wires[1]?.restore()
  const until = (holds: () => boolean): number => {
    let ms = 0
    for (; ms < 120_000 && !holds(); ms++) world.advance(1)
    return ms
  }
  until(() => client.net?.link.state === 'syncing')
  const flights = until(() => bob.version.covers(ada.version)) / flightMs
  const tookMs = performance.now() - startedAt
  world.advance(2_000)
  const after = server.replica.metrics()
  const bytesDown = after.bytesOut - before.bytesOut
  const bytesUp = after.bytesIn - before.bytesIn
  return { ada, bob, server, client, flights, tookMs, bytesDown, bytesUp }
}

function expectExact({ ada, bob, server, client }: Return): void {
  expect(server.replica.metrics().prunings).toBeGreaterThan(0)
  expect(bob.digest()).toBe(ada.digest())
  expect(bob.snapshot).toEqual(ada.snapshot)
  expect(bob.unsaved.changes).toBe(0)
  expect(server.replica.metrics()).toMatchObject({ joinsBySketch: 1, joinsWhole: 0, joinsContinued: 0, joinsFailed: 0 })
  expect(client.replica.metrics()).toMatchObject({ joinsContinued: 0, joinsFailed: 0, needs: 0 })
}

/** The tests of the system play it at full size. */
const own = process.env['FULL_SIZES'] === '1' ? 10_000 : 1_000

describe('a late return', () => {
  it(`[JO2] with ${own} own unsent changes against ${10 * own} others, of ${20 * own} keys, is exact, with one question and one answer`, () => {
    const returned = comeBack({ keys: 20 * own, own, others: 10 * own, freed: true })
    expectExact(returned)
    const { ada, bytesDown, bytesUp, flights, tookMs } = returned
    const whole = encodeBundle(compactBundle(ada.store)).length
    console.log(
      `late return: ${bytesDown} bytes down, ${bytesUp} up, ${flights} flights, ${Math.round(tookMs)} ms; a compact snapshot: ${whole} bytes`,
    )
    expect(bytesDown).toBeLessThan(0.75 * whole)
  }, 400_000)

  it('[JO2] takes one round trip more than the exchange of versions, as long as the answer is within the credit', () => {
    const absence = { keys: 20_000, own: 1_000, others: 10_000 }
    const below = comeBack({ ...absence, freed: true })
    expectExact(below)
    const above = comeBack({ ...absence, freed: false })
    expect(above.server.replica.metrics()).toMatchObject({ prunings: 0, joinsBySketch: 0, joinsWhole: 0 })
    expect(above.bob.digest()).toBe(above.ada.digest())
    console.log(`${below.flights} flights from below the floor, ${above.flights} from above`)
    expect(below.flights - above.flights).toBeLessThanOrEqual(2)
  }, 400_000)
})
