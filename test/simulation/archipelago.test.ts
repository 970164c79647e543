import {
  calmScenario,
  createArchipelago,
  decodeScenario,
  encodeScenario,
  forkScenario,
  guidedMinute,
  islandNames,
  playScenario,
  type Scenario,
  stormPresets,
} from '@rejoin/sim'
import { describe, expect, it } from 'vitest'
import { expectSound } from './worlds.ts'

/** The scenario as a link carries it. */
function throughLink(scenario: Scenario): Scenario {
  const decoded = decodeScenario(encodeScenario(scenario))
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value
}

describe('the archipelago', () => {
  it('begins calm: five islands, one digest, boats under way', () => {
    const lab = createArchipelago(calmScenario(417))
    const frame = lab.frame()
    expect(frame.timeMs).toBe(0)
    expect(frame.islands.map(({ name }) => name)).toEqual(islandNames)
    expect(new Set(frame.islands.map(({ digest }) => digest)).size).toBe(1)
    expect(frame.islands[0]?.snapshot).toEqual({
      flag: 'anchor',
      chest: ['bell', 'map', 'pearl'],
      tally: 40,
      log: [],
      regatta: 0,
    })
    expect(frame.islands.map(({ stand }) => [stand?.side, stand?.mayGrant])).toEqual(Array(5).fill(['full', true]))
    expect(frame.islands.flatMap(({ stand }) => [...(stand?.incidents ?? []), ...(stand?.suspicions ?? [])])).toEqual(
      [],
    )
    expect(frame.islands.every(({ sees }) => sees.every(({ state }) => state === 'connected'))).toBe(true)
    expect(frame.lanes.length).toBe(10)
    expect(frame.converged).toBe(true)
    lab.step(5_000)
    expect(lab.frame().boats.length + lab.frame().totals.boats).toBeGreaterThan(0)
  })

  it('[SM16] ends the guided minute converged, with two inks in the storm and a report after it', () => {
    const lab = createArchipelago(guidedMinute())
    lab.step(43_000)
    const storm = lab.frame()
    expect(new Set(storm.islands.map(({ digest }) => digest)).size).toBe(2)
    expect(storm.islands.map(({ snapshot }) => snapshot.flag)).toEqual(['star', 'whale', 'whale', 'star', 'star'])
    expect(storm.storm?.preset).toBe('halves')
    expect(storm.totals.sunk).toBeGreaterThan(0)
    lab.step(guidedMinute().durationMs)
    const end = lab.frame()
    expect(end.pending).toEqual([])
    expect(end.converged).toBe(true)
    expect(end.violations).toEqual([])
    expect(end.islands[0]?.snapshot.tally).toBe(48)
    expect(end.islands[0]?.snapshot.chest).toContain('pearl')
    expect(end.islands[0]?.snapshot.log.length).toBe(2)
    const reports = lab.events.flatMap(({ event }) => (event.kind === 'healed' ? [event.report] : []))
    expect(reports.some((report) => report.conflicts.some(({ path }) => path[0] === 'flag'))).toBe(true)
  })

  it('[SM16] suspects nobody in calm weather', () => {
    const lab = createArchipelago(calmScenario(23))
    for (let ms = 0; ms <= 300_000; ms += 500) {
      lab.step(ms)
      expect(lab.frame().islands.map(({ stand }) => [stand?.side, stand?.suspicions, stand?.incidents])).toEqual(
        Array(5).fill(['full', [], []]),
      )
    }
  })

  it('[SM16] says in a storm who is suspected, then which side is the majority, and lets only that one start a regatta', () => {
    const lab = createArchipelago(calmScenario(417))
    const sides = (): (string | undefined)[] => lab.frame().islands.map(({ stand }) => stand?.side)
    lab.act({ kind: 'storm', preset: 'halves', node: 1 })
    lab.step(14_000)
    const [doubt] = lab.frame().islands[0]?.stand?.suspicions ?? []
    expect([1, 2]).toContain(doubt?.peer)
    expect(doubt?.sinceMs).toBeGreaterThan(5_000)
    expect(doubt?.untilMs).toBe((doubt?.sinceMs ?? 0) + 12_000)
    lab.step(30_000)
    expect(sides()).toEqual(['majority', 'minority', 'minority', 'majority', 'majority'])
    expect(lab.frame().islands[2]?.stand?.members).toEqual([1, 2])
    expect(lab.frame().islands[2]?.stand?.explained.join(' ')).toContain('needle and cinder: 2 of 5, a minority')
    expect(lab.frame().islands.flatMap(({ stand }) => stand?.suspicions)).toEqual([])
    lab.act({ kind: 'regatta', node: 2 })
    lab.act({ kind: 'regatta', node: 4 })
    lab.step(90_000)
    const told = lab.events.flatMap(({ event }) => (event.kind === 'lease' ? [[event.node, event.step] as const] : []))
    expect(told).toContainEqual([
      2,
      { what: 'refused', reason: 'No quorum: lantern, halo, quern did not answer.', reaches: 2 },
    ])
    expect(told).toContainEqual([4, { what: 'started', number: 1, token: 1 }])
    expect(told).toContainEqual([4, { what: 'counts', number: 1 }])
    expect(lab.frame().islands.map(({ stand }) => stand?.lease)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      { state: 'held', token: 1 },
    ])
    expect(lab.frame().islands.map(({ snapshot }) => snapshot.regatta)).toEqual([1, 0, 0, 1, 1])
    // What is known of the other side grows old meanwhile; the split is no younger for that.
    for (const { stand } of lab.frame().islands) expect(stand?.sinceMs).toBeLessThan(25_000)
    lab.act({ kind: 'restore-all' })
    lab.step(150_000)
    expect(sides()).toEqual(Array(5).fill('full'))
    expect(lab.frame().islands.map(({ snapshot }) => snapshot.regatta)).toEqual([1, 1, 1, 1, 1])
    for (const { stand } of lab.frame().islands) {
      expect(stand?.lease).toBeUndefined()
      expect(stand?.incidents.at(-1)).toMatchObject({ failure: 'partition', outcome: 'healed' })
    }
    expect(lab.events.flatMap(({ event }) => (event.kind === 'lease' ? [event.step.what] : [])).at(-1)).toBe('ended')
    expect(playScenario(throughLink(lab.scenario())).atEnd.map(({ digest }) => digest)).toEqual(
      lab.frame().islands.map(({ digest }) => digest),
    )
  })

  it('[SM16] lets nobody start a regatta while another is sailed, and says who has the lease', () => {
    const lab = createArchipelago(calmScenario(5))
    lab.act({ kind: 'regatta', node: 0 })
    lab.step(40_000)
    lab.act({ kind: 'regatta', node: 3 })
    lab.step(60_000)
    const told = lab.events.flatMap(({ event }) =>
      event.kind === 'lease' && event.node === 3 && event.step.what === 'refused' ? [event.step] : [],
    )
    expect(told).toEqual([
      expect.objectContaining({ reason: expect.stringMatching(/lantern holds it/), reaches: undefined }),
    ])
    // Given back after a minute: the next one may.
    lab.step(110_000)
    lab.act({ kind: 'regatta', node: 3 })
    lab.step(160_000)
    expect(lab.frame().islands[1]?.snapshot.regatta).toBe(2)
    expect(lab.frame().islands[3]?.stand?.lease).toEqual({ state: 'held', token: 2 })
  })

  for (const preset of ['bridge', 'majorities-ring'] as const) {
    it(`[SM16] sees all five joined, some only through others: ${preset}`, () => {
      const lab = createArchipelago(calmScenario(11))
      lab.act({ kind: 'storm', preset, node: 2 })
      lab.step(45_000)
      expect(lab.frame().islands.map(({ stand }) => stand?.side)).toEqual(Array(5).fill('mixed'))
      lab.act({ kind: 'write', node: 0, write: { verb: 'raise', number: 0, text: 'moon' } })
      lab.step(70_000)
      expect(lab.frame().converged).toBe(true)
      expect(lab.frame().islands.map(({ snapshot }) => snapshot.flag)).toEqual(Array(5).fill('moon'))
    })
  }

  it('[SM23] keeps no deed that names an island that does not exist', () => {
    const lab = createArchipelago(calmScenario(7))
    lab.step(1_000)
    const before = lab.scenario()
    const wrong = (): void => lab.act({ kind: 'crash', node: 5 })
    expect(wrong).toThrow(expect.objectContaining({ code: 'invalid-scenario' }))
    expect(lab.scenario()).toEqual(before)
    const late: Scenario = { ...before, actions: [{ atMs: 100, kind: 'crash', node: 5 }] }
    expect(() => playScenario(late)).toThrow('node is 5, and takes a whole number from 0 to 4')
  })

  for (const preset of stormPresets) {
    it(`[SM16] heals after ${preset}`, () => {
      const lab = createArchipelago(calmScenario(7))
      lab.step(2_000)
      lab.act({ kind: 'storm', preset, node: 1 })
      lab.step(10_000)
      lab.act({ kind: 'write', node: 1, write: { verb: 'raise', number: 0, text: 'whale' } })
      lab.act({ kind: 'write', node: 3, write: { verb: 'raise', number: 0, text: 'star' } })
      lab.step(30_000)
      lab.act({ kind: 'restore-all' })
      lab.step(75_000)
      expect(lab.frame().pending).toEqual([])
      const replayed = playScenario(throughLink(lab.scenario()))
      expectSound(replayed, 7)
      expect(replayed.atEnd.map(({ digest }) => digest)).toEqual(lab.frame().islands.map(({ digest }) => digest))
    })
  }

  it('[SM17] [SM3] gives the same frames from its link, in whatever steps it is played', () => {
    const coarse = createArchipelago(guidedMinute(9))
    coarse.step(40_000)
    const fine = createArchipelago(throughLink(guidedMinute(9)))
    for (let ms = 0; ms <= 40_000; ms += 16.7) {
      fine.step(ms)
      fine.frame()
    }
    fine.step(40_000)
    expect(fine.frame()).toEqual(coarse.frame())
    expect(fine.events.length).toBe(coarse.events.length)
  })

  it('stands at the time it was asked for, to the last bit: a page waits for that', () => {
    const lab = createArchipelago(calmScenario(417))
    for (let step = 1; step <= 300; step += 1) {
      lab.step(step * 16.7)
      expect(lab.timeMs).toBe(step * 16.7)
    }
  })

  it('forks: the past stays, the future is free', () => {
    const original = createArchipelago(guidedMinute())
    original.step(21_000)
    const fork = createArchipelago(forkScenario(guidedMinute(), 21_000))
    fork.step(21_000)
    expect(fork.frame()).toEqual(original.frame())
    fork.act({ kind: 'write', node: 2, write: { verb: 'raise', number: 0, text: 'moon' } })
    fork.step(24_000)
    expect(fork.frame().islands[2]?.snapshot.flag).toBe('moon')
    const again = createArchipelago(fork.scenario())
    again.step(24_000)
    expect(again.frame()).toEqual(fork.frame())
  })
})
