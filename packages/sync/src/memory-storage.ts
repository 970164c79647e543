import { rejoinError } from '@rejoin/state'
import { deferred, type Later, rejected, resolved } from './later.ts'
import type { Storage, StorageOp, StorageStatus, StoredRow } from './seams.ts'

/** The codes with which a storage refuses. */
export type StorageFailure =
  | 'storage-full'
  | 'storage-blocked'
  | 'storage-evicted'
  | 'storage-unavailable'
  | 'storage-corrupt'

/** How a {@link MemoryDisk} behaves. */
export interface MemoryDiskOptions {
  /** False: batches become durable only at `flush()`. Default true: at once. */
  readonly autoFlush?: boolean
}

/** A disk in memory that can be held, crashed and made to fail. Several openings of it are several tabs. */
export interface MemoryDisk {
  /** An opening of the disk. */
  open(): Storage
  /** Whether batches become durable at once. */
  autoFlush: boolean
  /** Makes the oldest `batches` (default all) durable and answers their writers. */
  flush(batches?: number): void
  /** Loses every batch that is not durable, as a power cut does; their writers get no answer. Openings stay usable. */
  crash(): void
  /** Every write fails with `code` until called with undefined. */
  fail(code: StorageFailure | undefined): void
  /** Batches handed in and not yet durable. */
  readonly pending: number
  /** The durable rows. Tests may damage them. */
  readonly rows: Map<string, Uint8Array>
  /** What happened, in order: `write` when a batch is handed in, `flush` when it is durable, before its writer hears. */
  readonly trace: string[]
}

interface PendingBatch {
  readonly ops: readonly StorageOp[]
  readonly done: () => void
}

/** Makes a {@link MemoryDisk}. */
export function createMemoryDisk(options: MemoryDiskOptions = {}): MemoryDisk {
  const rows = new Map<string, Uint8Array>()
  const locks = new Set<string>()
  const watchers = new Set<(status: StorageStatus) => void>()
  const trace: string[] = []
  let pending: PendingBatch[] = []
  let failing: StorageFailure | undefined

  const disk: MemoryDisk = {
    autoFlush: options.autoFlush ?? true,
    rows,
    trace,
    get pending(): number {
      return pending.length
    },
    open: () => openOn(),
    flush: (batches = pending.length) => {
      const ready = pending.slice(0, batches)
      pending = pending.slice(batches)
      for (const batch of ready) {
        applyOps(rows, batch.ops)
        remember(trace, 'flush')
        batch.done()
      }
    },
    crash: () => {
      pending = []
      locks.clear()
    },
    fail: (code) => {
      failing = code
      for (const watcher of watchers) watcher(code === undefined ? { state: 'ok' } : { state: 'failing', code })
    },
  }

  const openOn = (): Storage => {
    let closed = false
    const held = new Set<string>()
    const listeners = new Set<(status: StorageStatus) => void>()
    const refusal = (): Later<never> | undefined => (closed ? rejected(rejoinError('storage-closed')) : undefined)

    return {
      kind: 'memory',
      read: (prefix) => refusal() ?? resolved(readRows(rows, pending, prefix)),
      write: (batch) => {
        const refused = refusal()
        if (refused !== undefined) return refused
        if (failing !== undefined) return rejected(rejoinError(failing))
        const pair = deferred<void>()
        pending.push({ ops: [...batch], done: () => pair.resolve() })
        remember(trace, 'write')
        if (disk.autoFlush) disk.flush()
        return pair.later
      },
      withLock: (name, run) => {
        if (closed || locks.has(name)) return resolved(false)
        locks.add(name)
        held.add(name)
        const release = (): void => {
          locks.delete(name)
          held.delete(name)
        }
        const pair = deferred<boolean>()
        run().then(
          () => {
            release()
            pair.resolve(true)
          },
          (error: unknown) => {
            release()
            pair.reject(error)
          },
        )
        return pair.later
      },
      onStatus: (listener) => {
        listeners.add(listener)
        watchers.add(listener)
        return () => {
          listeners.delete(listener)
          watchers.delete(listener)
        }
      },
      close: () => {
        closed = true
        for (const name of held) locks.delete(name)
        for (const listener of listeners) watchers.delete(listener)
        return resolved(undefined)
      },
    }
  }
  return disk
}

/** A storage that forgets everything when it is dropped. For tests, and for replicas that need no disk. */
export function memoryStorage(): Storage {
  return createMemoryDisk().open()
}

/** Carries out a batch on plain rows. */
export function applyOps(rows: Map<string, Uint8Array>, ops: readonly StorageOp[]): void {
  for (const op of ops) {
    if (op.kind === 'put') rows.set(op.key, op.bytes)
    else if (op.kind === 'delete') rows.delete(op.key)
    else for (const key of [...rows.keys()]) if (key.startsWith(op.prefix)) rows.delete(key)
  }
}

function readRows(
  durable: ReadonlyMap<string, Uint8Array>,
  pending: readonly PendingBatch[],
  prefix: string,
): StoredRow[] {
  const view = new Map<string, Uint8Array>()
  for (const [key, bytes] of durable) if (key.startsWith(prefix)) view.set(key, bytes)
  for (const batch of pending) applyOps(view, batch.ops)
  return [...view]
    .filter(([key]) => key.startsWith(prefix))
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, bytes]) => ({ key, bytes }))
}

const traceLimit = 10_000

function remember(trace: string[], event: string): void {
  trace.push(event)
  if (trace.length > traceLimit) trace.shift()
}
