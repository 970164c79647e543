import { islandNames } from './archipelago-world.ts'
import type { Action, Scenario } from './scenario.ts'

/** A beat of the guided minute: the demo pauses here until the reader continues. */
export interface Beat {
  readonly name: 'calm' | 'a-change-sails' | 'storm' | 'two-worlds' | 'one-world' | 'now-you'
  readonly atMs: number
}

/** The six beats. */
export const guidedBeats: readonly Beat[] = [
  { name: 'calm', atMs: 0 },
  { name: 'a-change-sails', atMs: 6_000 },
  { name: 'storm', atMs: 18_000 },
  { name: 'two-worlds', atMs: 22_000 },
  { name: 'one-world', atMs: 44_000 },
  { name: 'now-you', atMs: 72_000 },
]

const island = (name: string): number => islandNames.indexOf(name)

const write = (
  atMs: number,
  name: string,
  verb: 'raise' | 'stow' | 'take' | 'count' | 'tell',
  what: string | number,
): Action => ({
  atMs,
  kind: 'write',
  node: island(name),
  write: { verb, number: typeof what === 'number' ? what : 0, text: typeof what === 'string' ? what : '' },
})

/**
 * The first minute of the demo: a change sails, a storm splits west (Lantern, Halo, Quern) from east (Needle, Cinder),
 * both raise another flag and keep writing, the storm lifts, and the islands agree.
 */
export function guidedMinute(seed = 417): Scenario {
  return {
    world: 'archipelago',
    seed,
    nodes: islandNames.length,
    durationMs: 72_000,
    actions: [
      write(6_000, 'lantern', 'count', 1),
      { atMs: 18_000, kind: 'storm', preset: 'halves', node: island('needle') },
      write(22_000, 'lantern', 'raise', 'star'),
      write(23_500, 'needle', 'raise', 'whale'),
      write(26_000, 'quern', 'count', 4),
      { atMs: 27_000, kind: 'regatta', node: island('cinder') },
      write(28_000, 'cinder', 'count', 3),
      write(30_000, 'halo', 'take', 'pearl'),
      write(31_000, 'cinder', 'stow', 'pearl'),
      write(33_000, 'needle', 'stow', 'coral'),
      write(35_000, 'quern', 'tell', 'The mill turns west.'),
      write(36_000, 'cinder', 'tell', 'The mountain smokes.'),
      { atMs: 44_000, kind: 'restore-all' },
    ],
  }
}
