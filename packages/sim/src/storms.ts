/** Storms by their shape: which directions between nodes a preset cuts. */
import type { RandomStream } from './random.ts'
import type { StormPreset } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'

/** One direction between two nodes. */
export interface Lane {
  readonly from: number
  readonly to: number
}

/** A pair of nodes with a lane each way. */
export type Edge = readonly [number, number]

/** A ring of `nodes`, each next to its two neighbours. */
export function ringEdges(nodes: number): Edge[] {
  if (nodes === 2) return [[0, 1]]
  return Array.from({ length: nodes }, (_, i): Edge => [i, (i + 1) % nodes])
}

/** Every pair that is not next to each other on the ring. */
export function chordEdges(nodes: number): Edge[] {
  const edges: Edge[] = []
  for (let a = 0; a < nodes; a += 1) {
    for (let b = a + 2; b < nodes; b += 1) if (!(a === 0 && b === nodes - 1)) edges.push([a, b])
  }
  return edges
}

/**
 * The nodes on the smaller side of a storm: `node` alone, or the half of the ring that begins with it; for `bridge` the half that
 * comes after it. What lies between them stays open.
 */
export function stormSide(preset: StormPreset, nodes: number, node: number): ReadonlySet<number> {
  const size = preset === 'isolate-one' ? 1 : Math.floor(nodes / 2)
  const first = preset === 'bridge' ? node + 1 : node
  return new Set(Array.from({ length: size }, (_, i) => (first + i) % nodes))
}

/**
 * The lanes that a preset cuts: all that cross to or from its side; with `one-way` only those that leave it, with `bridge` none of
 * `node`, which both sides still reach. `majorities-ring` leaves each node its neighbours on the ring: of five, a majority of its own.
 */
export function stormLanes(preset: StormPreset, nodes: number, node: number): Lane[] {
  if (preset === 'majorities-ring') return chordEdges(nodes).flatMap(bothWays)
  const side = stormSide(preset, nodes, node)
  const lanes: Lane[] = []
  for (let from = 0; from < nodes; from += 1) {
    for (let to = 0; to < nodes; to += 1) {
      if (side.has(from) === side.has(to)) continue
      if (preset === 'bridge' && (from === node || to === node)) continue
      if (preset !== 'one-way' || side.has(from)) lanes.push({ from, to })
    }
  }
  return lanes
}

function bothWays([a, b]: Edge): Lane[] {
  return [
    { from: a, to: b },
    { from: b, to: a },
  ]
}

/** What a flickering storm does to its lanes. */
export interface Flicker {
  /** When it opens or closes next, world ms. */
  readonly nextAtMs: number
  readonly isOpen: boolean
  stop(): void
}

/** How long a flickering storm stays as it is: 2 to 6 s closed and 0.8 to 2.5 s open. */
const slowly = (random: RandomStream, isOpen: boolean): number =>
  isOpen ? random.between(800, 2_500) : random.between(2_000, 6_000)

/** Closes and opens lanes in turn, each for as long as `stayMs` says, until stopped. It ends with open lanes. */
export function startFlicker(
  scheduler: Scheduler,
  random: RandomStream,
  lanes: readonly Lane[],
  setCut: (lane: Lane, cut: boolean) => void,
  stayMs: (random: RandomStream, isOpen: boolean) => number = slowly,
): Flicker {
  let isOpen = true
  let stopped = false
  let nextAtMs = scheduler.nowMs
  const turn = (): void => {
    if (stopped) return
    isOpen = !isOpen
    for (const lane of lanes) setCut(lane, !isOpen)
    const forMs = stayMs(random, isOpen)
    nextAtMs = scheduler.nowMs + forMs
    scheduler.after(forMs, turn)
  }
  turn()
  return {
    get nextAtMs() {
      return nextAtMs
    },
    get isOpen() {
      return isOpen
    },
    stop: () => {
      stopped = true
      if (!isOpen) for (const lane of lanes) setCut(lane, false)
      isOpen = true
    },
  }
}
