/**
 * A run of voters, as a seed and a list of faults that begin and end: small enough to read, to shrink, and to keep as a file.
 */
import type { detectorPresets, Policy } from '@rejoin/sync/partition'
import type { DiskMode } from '../disk.ts'
import type { LinkQuality } from '../links.ts'
import type { Lane } from '../storms.ts'

/** The shapes of what goes wrong, by their position, which `generateVoterScript` counts on: append only. */
export const faultScripts = [
  'halves',
  'random-halves',
  'one-node',
  'three-way',
  'bridge',
  'majorities-ring',
  'one-way',
  'flapping',
  'swizzle-clog',
  'zone-loss',
  'rolling-restart',
  'sleep',
  'skew',
  'amnesia',
  'slow-disk',
  'mixed',
  'roster-change',
  'operators',
] as const

/** Voters and clients together, in what is drawn and in what is read from files. */
export const mostNodes = 16

/** One of {@link faultScripts}. */
export type FaultScript = (typeof faultScripts)[number]

/** Something that is wrong from `atMs` on, for `forMs`; without that for ever. Several may be wrong at once. */
export type VoterFault = { readonly atMs: number; readonly forMs?: number } & (
  | { readonly kind: 'cut'; readonly lanes: readonly Lane[] }
  /** Closed and open by turns, each for `everyMs`. */
  | { readonly kind: 'flap'; readonly lanes: readonly Lane[]; readonly everyMs: number }
  /** Down: after a word, or after a loss of power with the un-synced tail. */
  | { readonly kind: 'stop' | 'crash'; readonly node: number }
  /** Down, with the whole disk lost. `isSpared`: only where the others are a quorum that has all that counts; else nothing happens. */
  | { readonly kind: 'wipe'; readonly node: number; readonly isSpared?: boolean }
  | { readonly kind: 'sleep'; readonly node: number; readonly stopsMonotonic: boolean; readonly timersFirst: boolean }
  /** The wall clock is set, and set back when it is over. */
  | { readonly kind: 'clock'; readonly node: number; readonly byMs: number }
  | { readonly kind: 'disk'; readonly node: number; readonly mode: Exclude<DiskMode, 'ok'> }
  | { readonly kind: 'weather'; readonly quality: LinkQuality }
  /**
   * `roster`: a voter, this one if it is one, proposes other weights, in the order of the servers; who has none votes no more. `force`: an
   * operator forces such a roster at this server, as if nobody else was there; once it runs.
   */
  | ({ readonly kind: 'roster' | 'force'; readonly node: number } & NextRoster)
  /** Somebody more wants the lease at this node. */
  | { readonly kind: 'want'; readonly node: number }
  /** Who wanted the lease at this node first wants it no more; again when it is over. */
  | { readonly kind: 'rest'; readonly node: number }
)

/** What is asked for. Of a static quorum the number is half of the voters and one more. */
export interface NextRoster {
  readonly weights: readonly number[]
  /** Without it, that of before. */
  readonly policy?: Policy['kind']
}

/** A whole run: equal scripts play alike, on every machine. */
export interface VoterScript {
  readonly seed: number
  /** What it was drawn as. */
  readonly script: FaultScript
  readonly voters: number
  readonly clients: number
  /**
   * Those of the servers who vote at first, if not all. The others were started to join them, every second one with their roster, and are named
   * in none yet.
   */
  readonly founders?: readonly number[]
  readonly policy: Policy
  /** The voter that an even split falls to. */
  readonly arbiter?: number
  readonly preset: keyof typeof detectorPresets
  /** How long a lease lasts without a renewal. */
  readonly ttlMs: number
  readonly weather: LinkQuality
  /** Whether connections keep order and lose nothing while they are open. */
  readonly isReliable: boolean
  /** Whether both of a pair dial, or only one. */
  readonly dialsBoth: boolean
  /** In liveness mode: who is well again in the end, while the rest stays broken for ever. */
  readonly core?: readonly number[]
  readonly faults: readonly VoterFault[]
}

/** The first so many nodes. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** When the last fault that ends has ended. */
export function calmAtMs({ faults }: VoterScript): number {
  return Math.max(0, ...faults.map(({ atMs, forMs }) => atMs + (forMs ?? 0)))
}

/** Every lane between those of one group and those of another. */
export function lanesBetween(groups: readonly (readonly number[])[]): Lane[] {
  return groups.flatMap((group, at) =>
    groups.flatMap((other, to) =>
      at === to ? [] : group.flatMap((from) => other.map((target): Lane => ({ from, to: target }))),
    ),
  )
}
