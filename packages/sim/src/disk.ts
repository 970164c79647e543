/**
 * A simulated disk: what a node wrote is durable only after a flush, and a crash drops what was not.
 *
 * 1. Batches become durable in call order, whole or not at all.
 * 2. `write` settles only when its batch is durable.
 * 3. A crash keeps the durable rows and, as real systems do, any *prefix* of the batches under way, unacknowledged.
 */
import { rejoinError } from '@rejoin/state'
import { type Deferred, deferred, type Storage, type StorageOp, type StorageStatus, type StoredRow } from '@rejoin/sync'
import type { RandomStream } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** `full` and `broken` reject every batch; `slow` takes fifty times as long to flush, and `stalled` flushes once it is another again. */
export type DiskMode = 'ok' | 'slow' | 'full' | 'broken' | 'stalled'
/** Modes by their number in a permalink: append only. */
export const diskModes: readonly DiskMode[] = ['ok', 'slow', 'full', 'broken', 'stalled']

/** Timing and honesty of a disk. */
export interface DiskOptions {
  /** Least and greatest duration of one flush, ms. */
  readonly flushMs?: readonly [number, number]
  /** Least and greatest duration of one read, ms. */
  readonly readMs?: readonly [number, number]
  /** A lying disk: it answers a write before the flush. For tests that must notice. */
  readonly acknowledgesBeforeFlush?: boolean
  /** Called when a flush has made batches durable, before they are answered. */
  readonly onFlush?: () => void
  /** Calls into the node, at once or as soon as it runs again. Default: at once. */
  readonly hear?: (run: () => void) => void
}

/** The disk of one node (or of one browser profile: several openings may use it at once). */
export interface SimDisk {
  /** A `Storage` over this disk, for one opening of a replica. */
  open(): Storage
  /** Ends every opening without a word and drops the un-synced tail. */
  crash(): void
  /** Empties the disk: a lost machine, or a browser that evicted its data. Only between openings. */
  wipe(): void
  setMode(mode: DiskMode): void
  readonly mode: DiskMode
  /** Rows that would survive a crash now. */
  readonly durableRows: number
  readonly unsyncedBatches: number
  /** Completed flushes. */
  readonly flushes: number
}

interface Batch {
  readonly ops: readonly StorageOp[]
  readonly done: Deferred<void>
}

