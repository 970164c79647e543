/// <reference lib="esnext.disposable" preserve="true" />
import { rejoinError, type Schema } from '@rejoin/state'
import { createHandle, type DocumentHandle } from './document-handle.ts'
import type { ForkEvent } from './fork/forks.ts'
import type { Role } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import type { Authorize, DivergenceEvent, LogEntry } from './hub.ts'
import type { HealEvent } from './incidents.ts'
import { deferred, type Later } from './later.ts'
import { defaultLimits, defaultTiming, type Limits, type Timing } from './limits.ts'
import { listen } from './listeners.ts'
import type { Metrics } from './metrics.ts'
import { ReplicaCore } from './replica-core.ts'
import { nameInKey } from './rows.ts'
import type { Clock, Environment, Random, Storage, StorageStatus, Timers } from './seams.ts'
import { type SyncRules, soundSyncRules } from './sync-rules.ts'

/** What a replica is given. Nothing else reaches it. */
export interface ReplicaOptions {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly storage: Storage
  readonly environment?: Environment
  /**
   * `client` (default): keeps its work as changes until a server has it. `peer`: no server is expected; folds its rows
   * whenever it likes. `server`: opens documents on demand, asks `authorize`, and its acknowledgement counts.
   */
  readonly role?: Role
  /**
   * Whether this replica grants the first rights of bounded counters and answers those who ask for more. Default: servers
   * do. Where several serve the same documents, one of them for ever.
   */
  readonly grantsRights?: boolean
  /**
   * Whether this replica begins epochs, at which what merging needed of resets and removals goes (`beginEpoch`), at the
   * pace of `limits.epochMs` and `limits.epochItems`. Default: servers that grant rights do. One place for ever: two that
   * begin epochs of one document side by side part it. Where none does, such metadata stays.
   */
  readonly beginsEpochs?: boolean
  /** A stable name for reports; at most 128 bytes. */
  readonly name?: string
  readonly limits?: Partial<Limits>
  readonly timing?: Partial<Timing>
  /** Asked for each document that a connection opens. Without it everybody may write. Servers only. */
  readonly authorize?: Authorize
  readonly onLog?: (entry: LogEntry) => void
}

/** How a document is opened. */
export interface OpenOptions {
  /** Told after each slice how much of the document has been read from the disk, from 0 to 1. */
  readonly onProgress?: (done: number) => void
}

/** One participant with its own storage: many documents, any number of connections. */
export interface Replica {
  /** Identity of this opening: 16 hex digits. */
  readonly id: string
  readonly role: Role
  readonly name: string
  /** Whether the disk takes writes. A failing disk never stops writing: it stops `disk` from being reached. */
  readonly storageStatus: StorageStatus
  /** A server that can store what it is sent. */
  readonly isReady: boolean
  /**
   * Opens a document, made of what is on this disk: usable at once, offline too. A large one is read in slices of
   * `timing.sliceMs`, so that a page goes on drawing its frames.
   */
  open<S extends Schema>(name: string, schema: S, options?: OpenOptions): Later<DocumentHandle<S>>
  /** Names of all documents with content on this disk or open here. */
  documents(): Later<string[]>
  /** Removes a document from this replica, with unsent work. Others keep theirs. */
  forget(name: string): Later<void>
  /** Removes everything: for signing out. Open documents are closed. */
  wipe(): Later<void>
  /** Settles when everything written so far is on disk. */
  flush(): Later<void>
  /** Counters since creation; a copy. */
  metrics(): Metrics
  /** Asks `authorize` again for every connection (of one document), after rights changed. */
  reauthorize(document?: string): void
  onStorageStatus(listener: (status: StorageStatus) => void): () => void
  onHealed(listener: (event: HealEvent) => void): () => void
  onDivergence(listener: (event: DivergenceEvent) => void): () => void
  /** Calls back when somebody else was found to write under an author of ours: a machine was cloned while it ran. */
  onForked(listener: (event: ForkEvent) => void): () => void
  /** Ends connections, writes out what can be written, closes the storage. Idempotent. */
  close(): Later<void>
  [Symbol.asyncDispose](): Later<void>
}

const insides = new WeakMap<Replica, ReplicaCore>()

/** The inside of a replica, for the other modules of this package. */
export function insideOf(replica: Replica): ReplicaCore {
  const core = insides.get(replica)
  if (core === undefined) throw rejoinError('closed', { reason: 'This is not a replica of this copy of the library.' })
  return core
}

/** Makes a replica. It is usable at once; storage is read when documents are opened. */
export function createReplica(options: ReplicaOptions): Replica {
  return createReplicaWith(soundSyncRules, options)
}

/** A replica under other rules. For tests that show a broken rule is caught; not part of the public entry. */
export function createReplicaWith(rules: SyncRules, options: ReplicaOptions): Replica {
  const core = new ReplicaCore({
    ...options,
    role: options.role ?? 'client',
    grantsRights: options.grantsRights ?? options.role === 'server',
    beginsEpochs: options.beginsEpochs ?? (options.role === 'server' && options.grantsRights !== false),
    name: (options.name ?? '').slice(0, frameLimits.nameBytes / 4),
    limits: { ...defaultLimits, ...options.limits },
    timing: { ...defaultTiming, ...options.timing },
    rules,
  })
  let closing: Later<void> | undefined
  const close = (): Later<void> => {
    closing ??= core.close()
    return closing
  }
  const replica: Replica = {
    id: core.id,
    role: core.role,
    name: core.name,
    get storageStatus(): StorageStatus {
      return core.queue.status
    },
    get isReady(): boolean {
      return !core.isClosed && core.queue.status.state === 'ok'
    },
    open: (name, schema, { onProgress } = {}) => {
      const opened = deferred<DocumentHandle<typeof schema>>()
      core.shelf
        .acquire(name, onProgress)
        .then(
          (document) => opened.resolve(createHandle(document, schema, () => core.shelf.release(name, document))),
          opened.reject,
        )
      return opened.later
    },
    documents: () => {
      const found = deferred<string[]>()
      core.storage.read('n/').then((rows) => {
        const names = rows.map((row) => nameInKey(row.key)).filter((name) => name !== undefined)
        found.resolve([...new Set([...names, ...core.shelf.names()])].sort())
      }, found.reject)
      return found.later
    },
    forget: (name) => core.shelf.forget(name),
    wipe: () => core.wipe(),
    flush: () => core.queue.flushed(),
    metrics: () => ({ ...core.metrics }),
    reauthorize: (document) => core.reauthorize(document),
    onStorageStatus: (listener) => listen(core.statusListeners, listener),
    onHealed: (listener) => listen(core.healListeners, listener),
    onDivergence: (listener) => listen(core.divergenceListeners, listener),
    onForked: (listener) => listen(core.forkListeners, listener),
    close,
    [Symbol.asyncDispose]: close,
  }
  insides.set(replica, core)
  return replica
}
