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
    expect(frame.islands[0]?.snapshot).toEqual({ flag: 'anchor', chest: ['bell', 'map', 'pearl'], tally: 40, log: [] })
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
