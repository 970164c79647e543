/** Plays scenarios to their end: first everything that goes wrong, then calm, and the question what is still missing. */
import type { Schema } from '@rejoin/state'
import type { Limits } from '@rejoin/sync'
import type { SyncRules } from '@rejoin/sync/testing'
import { archipelagoWorld, prologueMs } from './archipelago-world.ts'
import type { Violation } from './checker.ts'
import type { DiskOptions } from './disk.ts'
import { hasQuay } from './generate.ts'
import type { LinkQuality } from './links.ts'
import { createRandom, hashText, type RandomStream } from './random.ts'
import type { Scenario } from './scenario.ts'
import { chordEdges, ringEdges } from './storms.ts'
import { Workload, type WorkloadFields, workloadOptions, writeWorkload } from './workload.ts'
import { createWorld, type World, type WorldOptions } from './world.ts'
import type { WorldEvent } from './world-events.ts'
import type { NodeSpec, WorldPace } from './world-node.ts'

/** How to play. */
export interface PlayOptions {
  readonly rules?: Partial<SyncRules>
  readonly disk?: DiskOptions
  readonly onEvent?: (event: WorldEvent) => void
  readonly pace?: WorldPace
  /** Every node hands out first rights, against the rules. */
  readonly everybodyGrants?: boolean
  /** How long calm may last before a run counts as not converged. Default 15 simulated minutes. */
  readonly patienceMs?: number
}

/** What a node came to. Both texts are empty while it is down. */
export interface NodeEnd {
  readonly name: string
  readonly digest: string
  readonly version: string
}

/** How a run ended. */
export interface RunResult {
  readonly scenario: Scenario
  readonly converged: boolean
  /** What is missing, in words, when it did not converge. */
  readonly pending: readonly string[]
  readonly violations: readonly Violation[]
  /** The nodes when the scenario ended and nothing had been repaired: what a page shows at that moment. */
  readonly atEnd: readonly NodeEnd[]
  /** The nodes after the calm that follows. */
  readonly nodes: readonly NodeEnd[]
  readonly writes: number
  readonly refusedWrites: number
  /** Times that a node fell back to its server's state. */
  readonly refusals: number
  readonly merges: number
  readonly conflicts: number
  readonly cuts: number
  readonly heals: number
  readonly crashes: number
  readonly frames: number
  readonly bytes: number
  /** Simulated time from the first event to convergence. */
  readonly simulatedMs: number
  /** How long it took to converge once the faults were over. */
  readonly healMs: number
  readonly events: number
  /** Returns from below the floor: answered by sketch, and with the whole state. */
  readonly joinsBySketch: number
  readonly joinsWhole: number
  /** Epochs that began. */
  readonly epochs: number
  /** Equal for equal runs: over all events counts, times and digests. */
  readonly fingerprint: string
}

const defaultPatienceMs = 15 * 60_000

/**
 * Plays a scenario headless and checks everything.
 * @throws RejoinError `invalid-scenario` for actions out of order, or that name what does not exist.
 */
export function playScenario(scenario: Scenario, options: PlayOptions = {}): RunResult {
  return scenario.world === 'archipelago'
    ? playIn(archipelagoWorld(scenario, options), prologueMs, scenario, options)
    : playIn(createWorld(worldOf(scenario, options)), 0, scenario, options)
}

/** `startMs` is the world time at which the scenario begins. */
function playIn<S extends Schema>(
  world: World<S>,
  startMs: number,
  scenario: Scenario,
  options: PlayOptions,
): RunResult {
  for (const action of scenario.actions) {
    const atMs = startMs + action.atMs
    world.runUntil(atMs)
    world.act({ ...action, atMs })
  }
  world.runUntil(startMs + scenario.durationMs)
  const atEnd = ends(world)
  world.calm()
  const calmFromMs = world.nowMs
  const untilMs = calmFromMs + (options.patienceMs ?? defaultPatienceMs)
  let pending = world.pending()
  while (pending.length > 0 && world.nowMs < untilMs) {
    world.runUntil(world.nowMs + 500)
    pending = world.pending()
  }
  return resultOf(world, scenario, pending, atEnd, world.nowMs - calmFromMs)
}

function resultOf<S extends Schema>(
  world: World<S>,
  scenario: Scenario,
  pending: readonly string[],
  atEnd: readonly NodeEnd[],
  healMs: number,
): RunResult {
  const sum = (count: (counts: (typeof world.nodes)[number]['counts']) => number): number =>
    world.nodes.reduce((total, node) => total + count(node.counts), 0)
  const nodes = ends(world)
  const counted = {
    writes: sum((counts) => counts.writes),
    refusedWrites: sum((counts) => counts.refusedWrites),
    refusals: sum((counts) => counts.refusals),
    merges: sum((counts) => counts.merges),
    conflicts: sum((counts) => counts.conflicts),
    cuts: world.cuts,
    heals: sum((counts) => counts.heals),
    crashes: sum((counts) => counts.crashes),
    frames: world.sea.sent.frames,
    bytes: world.sea.sent.bytes,
    simulatedMs: world.nowMs,
    healMs,
    events: world.scheduler.steps,
  }
  const text = JSON.stringify([counted, atEnd, nodes, pending, world.violations.length])
  return {
    scenario,
    converged: pending.length === 0,
    pending,
    violations: world.violations,
    atEnd,
    nodes,
    ...counted,
    joinsBySketch: world.nodes.reduce((total, { joins }) => total + joins.bySketch, 0),
    joinsWhole: world.nodes.reduce((total, { joins }) => total + joins.whole, 0),
    epochs: world.nodes.reduce((total, { joins }) => total + joins.epochs, 0),
    fingerprint: hashText(text, 1).toString(16).padStart(8, '0') + hashText(text, 2).toString(16).padStart(8, '0'),
  }
}

