/**
 * One document of a replica: its store, what of it is on disk, what a server has, and the streams that carry it.
 *
 * Invariants
 * 1. Whatever is merged is queued for the disk in the same batch; `durable` never runs ahead of the flush.
 * 2. A client keeps every change as a change, in memory and as a row, until a server acknowledged it durably (C13).
 * 3. Nothing that includes a refused change is merged, unless a server brings it.
 */
import {
  type AuthorId,
  type Authority,
  applyBundle,
  authorIdFromBytes,
  type Bundle,
  type Change,
  type ChangeEvent,
  encodeBundle,
  type FencingToken,
  freeRemovals,
  lastSeq,
  type Schema,
  Store,
  Version,
} from '@rejoin/state'
import { AckedRows } from './acked-rows.ts'
import { BaseVersions } from './base-versions.ts'
import { type ChangeLog, createChangeLog, includes } from './change-log.ts'
import { DocumentRights } from './document-rights.ts'
import { beginEpochOf, EpochPace } from './epoch-pace.ts'
import type { ForkWatch } from './fork/fork-watch.ts'
import { Forks } from './fork/forks.ts'
import type { Permission } from './frame.ts'
import type { Hub } from './hub.ts'
import { createIncidents, type Incidents } from './incidents.ts'
import { createLedger, emptyReceipt, type Ledger, type Receipt } from './ledger.ts'
import { createPresence, type PresenceTable } from './presence.ts'
import { Pruning } from './pruning.ts'
import type { Refusal, RefusedContent } from './refusal.ts'
import { acceptRefused, acceptRefusedIn } from './refused-work.ts'
import { type BasedRow, RowBases } from './row-bases.ts'
import { changeRow, type DocumentKeys, documentKeys, markRow, sealRow } from './rows.ts'
import type { StorageOp } from './seams.ts'
import { DocumentHealth } from './self-check/document-health.ts'
import { createStaging, type Staging } from './transfers.ts'
import { numberBytes } from './version-row.ts'
import { WrittenRows } from './written-rows.ts'

/** What a document needs to know of a connection that brings something. */
export interface Source {
  readonly isServer: boolean
  readonly isSameProfile: boolean
  /** Looks for work of somebody else who writes as one of us, or as another of whom we have something. */
  readonly forks?: ForkWatch
}

/** What a document asks of the connections that carry it. */
export interface Carrier extends Source {
  /** There may be something to send. */
  wake(): void
  /** The store was replaced: nothing that was assumed of it holds. */
  restart(): void
  presenceChanged(replicas: readonly string[], from: object | undefined): void
  ownAuthorsChanged(author: AuthorId): void
  refusalsChanged(refusal: Refusal): void
  /** A change was merged, at a server. */
  merged(change: Change): void
  /** Two have written under this author. */
  forkFound(author: AuthorId): void
}

/** Stands for rows that no storage would keep. */
const noRow: BasedRow = { before: [], bytes: new Uint8Array(0) }

/** What became of something that came in. */
export type Intake = 'ok' | 'need' | 'invalid'

export class DocumentCore {
  readonly name: string
  readonly hub: Hub
  readonly keys: DocumentKeys
  readonly ackedRows: AckedRows
  readonly log: ChangeLog
  readonly ledger: Ledger = createLedger()
  readonly presence: PresenceTable
  readonly incidents: Incidents
  readonly staging: Staging
  readonly health: DocumentHealth
  readonly forks: Forks
  readonly rights: DocumentRights = new DocumentRights(this)
  /** What versions are told by. */
  readonly bases: BaseVersions = new BaseVersions(() => this.store)
  /** What rows are told by. */
  readonly rowBases: RowBases
  /** Rows of content of this opening, which say nothing more than the store. */
  readonly written: WrittenRows = new WrittenRows()
  readonly #pruning: Pruning
  readonly #epochPace: EpochPace
  readonly carriers: Set<Carrier> = new Set()
  readonly ownAuthors: Set<AuthorId> = new Set()
  /** From which seq on the work of an incarnation was refused. */
  readonly refused: Map<AuthorId, number> = new Map()
  /** Of the handles that are open, in order of opening. */
  readonly schemas: Schema[] = []
  readonly listeners: Set<(event: ChangeEvent) => void> = new Set()
  readonly replacedListeners: Set<(nothing: undefined) => void> = new Set()
  readonly refusedListeners: Set<(content: RefusedContent) => void> = new Set()
  /** Refused content that nobody has listened for yet. */
  readonly refusedBacklog: RefusedContent[] = []
  /** Told the token that wrote where a lesser one was refused. */
  readonly outdoneListeners: Set<(by: FencingToken) => void> = new Set()
  readonly permissionListeners: Set<(permission: Permission | undefined) => void> = new Set()
  store: Store
  /** On disk here. */
  durable: Version = Version.empty
  /** Durable at a server. */
  acked: Version = Version.empty
  /** Rows of content since the last snapshot, and corrupt ones set aside at load. */
  rows = 0
  corruptRows = 0
  /** Wall time when a server was last in sync. */
  seenAt = 0
  isLoaded = false
  isClosed = false
  isMarkedUnsaved = false
  /** What the last server said; undefined while none has. */
  permission: Permission | undefined = undefined
  #isIndexed = false
  #generation = 0
  readonly #receipts = new WeakMap<Change, Receipt>()
  /** Whose changes are being merged. */
  #from: Source | undefined
  /** Bytes of the frame that each of them stands for. */
  #share = 0
  #stopStore: () => void = () => {}

