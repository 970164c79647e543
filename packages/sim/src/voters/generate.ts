/**
 * The script of a seed. Shape, weather, faults and what is added to them draw from streams of their own; a fault script given by
 * name, or an outage, replaces only that.
 */
import { isQuorum, type Policy } from '@rejoin/sync/partition'
import type { LinkQuality } from '../links.ts'
import { createRandom, type RandomStream } from '../random.ts'
import type { Lane } from '../storms.ts'
import { drawFounders, operatorFaults } from './operators.ts'
import {
  type FaultScript,
  faultScripts,
  lanesBetween,
  mostNodes,
  upTo,
  type VoterFault,
  type VoterScript,
} from './script.ts'

/** What of a script is not to be drawn. */
export interface GenerateVoterOptions {
  readonly script?: FaultScript
  /** 1 to 16. Fewer than three cannot spare a disk, which `amnesia` takes. */
  readonly voters?: number
  /** 0 to what is left of 16 nodes beside the voters. */
  readonly clients?: number
  /** 1 ms to 100 days. */
  readonly outageMs?: number
  /** `safety`: all faults end. `liveness`: a quorum gets well, and the rest stays broken for ever. */
  readonly mode?: 'safety' | 'liveness'
}

/** The most voters that are drawn. */
export const mostVotersDrawn = 10

const outagesMs = [1_000, 31_000, 91_000]
const firstFaultMs = 12_000

/** Equal arguments, equal script. Seeds that follow each other go through all fault scripts, with every outage. */
export function generateVoterScript(seed: number, options: GenerateVoterOptions = {}): VoterScript {
  const shape = createRandom(seed, 'shape of voters')
  const script = options.script ?? (faultScripts[seed % faultScripts.length] as FaultScript)
  const draw = Math.floor(seed / faultScripts.length)
  const outageMs = options.outageMs ?? (outagesMs[draw % outagesMs.length] as number)
  // Mostly few: with three all goes wrong that goes wrong with ten.
  const voters = options.voters ?? drawVoters(shape)
  const clients = options.clients ?? Math.min(shape.pick([0, 0, 1, 2]), Math.max(0, mostNodes - voters))
  const drawn = shape.pick<Policy>([{ kind: 'keep-majority' }, { kind: 'two-thirds' }, { kind: 'keep-oldest' }])
  // Of three by two thirds, no quorum is left without the one whose disk is lost: that needs an operator.
  const policy: Policy = script === 'amnesia' && voters < 4 ? { kind: 'keep-majority' } : drawn
  const hasArbiter = voters % 2 === 0 && policy.kind === 'keep-majority' && shape.chance(0.5)
  const founders = script === 'operators' && !hasArbiter ? drawFounders(seed, voters) : undefined
  const isReliable = shape.chance(0.8)
  const weather = drawWeather(createRandom(seed, 'weather of voters'), isReliable)
  const ground = {
    seed,
    script,
    voters,
    clients,
    ...(founders === undefined ? {} : { founders }),
    policy,
    ...(hasArbiter ? { arbiter: shape.int(voters) } : {}),
    preset: 'lan' as const,
    // A twelfth of it is what voters have to answer in: more than there and back, and the disk.
    ttlMs: weather.latencyMs[1] > 50 ? 15_000 : shape.pick([3_000, 5_000, 15_000]),
    weather,
    isReliable,
    dialsBoth: shape.chance(0.15),
  }
  const atMs = firstFaultMs + shape.int(5_000)
  const random = createRandom(seed, `faults/${script}`)
  const extent = { voters, all: voters + clients, atMs, outageMs }
  const faults =
    script === 'operators'
      ? apart(operatorFaults(random, extent, founders ?? upTo(voters)))
      : healsAlone(faultsOf(script, random, extent), policy)
  // Which core is a quorum nobody can say here once the weights are others.
  const isLively = shape.chance(0.25) && script !== 'roster-change' && script !== 'operators'
  const mode = options.mode ?? (isLively ? 'liveness' : 'safety')
  return mode === 'safety'
    ? { ...ground, faults: [...faults, ...more(createRandom(seed, 'more faults'), voters, clients, atMs, outageMs)] }
    : leaveBroken({ ...ground, faults }, createRandom(seed, 'broken for ever'), atMs + outageMs)
}

