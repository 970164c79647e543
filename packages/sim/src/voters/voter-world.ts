/**
 * A world of servers that vote, and of clients: each runs a real replica, its connections, the mirror of its documents and its
 * partition layer, and every voter wants one lease.
 *
 * What must hold is looked at as often as `look` is called:
 * 1. At most one node may use the lease at any moment of true time, and its token never falls.
 * 2. Nobody has powers while somebody else has them for a side that has no voter in common with its own.
 * 3. No round that a quorum has stored is begun a second time.
 * 4. Whoever wakes up accuses nobody before its pause is over.
 */
import { type FencingToken, lastSeq, type Schema, Version } from '@rejoin/state'
import type { Receipt } from '@rejoin/sync'
import { clusterDocument, type Lease, mirrorDocuments, type Partitions, pauseWindowMs, watchPartitions } from '@rejoin/sync/partition'
import type { CheckPace } from '../checker.ts'
import { randomWrite } from '../generate.ts'
import { createRandom } from '../random.ts'
import { Workload, type WorkloadFields, writeWorkload } from '../workload.ts'
import { createWorld, type World } from '../world.ts'
import type { WorldEvent } from '../world-events.ts'
import type { NodeSpec } from '../world-node.ts'
import { type FaultRun, runFaults } from './faults.ts'
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
}

/** A running world of voters. */
export interface VoterWorld {
  readonly world: World<Schema<WorkloadFields>>
  readonly faults: FaultRun
  /** Undefined while a node is down. */
  readonly watches: readonly (Partitions | undefined)[]
  readonly leases: readonly (Lease | undefined)[]
  /** What was found to be wrong, in words. */
  readonly wrong: string[]
  /** What a quorum had on its disks. */
  readonly quorumAcknowledged: Version
  readonly counts: { held: number; rounds: number; suspicions: number; unreachable: number; pauses: number }
  /** Looks whether all holds, now. */
  look(): void
  /** Looks at the lease only: cheap enough to do after every event. */
  lookAtLease(): void
  /** Somebody writes something, and who may begins a round. */
  write(): void
  writeAt(node: number): Receipt | undefined
}

const name = 'world'
const lease = 'round'
const mostWrong = 10

export const nameOfVoter = (node: number): string => `r${node + 1}`
const indexOf = (id: string): number => Number(id.slice(1)) - 1

