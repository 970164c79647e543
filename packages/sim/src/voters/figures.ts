/** What worlds of voters show in numbers: how soon a cut is noticed and judged, and how soon all is well again. */
import { map, register, type Schema, schema } from '@rejoin/state'
import { createRandom } from '../random.ts'
import type { SimulatedApp } from './app.ts'
import { type GenerateVoterOptions, generateVoterScript } from './generate.ts'
import { type PlayVoterOptions, playVoters, type VoterResult } from './play.ts'
import { lanesBetween, type VoterScript } from './script.ts'
import { createVoterWorld, type VoterWorld } from './voter-world.ts'
import { workloadApp } from './workload-app.ts'

/** What one clean cut showed, milliseconds. Infinite where it did not come to pass. */
export interface SplitFigures {
  /** From the cut until somebody suspects a voter of the other side. */
  readonly firstSuspicionMs: number
  /** Until every voter's verdict names exactly its own side. */
  readonly verdictMs: number
  /** From the links' return until every voter is `full`. */
  readonly healMs: number
}

/** Which cut is measured. */
export interface SplitOptions {
  readonly voters?: number
  readonly outageMs?: number
  /** Whether every platform says `online` as the links return. */
  readonly isHinted?: boolean
  /** See `LinkQuality`. */
  readonly patienceMs?: number
}

const stepMs = 50
const calm = { latencyMs: [0.2, 5], loss: 0, duplicate: 0, reorder: 0 } as const

function plainScript(seed: number, voters: number, faults: VoterScript['faults']): VoterScript {
  const ground = generateVoterScript(seed, { voters, clients: 0, mode: 'safety', script: 'halves' })
  const { arbiter: _, ...rest } = ground
  const policy = { kind: 'keep-majority' } as const
  return { ...rest, policy, ttlMs: 5_000, weather: calm, isReliable: true, dialsBoth: false, faults }
}

/** A cut between `voters` in the preset `lan`, all connected and at rest before, for `outageMs`; with a hint at its end, or without. */
export function measureSplit(seed: number, options: SplitOptions = {}): SplitFigures {
  const { voters = 10, outageMs = 60_000, isHinted = false, patienceMs = 0 } = options
  const random = createRandom(seed, 'split')
  const cutAtMs = 40_000 + Math.floor(random.between(0, 20_000))
  const order = random.shuffle(Array.from({ length: voters }, (_, node) => node))
  const left = new Set(order.slice(0, voters >> 1))
  const groups = [[...left], order.slice(voters >> 1)]
  const script: VoterScript = {
    ...plainScript(seed, voters, [{ kind: 'cut', atMs: cutAtMs, forMs: outageMs, lanes: lanesBetween(groups) }]),
    weather: patienceMs > 0 ? { ...calm, patienceMs } : calm,
  }
  let firstSuspicionMs = Number.POSITIVE_INFINITY
  const running = createVoterWorld(script, workloadApp, {
    hasHints: isHinted,
    onMember: ({ atMs, node, peer, to }) => {
      if (to === 'suspect' && atMs >= cutAtMs && left.has(node) !== left.has(peer))
        firstSuspicionMs = Math.min(firstSuspicionMs, atMs - cutAtMs)
    },
  })
  const { world, watches } = running
  world.runUntil(cutAtMs)
  const isJudged = (): boolean =>
    watches.every((watch, node) => {
      const [side = []] = watch?.status.verdict?.sides ?? []
      const own = groups.find((group) => group.includes(node)) ?? []
      return side.length === own.length && own.every((member) => side.includes(`r${member + 1}`))
    })
  const verdictMs = until(running, isJudged, outageMs)
  world.runUntil(cutAtMs + outageMs)
  if (isHinted) for (const node of world.nodes) node.hint('online')
  const healMs = until(running, () => watches.every((watch) => watch?.status.verdict?.mode === 'full'), 300_000)
  return { firstSuspicionMs, verdictMs, healMs }
}