function ends<S extends Schema>(world: World<S>): NodeEnd[] {
  return world.nodes.map(({ name, handle }) => ({
    name,
    digest: handle?.digest() ?? '',
    version: handle?.version.describe() ?? '',
  }))
}

/** The world of a mesh or hub: who is who, who dials whom, what the weather is like. All of it comes from the seed. */
export function worldOf(scenario: Scenario, options: PlayOptions = {}): WorldOptions<Schema<WorkloadFields>> {
  const random = createRandom(scenario.seed, 'shape-of-world')
  const dials = scenario.world === 'hub' ? hubDials(scenario) : meshDials(scenario, random.float())
  const reliable = scenario.world === 'hub' || random.chance(0.7)
  const nodes = dials.map((to, index): NodeSpec => {
    const isOff = random.chance(0.4)
    const skewMs = isOff ? Math.floor(random.between(-1, 1) * random.pick([50, 5_000, 400_000])) : 0
    return {
      name: `r${index + 1}`,
      role: scenario.world === 'mesh' ? 'peer' : index === 0 ? 'server' : 'client',
      dials: to,
      clock: { skewMs, drift: random.between(-1, 1) * 0.0001 },
    }
  })
  const inOrder = !createRandom(scenario.seed, 'order').chance(0.25)
  const slow = random.chance(0.3)
  const quality: LinkQuality = {
    latencyMs: slow ? [100, 900] : [2, 60],
    loss: random.chance(0.5) ? random.between(0, 0.15) : 0,
    duplicate: random.between(0, 0.1),
    reorder: random.between(0, 0.3),
  }
  return {
    seed: scenario.seed,
    nodes,
    schema: Workload,
    write: writeWorkload,
    changeOptions: workloadOptions,
    quality,
    reliable,
    pace: options.pace ?? {
      limits: {
        ...narrowLimits(createRandom(scenario.seed, 'limits')),
        ...lowFloor(createRandom(scenario.seed, 'floor')),
        ...namedVersions(createRandom(scenario.seed, 'names')),
        ...epochs(createRandom(scenario.seed, 'epochs')),
      },
    },
    // Peers that send changes in whatever order put the causal check of the others to the test.
    rules: { changesInOrder: inOrder, ...options.rules },
    ...(options.disk === undefined ? {} : { disk: options.disk }),
    ...(options.everybodyGrants === undefined ? {} : { everybodyGrants: options.everybodyGrants }),
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
  }
}

/**
 * Bounds so small that short runs meet them: few changes kept for peers that lag, so that state travels as bundles;
 * small frames, so that bundles travel in pieces; few rows before they are folded.
 */
function narrowLimits(random: RandomStream): Partial<Limits> {
  return {
    ...(random.chance(0.6) ? { keptChanges: random.int(6) } : {}),
    ...(random.chance(0.4) ? { messageBytes: 1_024 + random.int(2_000), stagedDurablyBytes: 200 } : {}),
    ...(random.chance(0.6) ? { rowsBeforeCompaction: 4 + random.int(30) } : {}),
  }
}

/** Removal records that are freed after seconds, so that whoever was cut off comes back from below the floor. */
function lowFloor(random: RandomStream): Partial<Limits> {
  if (random.chance(0.5)) return {}
  const floorLagMs = random.pick([1_000, 20_000, 120_000])
  return {
    floorLagMs,
    floorShare: random.pick([0, 0.25]),
    ...(random.chance(0.7) ? { joinItems: 0, joinShare: 100 } : {}),
  }
}

/** Epochs that begin after seconds, as soon as anything would go. */
function epochs(random: RandomStream): Partial<Limits> {
  return random.chance(0.5) ? {} : { epochMs: random.pick([1_000, 10_000, 60_000]), epochItems: 1 }
}

/** Versions told by what differs from one that has a name, as those of thousands of authors are. */
function namedVersions(random: RandomStream): Partial<Limits> {
  return random.chance(0.3) ? {} : { namedVersionAuthors: random.pick([1, 3]) }
}

/** Everybody dials the server; with a quay, the first client also the second. */
function hubDials({ seed, world, nodes }: Scenario): number[][] {
  const dials: number[][] = Array.from({ length: nodes }, (_, index) => (index === 0 ? [] : [0]))
  if (hasQuay(seed, world, nodes)) dials[1]?.push(2)
  return dials
}

/** A ring, and on it some of the chords. The lower number dials. */
function meshDials({ seed, nodes }: Scenario, share: number): number[][] {
  const random = createRandom(seed, 'topology')
  const edges = [...ringEdges(nodes), ...chordEdges(nodes).filter(() => random.chance(share))]
  const dials: number[][] = Array.from({ length: nodes }, () => [])
  for (const [a, b] of edges) dials[Math.min(a, b)]?.push(Math.max(a, b))
  return dials
}