/** Builds the world of a script; its faults come by themselves. */
export function createVoterWorld(script: VoterScript, options: VoterWorldOptions = {}): VoterWorld {
  const { voters, clients, weather, isReliable } = script
  const wrong: string[] = []
  const counts = { held: 0, rounds: 0, suspicions: 0, unreachable: 0, pauses: 0 }
  const watches: (Partitions | undefined)[] = []
  const leases: (Lease | undefined)[] = []
  const founded = new Set<number>()
  const rounds = new Map<number, string>()
  const pausedUntilMs: number[] = []
  const draw = createRandom(script.seed, 'workload of voters')
  let quorumAcknowledged = Version.empty
  let last: FencingToken | undefined

  const report = (words: string): void => {
    if (wrong.length < mostWrong) wrong.push(`${Math.round(world.nowMs)} ms: ${words}`)
  }
  const accused = (node: number, peer: number, to: string, by: string): void => {
    if (to === 'suspect') counts.suspicions += 1
    if (to === 'unreachable') counts.unreachable += 1
    options.onMember?.({ atMs: world.nowMs, node, peer, to })
    if (to !== 'suspect' && to !== 'unreachable') return
    // What it is told is for others to answer for, and of somebody who is gone it may well be true.
    const isThere = by !== 'hearsay' && faults.runsSince(peer) !== undefined && faults.openSince(node, peer) !== undefined
    if (isThere && world.nowMs < (pausedUntilMs[node] ?? 0))
      report(`${nameOfVoter(node)}, awake again, finds ${nameOfVoter(peer)} ${to}`)
  }

  const roster = {
    epoch: 1,
    voters: Array.from({ length: voters }, (_, node) => ({ id: nameOfVoter(node), weight: 1 })),
    policy: script.policy,
    ...(script.arbiter === undefined ? {} : { arbiter: nameOfVoter(script.arbiter) }),
  }
  const world: World<Schema<WorkloadFields>> = createWorld({
    seed: script.seed,
    nodes: specs(script),
    schema: Workload,
    write: (draft, write) => (write.verb === 'round' ? draft.round.set(write.number) : writeWorkload(draft, write)),
    quality: weather,
    reliable: isReliable,
    checks: options.checks ?? 'versions',
    ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    isAdmin: (member, document) => document === clusterDocument && indexOf(member) < voters,
    attach: (node, replica) => {
      const isVoter = node < voters
      if (isVoter) mirrorDocuments(replica)
      const watch = watchPartitions(replica, {
        ...(isVoter ? { roster, isFounding: !founded.has(node) } : {}),
        preset: script.preset,
        maxTtlMs: script.ttlMs,
      })
      founded.add(node)
      watches[node] = watch
      if (!isVoter) return
      watch.lease({ name }, lease).then(
        (wanted) => {
          if (watches[node] === watch) leases[node] = wanted
        },
        (error: unknown) => report(`${nameOfVoter(node)} cannot want the lease: ${String(error)}`),
      )
    },
    onLog: (node, { event, details }) => {
      if (event === 'member') accused(node, indexOf(String(details['peer'])), String(details['to']), String(details['by']))
      else if (event === 'paused') {
        counts.pauses += 1
        pausedUntilMs[node] = world.nowMs + pauseWindowMs(1000) - 1
      } else if (event === 'internal-error') report(`${nameOfVoter(node)}: a bug came to light: ${details['error']}`)
      else if (event === 'listener-failed') report(`${nameOfVoter(node)}: a listener failed: ${details['error']}`)
    },
  })
  const downed = (node: number): void => {
    watches[node] = undefined
    leases[node] = undefined
  }
  const faults = runFaults(world, script, downed)

  const lookAtLease = (): void => {
    let holder: number | undefined
    for (let node = 0; node < voters; node += 1) {
      if (leases[node]?.token === undefined) continue
      if (holder !== undefined) report(`the lease is held by ${nameOfVoter(holder)} and by ${nameOfVoter(node)}`)
      holder = node
    }
    const token = holder === undefined ? undefined : leases[holder]?.token
    if (token === undefined) return
    counts.held += 1
    if (last !== undefined && isBefore(token, last)) report(`the token fell from ${words(last)} to ${words(token)}`)
    last = token
  }
  const lookAtPowers = (): void => {
    const powerful = watches.flatMap((watch, node) => {
      const verdict = watch?.status.verdict
      return node < voters && verdict?.capabilities.mayGrantLease === true ? [{ node, verdict }] : []
    })
    for (const one of powerful) {
      for (const other of powerful) {
        if (one.node >= other.node) continue
        const [left = [], right = []] = [one.verdict.sides[0], other.verdict.sides[0]]
        if (!left.some((id) => right.includes(id)))
          report(`powers on two sides: ${nameOfVoter(one.node)} and ${nameOfVoter(other.node)}`)
      }
    }
  }
  /** Invariant 3. */
  const began = (node: number, round: number, receipt: Receipt): void => {
    const who = `${nameOfVoter(node)}:${receipt.change?.seq}`
    leases[node]?.reached(receipt).then(
      () => {
        const by = rounds.get(round)
        if (by !== undefined) report(`round ${round} was begun by ${by} and by ${who}`)
        rounds.set(round, who)
        counts.rounds += 1
      },
      () => undefined,
    )
  }
  const isRunning = (node: number): boolean => world.nodes[node]?.handle !== undefined && !world.nodes[node]?.isAsleep
  const writeAt = (node: number): Receipt | undefined => {
    const found = world.nodes[node]
    if (!isRunning(node) || found === undefined) return undefined
    const receipt = found.write(randomWrite(draw))
    const change = receipt?.change
    if (receipt === undefined || change === undefined) return undefined
    watches[node]?.reached({ name }, receipt).then(
      () => {
        quorumAcknowledged = quorumAcknowledged.merge(Version.from([[change.author, lastSeq(change)]]))
      },
      () => undefined,
    )
    return receipt
  }
  const beginRound = (): void => {
    for (let node = 0; node < voters; node += 1) {
      const token = isRunning(node) ? leases[node]?.token : undefined
      const handle = world.nodes[node]?.handle
      if (token === undefined || handle === undefined) continue
      const round = handle.snapshot.round + 1
      const receipt = world.nodes[node]?.write({ verb: 'round', number: round, text: '' }, { token })
      if (receipt?.change !== undefined) began(node, round, receipt)
    }
  }

  return {
    world,
    faults,
    watches,
    leases,
    wrong,
    counts,
    get quorumAcknowledged() {
      return quorumAcknowledged
    },
    lookAtLease,
    look: () => {
      lookAtLease()
      lookAtPowers()
    },
    write: () => {
      writeAt(draw.int(voters + clients))
      if (draw.chance(0.5)) beginRound()
    },
    writeAt,
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
