import { type Bundle, rejoinError, type Steps } from '@rejoin/state'
import { Alarm } from './alarm.ts'
import { compact, isCompactionDue } from './compaction.ts'
import type { Connection } from './connection.ts'
import { type Carrier, DocumentCore } from './document-core.ts'
import { loadingDocument, readAgain, stateWithoutUnsaved } from './document-loading.ts'
import type { Hub } from './hub.ts'
import { deferred, type Later, rejected, resolved } from './later.ts'
import { fallBack, type Refusal } from './refusal.ts'
import { markRow, nameInKey } from './rows.ts'
import type { Storage, StoredRow } from './seams.ts'
import { retryBaseMs, retryCapMs } from './write-queue.ts'

interface OpenDocument {
  readonly core: DocumentCore
  readonly loaded: Later<DocumentCore>
  /** Handles, and openings under way. */
  users: number
  /** The rows could not be read: when that is tried again, if the storage is not known to work before. */
  unread: Alarm | undefined
  /** Told how much of it has been read. */
  readonly onProgress: Set<(done: number) => void>
  readonly idle: Alarm
}

/** Documents of earlier openings whose work is sent without anybody opening them. */
const maxResumed = 100

/** The documents of a replica that are in memory: who uses them, when they are read, folded and let go. */
export class DocumentShelf {
  readonly #hub: Hub
  readonly #storage: Storage
  readonly #connections: ReadonlySet<Connection>
  readonly #documents = new Map<string, OpenDocument>()
  readonly #touched = new Set<DocumentCore>()
  isClosed = false

  constructor(hub: Hub, storage: Storage, connections: ReadonlySet<Connection>) {
    this.#hub = hub
    this.#storage = storage
    this.#connections = connections
  }

  get size(): number {
    return this.#documents.size
  }

  has(name: string): boolean {
    return this.#documents.has(name)
  }

