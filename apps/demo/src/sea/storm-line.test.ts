import { type StormPreset, stormLanes } from '@rejoin/sim'
import { describe, expect, it } from 'vitest'
import type { Seat } from '../frame.ts'
import { lanesCrossed, lineFor } from './storm-line.ts'

/** What a preset cuts, as pairs. */
function cutBy(preset: StormPreset, node: number): (readonly [Seat, Seat])[] {
  const lanes = stormLanes(preset, 5, node).filter(({ from, to }) => from < to)
  return lanes.map(({ from, to }) => [from as Seat, to as Seat] as const)
}

describe('the line of a storm', () => {
  it.each([
    ['halves', 1],
    ['bridge', 0],
  ] as const)('lies across the lanes that the preset cuts: %s', (preset, node) => {
    const crossed = new Set(lanesCrossed(lineFor(cutBy(preset, node))).map(String))
    for (const pair of cutBy(preset, node)) expect(crossed).toContain(String(pair))
  })

  it('lies over the middle where every island keeps its neighbours', () => {
    const line = lineFor(cutBy('majorities-ring', 1))
    const crossed = lanesCrossed(line)
    expect(crossed.length).toBeGreaterThan(0)
    // No lane of the ring.
    expect(crossed.filter(([a, b]) => b - a === 1 || b - a === 4)).toEqual([])
  })
})
