/** Virtual time for tests: what is scheduled runs in order of time, then of scheduling. */
export interface EventHeap {
  readonly now: number
  readonly steps: number
  at(at: number, run: () => void): { cancel(): void }
  after(delay: number, run: () => void): { cancel(): void }
  /** Runs all that is due until then, or until `isDone`. Answers whether it was done. */
  runUntil(end: number, isDone?: () => boolean): boolean
}

interface Entry {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

export function createEventHeap(): EventHeap {
  const heap: Entry[] = []
  let [now, steps, order] = [0, 0, 0]
  const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
  const push = (entry: Entry): void => {
    let at = heap.push(entry) - 1
    for (let up = (at - 1) >> 1; at > 0 && isBefore(entry, heap[up] as Entry); up = (at - 1) >> 1) {
      heap[at] = heap[up] as Entry
      at = up
    }
    heap[at] = entry
  }
  const pop = (): void => {
    const last = heap.pop() as Entry
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child++
      if (!isBefore(heap[child] as Entry, last)) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = last
  }
  const at = (time: number, run: () => void): { cancel(): void } => {
    order += 1
    const entry: Entry = { at: Math.max(time, now), order, run }
    push(entry)
    return {
      cancel: () => {
        entry.run = undefined
      },
    }
  }
  return {
    get now(): number {
      return now
    },
    get steps(): number {
      return steps
    },
    at,
    after: (delay, run) => at(now + delay, run),
    runUntil: (end, isDone = () => false) => {
      while (heap.length > 0 && (heap[0] as Entry).at <= end) {
        const { at: time, run } = heap[0] as Entry
        pop()
        if (run === undefined) continue
        now = time
        steps += 1
        run()
        if (isDone()) return true
      }
      now = Math.max(now, end)
      return false
    },
  }
}

/** Uniform in [0, 1), by a seed and a name (splitmix32). */
export function seededRandom(seed: number, name = ''): () => number {
  let state = seed | 0
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x5bd1e995)
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4294967296
  }
}