  names(): string[] {
    return [...this.#documents.keys()]
  }

  /** A document, if it is loaded. */
  loaded(name: string): DocumentCore | undefined {
    const core = this.#documents.get(name)?.core
    return core?.isLoaded === true ? core : undefined
  }

  /** Documents that are loaded. */
  cores(): DocumentCore[] {
    return [...this.#documents.values()].filter(({ core }) => core.isLoaded).map(({ core }) => core)
  }

  /** Rows or acknowledgements of this document changed: look after it at the end of the batch. */
  touch(core: DocumentCore): void {
    this.#touched.add(core)
  }

  /** Whether anybody uses a document: a handle, or a connection that `isApart` does not leave out. */
  isUsed(core: DocumentCore, isApart: (carrier: Carrier) => boolean): boolean {
    return (this.#documents.get(core.name)?.users ?? 0) > 0 || [...core.carriers].some((carrier) => !isApart(carrier))
  }

  /** Looks after what was touched. */
  tidy(): void {
    if (this.#touched.size === 0) return
    const touched = [...this.#touched]
    this.#touched.clear()
    for (const core of touched) {
      const entry = this.#documents.get(core.name)
      if (entry?.core !== core) continue
      core.prune()
      core.fold()
      if (isCompactionDue(core)) compact(core, this.#storage)
      if (this.#hub.role === 'server' && entry.users === 0) this.letGo(core.name)
      const isLingering = entry.users === 0 && this.#hub.role === 'client' && core.ledger.unsaved.changes === 0
      if (isLingering && core.isLoaded) this.#whenFlushed(() => this.letGo(core.name))
    }
  }

  /** A loaded document; each `acquire` is matched by one `release`. `onProgress` is told after each slice of loading. */
  acquire(name: string, onProgress?: (done: number) => void): Later<DocumentCore> {
    if (this.isClosed) return rejected(rejoinError('closed'))
    const known = this.#documents.get(name)
    if (known !== undefined) {
      known.users += 1
      known.idle.clear()
      if (known.core.isLoaded && known.users === 1) this.#used(known.core)
      if (onProgress !== undefined && !known.core.isLoaded) known.onProgress.add(onProgress)
      return known.loaded
    }
    let core: DocumentCore
    try {
      core = new DocumentCore(this.#hub, name)
    } catch (error) {
      return rejected(error)
    }
    const pair = deferred<DocumentCore>()
    const entry: OpenDocument = {
      core,
      loaded: pair.later,
      users: 1,
      unread: undefined,
      onProgress: new Set(onProgress === undefined ? [] : [onProgress]),
      idle: new Alarm(this.#hub.timers),
    }
    this.#documents.set(name, entry)
    this.#hub.metrics.openDocuments = this.#documents.size
    const ready = (): void => {
      if (core.isClosed) {
        pair.reject(rejoinError('closed'))
        return
      }
      this.#hub.batch(() => {
        this.#used(core)
        if (this.#hub.role === 'server') return
        for (const { session } of this.#connections) if (session.phase === 'established') session.join(core)
      })
      pair.resolve(core)
    }
    this.#storage.read(core.keys.prefix).then(
      (rows) => {
        this.#load(entry, loadingDocument(core, rows), ready)
      },
      (error: unknown) => {
        // Writing never waits for a disk: what is there is merged when it can be read.
        this.#hub.log('error', 'load-failed', { document: name, error: String(error) })
        entry.unread = new Alarm(this.#hub.timers)
        this.#readLater(entry, retryBaseMs)
        this.#load(entry, loadingDocument(core, []), ready)
      },
    )
    return pair.later
  }

  /** Whether the rows of a document could not be read, so that it holds less than its disk. */
  needsReading(name: string): boolean {
    return this.#documents.get(name)?.unread !== undefined
  }

  #used(core: DocumentCore): void {
    for (const companion of this.#hub.companions.values()) companion.used?.(core)
  }

  /** Loads for as long as a slice lasts, then lets others have their turn. */
  #load(entry: OpenDocument, steps: Steps<void>, ready: () => void): void {
    const { clock, timers, timing } = this.#hub
    const until = clock.monotonic() + timing.sliceMs
    let isDone = entry.core.isClosed
    let progress = 0
    this.#hub.batch(() => {
      while (!isDone) {
        const step = steps.next()
        isDone = step.done === true
        if (step.done !== true) progress = Math.max(progress, step.value)
        if (clock.monotonic() >= until) break
      }
    })
    if (isDone) {
      entry.onProgress.clear()
      ready()
      return
    }
    this.#hub.tell(entry.onProgress, progress)
    timers.set(0, () => this.#load(entry, steps, ready))
  }

  /** `core`: not of another that was opened under this name since that was dropped. */
  release(name: string, core?: DocumentCore): Later<void> {
    const entry = this.#documents.get(name)
    if (entry === undefined || entry.core !== (core ?? entry.core)) return resolved(undefined)
    entry.users = Math.max(0, entry.users - 1)
    if (entry.users === 0) {
      entry.core.rights.lastWord()
      this.#whenFlushed(() => this.letGo(name))
    }
    return this.#hub.queue.flushed()
  }

  /** Work that earlier openings left in documents that nobody has open is sent all the same. */
  resumeUnsaved(): void {
    if (this.#hub.role !== 'client') return
    this.#storage.read('u/').then(
      (rows) => {
        for (const [name, keys] of byDocument(rows).slice(0, maxResumed)) {
          this.acquire(name).then(
            (core) => {
              this.#hub.batch(() => core.clearMarks(keys))
              this.release(name)
            },
            () => {},
          )
        }
      },
      () => {},
    )
  }

  /** Closes a document whoever uses it, and removes it from this replica. */
  forget(name: string): Later<void> {
    const known = this.#documents.get(name)
    if (known !== undefined) this.#drop(name, known)
    let keys: DocumentCore['keys']
    try {
      keys = (known?.core ?? new DocumentCore(this.#hub, name)).keys
    } catch (error) {
      return rejected(error)
    }
    this.#hub.queue.push([
      { kind: 'delete-prefix', prefix: keys.prefix },
      { kind: 'delete-prefix', prefix: keys.asidePrefix },
      { kind: 'delete', key: keys.index },
      { kind: 'delete-prefix', prefix: keys.unsavedPrefix },
    ])
    return this.#hub.queue.flushed()
  }

  /** Unloads a document that nobody uses and that has nothing left to do. */
  letGo(name: string): void {
    const entry = this.#documents.get(name)
    if (entry === undefined || entry.users > 0) return
    const { core } = entry
    for (const companion of this.#hub.companions.values()) companion.idle?.(core)
    if (entry.idle.isSet) return
    if (this.#hub.role !== 'server') {
      // Unacknowledged work of a closed document is still sent.
      if (this.#hub.role === 'client' && core.ledger.unsaved.changes > 0 && this.#hub.hasNet) return
      this.#drop(name, entry)
      return
    }
    if (core.carriers.size > 0) return
    entry.idle.set(this.#hub.limits.idleDocumentMs, () => {
      if (entry.users > 0 || core.carriers.size > 0) return
      this.#whenFlushed(() => {
        if (entry.users === 0 && core.carriers.size === 0) this.#drop(name, entry)
      })
    })
  }

  #drop(name: string, entry: OpenDocument): void {
    if (this.#documents.get(name) !== entry) return
    this.#documents.delete(name)
    this.#hub.metrics.openDocuments = this.#documents.size
    entry.idle.clear()
    doneReading(entry)
    // Before others hear that it is not used here: they would not hear what is given back of it.
    for (const companion of this.#hub.companions.values()) companion.dropped?.(entry.core)
    for (const { session } of this.#connections) session.part(entry.core)
    entry.core.close()
  }

  /** The storage works again: reads what could not be read before. */
  readMissed(): void {
    for (const entry of this.#documents.values()) if (entry.unread !== undefined) this.#read(entry, retryBaseMs)
  }

  /** Closes every document. */
  dropAll(): void {
    for (const [name, entry] of [...this.#documents]) this.#drop(name, entry)
  }

  /**
   * Falls back to `state`, or without one to what the disk tells a server to have had. Reads the disk first, so that
   * what another tab wrote and nobody heard of is handed over too, not lost.
   */
  fallBack(core: DocumentCore, state: Bundle | undefined, refusal: Refusal, failed: () => void): void {
    const { queue } = this.#hub
    const carryOut = (rows: readonly StoredRow[] | undefined): void => {
      this.#hub.batch(() => {
        if (core.isClosed) return
        if (rows !== undefined) readAgain(core, rows)
        const target = state ?? stateWithoutUnsaved(core, rows ?? [])
        if (!fallBack(core, target, refusal)) failed()
      })
    }
    const unread = (): void => {
      if (state === undefined) failed()
      else carryOut(undefined)
    }
    // A failing disk answers when it pleases; the server's state need not wait for it.
    if (queue.status.state === 'failing') unread()
    else queue.flushed().then(() => this.#storage.read(core.keys.prefix).then(carryOut, unread), unread)
  }

  /** Reading fails where writing goes on well, and nothing else would tell when it works. */
  #readLater(entry: OpenDocument, delayMs: number): void {
    if (entry.core.isClosed) return
    entry.unread?.set(delayMs, () => this.#read(entry, Math.min(retryCapMs, 2 * delayMs)))
  }

  /** Where that fails it is done again after `delayMs`. */
  #read(entry: OpenDocument, delayMs: number): void {
    const { core } = entry
    this.#storage.read(core.keys.prefix).then(
      (rows) => {
        if (core.isClosed) return
        this.#hub.batch(() => {
          readAgain(core, rows)
          // What was read is on the disk, though nobody writes it again.
          core.persist([markRow(core.keys.index)])
          // Until that has landed less is known to be durable than is on the disk.
          this.#hub.queue.push([], () => doneReading(entry))
        })
      },
      () => this.#readLater(entry, delayMs),
    )
  }

  #whenFlushed(run: () => void): void {
    this.#hub.queue.flushed().then(run, () => {})
  }
}

function doneReading(entry: OpenDocument): void {
  entry.unread?.clear()
  entry.unread = undefined
}

/** Marks of unacknowledged work by the document that they are about. */
function byDocument(rows: readonly StoredRow[]): (readonly [name: string, keys: string[]])[] {
  const keysOf = new Map<string, string[]>()
  for (const { key } of rows) {
    const name = nameInKey(key)
    if (name === undefined) continue
    const keys = keysOf.get(name)
    if (keys === undefined) keysOf.set(name, [key])
    else keys.push(key)
  }
  return [...keysOf]
}