function drawVoters(random: RandomStream): number {
  const draw = random.float()
  if (draw < 0.6) return 3
  return draw < 0.85 ? random.pick([4, 5]) : draw < 0.97 ? random.pick([6, 7]) : random.pick([8, 9, mostVotersDrawn])
}

function drawWeather(random: RandomStream, isReliable: boolean): LinkQuality {
  return {
    latencyMs: random.pick([
      [0.2, 5],
      [0.2, 5],
      [5, 40],
      [40, 120],
    ]),
    loss: isReliable ? random.pick([0, 0, 0.01]) : random.pick([0.01, 0.02, 0.05]),
    duplicate: isReliable ? 0 : random.between(0, 0.1),
    reorder: isReliable ? 0 : random.between(0, 0.3),
    ...(random.chance(0.3) ? { bytesPerMs: random.pick([125, 1_250, 12_500]) } : {}),
    ...(random.chance(0.5) ? { patienceMs: 900_000 } : {}),
  }
}

/** How large a world is, and when something goes wrong there. */
export interface Extent {
  readonly voters: number
  /** Voters and clients: who is cut off from whom may be any of them. */
  readonly all: number
  readonly atMs: number
  readonly outageMs: number
}

const bothWays = (pairs: readonly (readonly [number, number])[]): Lane[] =>
  pairs.flatMap(([a, b]) => [
    { from: a, to: b },
    { from: b, to: a },
  ])

const mixable = faultScripts.filter(
  (name) => name !== 'mixed' && name !== 'amnesia' && name !== 'roster-change' && name !== 'operators',
)

