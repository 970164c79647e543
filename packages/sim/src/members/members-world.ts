/**
 * The members of a roster in one virtual time, of which nothing runs but the detectors, with the messages and the codec of the partition
 * layer: fast enough for months of node time. Links lose, delay and are cut; nodes are paused. One seed makes the whole run.
 *
 * What a node sends to all at once, its heartbeat, takes equally long to each; all other messages take their own time.
 */
import {
  createDetector,
  type DetectorEffect,
  type DetectorInput,
  type DetectorSettings,
  type NodeId,
  type SwimDetector,
  type SwimMessage,
} from '@rejoin/sync/partition'
import { decodePartition, encodePartition, type PartitionMessage } from '@rejoin/sync/testing'
import { createRandom, type RandomStream } from '../random.ts'
import { createScheduler, type Scheduler } from '../scheduler.ts'

/** How a world of members is made. */
export interface MembersOptions {
  readonly seed: number
  readonly settings: DetectorSettings
  readonly nodes: number
  /** Share of messages that are lost. Default 0. */
  readonly loss?: number
  /** One way, least and most, milliseconds. Default 0.2 to 5. */
  readonly latencyMs?: readonly [number, number]
  /** One in so many messages is handed over as its bytes. Default 100. */
  readonly codecShare?: number
  readonly onEffect?: (node: number, effect: DetectorEffect, now: number) => void
}

/** One member. */
export interface SimulatedMember {
  readonly id: NodeId
  readonly detector: SwimDetector
  /** Of the world's time; in the past while it runs. */
  readonly pausedUntil: number
  /** When it last woke from a pause, and how long that was. */
  readonly wokeAt: number
  readonly pausedForMs: number
}

/** A running world of members. */
export interface MembersWorld {
  readonly nodes: readonly SimulatedMember[]
  readonly now: number
  /** Messages that arrived, ticks, and all else that happened. */
  readonly events: number
  readonly random: RandomStream
  after(ms: number, run: () => void): void
  cut(from: number, to: number, isCut: boolean): void
  /** Between those up to `left` and the rest. */
  cutHalves(left: number, isCut: boolean): void
  /** A node that is paused already goes on with that. */
  pause(at: number, ms: number, isMonotonicStopped?: boolean): void
  isUp(at: number): boolean
  /** The monotonic clock of a node. */
  clockOf(at: number): number
  /** Something happens at a node's detector. */
  step(at: number, input: DetectorInput): void
  run(ms: number): void
}

interface Node extends SimulatedMember {
  pausedUntil: number
  wokeAt: number
  pausedForMs: number
  /** The monotonic clock stood still for so long. */
  sleptMs: number
  tickAt: number
  /** What waits until it wakes. */
  readonly waiting: (() => void)[]
}

const indexOf = (id: NodeId): number => Number(id.slice(1)) - 1

