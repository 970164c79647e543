/** The world of the demo: five islands in a ring with fainter chords, and what they share. */
import {
  type CounterField,
  counter,
  type DraftOf,
  type ListField,
  list,
  type RegisterField,
  register,
  type Schema,
  type SetField,
  schema,
  set,
} from '@rejoin/state'
import type { SyncRules } from '@rejoin/sync/testing'
import type { DiskOptions } from './disk.ts'
import type { Scenario, Write } from './scenario.ts'
import { chordEdges, type Edge, ringEdges } from './storms.ts'
import { createWorld, type World } from './world.ts'
import type { WorldEvent } from './world-events.ts'
import type { NodeSpec, WorldPace } from './world-node.ts'

/** Fields of {@link Archipelago}. */
export type ArchipelagoFields = {
  /** The emblem that every island flies as it believes it. */
  readonly flag: RegisterField<string>
  readonly chest: SetField<string>
  readonly tally: CounterField
  readonly log: ListField<string>
}

/** What the islands share. */
export const Archipelago: Schema<ArchipelagoFields> = schema<ArchipelagoFields>({
  flag: register('anchor'),
  chest: set<string>(),
  tally: counter(0),
  log: list<string>(),
})

/** The five islands, in the order of the ring and of the keys 1 to 5. */
export const islandNames: readonly string[] = ['lantern', 'needle', 'cinder', 'halo', 'quern']

/** Neighbours on the ring. */
export const ringLanes: readonly Edge[] = ringEdges(islandNames.length)

/** Fainter lanes across. */
export const chordLanes: readonly Edge[] = chordEdges(islandNames.length)

/**
 * How long the islands live before a scenario begins, ms: they find each other, and what was there before is shared.
 * Times of scenarios and frames count from its end.
 */
export const prologueMs = 40_000

/** What a write of a scenario does. */
export function writeArchipelago(draft: DraftOf<Schema<ArchipelagoFields>>, { verb, number, text }: Write): void {
  switch (verb) {
    case 'raise':
      draft.flag.set(text)
      break
    case 'stow':
      draft.chest.add(text)
      break
    case 'take':
      draft.chest.delete(text)
      break
    case 'count':
      draft.tally.add(number)
      break
    case 'tell':
      draft.log.push(text)
      break
    case 'strike':
      if (number >= 0 && number < draft.log.length) draft.log.delete(number)
      break
    default:
      break
  }
}

/** What can be replaced in the world of the demo. */
export interface ArchipelagoWorldOptions {
  readonly rules?: Partial<SyncRules>
  readonly disk?: DiskOptions
  readonly onEvent?: (event: WorldEvent) => void
}

/** Before the scenario: a flag, three treasures and a tally of 40, from as many islands. */
const prologue: readonly (readonly [atMs: number, node: number, write: Write])[] = [
  [500, 0, { verb: 'raise', number: 0, text: 'anchor' }],
  [600, 1, { verb: 'stow', number: 0, text: 'bell' }],
  [700, 3, { verb: 'stow', number: 0, text: 'pearl' }],
  [800, 4, { verb: 'stow', number: 0, text: 'map' }],
  [900, 2, { verb: 'count', number: 40, text: '' }],
]

/** The world of an archipelago scenario, at the end of its prologue: all islands agree. */
export function archipelagoWorld(
  scenario: Scenario,
  options: ArchipelagoWorldOptions = {},
): World<Schema<ArchipelagoFields>> {
  const dials: number[][] = islandNames.map(() => [])
  for (const [a, b] of [...ringLanes, ...chordLanes]) dials[Math.min(a, b)]?.push(Math.max(a, b))
  const nodes = islandNames.map((name, index): NodeSpec => ({ name, role: 'peer', dials: dials[index] ?? [] }))
  const world = createWorld({
    seed: scenario.seed,
    nodes,
    schema: Archipelago,
    document: 'archipelago',
    write: writeArchipelago,
    // Stretched, so that a crossing can be watched.
    quality: { latencyMs: [2_500, 5_000], loss: 0, duplicate: 0, reorder: 0 },
    // Harbours find each other by lamp: only what the protocol says sails.
    dial: { dialMs: [40, 120], dialTimeoutMs: 2_000 },
    pace: archipelagoPace,
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  })
  for (const [atMs, node, write] of prologue) {
    world.runUntil(atMs)
    world.act({ atMs, kind: 'write', node, write })
  }
  world.runUntil(prologueMs)
  return world
}

/** Crossings take seconds here, so doubt has to be patient, and redialling quick to be worth watching. */
const archipelagoPace: WorldPace = {
  timing: { pingMs: 4_000, silenceMs: 12_000, handshakeMs: 20_000 },
  redial: { baseMs: 1_000, capMs: 4_000 },
}