/** The faults of a script by its name. */
function faultsOf(
  script: Exclude<FaultScript, 'operators'>,
  random: RandomStream,
  { voters, all, atMs, outageMs }: Extent,
): VoterFault[] {
  const nodes = random.shuffle(upTo(voters))
  const everybody = random.shuffle(upTo(all))
  const first = nodes[0] as number
  const cut = (lanes: readonly Lane[]): VoterFault[] => [{ kind: 'cut', atMs, forMs: outageMs, lanes }]
  const half = voters >> 1
  switch (script) {
    case 'halves':
      return cut(lanesBetween([nodes.slice(0, half), nodes.slice(half)]))
    case 'random-halves': {
      const some = 1 + random.int(all - 1)
      return cut(lanesBetween([everybody.slice(0, some), everybody.slice(some)]))
    }
    case 'one-node':
      return cut(lanesBetween([[first], upTo(all).filter((node) => node !== first)]))
    case 'three-way': {
      const third = Math.max(1, Math.floor(all / 3))
      return cut(
        lanesBetween([everybody.slice(0, third), everybody.slice(third, 2 * third), everybody.slice(2 * third)]),
      )
    }
    case 'bridge':
      return cut(lanesBetween([nodes.slice(1, 1 + half), nodes.slice(1 + half)]))
    case 'majorities-ring':
      return cut(bothWays(farPairs(nodes)))
    case 'one-way': {
      const some = 1 + random.int(voters - 1)
      const [left, right] = [nodes.slice(0, some), nodes.slice(some)]
      return cut(lanesBetween([left, right]).filter(({ from }) => left.includes(from)))
    }
    case 'flapping': {
      const some = 1 + random.int(voters - 1)
      const everyMs = random.pick([100, 500, 3_000, 10_000, 60_000])
      const lanes = lanesBetween([nodes.slice(0, some), nodes.slice(some)])
      return [{ kind: 'flap', atMs, forMs: Math.max(outageMs, 2 * everyMs), everyMs, lanes }]
    }
    case 'swizzle-clog':
      return swizzle(random, nodes.slice(0, Math.max(2, 1 + random.int(voters))), all, atMs, outageMs)
    case 'zone-loss': {
      const zone = nodes.slice(0, 1 + random.int(Math.max(1, half)))
      return zone.map((node) => ({ kind: 'crash', atMs: atMs + random.int(50), forMs: outageMs, node }))
    }
    case 'rolling-restart': {
      const eachMs = Math.max(500, Math.floor(outageMs / voters))
      const downMs = Math.min(eachMs, 200 + random.int(5_000))
      const kind = random.pick(['stop', 'crash'] as const)
      return nodes.map((node, index) => ({ kind, atMs: atMs + index * eachMs, forMs: downMs, node }))
    }
    case 'sleep': {
      const some = nodes.slice(0, 1 + random.int(voters))
      const how = { stopsMonotonic: random.chance(0.5), timersFirst: random.chance(0.5) }
      return some.map((node) => ({ kind: 'sleep', atMs: atMs + random.int(3_000), forMs: outageMs, node, ...how }))
    }
    case 'skew': {
      const some = nodes.slice(0, 1 + random.int(voters))
      return some.map((node) => {
        const byMs = Math.floor(random.between(-1, 1) * random.pick([100, 5_000, 60_000, 3_600_000]))
        return { kind: 'clock', atMs: atMs + random.int(3_000), forMs: outageMs, node, byMs }
      })
    }
    case 'amnesia':
      // Those with disks are a quorum by themselves, under every policy of more than three; see `healsAlone`.
      return nodes
        .slice(0, 1 + random.int(mostLost(voters)))
        .map((node, index) => ({ kind: 'wipe', atMs: atMs + index * random.int(20_000), forMs: outageMs, node }))
    case 'slow-disk': {
      const some = nodes.slice(0, 1 + random.int(voters))
      const mode = random.pick(['slow', 'stalled', 'full', 'broken'] as const)
      return some.map((node) => ({ kind: 'disk', atMs, forMs: outageMs, node, mode }))
    }
    case 'roster-change': {
      const changes = Array.from({ length: 1 + random.int(3) }, (_, index): VoterFault => {
        // Who has none does not vote; one does for sure.
        const sure = random.int(voters)
        const weights = upTo(voters).map((node) => (node !== sure && random.chance(0.25) ? 0 : 1 + random.int(3)))
        return {
          kind: 'roster',
          atMs: atMs + index * 7_000 + random.int(5_000),
          forMs: 0,
          node: random.pick(nodes),
          weights,
        }
      })
      const some = 1 + random.int(voters - 1)
      const lanes = lanesBetween([nodes.slice(0, some), nodes.slice(some)])
      const cutAtMs = atMs + random.int(15_000)
      // A disk that takes its time, or nothing, while its voter hears of the next roster.
      const disks = nodes.flatMap((node): VoterFault[] =>
        random.chance(0.3)
          ? [
              {
                kind: 'disk',
                atMs: cutAtMs - random.int(3_000),
                forMs: outageMs,
                node,
                mode: random.pick(['slow', 'stalled', 'broken']),
              },
            ]
          : [],
      )
      return [...changes, { kind: 'cut', atMs: cutAtMs, forMs: outageMs, lanes }, ...disks]
    }
    case 'mixed': {
      const faults: VoterFault[] = []
      for (let count = 2 + random.int(4); count > 0; count -= 1) {
        const other = random.pick(mixable)
        const extent = { voters, all, atMs: atMs + random.int(outageMs), outageMs: 500 + random.int(outageMs) }
        faults.push(...faultsOf(other, random, extent))
      }
      return apart(faults)
    }
  }
}

/** Without what only an operator could mend: by `keep-oldest` the others are a quorum without the first voter only if each has its disk. */
function healsAlone(faults: VoterFault[], { kind }: Policy): VoterFault[] {
  const losesFirst = faults.some((fault) => fault.kind === 'wipe' && fault.node === 0)
  if (kind !== 'keep-oldest' || !losesFirst) return faults
  return faults.filter((fault) => fault.kind !== 'wipe' || fault.node === 0)
}

/** How many may lose their disks for good, so that more than two thirds have theirs. */
function mostLost(voters: number): number {
  return Math.max(1, Math.floor((voters - 1) / 3))
}