/** An empty disk. */
export function createDisk(scheduler: Scheduler, random: RandomStream, options: DiskOptions = {}): SimDisk {
  const [flushLow, flushHigh] = options.flushMs ?? [1, 12]
  const [readLow, readHigh] = options.readMs ?? [0.2, 2]
  const hear = options.hear ?? ((run: () => void) => run())
  let durable = new Map<string, Uint8Array>()
  let cached = new Map<string, Uint8Array>()
  let queue: Batch[] = []
  let generation = 0
  let flushing = false
  let flushes = 0
  let mode: DiskMode = 'ok'
  /** A flush that a stall holds up. */
  let held: (() => void) | undefined
  const locks = new Set<string>()
  const listeners = new Set<(status: StorageStatus) => void>()

  const failure = (): Error | undefined => {
    if (mode === 'full') return rejoinError('storage-full')
    if (mode === 'broken') return rejoinError('storage-unavailable')
    return undefined
  }

  /** Tells whoever asked, unless its node crashed meanwhile. */
  const answer = (askedIn: number, settle: () => void): void =>
    hear(() => {
      if (askedIn === generation) settle()
    })

  const startFlush = (): void => {
    if (flushing || queue.length === 0) return
    flushing = true
    const startedIn = generation
    const count = queue.length
    const takesMs = random.between(flushLow, flushHigh) * (mode === 'slow' ? 50 : 1)
    const flush = (): void => {
      if (startedIn !== generation) return
      if (mode === 'stalled') {
        held = flush
        return
      }
      flushing = false
      flushes += 1
      const flushed = queue.splice(0, count)
      for (const batch of flushed) carryOut(durable, batch.ops)
      options.onFlush?.()
      for (const batch of flushed) answer(startedIn, () => batch.done.resolve())
      startFlush()
    }
    scheduler.after(takesMs, flush)
  }

  const write = (ops: readonly StorageOp[]): PromiseLike<void> => {
    const error = failure()
    const done = deferred<void>()
    if (error !== undefined) {
      const askedIn = generation
      scheduler.after(random.between(flushLow, flushHigh), () => {
        answer(askedIn, () => done.reject(error))
      })
      return done.later
    }
    carryOut(cached, ops)
    queue.push({ ops: [...ops], done })
    if (options.acknowledgesBeforeFlush === true) done.resolve()
    startFlush()
    return done.later
  }

  const read = (prefix: string): PromiseLike<readonly StoredRow[]> => {
    const done = deferred<readonly StoredRow[]>()
    const askedIn = generation
    const rows = rowsUnder(cached, prefix)
    scheduler.after(random.between(readLow, readHigh), () => {
      answer(askedIn, () => done.resolve(rows))
    })
    return done.later
  }

  const withLock = (name: string, run: () => PromiseLike<void>): PromiseLike<boolean> => {
    const done = deferred<boolean>()
    if (locks.has(name)) {
      done.resolve(false)
      return done.later
    }
    locks.add(name)
    const heldIn = generation
    const release = (): void => {
      if (heldIn === generation) locks.delete(name)
    }
    run().then(
      () => {
        release()
        done.resolve(true)
      },
      (error) => {
        release()
        done.reject(error)
      },
    )
    return done.later
  }

  const open = (): Storage => {
    const openedIn = generation
    let closed = false
    const usable = (): boolean => !closed && openedIn === generation
    return {
      kind: 'simulated',
      read: (prefix) => (usable() ? read(prefix) : refused()),
      write: (batch) => (usable() ? write(batch) : refused()),
      withLock: (name, run) => (usable() ? withLock(name, run) : refused()),
      onStatus: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      close: () => {
        const done = deferred<void>()
        closed = true
        const last = queue.at(-1)
        if (last === undefined || openedIn !== generation) done.resolve()
        else last.done.later.then(done.resolve, () => done.resolve())
        return done.later
      },
    }
  }

  return {
    open,
    crash: () => {
      generation += 1
      flushing = false
      held = undefined
      const survivors = random.int(queue.length + 1)
      for (const batch of queue.slice(0, survivors)) carryOut(durable, batch.ops)
      queue = []
      cached = new Map(durable)
      locks.clear()
      listeners.clear()
    },
    wipe: () => {
      durable = new Map()
      cached = new Map()
    },
    setMode: (next) => {
      mode = next
      const error = failure() as { code?: string } | undefined
      const status: StorageStatus =
        error === undefined ? { state: 'ok' } : { state: 'failing', code: error.code ?? 'storage-unavailable' }
      for (const listener of [...listeners]) listener(status)
      const late = held
      held = undefined
      late?.()
    },
    get mode() {
      return mode
    },
    get durableRows() {
      return durable.size
    },
    get unsyncedBatches() {
      return queue.length
    },
    get flushes() {
      return flushes
    },
  }
}

function refused<T>(): PromiseLike<T> {
  const answer = deferred<T>()
  answer.reject(rejoinError('storage-closed'))
  return answer.later
}

function carryOut(rows: Map<string, Uint8Array>, ops: readonly StorageOp[]): void {
  for (const op of ops) {
    if (op.kind === 'put') rows.set(op.key, op.bytes)
    else if (op.kind === 'delete') rows.delete(op.key)
    else for (const key of [...rows.keys()]) if (key.startsWith(op.prefix)) rows.delete(key)
  }
}

function rowsUnder(rows: ReadonlyMap<string, Uint8Array>, prefix: string): StoredRow[] {
  const found: StoredRow[] = []
  for (const [key, bytes] of rows) if (key.startsWith(prefix)) found.push({ key, bytes })
  return found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}
