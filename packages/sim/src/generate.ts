/**
 * A scenario out of a seed: a workload over all leaves, and every kind of trouble the world can make.
 *
 * Workload and faults draw from streams of their own. Troubles come as episodes that begin and end; whatever still
 * lasts at the end is lifted by the liveness phase of the run.
 */
import { createRandom, type RandomStream } from './random.ts'
import { type Action, type Scenario, stormPresets, type Verb, type WorldName } from './scenario.ts'

/** What to generate. Left out parts are drawn from the seed. */
export interface GenerateOptions {
  readonly nodes?: number
  readonly world?: Exclude<WorldName, 'archipelago'>
  /** How long the actions last, before what troubles that begin late add to it. */
  readonly durationMs?: number
  /** Only these troubles, each as likely as it is often named. */
  readonly troubles?: readonly TroubleName[]
}

/** Kinds of trouble. `revoke` and `amnesia` need a hub, `carry` a hub whose first clients are linked. */
export type TroubleName = 'storm' | 'cut' | 'crash' | 'disk' | 'clock' | 'revoke' | 'carry' | 'amnesia'

const day = 86_400_000

/** Outages that have broken others: just above the usual time-outs, a day, a month. */
const famousOutagesMs = [1_000, 31_000, 91_000, day + 1_000, 30 * day]

const words = ['ash', 'bell', 'coral', 'drum', 'ember', 'fern', 'gull', 'hull', 'iris', 'jade', 'kelp', 'lamp']

const playerNames = ['ada', 'bo', 'cy', 'dee']

/** Verbs with their weight. */
const diet: readonly (readonly [Verb, number])[] = [
  ['register', 10],
  ['multi', 6],
  ['counter', 8],
  ['flag-on', 3],
  ['flag-off', 3],
  ['latch-on', 3],
  ['latch-off', 3],
  ['set-add', 10],
  ['set-delete', 7],
  ['entry-add', 4],
  ['entry-delete', 5],
  ['entry-name', 6],
  ['entry-hp', 7],
  ['entry-item-add', 6],
  ['entry-item-delete', 4],
  ['entry-log', 3],
  ['list-insert', 9],
  ['list-delete', 6],
  ['several', 5],
]

/** Leaves that came later draw from a stream of their own, so that older seeds keep their writes. */
const laterDiet: readonly (readonly [Verb, number])[] = [
  ['rank', 4],
  ['best', 3],
  ['ban', 4],
  ['unban', 4],
  ['round', 6],
  ['potion-ask', 6],
  ['potion-take', 8],
  ['potion-add', 3],
  ['score-reset', 1],
]

/** The scenario of a seed: equal arguments, equal scenario. */
export function generateScenario(seed: number, options: GenerateOptions = {}): Scenario {
  const shape = createRandom(seed, 'shape')
  const world = options.world ?? (shape.chance(0.6) ? 'mesh' : 'hub')
  const nodes = options.nodes ?? 3 + shape.int(4)
  const durationMs = options.durationMs ?? drawDuration(shape)
  const actions: Action[] = []
  addWrites(createRandom(seed, 'workload'), nodes, durationMs, world, actions)
  addLaterWrites(createRandom(seed, 'later leaves'), nodes, durationMs, world, actions)
  const lastMs = addTroubles(
    createRandom(seed, 'troubles'),
    nodes,
    durationMs,
    options.troubles ?? defaultTroubles(seed, world, nodes),
    actions,
  )
  actions.sort((a, b) => a.atMs - b.atMs)
  return { world, seed, nodes, durationMs: Math.max(durationMs, lastMs), actions }
}

function defaultTroubles(seed: number, world: WorldName, nodes: number): readonly TroubleName[] {
  if (world === 'mesh') return meshTroubles
  return hasQuay(seed, world, nodes) ? quayTroubles : hubTroubles
}

/** Minutes mostly; some worlds live for hours, which is where idle connections, timers and drifting clocks show. */
function drawDuration(random: RandomStream): number {
  const draw = random.float()
  if (draw < 0.55) return Math.floor(random.between(60_000, 300_000))
  return Math.floor(draw < 0.85 ? random.between(300_000, 1_800_000) : random.between(3_600_000, 14_400_000))
}

