/**
 * The event queue of a simulated world: one heap, ordered by time and then by the order of scheduling.
 *
 * Nothing in a world happens outside of it, so two runs that schedule the same things run the same things.
 */
export interface Scheduler {
  /** World time in milliseconds since the world began. Fractions are normal. */
  readonly nowMs: number
  /** Events that ran so far. */
  readonly steps: number
  /** Runs `run` after `delayMs` (below 0 counts as 0). */
  after(delayMs: number, run: () => void): Scheduled
  /** Runs `run` at world time `atMs`, or next if that has passed. */
  at(atMs: number, run: () => void): Scheduled
  /** The time of the next event, `undefined` when nothing is due. */
  nextAtMs(): number | undefined
  /** Runs the next event. @returns false when nothing was due. */
  step(): boolean
  /** Runs all that is due up to `toMs`, then stands at `toMs`. */
  runUntil(toMs: number): void
  /** Moves the clock to `toMs` without running anything. Events due earlier would be late, so it must be run first. */
  advanceTo(toMs: number): void
}

/** A handle on something scheduled. */
export interface Scheduled {
  cancel(): void
}

/** A machine that spins would otherwise be a world that never ends. */
const mostStill = 1_000_000

interface Entry extends Scheduled {
  atMs: number
  order: number
  run: (() => void) | undefined
}

/** An empty queue at time 0. */
export function createScheduler(): Scheduler {
  const heap: Entry[] = []
  let nowMs = 0
  let steps = 0
  let order = 0
  /** Steps since time went on last. */
  let still = 0
  const at = (atMs: number, run: () => void): Scheduled => {
    order += 1
    const entry: Entry = {
      atMs: Math.max(atMs, nowMs),
      order,
      run,
      cancel: () => {
        entry.run = undefined
      },
    }
    push(heap, entry)
    return entry
  }
  const skipCancelled = (): void => {
    while (heap.length > 0 && (heap[0] as Entry).run === undefined) pop(heap)
  }
  const runNext = (entry: Entry): void => {
    still = entry.atMs > nowMs ? 0 : still + 1
    if (still > mostStill)
      throw new Error(`Time stands still at ${nowMs} ms: something sets a timer for now, again and again.`)
    nowMs = entry.atMs
    steps += 1
    const run = entry.run as () => void
    entry.run = undefined
    run()
  }
  return {
    get nowMs() {
      return nowMs
    },
    get steps() {
      return steps
    },
    after: (delayMs, run) => at(nowMs + Math.max(0, delayMs), run),
    at,
    nextAtMs: () => {
      skipCancelled()
      return heap[0]?.atMs
    },
    step: () => {
      skipCancelled()
      const entry = pop(heap)
      if (entry === undefined) return false
      runNext(entry)
      return true
    },
    runUntil: (toMs) => {
      for (let first = heap[0]; first !== undefined && first.atMs <= toMs; first = heap[0]) {
        pop(heap)
        if (first.run !== undefined) runNext(first)
      }
      if (toMs > nowMs) nowMs = toMs
    },
    advanceTo: (toMs) => {
      if (toMs > nowMs) nowMs = toMs
    },
  }
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

function push(heap: Entry[], entry: Entry): void {
  let index = heap.length
  heap.push(entry)
  while (index > 0) {
    const parent = (index - 1) >> 1
    const above = heap[parent] as Entry
    if (!isBefore(entry, above)) break
    heap[index] = above
    index = parent
  }
  heap[index] = entry
}

function pop(heap: Entry[]): Entry | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let index = 0
  for (;;) {
    let child = index * 2 + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1
    if (!isBefore(heap[child] as Entry, last)) break
    heap[index] = heap[child] as Entry
    index = child
  }
  heap[index] = last
  return top
}
