import type { Authority } from './authority.ts'
import { CutJournal } from './cut-journal.ts'
import { rejoinError } from './errors.ts'
import { outranks } from './graded.ts'
import { HybridClock } from './hlc.ts'
import { type AuthorId, type Dot, maxSeq } from './ids.ts'
import { leafKinds } from './key.ts'
import { counterPresent, isMember } from './read.ts'
import { fewItems, type Rules } from './rules.ts'
import { AuthorSlot, type Entry, Item, itemTypes, type Leaf, type Node, Tree } from './tree.ts'
import type { Value } from './value.ts'
import { defaultValueLimits } from './value-codec.ts'
import { Version } from './version.ts'

/** What a store needs from outside. */
export interface StoreOptions {
  /** A fresh incarnation: 64 random bits, never given twice. Called at the first write of an opening. */
  readonly newAuthor: () => AuthorId
  /** Wall clock in Unix milliseconds. */
  readonly now: () => number
  readonly limits?: Partial<StoreLimits>
  /** Decides what only one place may do. Without one this replica does nothing of the kind. */
  readonly authority?: Authority
}

/** Bounds of a store; what exceeds them is refused before anything changes. */
export interface StoreLimits {
  /** Bytes that changes may take while they wait for what they depend on. */
  readonly waitingRoomBytes: number
  /** How far ahead of the local clock a stamp may be before it is flagged. */
  readonly aheadBoundMs: number
  /**
   * Encoded bytes of one value that is written here. Default 1 MiB. At most 16 MiB, as nobody reads more. It does not
   * bound what others write: replicas that differ in what they merge would differ for ever.
   */
  readonly valueBytes: number
  /**
   * Live items and list elements above which nothing is added here. Default 1,000,000, some hundred bytes of memory
   * each. Merges pass it, for the same reason, and so does what deletes; a server bounds its clients by its own quotas.
   */
  readonly documentItems: number
}

const defaultLimits: StoreLimits = {
  waitingRoomBytes: 4 * 1024 * 1024,
  aheadBoundMs: 60_000,
  valueBytes: 1024 * 1024,
  documentItems: 1_000_000,
}

/**
 * The causal delta-state store behind a document: tree of entries, authors with their recency lists, version, floor.
 * It knows how items come and go and keeps every derived figure right; `merge.ts` and `transaction.ts` decide which.
 *
 * Invariants:
 * 1. An item or removal record is in the recency list of its author, in seq order, exactly while its entry holds it.
 * 2. `slot.max` is the version entry of the author: everything up to it has been merged.
 * 3. A node is present exactly while a leaf in its subtree is.
 */
export class Core {
  readonly tree: Tree = new Tree()
  readonly slots: Map<AuthorId, AuthorSlot> = new Map()
  readonly rules: Rules
  readonly clock: HybridClock
  readonly limits: StoreLimits
  readonly now: () => number
  readonly authority: Authority | undefined
  floor: Version = Version.empty
  own: AuthorSlot | undefined = undefined
  /** Grows by one with each change, bundle or transaction. */
  revision = 1
  /** Number of the running check of something that came in. */
  checks = 0
  /** Leaves changed in the running revision. */
  changedLeaves: Leaf[] = []
  /** First-touch copies for the cuts that are open. */
  readonly journal: CutJournal = new CutJournal()
  /** What others had when contact came back, for cuts that have not been closed. */
  readonly contacts: Set<{ readonly theirs: Version }> = new Set()
  /** Whether what happens comes from elsewhere: tells the sides of a heal apart. */
  merging = false
  readonly dirtyEntries: Entry[] = []
  liveItems = 0
  /** Elements of all lists that are not removed. */
  listElements = 0
  removalRecords = 0
  readonly #newAuthor: () => AuthorId
  #version: Version | undefined = Version.empty
  #others: Version = Version.empty

  constructor(rules: Rules, options: StoreOptions) {
    this.rules = rules
    const limits = { ...defaultLimits, ...options.limits }
    this.limits = { ...limits, valueBytes: Math.min(limits.valueBytes, defaultValueLimits.maxBytes) }
    this.clock = new HybridClock(this.limits.aheadBoundMs)
    this.now = options.now
    this.authority = options.authority
    this.#newAuthor = options.newAuthor
  }