/** A write drawn from the diet of the workload. */
export function randomWrite(
  random: RandomStream,
  verbs: readonly (readonly [Verb, number])[] = diet,
): { verb: Verb; number: number; text: string } {
  let draw = random.int(verbs.reduce((sum, [, weight]) => sum + weight, 0))
  const verb = verbs.find(([, weight]) => {
    draw -= weight
    return draw < 0
  })?.[0]
  const number = random.int(1_000_000)
  const isEntry = verb?.startsWith('entry') === true || verb === 'several'
  return { verb: verb ?? 'register', number, text: random.pick(isEntry ? playerNames : words) }
}

function addWrites(random: RandomStream, nodes: number, durationMs: number, world: WorldName, out: Action[]): void {
  const count = 20 + random.int(80)
  const firstWriter = world === 'hub' ? 1 : 0
  for (let i = 0; i < count; ) {
    // Bursts: people and games write in runs, and runs are what chunks and contexts stumble over.
    let atMs = random.int(durationMs)
    const node = firstWriter + random.int(nodes - firstWriter)
    for (let left = random.chance(0.3) ? 2 + random.int(8) : 1; left > 0; left -= 1) {
      out.push({ atMs: Math.floor(atMs), kind: 'write', node, write: randomWrite(random) })
      atMs += random.between(0, 400)
      i += 1
    }
  }
}

function addLaterWrites(
  random: RandomStream,
  nodes: number,
  durationMs: number,
  world: WorldName,
  out: Action[],
): void {
  const firstWriter = world === 'hub' ? 1 : 0
  for (let count = random.int(40); count > 0; count -= 1) {
    const write = randomWrite(random, laterDiet)
    const node = firstWriter + random.int(nodes - firstWriter)
    out.push({ atMs: random.int(durationMs), kind: 'write', node, write })
  }
}

type Trouble = (random: RandomStream, atMs: number, lengthMs: number, nodes: number, out: Action[]) => void

/** Of which storms are generated: a seed goes on meaning what it meant. */
const drawnPresets = stormPresets.slice(0, 4)

const storm: Trouble = (random, atMs, lengthMs, nodes, out) => {
  out.push({ atMs, kind: 'storm', preset: random.pick(drawnPresets), node: random.int(nodes) })
  out.push({ atMs: atMs + lengthMs, kind: 'restore-all' })
}

const cutLane: Trouble = (random, atMs, lengthMs, nodes, out) => {
  const from = random.int(nodes)
  const to = (from + 1 + random.int(nodes - 1)) % nodes
  out.push({ atMs, kind: 'cut', from, to })
  out.push({ atMs: atMs + lengthMs, kind: 'restore', from, to })
}

const crash: Trouble = (random, atMs, lengthMs, nodes, out) => {
  const node = random.int(nodes)
  out.push({ atMs, kind: random.chance(0.75) ? 'crash' : 'stop', node })
  out.push({ atMs: atMs + Math.min(lengthMs, 120_000), kind: 'restart', node })
}

const badDisk: Trouble = (random, atMs, lengthMs, nodes, out) => {
  const node = random.int(nodes)
  out.push({ atMs, kind: 'disk', node, mode: random.pick(['slow', 'stalled', 'full', 'broken'] as const) })
  out.push({ atMs: atMs + Math.min(lengthMs, 60_000), kind: 'disk', node, mode: 'ok' })
}

const clockJump: Trouble = (random, atMs, _lengthMs, nodes, out) => {
  const byMs = Math.floor(random.between(-1, 1) * random.pick([500, 30_000, 3_600_000, 30 * day]))
  out.push({ atMs, kind: 'clock', node: random.int(nodes), byMs })
}

/**
 * In a hub: the right to write is lost for a while, often while the client is cut off and goes on writing, else in the
 * middle of its writing. Node 0 is the server.
 */
const revoke: Trouble = (random, atMs, lengthMs, nodes, out) => {
  const node = 1 + random.int(nodes - 1)
  const half = Math.floor(lengthMs / 2)
  out.push({ atMs: atMs + 50, kind: 'permit', node, permission: random.chance(0.7) ? 'read' : 'none' })
  if (random.chance(0.6)) out.push({ atMs: atMs + 60 + lengthMs, kind: 'permit', node, permission: 'write' })
  if (random.chance(0.3)) {
    for (let i = 4; i > 0; i -= 1) {
      out.push({ atMs: atMs + random.int(60), kind: 'write', node, write: randomWrite(random) })
    }
    return
  }
  setLane(out, atMs, node, true)
  setLane(out, atMs + 50 + half, node, false)
  for (let i = 1 + random.int(4); i > 0; i -= 1) {
    out.push({ atMs: atMs + random.int(half + 50), kind: 'write', node, write: randomWrite(random) })
  }
}

