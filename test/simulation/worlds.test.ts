import { generateScenario, playScenario, type Scenario, type WorldEvent } from '@rejoin/sim'
import { describe, expect, it } from 'vitest'
import { expectSound, traceHash } from './worlds.ts'

/** Of the first kind; of the others fewer. The tests of the system play all. */
const worlds = process.env['FULL_SIZES'] === '1' ? 100 : 30

describe('simulated worlds', () => {
  it('[SM8] [SM9] [SM10] [SM11] [SM13] [SM18] [SM19] [JO1] keep every promise and converge', () => {
    const total = {
      merges: 0,
      cuts: 0,
      heals: 0,
      crashes: 0,
      refusals: 0,
      refusedWrites: 0,
      conflicts: 0,
      joinsBySketch: 0,
      joinsWhole: 0,
      epochs: 0,
    }
    for (let seed = 1; seed <= worlds; seed += 1) {
      const result = playScenario(generateScenario(seed, { durationMs: 45_000 }))
      expectSound(result, seed)
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    }
    for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(0)
  }, 400_000)

  it('[JO1] [PN4] keep every promise and converge where whoever was away is mostly below the floor', () => {
    const limits = { keptChanges: 0, floorLagMs: 1_000, floorShare: 0, joinItems: 0, joinShare: 100 }
    const joins = { bySketch: 0, whole: 0 }
    for (let seed = 1; seed <= 0.6 * worlds; seed += 1) {
      const result = playScenario(generateScenario(seed, { durationMs: 45_000 }), { pace: { limits } })
      expectSound(result, seed)
      joins.bySketch += result.joinsBySketch
      joins.whole += result.joinsWhole
    }
    expect(joins.bySketch).toBeGreaterThan(worlds / 2)
    expect(joins.whole).toBeGreaterThan(worlds / 10)
  }, 400_000)

  it('[EP8] [EB1] [EB3] keep every promise and converge where epochs begin as often as they can', () => {
    let epochs = 0
    for (let seed = 1; seed <= 0.6 * worlds; seed += 1) {
      const limits = { epochMs: 1_000, epochItems: 1, keptChanges: seed % 3 === 0 ? 0 : 2_000 }
      const result = playScenario(generateScenario(seed, { durationMs: 45_000 }), { pace: { limits } })
      expectSound(result, seed)
      epochs += result.epochs
    }
    expect(epochs).toBeGreaterThan(worlds / 2)
  }, 400_000)

  // 339: work that a neighbour brought to the server was refused again after a restart. 608: a disk that was full forgot a
  // refusal with the crash, as it may.
  it.each([339, 608])('[SM13] [SM19] are sound where one was not before: seed %i', (seed) => {
    expectSound(playScenario(generateScenario(seed)), seed)
  })

  it('[SM2] [SM3] play alike twice, event by event', () => {
    const short = { durationMs: 30_000 }
    for (const seed of [3, 4, 5]) {
      const runs = [1, 2].map(() => {
        const events: WorldEvent[] = []
        const { fingerprint } = playScenario(generateScenario(seed, short), { onEvent: (event) => events.push(event) })
        return { fingerprint, events: events.length, hash: traceHash(events) }
      })
      expect(runs[0]?.events).toBeGreaterThan(100)
      expect(runs[0]).toEqual(runs[1])
      // Watching a world does not change it.
      expect(playScenario(generateScenario(seed, short)).fingerprint).toBe(runs[0]?.fingerprint)
    }
  })

  const day = 86_400_000
  const patient = { timing: { pingMs: 300_000, silenceMs: 900_000 }, redial: { capMs: 600_000 } }
  const outages: [string, number][] = [
    ['1 s', 1_000],
    ['31 s', 31_000],
    ['91 s', 91_000],
    ['24 h and 1 s', day + 1_000],
    ['30 days', 30 * day],
  ]
  for (const world of ['mesh', 'hub'] as const) {
    for (const [name, lengthMs] of outages) {
      it(`[SM13] heal an outage of ${name} in a ${world}`, () => {
        // Whoever waits for days dials and pings less often; it would heal at any pace.
        const options = lengthMs >= day ? { pace: patient, patienceMs: 3_600_000 } : {}
        const result = playScenario(outage(world, lengthMs), options)
        expectSound(result, result.scenario.seed)
        expect(result.cuts).toBeGreaterThan(0)
        expect(result.healMs).toBeLessThan(lengthMs >= day ? 1_800_000 : 120_000)
      })
    }
  }
})

/** Everybody is cut off from node 0, all write, and then the lanes open by themselves. */
function outage(world: 'mesh' | 'hub', lengthMs: number): Scenario {
  const nodes = 3
  const writes = [1, 2, 3, 4, 5, 6].map((i) => ({
    atMs: 20_000 + Math.floor((lengthMs * i) / 7),
    kind: 'write' as const,
    node: i % nodes,
    write: { verb: i % 2 === 0 ? ('register' as const) : ('set-add' as const), number: i, text: `w${i}` },
  }))
  return {
    world,
    seed: 90,
    nodes,
    durationMs: 20_000 + lengthMs,
    actions: [{ atMs: 20_000, kind: 'storm', preset: 'isolate-one', node: 0 }, ...writes],
  }
}
