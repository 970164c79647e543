import { type Change, type Epoch, lastSeq } from './change.ts'
import { type ChangeEvent, type Origin, StoreEvent } from './change-event.ts'
import type { NoticedConflict } from './conflict.ts'
import { Core, type StoreOptions } from './core.ts'
import type { ContextOf } from './epoch.ts'
import { Era } from './era.ts'
import { changeNested } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { FencingToken } from './graded.ts'
import { maxStamp } from './hlc.ts'
import type { AuthorId } from './ids.ts'
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { mergeChange } from './merge.ts'
import { type Rules, soundRules } from './rules.ts'
import { Transaction } from './transaction.ts'
import type { Tree } from './tree.ts'
import { isSoundChange } from './validate.ts'
import type { Version } from './version.ts'
import { type WaitingChange, WaitingRoom } from './waiting-room.ts'
import { WrittenChange } from './written-change.ts'

/** What became of a change that came in. */
export type ChangeOutcome = 'applied' | 'duplicate' | 'waiting' | 'overflow' | 'invalid' | 'closed'

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
  readonly token?: FencingToken | readonly FencingToken[] | undefined
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
  readonly #room: WaitingRoom
  #listeners: readonly ((event: ChangeEvent) => void)[] = []
  #transaction: Transaction | undefined
  /**
   * One of each that lives no longer than a change. An engine forgets the shape of short-lived objects when it collects
   * and none is alive, and with it all code that it had compiled for them. Of an era of their own, so that they keep
   * nothing else alive.
   */
  protected kept: readonly unknown[]

  constructor(options: StoreOptions, rules: Rules = soundRules) {
    this.#options = options
    this.#core = new Core(rules, options)
    this.#room = new WaitingRoom(this.#core.limits.waitingRoomBytes)
    this.kept = shapesOf(this.#core)
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
  transact(write: (transaction: Transaction) => void, options?: ChangeOptions): Change | undefined {
    return this.run(undefined, write, options)
  }

  /** The same, where `write` is given `draft`, which finds the running transaction here. */
  run<Draft>(draft: Draft | undefined, write: (draft: Draft) => void, options?: ChangeOptions): Change | undefined {
    this.checkIdle()
    const transaction = new Transaction(this.#core, options?.token === undefined ? noTokens : tokensOf(options.token))
    this.#transaction = transaction
    try {
      write(draft ?? (transaction as Draft))
      transaction.checkItems()
    } catch (error) {
      transaction.abort()
      throw error
    } finally {
      this.#transaction = undefined
    }
    const change = transaction.commit()
    if (change !== undefined) this.#emit('local', change, noConflicts)
    return change
  }

  /**
   * Merges a change. `waiting`: its context is not covered yet, and it is kept in a bounded room; `overflow`: there was
   * no room, fetch `since(version)` from a peer instead; `invalid`: it breaks a rule; `closed`: it is from before an epoch
   * of which nobody here knows any more what was folded, so that another replica has to take it. Then nothing changed.
   */
  applyChange(change: Change, options: MergeOptions = noOptions): ChangeOutcome {
    this.checkIdle()
    const outcome = this.#mergeOne(change, options)
    if (outcome === 'applied' && this.#room.changes > 0) this.#retryWaiting()
    return outcome
  }

  #mergeOne(change: Change, options: MergeOptions): ChangeOutcome {
    const core = this.#core
    const slot = core.slots.get(change.author)
    const known = slot?.max ?? 0
    if (lastSeq(change) <= known) return 'duplicate'
    if (change.seq !== known + 1 || !this.#isCovered(change, slot?.context)) {
      if (change.seq <= known) return 'invalid'
      return this.#room.admit(change, options.bytes ?? estimateBytes(change)) ? 'waiting' : 'overflow'
    }
    const taken = core.anchor === undefined ? change : core.anchor(core, change)
    if (taken === undefined) return 'closed'
    if (!isSoundChange(core, change)) return 'invalid'
    if (taken !== change && !isSoundChange(core, taken)) return 'invalid'
    core.beginRevision(true, taken instanceof WrittenChange ? taken.rows : undefined)
    const noticed = mergeChange(core, taken)
    this.#told(noticed, taken, options)
    return 'applied'
  }

  /** Whether all is here that the author of a change had, of which `before` is known to be. */
  #isCovered({ context }: Change, before: Version | undefined): boolean {
    return context === before || this.#core.rules.contextCovered(this.#core.version, context, before)
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

  /** Calls back after every step. Returns the way to stop. */
  subscribe(listener: (event: ChangeEvent) => void): () => void {
    // Whoever is told meanwhile goes through the list as it was.
    this.#listeners = [...this.#listeners, listener]
    return () => {
      const at = this.#listeners.indexOf(listener)
      if (at !== -1) this.#listeners = this.#listeners.filter((_, i) => i !== at)
    }
  }

  /** A core of the same options that nobody sees yet, for whoever works out what is to take the place of this one. */
  stagingCore(): Core {
    return new Core(this.#core.rules, this.#options)
  }

  /** Puts another core in the place of this store's. */
  adopt(core: Core): void {
    this.#core = core
    this.kept = shapesOf(core)
  }

  /** @throws RejoinError `change-nested` inside a transaction. */
  checkIdle(): void {
    if (this.#transaction !== undefined) throw new RejoinError(changeNested)
  }

  /**
   * Tells of what was merged into the core, then merges what waited for it. `brought`: the change, or the version before
   * a bundle.
   */
  merged(noticed: readonly NoticedConflict[], brought: Change | Version, options: MergeOptions): void {
    this.#told(noticed, brought, options)
    this.#retryWaiting()
  }

  #told(
    noticed: readonly NoticedConflict[],
    brought: Change | Version,
    { bytes = 0, origin = 'remote' }: MergeOptions,
  ): void {
    if (this.#core.cuts.size > 0) for (const cut of this.#core.cuts) cut.merged(noticed, bytes, brought)
    this.#emit(origin, 'ops' in brought ? brought : undefined, noticed)
  }

  #emit(origin: Origin, change: Change | undefined, noticed: readonly NoticedConflict[]): void {
    const listeners = this.#listeners
    if (listeners.length === 0) return
    const event = new StoreEvent(this.#core, origin, change, noticed)
    for (let i = 0; i < listeners.length; i++) listeners[i]?.(event)
  }
}

const noTokens: readonly FencingToken[] = Object.freeze([])
const noConflicts: readonly NoticedConflict[] = Object.freeze([])
const noOptions: MergeOptions = Object.freeze({})

function tokensOf(token: FencingToken | readonly FencingToken[]): readonly FencingToken[] {
  const tokens = 'lease' in token ? [token] : token
  for (const given of tokens) {
    leafKind(leafKinds.fenced).checkToken?.(given)
  }
  return tokens
}

function shapesOf(core: Core): readonly unknown[] {
  const era = new Era(core.tree)
  const change = new WrittenChange('' as AuthorId, 0, core.version, maxStamp, era, [], [], [])
  return [new Transaction(core, noTokens), change, new StoreEvent(core, 'local', change, noConflicts, era)]
}

/** A store of one document. */
export function createStore(options: StoreOptions): Store {
  return new Store(options)
}

/** A bound for changes whose encoded size is not known. */
function estimateBytes(change: Change): number {
  return 64 + change.ops.length * 64 + change.context.size * 12
}
