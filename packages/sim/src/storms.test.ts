import { describe, expect, it } from 'vitest'
import { chordEdges, ringEdges, stormLanes } from './storms.ts'

/** Pairs that can still talk, both ways. */
function openPairs(preset: 'bridge' | 'majorities-ring', node: number): string[] {
  const cut = new Set(stormLanes(preset, 5, node).map(({ from, to }) => `${from}${to}`))
  return [...ringEdges(5), ...chordEdges(5)].flatMap(([a, b]) =>
    cut.has(`${a}${b}`) || cut.has(`${b}${a}`) ? [] : `${a}${b}`,
  )
}

describe('storms', () => {
  it('[SM16] of a bridge leave two sides that one node alone joins', () => {
    // 3 and 4 on one side, 0 and 1 on the other, and 2 with all of them.
    expect(new Set(openPairs('bridge', 2))).toEqual(new Set(['34', '01', '23', '12', '24', '02']))
  })

  it('[SM16] of a ring of majorities leave each node two neighbours, no two nodes the same ones', () => {
    expect(openPairs('majorities-ring', 0)).toEqual(['01', '12', '23', '34', '40'])
  })
})
