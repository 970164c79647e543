import { type Bundle, type Change, type Epoch, lastSeq } from './change.ts'
import { type ChangeEvent, type Origin, StoreEvent } from './change-event.ts'
import type { NoticedConflict } from './conflict.ts'
import { Core, type StoreOptions } from './core.ts'
import { anchored, type ContextOf, cross, crossedVersion, crossingOf, foldedBundle } from './epoch.ts'
import { rejoinError } from './errors.ts'
import { type FencingToken, isFencingToken } from './graded.ts'
import type { AuthorId, Path } from './ids.ts'
import { mergeBundle, mergeChange, mergingBundle } from './merge.ts'
import { type Rules, soundRules } from './rules.ts'
import { bundleSince, compactBundle } from './since.ts'
import { part, type Steps } from './steps.ts'
import { StoreDigest } from './store-digest.ts'
import { toPlain } from './to-plain.ts'
import { removedUpTo } from './touched.ts'
import { Transaction } from './transaction.ts'
import type { Tree } from './tree.ts'
import { bundleFault, changeFault, checkingBundle } from './validate.ts'
import type { Value } from './value.ts'
import { Version } from './version.ts'
import { type WaitingChange, WaitingRoom } from './waiting-room.ts'

/** What became of a change that came in. */
export type ChangeOutcome = 'applied' | 'duplicate' | 'waiting' | 'overflow' | 'invalid' | 'closed'

/** What became of a bundle that came in. */
export type BundleOutcome = 'applied' | 'duplicate' | 'gap' | 'invalid' | 'closed'

/** Sizes of a store. */
export interface StoreStats {
  readonly liveItems: number
  /** Elements of all lists. */
  readonly listElements: number
  readonly removalRecords: number
  readonly authors: number
}

/** What a change is written with. */
export interface ChangeOptions {
  /** Tokens of the leases whose fenced fields the change writes. */
  readonly token?: FencingToken | readonly FencingToken[]
}

/** How a merge is to be taken. */
export interface MergeOptions {
  /** `load` when it comes from this replica's own disk. Default `remote`. */
  readonly origin?: Origin
  /** Encoded size, for bounds and reports. */
  readonly bytes?: number
  /** What the author of a change had seen, of changes that are kept beside the store: what folding asks at an epoch. */
  readonly contextOf?: ContextOf
}

const unknown: ContextOf = () => undefined

/**
 * The causal delta-state store of one document: one version vector, one dot per live item, one merge rule. It needs no
 * schema, describes itself, and passes leaf kinds that it does not know through untouched.
 *
 * Merging is commutative, associative and idempotent, in any mix of changes and bundles; equal versions have equal
 * state. Whatever is refused leaves the state as it was.
 */
export class Store {
  readonly #options: StoreOptions
  #core: Core
  #digest: StoreDigest
  readonly #room: WaitingRoom
  readonly #listeners = new Set<(event: ChangeEvent) => void>()
  #transaction: Transaction | undefined
  /** Up to here removal records were freed here: the floor may be higher, after a join. */
  #freed: Version = Version.empty

  constructor(options: StoreOptions, rules: Rules = soundRules) {
    this.#options = options
    this.#core = new Core(rules, options)
    this.#digest = new StoreDigest(this.#core)
    this.#room = new WaitingRoom(this.#core.limits.waitingRoomBytes)
  }

  /** Everything merged so far. */
  get version(): Version {
    return this.#core.version
  }

  /** Removal records below this version are gone: peers that do not cover it get a full join. */
  get floor(): Version {
    return this.#core.floor
  }

  /** The epochs that this store has crossed into, in turn. */
  get epochs(): readonly Epoch[] {
    return this.#core.epochs
  }

  /** The incarnation of this opening; undefined before its first write. */
  get author(): AuthorId | undefined {
    return this.#core.own?.id
  }

  /** Grows with every step; equal numbers mean equal state. */
  get revision(): number {
    return this.#core.revision
  }

