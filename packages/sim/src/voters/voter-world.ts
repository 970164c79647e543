/**
 * A world of servers that vote, and of clients: each runs a real replica, its connections, the mirror of its documents and its
 * partition layer, and every voter wants one lease.
 *
 * What must hold is looked at as often as `look` is called:
 * 1. At most one node may use the lease at any moment of true time, and its token never falls.
 * 2. Nobody has powers while somebody else has them for a side that has no voter in common with its own.
 * 3. No round that a quorum has stored is begun a second time.
 * 4. Whoever wakes up accuses nobody before its pause is over.
 * 5. Whoever was cut off from all others for so long that it must have noticed does not claim that all is well, nor powers, unless it is a
 *    quorum alone.
 */
import { type FencingToken, lastSeq, type Schema, type SnapshotOf, Version } from '@rejoin/state'
import type { Receipt } from '@rejoin/sync'
import {
  clusterDocument,
  type DetectorSettings,
  detectorPresets,
  isQuorum,
  mirrorDocuments,
  type Partitions,
  pauseWindowMs,
  type Roster,
  votedLeases,
  voting,
  watchPartitions,
} from '@rejoin/sync/partition'
import type { CheckPace } from '../checker.ts'
import { createRandom } from '../random.ts'
import { createWorld, type World } from '../world.ts'
import type { WorldEvent } from '../world-events.ts'
import type { NodeSpec, WorldPace } from '../world-node.ts'
import type { ExclusiveWork, SimulatedApp, WriteTallies } from './app.ts'
import { AppRun } from './app-run.ts'
import { type FaultRun, runFaults } from './faults.ts'
import { LeaseWants } from './lease-wants.ts'
import { OperatorDesk } from './operator-desk.ts'
import type { VoterScript } from './script.ts'

/** What the membership of a node found another one to be. */
export interface MemberEvent {
  readonly atMs: number
  readonly node: number
  readonly peer: number
  readonly to: string
}

/** How a world of voters is built. */
export interface VoterWorldOptions {
  readonly checks?: CheckPace
  readonly onEvent?: (event: WorldEvent) => void
  readonly onMember?: (event: MemberEvent) => void
  /** Whether the platforms of the nodes tell hints. */
  readonly hasHints?: boolean
  /** Replaces single settings of the preset. */
  readonly settings?: Partial<DetectorSettings>
  readonly pace?: WorldPace
  /** A lost disk goes unnoticed, against the rules: for tests that show that the checks notice. */
  readonly forgetsDisks?: boolean
  /** No link is dialled a second time, against the rules. */
  readonly dialsOnce?: boolean
}

/** A running world of voters. */
export interface VoterWorld<S extends Schema = Schema> {
  readonly world: World<S>
  /** The first so many nodes. */
  readonly servers: number
  readonly faults: FaultRun
  /** Undefined while a node is down. */
  readonly watches: readonly (Partitions | undefined)[]
  /** By node, the token of who may use the lease there; undefined where nobody may. */
  tokens(): readonly (FencingToken | undefined)[]
  /** What was found to be wrong, in words. */
  readonly wrong: string[]
  /** What a quorum had on its disks. */
  readonly quorumAcknowledged: Version
  readonly counts: {
    held: number
    rounds: number
    suspicions: number
    unreachable: number
    pauses: number
    rosters: number
  }
  readonly tallies: WriteTallies
  /** Looks whether all holds, now. */
  look(): void
  /** Looks at the lease only: cheap enough to do after every event. */
  lookAtLease(): void
  /** Somebody writes something, and who may begins a round. */
  write(): void
  writeAt(node: number): Receipt | undefined
  /** Whoever holds the lease does what only it may. */
  workAlone(): void
  /** Asks a voter for other weights, in the order of the servers. */
  propose(node: number, weights: readonly number[]): void
}

const name = 'world'
const mostWrong = 10
/** Within so many intervals between probes both sides of a cut have a verdict (invariant 5). */
const noticedAfterProbes = 40

export const nameOfVoter = (node: number): string => `r${node + 1}`
const indexOf = (id: string): number => Number(id.slice(1)) - 1

