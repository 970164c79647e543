/** A scenario is all of a simulated run: a seed and what is done when. It is the demo's permalink and the test format. */
import type { DiskMode } from './disk.ts'

/** Which world a scenario plays in: the demo's sea, a mesh of peers, or clients around servers. */
export type WorldName = 'archipelago' | 'mesh' | 'hub'

/** What a node writes. `number` and `text` mean what the verb says; a world ignores verbs it does not know. */
export interface Write {
  readonly verb: Verb
  readonly number: number
  readonly text: string
}

/**
 * Verbs by their position, which is their number in a permalink: append only.
 *
 * The first six belong to the archipelago: `raise` a flag, `stow` or `take` a treasure, `count` points, `tell` a line
 * of the log, `strike` the line at an index. The others name leaves of the workload's schema.
 */
export const verbs = [
  'raise',
  'stow',
  'take',
  'count',
  'tell',
  'strike',
  'register',
  'multi',
  'counter',
  'flag-on',
  'flag-off',
  'set-add',
  'set-delete',
  'entry-add',
  'entry-delete',
  'entry-name',
  'entry-hp',
  'entry-item-add',
  'entry-item-delete',
  'list-insert',
  'list-delete',
  'several',
  'latch-on',
  'latch-off',
  'entry-log',
  'rank',
  'best',
  'ban',
  'unban',
  'round',
  'potion-ask',
  'potion-take',
  'potion-add',
  'score-reset',
] as const

/** A verb of {@link verbs}. */
export type Verb = (typeof verbs)[number]

/** A storm by its shape, drawn for whoever does not want to draw lanes one by one. */
export type StormPreset = 'isolate-one' | 'halves' | 'one-way' | 'flicker' | 'bridge' | 'majorities-ring'

/** Presets by their number in a permalink: append only. */
export const stormPresets: readonly StormPreset[] = [
  'isolate-one',
  'halves',
  'one-way',
  'flicker',
  'bridge',
  'majorities-ring',
]

/** What a server lets a client do from now on. */
export type Permission = 'write' | 'read' | 'none'

/** Permissions by their number in a permalink: append only. */
export const permissions: readonly Permission[] = ['write', 'read', 'none']

/** One thing done at a time of the world. */
export type Action = { readonly atMs: number } & (
  | { readonly kind: 'write'; readonly node: number; readonly write: Write }
  | { readonly kind: 'cut' | 'restore'; readonly from: number; readonly to: number }
  | { readonly kind: 'restore-all' }
  | { readonly kind: 'storm'; readonly preset: StormPreset; readonly node: number }
  /** The island asks for the lease of the regatta, and starts the next one when it holds it. */
  | { readonly kind: 'regatta'; readonly node: number }
  | { readonly kind: 'crash' | 'restart' | 'wipe' | 'stop'; readonly node: number }
  | { readonly kind: 'disk'; readonly node: number; readonly mode: DiskMode }
  | { readonly kind: 'permit'; readonly node: number; readonly permission: Permission }
  | { readonly kind: 'clock'; readonly node: number; readonly byMs: number }
)

/** Kinds of actions by their number in a permalink: append only. */
export const actionKinds: readonly Action['kind'][] = [
  'write',
  'cut',
  'restore',
  'restore-all',
  'storm',
  'crash',
  'restart',
  'wipe',
  'stop',
  'disk',
  'permit',
  'clock',
  'regatta',
]

/** A whole run: equal scenarios play alike, on every machine. */
export interface Scenario {
  readonly world: WorldName
  /** 0 to 2^32 - 1. */
  readonly seed: number
  readonly nodes: number
  /** When the actions end; a run goes on until all is quiet. */
  readonly durationMs: number
  /** In order of time. */
  readonly actions: readonly Action[]
}

/** What a scenario may hold, checked when a permalink is read and when one is written. */
export const scenarioLimits: {
  readonly nodes: number
  readonly actions: number
  readonly textLength: number
  readonly durationMs: number
  readonly linkLength: number
  readonly clockJumpMs: number
} = {
  nodes: 16,
  actions: 4_096,
  textLength: 120,
  // 400 days: longer than any outage that is simulated.
  durationMs: 34_560_000_000,
  linkLength: 65_536,
  clockJumpMs: 34_560_000_000,
}