  get version(): Version {
    if (this.#version === undefined) {
      const own = this.own
      this.#version = own === undefined ? this.others : this.others.with(own.id, own.max)
    }
    return this.#version
  }

  /** The version without the own author: the context of the next own change. */
  get others(): Version {
    return this.#others
  }

  slot(author: AuthorId): AuthorSlot {
    let slot = this.slots.get(author)
    if (slot === undefined) {
      slot = new AuthorSlot(author)
      this.slots.set(author, slot)
    }
    return slot
  }

  /** The slot that own changes go to; mints the incarnation at the first write (C1). */
  ownSlot(): AuthorSlot {
    if (this.own === undefined) {
      const author = this.#newAuthor()
      if (this.slots.has(author) && !this.rules.authorContinues)
        throw rejoinError('invalid-author', { reason: 'newAuthor() gave an author that is known already.' })
      this.own = this.slot(author)
    }
    if (this.own.max >= maxSeq - 65_536) throw rejoinError('seq-exhausted')
    return this.own
  }

  renewAuthor(): void {
    if (this.own !== undefined) this.#others = this.#others.with(this.own.id, this.own.max)
    this.own = undefined
    this.#version = undefined
  }

  raise(slot: AuthorSlot, seq: number): void {
    if (seq <= slot.max) return
    slot.max = seq
    this.#version = undefined
    if (slot !== this.own) this.#others = this.#others.with(slot.id, seq)
  }

  /** To be called before an entry changes: first-touch copies, digest, changed leaves. */
  touch(entry: Entry): void {
    this.journal.touch(entry, this.merging)
    if (!entry.digestDirty) {
      entry.digestDirty = true
      this.dirtyEntries.push(entry)
    }
    const leaf = entry.leaf
    if (leaf.changedAt === this.revision) return
    leaf.changedAt = this.revision
    this.changedLeaves.push(leaf)
    for (let node: Node | undefined = leaf.node; node !== undefined; node = node.parent) {
      if (node.revision === this.revision) break
      node.revision = this.revision
    }
  }

  /** Replaces the live set of an entry. `added` are the items of `live` that were not there before. */
  replaceLive(entry: Entry, live: readonly Item[], added: readonly Item[]): void {
    this.touch(entry)
    const before = entry.liveItems()
    const kept = live.length > fewItems ? new Set(live) : undefined
    for (const item of before) if (!(kept?.has(item) ?? live.includes(item))) item.slot.unlink(item)
    for (const item of added) item.slot.append(item)
    entry.setLive(live)
    const { leaf } = entry
    this.#countLive(leaf, before.length, live.length, isMember(leaf.kind, before), isMember(leaf.kind, live))
  }

  /** The common case of `replaceLive`: one item takes the place of at most one. `later` collects what is not appended yet. */
  replaceSingle(entry: Entry, item: Item, later?: Item[]): void {
    this.touch(entry)
    const before = entry.first
    if (before !== undefined) before.slot.unlink(before)
    this.#enlist(item, later)
    entry.first = item
    const { leaf } = entry
    if (leaf.kind === leafKinds.setRemoveWins)
      this.#countLive(leaf, before === undefined ? 0 : 1, 1, before?.value === true, item.value === true)
    else if (before === undefined) this.#countLive(leaf, 0, 1, false, true)
    else if (leaf.kind === leafKinds.counter || leaf.kind === leafKinds.counterReset) this.#updateCounter(leaf)
  }

  /** Keeps a removal record; the author's older one at the same key says nothing more. `later` collects what is not appended yet. */
  addRemoval(entry: Entry, slot: AuthorSlot, seq: number, hlc: number, later?: Item[]): void {
    this.touch(entry)
    const record = new Item(itemTypes.removal, entry, slot, seq, hlc, null)
    const older = entry.removals?.find((other) => other.slot === slot)
    if (older !== undefined) this.dropRemoval(older)
    this.#keepRemoval(entry, record)
    this.#enlist(record, later)
    this.removalRecords++
  }