/** Whether the first two clients of a hub are linked to each other, too. */
export function hasQuay(seed: number, world: WorldName, nodes: number): boolean {
  return world === 'hub' && nodes > 2 && createRandom(seed, 'quay').chance(0.25)
}

/**
 * In a hub with a quay: what a client wrote and is then refused has reached its neighbour, which shows it to the client
 * again after a restart, and brings it to the server only much later.
 */
const carry: Trouble = (random, atMs, lengthMs, _nodes, out) => {
  const [client, neighbour] = [1, 2]
  const step = Math.floor(Math.max(lengthMs, 20_000) / 4)
  for (const node of [client, neighbour]) setLane(out, atMs, node, true)
  for (let i = 1 + random.int(4); i > 0; i -= 1) {
    out.push({ atMs: atMs + random.int(step), kind: 'write', node: client, write: randomWrite(random) })
  }
  out.push({ atMs: atMs + step, kind: 'permit', node: client, permission: 'read' })
  setLane(out, atMs + step + 10, client, false)
  out.push({ atMs: atMs + 2 * step, kind: 'crash', node: client })
  out.push({ atMs: atMs + 2 * step + 500, kind: 'restart', node: client })
  setLane(out, atMs + 4 * step, neighbour, false)
  if (random.chance(0.6)) out.push({ atMs: atMs + 4 * step, kind: 'permit', node: client, permission: 'write' })
}

/** Closes or opens both directions between the server and a client. */
function setLane(out: Action[], atMs: number, node: number, cut: boolean): void {
  const kind = cut ? 'cut' : 'restore'
  out.push({ atMs, kind, from: 0, to: node }, { atMs, kind, from: node, to: 0 })
}

/** In a hub: a tab loses its storage. */
const amnesia: Trouble = (random, atMs, lengthMs, nodes, out) => {
  const node = 1 + random.int(nodes - 1)
  out.push({ atMs, kind: 'wipe', node })
  out.push({ atMs: atMs + Math.min(lengthMs, 30_000), kind: 'restart', node })
}

const troubles: Readonly<Record<TroubleName, Trouble>> = {
  storm,
  cut: cutLane,
  crash,
  disk: badDisk,
  clock: clockJump,
  revoke,
  carry,
  amnesia,
}

const meshTroubles: readonly TroubleName[] = [
  'storm',
  'storm',
  'storm',
  'cut',
  'cut',
  'crash',
  'crash',
  'disk',
  'clock',
]
const hubTroubles: readonly TroubleName[] = [...meshTroubles, 'revoke', 'revoke', 'amnesia']
const quayTroubles: readonly TroubleName[] = [...meshTroubles, 'carry', 'carry', 'amnesia']

function addTroubles(
  random: RandomStream,
  nodes: number,
  durationMs: number,
  names: readonly TroubleName[],
  out: Action[],
): number {
  const count = 2 + random.int(6)
  let lastMs = 0
  for (let i = 0; i < count; i += 1) {
    const atMs = random.int(durationMs)
    const lengthMs = outageMs(random, durationMs)
    troubles[random.pick(names)](random, atMs, lengthMs, nodes, out)
    lastMs = Math.max(lastMs, atMs + lengthMs)
  }
  // A storm is always among them: a run that never splits proves nothing.
  storm(random, random.int(Math.floor(durationMs / 2)), Math.floor(random.between(2_000, 40_000)), nodes, out)
  return Math.max(lastMs, durationMs)
}

function outageMs(random: RandomStream, durationMs: number): number {
  if (random.chance(0.0015)) return random.pick(famousOutagesMs)
  if (random.chance(0.1)) return random.pick(famousOutagesMs.slice(0, 3))
  // In a long life outages are longer, too.
  const stretch = Math.max(1, durationMs / 600_000)
  return Math.floor(random.chance(0.3) ? random.between(100, 2_000) : random.between(2_000, 60_000) * stretch)
}
