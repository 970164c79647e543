import { counter, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { Action } from './scenario.ts'
import { createWorld } from './world.ts'

describe('what a world is told to do', () => {
  const world = createWorld({
    seed: 1,
    schema: schema({ score: counter(0) }),
    nodes: [
      { name: 'alice', role: 'peer', dials: [1] },
      { name: 'bob', role: 'peer', dials: [] },
    ],
    write: (draft, { number }) => draft.score.add(number),
  })
  world.runUntil(5_000.5)

  it('[SM23] is refused where it names what does not exist, or another time, and nothing is done', () => {
    const atMs = 5_000
    const write = { verb: 'count', number: 1, text: '' }
    for (const [action, reason] of [
      [{ atMs, kind: 'storm', preset: 'nope', node: 0 }, 'preset is "nope", and takes one of isolate-one, halves, '],
      [{ atMs, kind: 'crash', node: 9 }, 'node is 9, and takes a whole number from 0 to 1'],
      [{ atMs, kind: 'cut', node: 0 }, 'from is undefined'],
      [{ atMs, kind: 'cut', from: 0, to: 2 }, 'to is 2'],
      [{ atMs, kind: 'explode', node: 0 }, 'kind is "explode", and takes one of write, '],
      [{ atMs, kind: 'disk', node: 0, mode: 'wet' }, 'mode is "wet", and takes one of ok, '],
      [{ atMs, kind: 'permit', node: 0, permission: 'all' }, 'permission is "all", and takes one of write, read, none'],
      [{ atMs, kind: 'clock', node: 0, byMs: Number.NaN }, 'byMs is NaN'],
      [{ atMs, kind: 'write', node: 0, write: { ...write, verb: 'sing' } }, 'write.verb is "sing"'],
      [{ atMs, kind: 'write', node: 0, write: { ...write, number: '1' } }, 'write.number is "1"'],
      [{ atMs, kind: 'write', node: 0 }, 'write.verb is undefined'],
      [{ atMs: 10, kind: 'crash', node: 0 }, 'atMs is 10, and takes the present, 5000.5 ms'],
      [{ atMs: 6_000, kind: 'crash', node: 0 }, 'atMs is 6000, and takes the present'],
    ] as const) {
      expect(() => world.act(action as Action), reason).toThrow(
        expect.objectContaining({ code: 'invalid-scenario', reason: expect.stringContaining(reason) }),
      )
    }
    expect([world.cuts, world.nodes[0]?.counts.crashes, world.nodes[0]?.counts.writes]).toEqual([0, 0, 0])
  })

  it('[SM23] is done at the present time, and in its whole milliseconds', () => {
    world.act({ atMs: 5_000, kind: 'write', node: 0, write: { verb: 'count', number: 2, text: '' } })
    world.act({ atMs: 5_000.5, kind: 'cut', from: 0, to: 1 })
    expect([world.cuts, world.nodes[0]?.handle?.snapshot.score]).toEqual([1, 2])
  })
})