/** Builds the world of a script; its faults come by themselves. */
export function createVoterWorld<S extends Schema>(
  script: VoterScript,
  app: SimulatedApp<S>,
  options: VoterWorldOptions = {},
): VoterWorld<S> {
  const { voters, clients, weather, isReliable } = script
  const { exclusive } = app
  const probeMs = options.settings?.probeIntervalMs ?? detectorPresets[script.preset].probeIntervalMs
  const windowMs = pauseWindowMs(probeMs)
  const noticedAfterMs = noticedAfterProbes * probeMs
  const wrong: string[] = []
  const counts = { held: 0, rounds: 0, suspicions: 0, unreachable: 0, pauses: 0, rosters: 0 }
  const watches: (Partitions | undefined)[] = []
  const founded = new Set<number>()
  const epochs = new Set<number>()
  const begun = new Map<string | number, { readonly who: string; readonly atMs: number }>()
  /** By node: how the wish of who wants the lease there first ends. */
  const firstWish = new Map<number, () => void>()
  const draw = createRandom(script.seed, 'workload of voters')
  let quorumAcknowledged = Version.empty
  let last: FencingToken | undefined
  let lastAtMs = 0

  const report = (words: string): void => {
    if (wrong.length < mostWrong) wrong.push(`${Math.round(world.nowMs)} ms: ${words}`)
  }
  const wants =
    exclusive === undefined
      ? undefined
      : new LeaseWants(exclusive.lease, (node, error) =>
          report(`${nameOfVoter(node)} cannot want the lease: ${String(error)}`),
        )
  const accused = (node: number, peer: number, to: string, by: string): void => {
    if (to === 'suspect') counts.suspicions += 1
    if (to === 'unreachable') counts.unreachable += 1
    options.onMember?.({ atMs: world.nowMs, node, peer, to })
    if (to !== 'suspect' && to !== 'unreachable') return
    const woke = faults.wokeFrom(node)
    // From here on a sleep is a pause for sure; shorter ones are lived with.
    if (woke === undefined || woke.forMs < windowMs + 2 * probeMs) return
    // What it is told is for others to answer for, and of somebody who is gone, or was since, it may well be true.
    const isThere =
      by !== 'hearsay' &&
      (faults.runsSince(peer) ?? Number.POSITIVE_INFINITY) <= woke.atMs &&
      faults.openSince(node, peer) !== undefined
    if (isThere && world.nowMs < woke.atMs + windowMs)
      report(`${nameOfVoter(node)}, awake again, finds ${nameOfVoter(peer)} ${to}`)
  }

  const isTold = (node: number): boolean => founders.includes(node) || node % 2 === 1
  const founders = script.founders ?? Array.from({ length: voters }, (_, node) => node)
  const roster: Roster = {
    epoch: 1,
    voters: founders.map((node) => ({ id: nameOfVoter(node), weight: 1 })),
    policy: script.policy,
    ...(script.arbiter === undefined ? {} : { arbiter: nameOfVoter(script.arbiter) }),
  }
  const world: World<S> = createWorld<S>({
    seed: script.seed,
    nodes: specs(script),
    schema: app.schema,
    write: () => undefined,
    quality: weather,
    reliable: isReliable,
    dialsOnce: options.dialsOnce === true,
    hasHints: options.hasHints === true,
    ...(options.pace === undefined ? {} : { pace: options.pace }),
    checks: options.checks ?? 'versions',
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    isAdmin: (member, document) => document === clusterDocument && indexOf(member) < voters,
    attach: (node, replica) => {
      const isServer = node < voters
      const isFounding = founders.includes(node) && (options.forgetsDisks === true || !founded.has(node))
      if (isServer) mirrorDocuments(replica)
      const watch = watchPartitions(replica, {
        ...(isServer ? { isFounding, voting } : { leases: votedLeases }),
        ...(isServer && isTold(node) ? { roster } : {}),
        preset: script.preset,
        ...(options.settings === undefined ? {} : { settings: options.settings }),
        maxTtlMs: script.ttlMs,
      })
      if (founded.has(node)) operators.began()
      founded.add(node)
      watches[node] = watch
      if (isServer && wants !== undefined) firstWish.set(node, wants.begin(node, watch))
    },
    onLog: (node, { event, details }) => {
      if (event === 'member')
        accused(node, indexOf(String(details['peer'])), String(details['to']), String(details['by']))
      else if (event === 'paused') counts.pauses += 1
      else if (event === 'roster') counts.rosters = epochs.add(Number(details['epoch'])).size
      else if (event === 'internal-error') report(`${nameOfVoter(node)}: a bug came to light: ${details['error']}`)
      else if (event === 'listener-failed') report(`${nameOfVoter(node)}: a listener failed: ${details['error']}`)
    },
  })
  const downed = (node: number): void => {
    watches[node] = undefined
    firstWish.delete(node)
    wants?.drop(node)
  }
  const operators = new OperatorDesk({ world, watches, names: world.nodes.map(({ name: id }) => id), servers: voters })
  const isRunning = (node: number): boolean => world.nodes[node]?.handle !== undefined && !world.nodes[node]?.isAsleep
  const rosterOf = (node: number): Roster | undefined => watches[node]?.status.roster
  const faults = runFaults(world, script, {
    downed,
    proposed: (node, next) => operators.propose(node, next),
    forced: (node, next) => {
      if (!operators.force(node, next)) return false
      // What those had who are not coming back counts no more.
      quorumAcknowledged = Version.empty
      return true
    },
    heeded: () => operators.isHeeded,
    spares: (node) => operators.spares(node),
    wanted: (node) => {
      const watch = watches[node]
      const end = watch === undefined || !isRunning(node) ? undefined : wants?.begin(node, watch)
      // Nobody lets go of anything where the process sleeps.
      return () => {
        if (watches[node] === watch && isRunning(node)) end?.()
      }
    },
    rested: (node) => {
      const end = isRunning(node) ? firstWish.get(node) : undefined
      end?.()
      return () => {
        const watch = watches[node]
        if (end === undefined || firstWish.get(node) !== end || watch === undefined || wants === undefined) return
        firstWish.set(node, wants.begin(node, watch))
      }
    },
  })

  const lookAtLease = (): void => {
    let holder: number | undefined
    let isApart = false
    for (let node = 0; node < voters + clients; node += 1) {
      if (wants?.usableAt(node) === undefined) continue
      if (holder !== undefined && !operators.isApart(rosterOf(holder), rosterOf(node)))
        report(`the lease is held by ${nameOfVoter(holder)} and by ${nameOfVoter(node)}`)
      isApart = holder !== undefined
      holder = node
    }
    const token = holder === undefined ? undefined : wants?.usableAt(holder)?.token
    if (token === undefined) return
    counts.held += 1
    if (isApart || !operators.isOneSince(lastAtMs)) last = undefined
    lastAtMs = world.nowMs
    if (last !== undefined && isBefore(token, last)) report(`the token fell from ${words(last)} to ${words(token)}`)
    last = token
  }
  const lookAtPowers = (): void => {
    const powerful = watches.flatMap((watch, node) => {
      const verdict = watch?.status.verdict
      // Nothing acts where the process sleeps, and what it took for true before is looked at anew when it wakes.
      const isPowerful = isRunning(node) && verdict?.capabilities.mayGrantLease === true
      return node < voters && isPowerful ? [{ node, verdict }] : []
    })
    for (const one of powerful) {
      for (const other of powerful) {
        if (one.node >= other.node) continue
        const [left = [], right = []] = [one.verdict.sides[0], other.verdict.sides[0]]
        const isOne = left.some((id) => right.includes(id))
        if (!isOne && !operators.isApart(one.verdict.roster, other.verdict.roster))
          report(`powers on two sides: ${nameOfVoter(one.node)} and ${nameOfVoter(other.node)}`)
      }
    }
  }
  /** Invariant 5. */
  const lookAtLonely = (): void => {
    const noticedMs = world.nowMs - noticedAfterMs
    for (let node = 0; node < voters && voters > 1; node += 1) {
      const verdict = watches[node]?.status.verdict
      if (verdict === undefined || (faults.runsSince(node) ?? world.nowMs) > noticedMs) continue
      const others = verdict.roster.voters.map(({ id }) => indexOf(id)).filter((other) => other !== node)
      let isAlone = others.length > 0
      for (const other of others) if ((faults.closedSince(node, other) ?? world.nowMs) > noticedMs) isAlone = false
      // Whoever was given the greater weight is a quorum alone.
      const isQuorumAlone = isQuorum(verdict.roster, new Set([nameOfVoter(node)]))
      if (isAlone && (verdict.mode === 'full' || (verdict.capabilities.mayGrantLease && !isQuorumAlone)))
        report(
          `${nameOfVoter(node)}, cut off from all for ${noticedAfterMs / 1000} s, takes itself to be ${verdict.mode}`,
        )
    }
  }
  /** Invariant 3. */
  const began = (node: number, what: string | number, receipt: Receipt): void => {
    const who = `${nameOfVoter(node)}:${receipt.change?.seq}`
    const atMs = world.nowMs
    wants
      ?.usableAt(node)
      ?.reached(receipt)
      .then(
        () => {
          const by = begun.get(what)
          if (by !== undefined && operators.isOneSince(by.atMs)) report(`${what} was begun by ${by.who} and by ${who}`)
          begun.set(what, { who, atMs })
          counts.rounds += 1
        },
        () => undefined,
      )
  }
  const running = new AppRun(world, app, draw, report)
  const writeAt = (node: number): Receipt | undefined => {
    if (!isRunning(node)) return undefined
    const receipt = running.changeAt(node, 'write', app.write)
    const change = receipt?.change
    // An app that finds nothing to write is no fault.
    if (receipt === undefined || change === undefined) return receipt
    watches[node]?.reached({ name }, receipt).then(
      () => {
        quorumAcknowledged = quorumAcknowledged.merge(Version.from([[change.author, lastSeq(change)]]))
      },
      () => undefined,
    )
    return receipt
  }
  const workAlone = ({ write, begun: what }: ExclusiveWork<S>): void => {
    for (let node = 0; node < voters + clients; node += 1) {
      const token = isRunning(node) ? wants?.usableAt(node)?.token : undefined
      if (token === undefined) continue
      const receipt = running.changeAt(node, 'exclusive', write, { token })
      const snapshot = world.nodes[node]?.handle?.snapshot
      if (receipt?.change === undefined || what === undefined || snapshot === undefined) continue
      const round = running.asked(node, 'exclusive.begun', () => what(snapshot as SnapshotOf<S>))
      if (round !== undefined) began(node, round, receipt)
    }
  }
  return {
    world,
    servers: voters,
    faults,
    watches,
    tokens: () => world.nodes.map(({ index }) => wants?.usableAt(index)?.token),
    wrong,
    counts,
    tallies: running.tallies,
    get quorumAcknowledged() {
      return quorumAcknowledged
    },
    lookAtLease,
    look: () => {
      operators.look()
      lookAtLease()
      lookAtPowers()
      lookAtLonely()
      running.check()
    },
    write: () => {
      writeAt(draw.int(voters + clients))
      if (exclusive !== undefined && draw.chance(0.5)) workAlone(exclusive)
    },
    writeAt,
    workAlone: () => {
      if (exclusive !== undefined) workAlone(exclusive)
    },
    propose: (node, weights) => operators.propose(node, { weights }),
  }
}

/** Who dials whom, and whose clocks are off: of two voters the later one dials; a client dials one of them, or all. */
function specs({ seed, voters, clients, dialsBoth }: VoterScript): NodeSpec[] {
  return Array.from({ length: voters + clients }, (_, node): NodeSpec => {
    const random = createRandom(seed, `voter/${node}`)
    const others = Array.from({ length: voters }, (__, other) => other).filter((other) => other !== node)
    const isVoter = node < voters
    const dials = isVoter
      ? others.filter((other) => dialsBoth || other < node)
      : random.chance(0.3)
        ? others
        : [random.int(voters)]
    const skewMs = random.chance(0.4) ? Math.floor(random.between(-1, 1) * random.pick([50, 5_000, 400_000])) : 0
    const clock = { skewMs, drift: random.between(-1, 1) * 0.0001 }
    return { name: nameOfVoter(node), role: isVoter ? 'server' : 'client', dials, clock }
  })
}

const isBefore = (one: FencingToken, other: FencingToken): boolean =>
  one.epoch < other.epoch || (one.epoch === other.epoch && one.ballot < other.ballot)

const words = ({ epoch, ballot }: FencingToken): string => `${epoch}.${ballot}`
