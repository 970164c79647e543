/**
 * Some replicas in one virtual time, of which nothing runs but their detectors: a heap of events, links that lose and delay, and replicas
 * that are paused. One seed makes the whole run.
 */
import { seededRandom } from '../../world.test-helper.ts'
import type { NodeId } from '../roster.ts'
import { createDetector, type Detector, type DetectorEffect, type DetectorInput } from './detector.ts'
import type { DetectorSettings } from './presets.ts'

interface Event {
  readonly at: number
  readonly order: number
  readonly node: number
  /** What happens at the node, `tick`, or anything else. */
  readonly what: DetectorInput | 'tick' | 'beat' | (() => void)
}

const isBefore = (left: Event, right: Event): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order)

function push(heap: Event[], event: Event): void {
  let at = heap.length
  heap.push(event)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above] as Event
    if (!isBefore(event, parent)) break
    heap[at] = parent
    at = above
  }
  heap[at] = event
}

function pop(heap: Event[]): Event | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    if (below >= heap.length) break
    if (below + 1 < heap.length && isBefore(heap[below + 1] as Event, heap[below] as Event)) below += 1
    const child = heap[below] as Event
    if (!isBefore(child, last)) break
    heap[at] = child
    at = below
  }
  heap[at] = last
  return first
}

export interface ClusterOptions {
  readonly seed: number
  readonly settings: DetectorSettings
  readonly nodes: number
  /** Share of messages that are lost. */
  readonly loss?: number
  /** One way, least and most, milliseconds. */
  readonly latencyMs?: readonly [number, number]
  readonly onEffect?: (node: number, effect: DetectorEffect, now: number) => void
}

export interface SimulatedNode {
  readonly id: NodeId
  readonly detector: Detector
  pausedUntil: number
  /** When it last woke from a pause, and how long that was. */
  wokeAt: number
  pausedForMs: number
  /** The monotonic clock stands still in pauses. */
  sleptMs: number
  tickAt: number
}

export class Cluster {
  readonly nodes: SimulatedNode[]
  now = 0
  events = 0
  readonly #heap: Event[] = []
  readonly #options: ClusterOptions
  readonly #random: () => number
  /** `from * n + to`: nothing comes through. */
  readonly #cut: Uint8Array
  #order = 0

  constructor(options: ClusterOptions) {
    this.#options = options
    const { nodes, seed, settings } = options
    this.#random = seededRandom(seed).float
    this.#cut = new Uint8Array(nodes * nodes)
    this.nodes = Array.from({ length: nodes }, (_, at) => ({
      id: `r${at + 1}`,
      detector: createDetector({ self: `r${at + 1}`, settings, random: seededRandom(seed * 1009 + at + 1).float }),
      pausedUntil: 0,
      wokeAt: Number.NEGATIVE_INFINITY,
      pausedForMs: 0,
      sleptMs: 0,
      tickAt: Number.POSITIVE_INFINITY,
    }))
    for (const [at, node] of this.nodes.entries()) {
      for (const { id } of this.nodes) if (id !== node.id) this.step(at, { kind: 'join', peer: id, now: 0 })
      this.step(at, { kind: 'tick', now: 0, wall: 0 })
      this.#push(this.#random() * settings.heartbeatMs, at, 'beat')
    }
    for (const at of this.nodes.keys()) this.openAll(at)
  }

  float(): number {
    return this.#random()
  }

  /** At node `at`, connections with all others open. */
  openAll(at: number): void {
    for (const [other, { id }] of this.nodes.entries())
      if (other !== at) this.step(at, { kind: 'opened', peer: id, now: this.clockOf(at) })
  }

  after(ms: number, run: () => void): void {
    this.#push(this.now + ms, -1, run)
  }

  cut(from: number, to: number, isCut: boolean): void {
    this.#cut[from * this.nodes.length + to] = Number(isCut)
  }

  isCut(from: number, to: number): boolean {
    return this.#cut[from * this.nodes.length + to] === 1
  }

  /** Between those up to `left` and the rest. */
  cutHalves(left: number, isCut: boolean): void {
    for (const a of this.nodes.keys())
      for (const b of this.nodes.keys()) if (a < left !== b < left) this.cut(a, b, isCut)
  }

  pause(at: number, ms: number, isMonotonicStopped = false): void {
    const node = this.nodes[at] as SimulatedNode
    if (node.pausedUntil > this.now) return
    node.pausedUntil = this.now + ms
    node.pausedForMs = ms
    this.after(ms, () => {
      node.wokeAt = this.now
      if (isMonotonicStopped) node.sleptMs += ms
    })
  }

  isUp(at: number): boolean {
    return (this.nodes[at] as SimulatedNode).pausedUntil <= this.now
  }

  clockOf(at: number): number {
    return this.now - (this.nodes[at] as SimulatedNode).sleptMs
  }

  step(at: number, input: DetectorInput): void {
    const node = this.nodes[at] as SimulatedNode
    const effects = node.detector.step(input)
    // It can only be wanted later, which the tick finds out.
    if (input.kind === 'heartbeat' && effects.length === 0) return
    for (const effect of effects) {
      if (effect.kind === 'send') {
        this.#send(at, effect.to, { kind: 'message', from: node.id, message: effect.message, now: 0 })
      } else this.#options.onEffect?.(at, effect, this.now)
    }
    const wakeAt = node.detector.wakeAt
    if (wakeAt === undefined) return
    // A timer is never early; sums of floats can be.
    const worldAt = Math.max(this.now, wakeAt + node.sleptMs) + 0.001
    if (worldAt >= node.tickAt) return
    node.tickAt = worldAt
    this.#push(worldAt, at, 'tick')
  }

  run(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const event = this.#heap[0]
      if (event === undefined || event.at > until) break
      pop(this.#heap)
      this.now = event.at
      this.events += 1
      this.#happen(event)
    }
    this.now = until
  }

  #happen(event: Event): void {
    const { node: at, what } = event
    if (typeof what === 'function') {
      what()
      return
    }
    const node = this.nodes[at] as SimulatedNode
    if (what === 'tick') {
      // Another one came first.
      if (event.at !== node.tickAt && node.pausedUntil <= this.now) return
    }
    if (node.pausedUntil > this.now) {
      this.#push(node.pausedUntil + this.#random(), at, what)
      if (what === 'tick') node.tickAt = this.#lastAt
      return
    }
    const now = this.clockOf(at)
    if (what === 'beat') this.#beat(at)
    else if (what === 'tick') {
      node.tickAt = Number.POSITIVE_INFINITY
      this.step(at, { kind: 'tick', now, wall: this.now })
    } else this.step(at, { ...what, now } as DetectorInput)
  }

  #beat(at: number): void {
    const { id } = this.nodes[at] as SimulatedNode
    for (const other of this.nodes)
      if (other.id !== id) this.#send(at, other.id, { kind: 'heartbeat', peer: id, isHidden: false, now: 0 })
    this.#push(this.now + this.#options.settings.heartbeatMs, at, 'beat')
  }

  #send(from: number, id: NodeId, input: DetectorInput): void {
    const to = Number(id.slice(1)) - 1
    if (this.isCut(from, to) || this.#random() < (this.#options.loss ?? 0)) return
    const [least, most] = this.#options.latencyMs ?? [0.2, 5]
    this.#push(this.now + least + this.#random() * (most - least), to, input)
  }

  #lastAt = 0
  #push(at: number, node: number, what: Event['what']): void {
    this.#order += 1
    this.#lastAt = at
    push(this.#heap, { at, order: this.#order, node, what })
  }
}
