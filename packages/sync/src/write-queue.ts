import { isRejoinError } from '@rejoin/state'
import { Alarm } from './alarm.ts'
import { type Deferred, deferred, type Later, resolved } from './later.ts'
import { listen } from './listeners.ts'
import type { Metrics } from './metrics.ts'
import type { Random, Storage, StorageOp, StorageStatus, Timers } from './seams.ts'

/**
 * The one ordered way to the disk.
 *
 * Invariants
 * 1. Batches reach the storage in the order of `push`, and never two at once, except in a hurry: that batch repeats
 *    the one under way before what is new, so that it stands also where the other fails.
 * 2. `done` is called only after the storage answered that its batch is durable.
 * 3. A failing storage loses nothing: the batch that failed is written again, before everything that came later.
 *
 * Whatever is pushed while a batch is under way goes out together in the next one (group commit).
 */
export interface WriteQueue {
  /** Queues operations; they start on their way at the next `kick`. */
  push(ops: readonly StorageOp[], done?: () => void): void
  /**
   * Queues a row of which only the newest state counts: of those that wait for the same batch one is spelled, when the batch starts.
   * Nothing else writes or deletes that key.
   */
  pushLatest(row: LatestRow, done: () => void): void
  /** Starts a batch, unless one is under way. */
  kick(): void
  /** Settles when everything pushed so far is durable; rejects when the queue is closed before. */
  flushed(): Later<void>
  /** Tries again at once, if it waits after a failure. */
  retryNow(): void
  /** Hands over all that waits, now: the page may be gone before the batch under way has landed. */
  hurry(): void
  onStatus(listener: (status: StorageStatus) => void): () => void
  /** Tries to write what is queued, then stops; later pushes are dropped. */
  close(): Later<void>
  readonly status: StorageStatus
  /** Bytes pushed and not durable. */
  readonly pendingBytes: number
}

/** A row that is spelled when it is written. */
export interface LatestRow {
  readonly key: string
  readonly spell: () => Uint8Array
}

interface Batch {
  ops: StorageOp[]
  /** By key; not counted in `bytes` before they are spelled. */
  latest: Map<string, LatestRow>
  done: (() => void)[]
  bytes: number
}

interface QueueOptions {
  readonly storage: Storage
  readonly timers: Timers
  readonly random: Random
  readonly metrics: Metrics
  /** While true nothing starts: what belongs together is still being pushed. */
  readonly isHeld: () => boolean
  /** Runs what a landed batch causes as one step. */
  readonly run: (step: () => void) => void
  /** Called after each batch that landed. */
  readonly onLanded: () => void
  /** False only in a mutant: `done` before the flush. */
  readonly acknowledgeAfterFlush: boolean
}

/** How long after a failure the disk is tried again: at first, and at most. */
export const retryBaseMs = 250
export const retryCapMs = 10_000

export function createWriteQueue(options: QueueOptions): WriteQueue {
  const { storage, timers, random, metrics } = options
  const listeners = new Set<(status: StorageStatus) => void>()
  let next: Batch = emptyBatch()
  let flying: Batch | undefined
  let status: StorageStatus = { state: 'ok' }
  let failures = 0
  const retry = new Alarm(timers)
  let closed = false
  let waiters: Deferred<void>[] = []
  const stopWatching = storage.onStatus?.((reported) => setStatus(reported))

  const setStatus = (reported: StorageStatus): void => {
    const same = status.state === reported.state && (status.state === 'ok' || codeOf(status) === codeOf(reported))
    if (same) return
    status = reported
    for (const listener of [...listeners]) listener(reported)
  }
  const start = (): void => {
    if (options.isHeld() || flying !== undefined || retry.isSet || isEmpty(next)) return
    const batch = next
    next = emptyBatch()
    write(batch)
  }
  const add = (batch: Batch, op: StorageOp): void => {
    batch.ops.push(op)
    const bytes = op.kind === 'put' ? op.key.length + op.bytes.length : op.kind === 'delete' ? op.key.length : 0
    batch.bytes += bytes
    metrics.unwrittenBytes += bytes
  }
  const write = (batch: Batch): void => {
    for (const { key, spell } of batch.latest.values()) add(batch, { kind: 'put', key, bytes: spell() })
    batch.latest.clear()
    flying = batch
    metrics.storageWrites += 1
    storage.write(batch.ops).then(
      () => landed(batch),
      (error: unknown) => failed(batch, error),
    )
  }
  const landed = (batch: Batch): void => {
    if (flying !== batch) return
    flying = undefined
    failures = 0
    metrics.unwrittenBytes -= batch.bytes
    setStatus({ state: 'ok' })
    options.run(() => {
      for (const done of batch.done) done()
      options.onLanded()
    })
    if (flying === undefined && isEmpty(next)) settle((waiter) => waiter.resolve())
    start()
  }
  const failed = (batch: Batch, error: unknown): void => {
    if (flying !== batch) return
    flying = undefined
    // Invariant 3.
    next = joined(batch, next)
    metrics.storageFailures += 1
    const code = isRejoinError(error) ? error.code : 'storage-unavailable'
    setStatus({ state: 'failing', code })
    if (closed || code === 'storage-closed') {
      settle((waiter) => waiter.reject(error))
      return
    }
    const ceiling = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(failures, 20))
    failures += 1
    retry.set(ceiling * (0.5 + random.float() / 2), start)
  }
  const settle = (end: (waiter: Deferred<void>) => void): void => {
    const settled = waiters
    waiters = []
    settled.forEach(end)
  }
  const follow = (done: () => void): void => {
    if (options.acknowledgeAfterFlush) next.done.push(done)
    else done()
  }
  const flushed = (): Later<void> => {
    if (flying === undefined && isEmpty(next)) return resolved(undefined)
    const pair = deferred<void>()
    waiters.push(pair)
    start()
    return pair.later
  }

  return {
    get status(): StorageStatus {
      return status
    },
    get pendingBytes(): number {
      return next.bytes + (flying?.bytes ?? 0)
    },
    push: (ops, done) => {
      if (closed) return
      for (const op of ops) add(next, op)
      if (done !== undefined) follow(done)
    },
    pushLatest: (row, done) => {
      if (closed) return
      next.latest.set(row.key, row)
      follow(done)
    },
    kick: start,
    flushed,
    retryNow: () => {
      if (!retry.isSet) return
      retry.clear()
      start()
    },
    hurry: () => {
      if (options.isHeld() || isEmpty(next)) return
      retry.clear()
      const batch = flying === undefined ? next : joined(flying, next)
      next = emptyBatch()
      write(batch)
    },
    onStatus: (listener) => listen(listeners, listener),
    close: () => {
      retry.clear()
      closed = true
      const last = flushed()
      stopWatching?.()
      return last
    },
  }
}

function joined(first: Batch, second: Batch): Batch {
  return {
    ops: first.ops.concat(second.ops),
    latest: new Map([...first.latest, ...second.latest]),
    done: first.done.concat(second.done),
    bytes: first.bytes + second.bytes,
  }
}

function emptyBatch(): Batch {
  return { ops: [], latest: new Map(), done: [], bytes: 0 }
}

function isEmpty({ ops, latest }: Batch): boolean {
  return ops.length === 0 && latest.size === 0
}

function codeOf(status: StorageStatus): string | undefined {
  return status.state === 'failing' ? status.code : undefined
}