  constructor(hub: Hub, name: string) {
    this.hub = hub
    this.name = name
    this.keys = documentKeys(name)
    this.ackedRows = new AckedRows(this.keys, hub.id)
    this.rowBases = new RowBases(this, hub.storage)
    const { limits } = hub
    this.log = createChangeLog({ changes: limits.keptChanges, bytes: limits.keptChangeBytes }, hub.role === 'client')
    this.forks = new Forks(this)
    this.staging = createStaging(limits)
    this.#pruning = new Pruning(limits)
    this.#epochPace = new EpochPace(limits.epochMs, hub.startedAt)
    this.health = new DocumentHealth(this)
    this.presence = createPresence(hub, () => hub.batch(() => this.tellPresence([hub.speaksAs], undefined)))
    this.incidents = createIncidents(this)
    this.ledger.onChange = () => this.markUnsaved()
    this.store = this.newStore()
  }

  /** An empty store of the kind that this document uses. */
  newStore(): Store {
    const { hub } = this
    const newAuthor = (): AuthorId => authorIdFromBytes(hub.random.bytes(8))
    const authority: Authority = {
      grantRights: () => hub.grantsRights,
      hasEnded: (author) => hub.grantsRights && this.rights.isOfEarlierOpening(author),
      proposeCut: () => hub.beginsEpochs,
    }
    const { valueBytes, documentItems } = hub.limits
    const limits = { valueBytes, documentItems }
    return new Store({ newAuthor, now: () => hub.now(), limits, authority }, hub.rules.state)
  }

  /** From here on every step of the store is persisted, counted and passed on. */
  begin(): void {
    this.isLoaded = true
    this.#stopStore = this.store.subscribe((event) => this.#stepped(event))
  }

  /** The receipt of a local change. */
  receiptOf(change: Change): Receipt {
    return this.#receipts.get(change) ?? emptyReceipt
  }

  /**
   * Puts another store in the place of this one. The caller takes care of the rows. `isRepair`: it holds the same changes, so
   * that the log and what is known to be durable stay.
   */
  replaceStore(store: Store, isRepair = false): void {
    this.#stopStore()
    this.#generation += 1
    this.incidents.clear()
    this.staging.clear()
    this.hub.transfers.forget(this.name)
    this.bases.clear()
    this.written.clear()
    this.store = store
    if (!isRepair) {
      this.log.clear()
      this.durable = Version.empty
      this.rights.reset()
    }
    this.#stopStore = store.subscribe((event) => this.#stepped(event))
    this.hub.tell(this.replacedListeners, undefined)
  }

