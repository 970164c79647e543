/** The world of the demo: five islands in a ring with fainter chords, and what they share. */
import {
  type CounterField,
  counter,
  type DraftOf,
  type FencedField,
  fenced,
  type ListField,
  list,
  type RegisterField,
  register,
  type Schema,
  type SetField,
  schema,
  set,
} from '@rejoin/state'
import { type PartitionOptions, type Partitions, voting, watchPartitions } from '@rejoin/sync/partition'
import type { SyncRules } from '@rejoin/sync/testing'
import type { DiskOptions } from './disk.ts'
import { createStarter, regattaTtlMs, type Starter } from './regatta.ts'
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
  /** How many regattas were started: one island at a time may, under the lease of that name. */
  readonly regatta: FencedField<number>
}

/** What the islands share. */
export const Archipelago: Schema<ArchipelagoFields> = schema<ArchipelagoFields>({
  flag: register('anchor'),
  chest: set<string>(),
  tally: counter(0),
  log: list<string>(),
  regatta: fenced(0, { lease: 'regatta' }),
})

/** The five islands, in the order of the ring and of the keys 1 to 5. */
export const islandNames: readonly string[] = ['lantern', 'needle', 'cinder', 'halo', 'quern']

/** Neighbours on the ring. */
export const ringLanes: readonly Edge[] = ringEdges(islandNames.length)

/** Fainter lanes across. */
export const chordLanes: readonly Edge[] = chordEdges(islandNames.length)

/**
 * How long the islands live before a scenario begins, ms: they find each other, what was there before is shared, and a quorum of
 * them has been together for long enough to act.
 * Times of scenarios and frames count from its end.
 */
export const prologueMs = 84_000

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

/** The world of the demo. */
export interface ArchipelagoWorld extends World<Schema<ArchipelagoFields>> {
  /** Who starts regattas, at each island. */
  readonly starters: readonly Starter[]
  /** The partition layer of each island, of its last opening. */
  readonly watches: readonly Partitions[]
}

/** The world of an archipelago scenario, at the end of its prologue: all islands agree. */
export function archipelagoWorld(scenario: Scenario, options: ArchipelagoWorldOptions = {}): ArchipelagoWorld {
  const dials: number[][] = islandNames.map(() => [])
  for (const [a, b] of [...ringLanes, ...chordLanes]) dials[Math.min(a, b)]?.push(Math.max(a, b))
  const nodes = islandNames.map((name, index): NodeSpec => ({ name, role: 'peer', dials: dials[index] ?? [] }))
  const watches: Partitions[] = []
  let starters: readonly Starter[] = []
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
    attach: (node, replica) => {
      watches[node] = watchPartitions(replica, archipelagoPartitions)
    },
    regatta: (node) => starters[node]?.start(),
    ...(options.rules === undefined ? {} : { rules: options.rules }),
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  })
  starters = world.nodes.map((node) => createStarter(node, () => watches[node.index], world.scheduler, options.onEvent))
  for (const [atMs, node, write] of prologue) {
    world.runUntil(atMs)
    world.act({ atMs, kind: 'write', node, write })
  }
  world.runUntil(prologueMs)
  return Object.assign(world, { starters, watches })
}

/**
 * The pace of doubt, stretched like the crossings. Heartbeats leave every 3 s and land up to 2.5 s early or late: by phi 8 an island
 * is silent after some 8 s, and is suspected when a probe stays without an answer. Helpers would take twice the way, longer than anybody waits.
 */
const archipelagoPartitions: PartitionOptions = {
  voting,
  isFounding: true,
  roster: {
    epoch: 1,
    voters: islandNames.map((id) => ({ id, weight: 1 })),
    policy: { kind: 'keep-majority' },
  },
  maxTtlMs: regattaTtlMs,
  settings: {
    probeIntervalMs: 4_000,
    probeTimeoutMs: 3_500,
    helpers: 0,
    suspicionMult: 3,
    suspicionMaxMult: 1,
    gossipIntervalMs: 2_000,
    gossipFanout: 2,
    tableIntervalMs: 60_000,
    unreachableProbeMs: 20_000,
    heartbeatMs: 3_000,
    phiThreshold: 8,
    phiPauseMs: 0,
  },
}

/** Crossings take seconds here, so doubt has to be patient, and redialling quick to be worth watching. */
const archipelagoPace: WorldPace = {
  timing: { pingMs: 4_000, silenceMs: 12_000, handshakeMs: 20_000 },
  redial: { baseMs: 1_000, capMs: 4_000 },
}