  dropRemoval(record: Item): void {
    const { entry } = record
    const { removals } = entry
    if (removals === undefined) return
    record.slot.unlink(record)
    const last = removals.pop()
    const at = last === record ? -1 : removals.indexOf(record)
    if (at >= 0 && last !== undefined) removals[at] = last
    if (removals.length === 0) entry.removals = undefined
    this.removalRecords--
  }

  /** Notes list elements that `sequence` has taken in. */
  addRun(entry: Entry, slot: AuthorSlot, seq: number, count: number, later?: Item[]): void {
    this.#enlist(new Item(itemTypes.run, entry, slot, seq, 0, count), later)
  }

  addErasure(entry: Entry, slot: AuthorSlot, seq: number, targets: readonly Dot[], later?: Item[]): void {
    const record = new Item(itemTypes.erasure, entry, slot, seq, 0, null, targets)
    this.#keepRemoval(entry, record)
    this.#enlist(record, later)
    this.removalRecords++
  }

  /** To be called after a list changed. */
  updateList(leaf: Leaf): void {
    const length = leaf.sequence?.length ?? 0
    this.listElements += length - leaf.liveEntries
    leaf.liveEntries = length
    this.#setPresent(leaf, length > 0)
  }

  liveItem(entry: Entry, slot: AuthorSlot, seq: number, hlc: number, value: Value): Item {
    return new Item(itemTypes.live, entry, slot, seq, hlc, value)
  }

  /** What a put leaves standing although its author had seen it: in a fenced register, what has a higher token (C17). */
  standingBeside(entry: Entry, item: Item): readonly Item[] {
    if (entry.kind !== leafKinds.fenced || !this.rules.tokensFence) return []
    return entry.liveItems().filter((other) => outranks(other.value, item.value))
  }

  /** Starts a new revision: whatever changes from here on is reported together. */
  beginRevision(merging: boolean): void {
    this.revision++
    this.merging = merging
    this.changedLeaves = []
  }

  #keepRemoval(entry: Entry, record: Item): void {
    if (entry.removals === undefined) entry.removals = [record]
    else entry.removals.push(record)
  }

  /** Appends to the recency list, or leaves that to the caller, who sorts first. */
  #enlist(item: Item, later: Item[] | undefined): void {
    if (later === undefined) item.slot.append(item)
    else later.push(item)
  }

  /** Items before and after, and whether they made their address present. */
  #countLive(leaf: Leaf, before: number, after: number, was: boolean, is: boolean): void {
    this.liveItems += after - before
    if (!was && is) leaf.liveEntries++
    else if (was && !is) leaf.liveEntries--
    if (leaf.kind === leafKinds.counter || leaf.kind === leafKinds.counterReset) this.#updateCounter(leaf)
    else if (leaf.kind === leafKinds.bounded) this.#setPresent(leaf, leaf.find('')?.first !== undefined)
    else this.#setPresent(leaf, leaf.liveEntries > 0)
  }

  /** A counter is present while a part of it is not reset; its resets stand in a leaf beside it. */
  #updateCounter(leaf: Leaf): void {
    const counter = leaf.kind === leafKinds.counter ? leaf : leaf.node.findLeaf(leafKinds.counter)
    if (counter === undefined) return
    if (counter !== leaf && counter.changedAt !== this.revision) {
      counter.changedAt = this.revision
      this.changedLeaves.push(counter)
    }
    const everReset = leaf !== counter || leaf.node.findLeaf(leafKinds.counterReset) !== undefined
    this.#setPresent(counter, everReset ? counterPresent(counter) : counter.liveEntries > 0)
  }

  #setPresent(leaf: Leaf, present: boolean): void {
    if (leaf.present === present) return
    leaf.present = present
    const by = present ? 1 : -1
    for (let node: Node | undefined = leaf.node; node !== undefined; node = node.parent) {
      const was = node.presentLeaves > 0
      node.presentLeaves += by
      if (was !== node.presentLeaves > 0 && node.parent !== undefined) node.parent.membersChangedAt = this.revision
    }
  }
}