/** Pairs that are not next to each other: each sees a majority of five, and everybody another one. */
function farPairs(ring: readonly number[]): [number, number][] {
  const pairs: [number, number][] = []
  const reach = Math.max(1, ring.length >> 2)
  for (const [at, a] of ring.entries()) {
    for (const [to, b] of ring.entries()) {
      const distance = Math.min(Math.abs(at - to), ring.length - Math.abs(at - to))
      // Of three all are next to each other: there it is one pair.
      if (at < to && (distance > reach || (ring.length === 3 && at === 0 && to === 1))) pairs.push([a, b])
    }
  }
  return pairs
}

/** Clogs one after the other, unclogs in another order. */
function swizzle(
  random: RandomStream,
  some: readonly number[],
  all: number,
  atMs: number,
  outageMs: number,
): VoterFault[] {
  const gapMs = Math.max(50, Math.floor(outageMs / (some.length * 2)))
  const order = random.shuffle(some)
  return some.map((node, index) => {
    const fromMs = atMs + index * gapMs
    const untilMs = atMs + outageMs + order.indexOf(node) * gapMs
    const lanes = lanesBetween([[node], upTo(all).filter((other) => other !== node)])
    return { kind: 'cut', atMs: fromMs, forMs: untilMs - fromMs, lanes }
  })
}

/** Nobody can tell how long it slept when its wall clock was set back meanwhile: those two are kept apart. */
function apart(faults: readonly VoterFault[]): VoterFault[] {
  const sleepers = new Set(faults.flatMap((fault) => (fault.kind === 'sleep' ? [fault.node] : [])))
  return faults.filter((fault) => !(fault.kind === 'clock' && sleepers.has(fault.node)))
}

/** Random faults beside those of the script. */
function more(random: RandomStream, voters: number, clients: number, atMs: number, outageMs: number): VoterFault[] {
  if (!random.chance(0.4)) return []
  const all = voters + clients
  const beginsMs = atMs + random.int(outageMs + 20_000)
  const other = random.pick(['one-node', 'one-way', 'flapping', 'rolling-restart', 'zone-loss'] as const)
  return faultsOf(other, random, { voters, all, atMs: beginsMs, outageMs: 500 + random.int(20_000) })
}

/** Draws a core that is well again after the outage; everybody else stays broken. */
function leaveBroken(script: VoterScript, random: RandomStream, atMs: number): VoterScript {
  const { voters, clients, policy, arbiter } = script
  const name = (node: number): string => String(node)
  const roster = {
    epoch: 1,
    voters: upTo(voters).map((node) => ({ id: name(node), weight: 1 })),
    policy,
    ...(arbiter === undefined ? {} : { arbiter: name(arbiter) }),
  }
  const wiped = new Set(script.faults.flatMap((fault) => (fault.kind === 'wipe' ? [fault.node] : [])))
  const order = random.shuffle(upTo(voters)).sort((a, b) => Number(wiped.has(a)) - Number(wiped.has(b)))
  let size = 1
  while (size < voters && !isQuorum(roster, new Set(order.slice(0, size).map(name)))) size += 1
  size += random.int(Math.max(1, voters - size))
  const core = order.slice(0, size)
  const rest = [...order.slice(size), ...upTo(clients).map((client) => voters + client)]
  const broken = rest.flatMap((node): VoterFault[] => {
    const toCore = lanesBetween([[node], core])
    const isDeaf = random.chance(0.5)
    switch (random.int(6)) {
      case 0:
        return [{ kind: 'crash', atMs, node }]
      case 1:
        return [{ kind: 'sleep', atMs, node, stopsMonotonic: random.chance(0.5), timersFirst: random.chance(0.5) }]
      case 2:
        return [{ kind: 'cut', atMs, lanes: toCore.filter(({ from }) => (from !== node) === isDeaf) }]
      case 3:
        return [{ kind: 'flap', atMs, everyMs: random.pick([100, 1_000, 7_000]), lanes: toCore }]
      case 4:
        return node < voters
          ? [{ kind: 'disk', atMs, node, mode: random.pick(['slow', 'stalled', 'full', 'broken'] as const) }]
          : []
      default:
        return [{ kind: 'cut', atMs, lanes: toCore }]
    }
  })
  return { ...script, core, faults: [...script.faults, ...broken] }
}