function until<S extends Schema>({ world }: VoterWorld<S>, isSo: () => boolean, mostMs: number): number {
  const fromMs = world.nowMs
  while (!isSo()) {
    if (world.nowMs - fromMs >= mostMs) return Number.POSITIVE_INFINITY
    world.runUntil(world.nowMs + stepMs)
  }
  return world.nowMs - fromMs
}

/** What a large heal over links that flap showed. */
export interface FlappingHealFigures {
  readonly bytes: number
  /** Until all were alike, the links flapping all the time. Infinite where that took more than ten minutes. */
  readonly healMs: number
}

const Bulk = schema({ chunks: map({ text: register('') }) })
const bulk: SimulatedApp<typeof Bulk> = { schema: Bulk, write: (draft) => draft.chunks.get('one').text.set('') }

/**
 * `megabytes` written on one side of a cut reach the other over links that are closed and open by turns, `everyMs` each.
 * `patienceMs`: whether sessions outlive a flap, as those of TCP do (see `LinkQuality`), or break with it.
 */
export function measureFlappingHeal(
  seed: number,
  options: { readonly megabytes?: number; readonly everyMs?: number; readonly patienceMs?: number } = {},
): FlappingHealFigures {
  const { megabytes = 20, everyMs = 100, patienceMs = 900_000 } = options
  const lanes = lanesBetween([[0], [1, 2]])
  const cutMs = 40_000
  const mostMs = 600_000
  const script: VoterScript = {
    ...plainScript(seed, 3, [
      { kind: 'cut', atMs: 10_000, forMs: cutMs, lanes },
      { kind: 'flap', atMs: 10_000 + cutMs, forMs: mostMs, lanes, everyMs },
    ]),
    // A gigabit.
    weather: { ...calm, bytesPerMs: 125_000, ...(patienceMs > 0 ? { patienceMs } : {}) },
  }
  const running = createVoterWorld(script, bulk)
  const { world } = running
  world.runUntil(20_000)
  const chunk = 32_768
  const count = Math.ceil((megabytes * 1e6) / chunk)
  const random = createRandom(seed, 'bulk')
  for (let at = 0; at < count; at += 1) {
    const word = random.int(2 ** 31).toString(36)
    world.nodes[0]?.change((draft) => draft.chunks.get(`chunk-${at}`).text.set(word.repeat(chunk).slice(0, chunk)))
    world.runUntil(world.nowMs + 10)
  }
  world.runUntil(10_000 + cutMs)
  const isAlike = (): boolean => {
    const first = world.nodes[0]?.handle?.version
    return world.nodes.every(({ handle }) => first !== undefined && handle?.version.covers(first) === true)
  }
  return { bytes: count * chunk, healMs: until(running, isAlike, mostMs) }
}

/**
 * The pace of those who are apart for days: detectors, pings and rows once a minute or more rarely. Nothing is left out, all of it
 * happens less often.
 */
export const patientPace: Pick<PlayVoterOptions, 'settings' | 'pace'> = {
  settings: {
    probeIntervalMs: 60_000,
    hiddenProbeIntervalMs: 60_000,
    probeTimeoutMs: 3_000,
    gossipIntervalMs: 10_000,
    tableIntervalMs: 300_000,
    unreachableProbeMs: 300_000,
    heartbeatMs: 60_000,
    hiddenHeartbeatMs: 60_000,
  },
  pace: { timing: { pingMs: 300_000, silenceMs: 900_000 } },
}

/** Three voters through one long outage, with all checks of {@link playVoters} after it. */
export function playLongOutage(
  seed: number,
  outageMs: number,
  generate: GenerateVoterOptions = {},
  play: PlayVoterOptions = {},
): VoterResult {
  const script = generateVoterScript(seed, {
    script: 'random-halves',
    voters: 3,
    clients: 0,
    mode: 'safety',
    ...generate,
    outageMs,
  })
  const weather = { ...script.weather, loss: 0, duplicate: 0, reorder: 0 }
  return playVoters(
    { ...script, weather, isReliable: true, ttlMs: 30_000 },
    { everyEvent: false, stepMs: outageMs > 3_600_000 ? 60_000 : 1_000, ...play },
  )
}