/** Members of whom each knows all others, with connections open. */
export function createMembersWorld(options: MembersOptions): MembersWorld {
  const { settings, seed, onEffect, loss = 0, latencyMs: [least, most] = [0.2, 5], codecShare = 100 } = options
  const count = options.nodes
  const scheduler: Scheduler = createScheduler()
  const random = createRandom(seed, 'members')
  const network = createRandom(seed, 'network of members')
  const isCut = new Uint8Array(count * count)
  let events = 0
  let sent = 0

  const nodes = Array.from({ length: count }, (_, at): Node => {
    const id = `r${at + 1}`
    const draw = createRandom(seed, `member/${at}`)
    return {
      id,
      detector: createDetector({ self: id, settings, random: () => draw.float() }),
      pausedUntil: 0,
      wokeAt: Number.NEGATIVE_INFINITY,
      pausedForMs: 0,
      sleptMs: 0,
      tickAt: Number.POSITIVE_INFINITY,
      waiting: [],
    }
  })
  const clockOf = (node: Node): number => scheduler.nowMs - node.sleptMs

  /** Runs at a node, now or when it wakes. */
  const at = (node: Node, run: () => void): void => {
    events += 1
    if (node.pausedUntil > scheduler.nowMs) node.waiting.push(run)
    else run()
  }
  const arm = (node: Node): void => {
    const wakeAt = node.detector.wakeAt
    if (wakeAt === undefined) return
    // A timer is never early; sums of floats can be.
    const worldAt = Math.max(scheduler.nowMs, wakeAt + node.sleptMs) + 0.001
    if (worldAt >= node.tickAt) return
    node.tickAt = worldAt
    scheduler.at(worldAt, () => {
      // Another one came first.
      if (node.tickAt === worldAt) at(node, () => tick(node))
    })
  }
  const tick = (node: Node): void => {
    node.tickAt = Number.POSITIVE_INFINITY
    carryOut(node, node.detector.step({ kind: 'tick', now: clockOf(node), wall: scheduler.nowMs }))
    arm(node)
  }
  const carryOut = (node: Node, effects: readonly DetectorEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'send') send(node, nodes[indexOf(effect.to)] as Node, effect.message)
      else onEffect?.(indexOf(node.id), effect, scheduler.nowMs)
    }
  }
  const isLost = (from: number, to: number): boolean =>
    isCut[from * count + to] === 1 || (loss > 0 && network.chance(loss))
  const send = (from: Node, to: Node, message: SwimMessage): void => {
    if (isLost(indexOf(from.id), indexOf(to.id))) return
    const carried = overTheWire({ kind: 'swim', message })
    if (carried.kind !== 'swim') return
    scheduler.after(network.between(least, most), () => at(to, () => receive(to, from.id, carried.message)))
  }
  const receive = (node: Node, from: NodeId, message: SwimMessage): void => {
    const effects = node.detector.step({ kind: 'message', from, message, now: clockOf(node) })
    carryOut(node, effects)
    // By what brings no news nothing is wanted earlier than before.
    if (effects.length > 0 || ('rumours' in message && message.rumours.length > 0)) arm(node)
  }
  const overTheWire = (message: PartitionMessage): PartitionMessage => {
    sent += 1
    if (sent % codecShare !== 0) return message
    const read = decodePartition(encodePartition(message))
    if (!read.ok) throw new Error(`a message that cannot be read: ${read.error.message}`)
    return read.value
  }
  const heartbeat: PartitionMessage = { kind: 'heartbeat', isHidden: false }
  const beat = (node: Node): void => {
    const from = indexOf(node.id)
    const to: Node[] = []
    for (let other = 0; other < count; other += 1) {
      if (other === from || isLost(from, other)) continue
      overTheWire(heartbeat)
      to.push(nodes[other] as Node)
    }
    scheduler.after(network.between(least, most), () => {
      for (const other of to) {
        if (other.pausedUntil > scheduler.nowMs) other.waiting.push(() => hear(other, node.id))
        else hear(other, node.id)
      }
      events += to.length
    })
    scheduler.after(settings.heartbeatMs, () => at(node, () => beat(node)))
  }
  const hear = (node: Node, peer: NodeId): void => {
    const effects = node.detector.step({ kind: 'heartbeat', peer, isHidden: false, now: clockOf(node) })
    if (effects.length === 0) return
    carryOut(node, effects)
    arm(node)
  }
  const step = (node: Node, input: DetectorInput): void => {
    carryOut(node, node.detector.step(input))
    arm(node)
  }

  for (const node of nodes) {
    for (const { id } of nodes) if (id !== node.id) step(node, { kind: 'join', peer: id, now: 0 })
    step(node, { kind: 'tick', now: 0, wall: 0 })
    scheduler.after(random.float() * settings.heartbeatMs, () => at(node, () => beat(node)))
  }
  for (const node of nodes)
    for (const { id } of nodes) if (id !== node.id) step(node, { kind: 'opened', peer: id, now: 0 })

  const wake = (node: Node, ms: number, isMonotonicStopped: boolean): void => {
    node.wokeAt = scheduler.nowMs
    node.pausedForMs = ms
    if (isMonotonicStopped) node.sleptMs += ms
    // Each within a millisecond, in no order, as from the queues of a system.
    for (const run of node.waiting.splice(0)) scheduler.after(random.float(), () => at(node, run))
    node.tickAt = Number.POSITIVE_INFINITY
    scheduler.after(random.float(), () => at(node, () => tick(node)))
  }

  return {
    nodes,
    random,
    get now() {
      return scheduler.nowMs
    },
    get events() {
      return events
    },
    after: (ms, run) => {
      scheduler.after(ms, run)
    },
    cut: (from, to, cut) => {
      isCut[from * count + to] = Number(cut)
    },
    cutHalves: (left, cut) => {
      for (let a = 0; a < count; a += 1)
        for (let b = 0; b < count; b += 1) if (a < left !== b < left) isCut[a * count + b] = Number(cut)
    },
    pause: (index, ms, isMonotonicStopped = false) => {
      const node = nodes[index] as Node
      if (node.pausedUntil > scheduler.nowMs) return
      node.pausedUntil = scheduler.nowMs + ms
      node.pausedForMs = ms
      scheduler.at(node.pausedUntil, () => wake(node, ms, isMonotonicStopped))
    },
    isUp: (index) => (nodes[index] as Node).pausedUntil <= scheduler.nowMs,
    clockOf: (index) => clockOf(nodes[index] as Node),
    step: (index, input) => step(nodes[index] as Node, input),
    run: (ms) => scheduler.runUntil(scheduler.nowMs + ms),
  }
}