  /** Merges changes that came together in `bytes` bytes. */
  receiveChanges(changes: readonly Change[], bytes: number, from: Source): Intake {
    let intake: Intake = 'ok'
    const share = { bytes: Math.round(bytes / Math.max(1, changes.length)) }
    this.#from = from
    this.#share = share.bytes
    if (from.isServer) for (const change of changes) acceptRefused(this, change.author, lastSeq(change))
    for (const change of changes) {
      if (!from.isServer && this.#isRefused(change)) continue
      if (from.forks?.meets(change) === true) continue
      const outcome = this.store.applyChange(change, share)
      if (outcome === 'invalid') intake = 'invalid'
      if (outcome === 'applied') this.hub.metrics.changesMerged += 1
      else if (outcome === 'waiting') this.hub.metrics.changesWaiting += 1
      else if (outcome === 'overflow') intake = 'need'
      else if (outcome === 'closed') this.hub.metrics.epochsClosed += 1
      else if (outcome === 'duplicate') this.#keepAsChange(change, from)
      if (intake === 'invalid') break
    }
    this.#from = undefined
    return intake
  }

  /** Merges a bundle that took `size` bytes. `bytes` are those of the bundle itself, where it came as such. */
  receiveBundle(bundle: Bundle, size: number, from: Source, bytes?: Uint8Array): Intake {
    if (!from.isServer && this.#reachesRefused(bundle.version)) return 'ok'
    if (from.isServer) acceptRefusedIn(this, bundle.version)
    from.forks?.meetsBundle(bundle.version)
    this.#from = from
    const contextOf = this.log.contextOf
    const outcome = applyBundle(this.store, bundle, { bytes: size, contextOf })
    this.#from = undefined
    if (outcome === 'invalid') return 'invalid'
    if (outcome === 'gap') return 'need'
    if (outcome === 'closed') this.hub.metrics.epochsClosed += 1
    if (outcome === 'applied') {
      this.hub.metrics.bundlesMerged += 1
      this.persistBundle(bundle, bytes)
    }
    return 'ok'
  }

  /** Queues the row of a bundle that was merged. */
  persistBundle(bundle: Bundle, bytes?: Uint8Array): void {
    const row = this.#contentRow(this.keys.bundle(this.hub.newId()), () => this.rowBases.bundle(bundle, bytes))
    this.persist(row.ops)
  }

  /** Queues rows that make the present version durable. */
  persist(ops: readonly StorageOp[]): void {
    const { version } = this.store
    const generation = this.#generation
    this.hub.touched(this)
    const index = this.#isIndexed ? [] : [this.#indexRow()]
    this.hub.queue.push([...index, ...ops], () => {
      if (generation !== this.#generation) return
      this.durable = version
      this.ledger.diskReached(version)
      if (this.hub.role === 'server') this.serverReached(version, false)
      this.tellStored()
      this.wake()
    })
  }

  /** More of it is on the disk, here or elsewhere. */
  tellStored(): void {
    for (const companion of this.hub.companions.values()) companion.stored?.(this)
  }

  /** A server has everything in `version` on its disk. */
  serverReached(version: Version, remember = true): void {
    if (this.acked.covers(version)) return
    this.acked = this.acked.merge(version)
    this.ledger.serverReached(this.acked)
    this.hub.touched(this)
    this.log.trim(this.acked)
    if (!remember) return
    if (this.hub.makesRows) this.hub.queue.push(this.ackedRows.rise(this.acked))
    this.hub.changed()
  }

  /** Another opening of this profile wrote under these incarnations. */
  addOwnAuthors(authors: Iterable<AuthorId>): void {
    const added = [...authors].filter((author) => !this.ownAuthors.has(author))
    if (added.length === 0) return
    for (const author of added) {
      this.ownAuthors.add(author)
      // A server acknowledges only the work of those that it was told of, also where it has that work already.
      for (const carrier of this.carriers) carrier.ownAuthorsChanged(author)
    }
    for (const { change, bytes } of this.log.unsettled(this.acked)) {
      if (this.ownAuthors.has(change.author)) this.ledger.add(change, bytes, false)
    }
  }

  setPermission(permission: Permission | undefined): void {
    if (permission === this.permission) return
    this.permission = permission
    this.hub.tell(this.permissionListeners, permission)
    this.hub.changed()
  }

  tellPresence(replicas: readonly string[], from: object | undefined): void {
    if (replicas.length === 0) return
    for (const carrier of this.carriers) carrier.presenceChanged(replicas, from)
  }

  wake(): void {
    for (const carrier of this.carriers) carrier.wake()
  }

  close(): void {
    this.isClosed = true
    this.rowBases.close()
    this.#stopStore()
    this.incidents.clear()
    this.ledger.close()
    this.staging.clear()
    this.hub.transfers.forget(this.name)
  }

  #stepped(event: ChangeEvent): void {
    const { change } = event
    const { metrics } = this.hub
    this.hub.batch(() => {
      metrics.conflicts += event.conflicts.length
      if (change !== undefined) this.#keep(change, event.origin === 'local')
      this.hub.tell(this.listeners, event)
      if (event.origin === 'remote') this.rights.answer(event.changed)
      this.wake()
    })
  }

  /** Begins an epoch where this is the replica that does, and one is due. */
  fold(): void {
    const { hub } = this
    if (!hub.beginsEpochs || !this.isLoaded || this.isClosed || !this.#epochPace.isDue(hub.clock.monotonic())) return
    if (!beginEpochOf(this)) return
    this.rights.wrote()
    this.rows = Math.max(this.rows, hub.limits.rowsBeforeCompaction)
  }

  /** Frees removal records that are due. What no server has yet stays at a client: it must still reach one. */
  prune(): void {
    if (!this.isLoaded || this.isClosed) return
    const { hub, store } = this
    const nowMs = hub.clock.now()
    this.#pruning.note(nowMs, () => (hub.role === 'client' ? this.durable.meet(this.acked) : this.durable))
    const upTo = this.#pruning.due(nowMs, store.stats, store.floor)
    if (upTo === undefined) return
    freeRemovals(store, upTo)
    hub.metrics.prunings += 1
    // The rows on disk still hold them: folding is due, when it is allowed.
    this.rows = Math.max(this.rows, hub.limits.rowsBeforeCompaction)
  }

  /** A row of content, which counts until it is folded; an empty one where no storage would keep it. */
  #contentRow(key: string, make: () => BasedRow): { readonly ops: StorageOp[]; readonly size: number | undefined } {
    const { makesRows } = this.hub
    const { before, bytes } = makesRows ? make() : noRow
    if (makesRows) this.wroteContent(key, bytes)
    return { ops: [...before, { kind: 'put', key, bytes }], size: makesRows ? bytes.length : undefined }
  }

  /** A row of content is on its way to the disk. */
  wroteContent(key: string, bytes: Uint8Array): void {
    this.rows += 1
    // Where storage has no locks nothing is folded, and nobody asks.
    if (this.hub.storage.withLock !== undefined) this.written.note(key, bytes)
  }

  #keep(change: Change, isLocal: boolean): void {
    const { ops, size: stored } = this.#contentRow(this.keys.change(change), () => this.rowBases.change(change))
    // Of a local change the size counts in any case: the app is told how many bytes wait to be sent.
    const size = stored ?? (isLocal ? changeRow(change).length : this.#share)
    this.log.add(change, size, this.#from?.isServer ?? false)
    if (this.hub.role === 'server') {
      this.forks.stamps.note([change.author, change.seq, change.hlc])
      for (const carrier of this.carriers) if (carrier !== this.#from) carrier.merged(change)
    }
    if (isLocal) {
      this.hub.metrics.localChanges += 1
      if (!this.ownAuthors.has(change.author)) {
        this.ownAuthors.add(change.author)
        ops.push(markRow(this.keys.own(change.author)))
        for (const carrier of this.carriers) carrier.ownAuthorsChanged(change.author)
      }
    }
    // Another tab may tell of a change after the server acknowledged it here.
    const isUnsaved = this.ownAuthors.has(change.author) && !this.#from?.isServer && !includes(this.acked, change)
    if (isLocal || isUnsaved) {
      const receipt = this.ledger.add(change, size, isLocal)
      if (isLocal) this.#receipts.set(change, receipt)
    }
    this.log.trim(this.acked)
    this.persist(ops)
    if (isLocal) this.rights.wrote()
  }

  /** Invariant 2: what a bundle brought before is kept as a change all the same while no server has it. */
  #keepAsChange(change: Change, from: Source): void {
    const isNeeded =
      this.hub.role === 'client' && !from.isServer && !this.log.has(change) && !includes(this.acked, change)
    if (isNeeded) this.#keep(change, false)
  }

  #isRefused(change: Change): boolean {
    if (this.refused.size === 0) return false
    const from = this.refused.get(change.author)
    return (from !== undefined && lastSeq(change) >= from) || this.#reachesRefused(change.context)
  }

  #reachesRefused(version: Version): boolean {
    for (const [author, from] of this.refused) if (version.get(author) >= from) return true
    return false
  }

  /** Marks of openings that are gone say nothing any more: whatever they left was read, and a server has it. */
  clearMarks(keys: readonly string[]): void {
    if (this.isLoaded && this.ledger.unsaved.changes === 0) {
      this.hub.queue.push(keys.map((key) => ({ kind: 'delete', key })))
    }
  }

  #indexRow(): StorageOp {
    this.#isIndexed = true
    return markRow(this.keys.index)
  }

  /** The row of a whole state. */
  stateRow(state: Bundle): StorageOp {
    return {
      kind: 'put',
      key: this.keys.bundle(this.hub.newId()),
      bytes: this.hub.makesRows ? sealRow(encodeBundle(state)) : noRow.bytes,
    }
  }

  /** The row that says from which seq on an incarnation was refused. */
  refusedRow(author: AuthorId, from: number): StorageOp {
    return { kind: 'put', key: this.keys.refused(author), bytes: numberBytes(from) }
  }

  /** Lets a later opening know, without reading documents, that this one has work to send. */
  markUnsaved(): void {
    if (!this.isLoaded) return
    const isUnsaved = this.ledger.unsaved.changes > 0
    this.hub.changed()
    if (isUnsaved === this.isMarkedUnsaved || this.hub.role !== 'client') return
    this.isMarkedUnsaved = isUnsaved
    const key = this.keys.unsaved(this.hub.id)
    this.hub.queue.push([isUnsaved ? markRow(key) : { kind: 'delete', key }])
  }
}