  /** Changes that wait for what they depend on. */
  get waiting(): { readonly changes: number; readonly bytes: number } {
    return { changes: this.#room.changes, bytes: this.#room.bytes }
  }

  get stats(): StoreStats {
    const { liveItems, listElements, removalRecords, slots } = this.#core
    return { liveItems, listElements, removalRecords, authors: slots.size }
  }

  /** Paths, leaves and entries, for lenses over the store. Not to be changed from outside. */
  get tree(): Tree {
    return this.#core.tree
  }

  /** What modules work on that not everybody pays for. Not to be changed from outside. */
  get core(): Core {
    return this.#core
  }

  /** The running transaction, if any. */
  get transaction(): Transaction | undefined {
    return this.#transaction
  }

  /** The next write mints a fresh incarnation. */
  renewAuthor(): void {
    this.#core.renewAuthor()
  }

  /** The next write goes on under `author`. Only for a store that holds all that was ever written under it (C1). */
  continueAs(author: AuthorId): void {
    this.#core.continueAs(author)
  }

  /**
   * Runs `write` as one atomic change. Throws what `write` throws, with nothing changed.
   * Undefined when nothing was written.
   * @throws RejoinError `change-nested` inside another transaction, `fencing-token-invalid`, `document-full`.
   */
  transact(write: (transaction: Transaction) => void, options: ChangeOptions = {}): Change | undefined {
    if (this.#transaction !== undefined) throw rejoinError('change-nested')
    const transaction = new Transaction(this.#core, tokensOf(options))
    this.#transaction = transaction
    try {
      write(transaction)
      transaction.checkItems()
    } catch (error) {
      transaction.abort()
      throw error
    } finally {
      this.#transaction = undefined
    }
    const change = transaction.commit()
    if (change !== undefined) this.#emit('local', change, [])
    return change
  }

  /**
   * Merges a change. `waiting`: its context is not covered yet, and it is kept in a bounded room; `overflow`: there was
   * no room, fetch `since(version)` from a peer instead; `invalid`: it breaks a rule; `closed`: it is from before an epoch
   * of which nobody here knows any more what was folded, so that another replica has to take it. Then nothing changed.
   */
  applyChange(change: Change, options: MergeOptions = {}): ChangeOutcome {
    if (this.#transaction !== undefined) throw rejoinError('change-nested')
    const outcome = this.#mergeOne(change, options)
    if (outcome === 'applied') this.#retryWaiting()
    return outcome
  }

  #mergeOne(change: Change, options: MergeOptions): ChangeOutcome {
    const core = this.#core
    const slot = core.slots.get(change.author)
    const known = slot?.max ?? 0
    if (lastSeq(change) <= known) return 'duplicate'
    if (change.seq !== known + 1 || !core.rules.contextCovered(core.version, change.context, slot?.context)) {
      if (change.seq <= known) return 'invalid'
      return this.#room.admit(change, options.bytes ?? estimateBytes(change)) ? 'waiting' : 'overflow'
    }
    const taken = anchored(core, change)
    if (taken === undefined) return 'closed'
    if (changeFault(core, change) !== undefined) return 'invalid'
    if (taken !== change && changeFault(core, taken) !== undefined) return 'invalid'
    core.beginRevision(true)
    const noticed = mergeChange(core, taken)
    this.#noteMerge(noticed, options.bytes ?? 0, taken)
    this.#emit(options.origin ?? 'remote', taken, noticed)
    return 'applied'
  }

  #retryWaiting(): void {
    for (let progress = this.#room.changes > 0; progress; ) {
      progress = false
      for (const author of this.#room.authors()) {
        for (let next = this.#takeNext(author); next !== undefined; next = this.#takeNext(author)) {
          if (this.#mergeOne(next.change, { bytes: next.bytes }) !== 'applied') break
          progress = true
        }
      }
    }
  }

  #takeNext(author: AuthorId): WaitingChange | undefined {
    return this.#room.take(author, (this.#core.slots.get(author)?.max ?? 0) + 1)
  }

  /**
   * Merges a bundle in one step. `gap`: this version does not cover the bundle's base; `invalid`: it breaks a rule; `closed`:
   * it is of another epoch, and nobody here knows what was folded in between. In these cases nothing changed.
   */
  applyBundle(bundle: Bundle, options: MergeOptions = {}): BundleOutcome {
    if (this.#transaction !== undefined) throw rejoinError('change-nested')
    const core = this.#core
    if (core.version.covers(bundle.version)) return 'duplicate'
    if (!bundle.full && core.rules.bundleNeedsBase && !core.version.covers(bundle.base)) return 'gap'
    if (bundleFault(core, bundle) !== undefined) return 'invalid'
    const crossing = crossingOf(core, bundle)
    if (crossing.kind === 'closed') return 'closed'
    const { contextOf = unknown } = options
    core.beginRevision(true)
    const before = core.version
    const isOlder = crossing.kind === 'backward'
    const crosses = !isOlder && crossing.epochs.length > 0
    if (crosses) {
      if (before.size > 0) cross(core, crossing.epochs, bundle.floor, contextOf)
      core.epochs = bundle.epochs ?? []
    }
    const noticed = mergeBundle(core, isOlder ? foldedBundle(bundle, crossing.epochs, contextOf) : bundle)
    if (crosses) this.#raiseFloor(bundle.floor)
    this.#noteMerge(noticed, options.bytes ?? 0, before)
    this.#emit(options.origin ?? 'remote', undefined, noticed)
    this.#retryWaiting()
    return 'applied'
  }

  /**
   * Merges a bundle in steps, on a copy that takes the place of this store's state with the last one. What is written and
   * merged here meanwhile is in it, too.
   */
  *staging(bundle: Bundle, bytes: number): Steps<BundleOutcome> {
    if (!bundle.full && bundle.base.size > 0) return this.applyBundle(bundle, { origin: 'load', bytes })
    const staged = new Core(this.#core.rules, this.#options)
    const fault = yield* part(0, 0.15, checkingBundle(staged, bundle))
    if (fault !== undefined) return 'invalid'
    staged.revision = this.#core.revision + 1
    yield* part(0.15, 0.75, mergingBundle(staged, bundle))
    staged.epochs = bundle.epochs ?? []
    const digest = new StoreDigest(staged)
    yield* part(0.75, 1, digest.counting())
    if (this.#core.version.covers(bundle.version)) return 'duplicate'
    // A cut knows what it tells of by the rows of the present state, and only what is of one epoch goes together as it is.
    const crossing = crossingOf(this.#core, bundle)
    const isOfOne = this.#core.version.size === 0 || (crossing.kind === 'forward' && crossing.epochs.length === 0)
    if (this.#core.cuts.size > 0 || this.#transaction !== undefined || !isOfOne)
      return this.applyBundle(bundle, { origin: 'load', bytes })
    return this.#adopt(staged, digest)
  }

  #adopt(staged: Core, digest: StoreDigest): BundleOutcome {
    const held = this.#core
    if (held.own !== undefined) staged.continueAs(held.own.id)
    staged.clock.heed(held.clock)
    let noticed: NoticedConflict[] = []
    if (held.version.size > 0) {
      const rest = bundleSince(held, staged.version)
      // In the same revision: what both brought is told together.
      staged.nodesRepeat = true
      noticed = mergeBundle(staged, rest)
    }
    staged.floor = staged.rules.joinedFloor(held.floor, staged.floor)
    staged.revision = Math.max(staged.revision, held.revision) + 1
    this.#core = staged
    this.#digest = digest
    this.#freed = Version.empty
    this.#emit('load', undefined, noticed)
    this.#retryWaiting()
    return 'applied'
  }

  /** Whether a replica at `version` is in the epoch of this store, or a later one. */
  hasCrossed(version: Version): boolean {
    const last = this.#core.epochs.at(-1)
    return last === undefined || version.get(last.author) > 0
  }

  /** Whether a replica at `version` is to be sent the whole state: removal records that it may lack are gone. */
  isBelowFloor(version: Version): boolean {
    return !crossedVersion(this.#core, version).covers(this.#core.floor)
  }

  /** What a peer at `version` lacks, as state. Cost follows what changed since. */
  since(version: Version): Bundle {
    return bundleSince(this.#core, version)
  }

  /** The whole state without removal records; who loads it has the floor at this version. */
  compact(): Bundle {
    return compactBundle(this.#core)
  }

  /** 16 hex digits, equal wherever the state is equal, in whatever order it came about. */
  digest(): string {
    return this.#digest.text()
  }

  /**
   * Looks whether what stands in memory is still what was written there, and counts it as it is from here on. `rows`
   * bounds the work: calls in turn come past everything. The places that changed without being written, if any: memory
   * that failed, or code that reached past this interface.
   */
  recheck(rows: number): readonly Path[] {
    return this.#digest.recheck(rows)
  }

  /** A plain view without schema: for servers, tests and debugging. */
  toJSON(): Value {
    return toPlain(this.#core.tree)
  }

  /** Calls back after every step. Returns the way to stop. */
  subscribe(listener: (event: ChangeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Frees removal records that `upTo` covers and raises the floor to it. Whoever is below the floor gets a full join
   * from then on. When that is worth it is the caller's decision, and whether it may be that of the authority, if there is
   * one that says (`mayPrune`): without its leave nothing is done.
   * @throws RejoinError `change-nested` inside a transaction.
   */
  freeRemovals(upTo: Version): void {
    if (this.#transaction !== undefined) throw rejoinError('change-nested')
    if (this.#core.authority?.mayPrune?.() !== false) this.#raiseFloor(upTo)
  }

  #raiseFloor(upTo: Version): void {
    const core = this.#core
    if (core.isCounted) this.#digest.text()
    const bound = core.version.meet(upTo)
    for (const entry of removedUpTo(core, bound, this.#freed)) {
      const { tree } = core
      core.dropRemovals(entry, (row) => tree.seq(row) <= tree.slotOf(row).seqIn(bound))
      core.emptied.push(entry)
    }
    core.releaseEmptied()
    core.floor = core.floor.merge(bound)
    this.#freed = this.#freed.merge(bound)
  }

  #noteMerge(noticed: readonly NoticedConflict[], bytes: number, brought: Change | Version): void {
    for (const cut of this.#core.cuts) cut.merged(noticed, bytes, brought)
  }

  #emit(origin: Origin, change: Change | undefined, noticed: readonly NoticedConflict[]): void {
    if (this.#listeners.size === 0) return
    const event = new StoreEvent(this.#core, origin, change, noticed)
    for (const listener of this.#listeners.size === 1 ? this.#listeners : [...this.#listeners]) listener(event)
  }
}

function tokensOf({ token }: ChangeOptions): readonly FencingToken[] {
  const tokens = token === undefined ? [] : 'lease' in token ? [token] : token
  for (const given of tokens) {
    if (!isFencingToken(given)) throw rejoinError('fencing-token-invalid')
  }
  return tokens
}

/** A store of one document. */
export function createStore(options: StoreOptions): Store {
  return new Store(options)
}

/** A bound for changes whose encoded size is not known. */
function estimateBytes(change: Change): number {
  return 64 + change.ops.length * 64 + change.context.size * 12
}
