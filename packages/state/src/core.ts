import type { AuthorSlot } from './author-slot.ts'
import type { Authority } from './authority.ts'
import type { Change, Epoch } from './change.ts'
import { ChangedRows } from './changed-rows.ts'
import type { Column } from './column.ts'
import type { NoticedConflict } from './conflict.ts'
import type { CutJournal } from './cut-journal.ts'
import { invalidAuthor, seqExhausted } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import { HybridClock } from './hlc.ts'
import { type AuthorId, maxSeq } from './ids.ts'
import type { Item } from './item-table.ts'
import { type KindCode, leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { isMember, isPartPresent } from './read.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'
import type { DottedItem, Rules } from './rules.ts'
import type { LeafEdit } from './transaction.ts'
import { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { mostValueBytes } from './value-bytes.ts'
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

/** A live item of an entry: one that stands there, or one to come. */
export interface LiveItem extends DottedItem {
  readonly value: Value
  /** Where it stands. */
  readonly row?: Row
}

/** Whether an item makes an entry of a kind present whatever its value is, and nothing else. */
function isPlainKind(kind: KindCode): boolean {
  return (
    kind !== leafKinds.counter &&
    kind !== leafKinds.counterReset &&
    kind !== leafKinds.setRemoveWins &&
    kind !== leafKinds.fenced
  )
}

/** What the author of a change had. */
export interface Seen {
  had(slot: AuthorSlot, seq: number): boolean
}

/** Rows whose items are yet to be put into the recency lists, in order of seq. */
export type Later = Column<Row>

/** A digest as far as a store has to know: it is told of each entry that changes, once until it is settled. */
export interface KeptDigest {
  note(entry: Row): void
  /** Counts what changed. */
  settle(): void
}

/** A cut as far as a store has to know. */
export interface OpenCut {
  /** Told of each merge. `brought`: the change, or the version before a bundle. */
  merged(noticed: readonly NoticedConflict[], bytes: number, brought: Change | Version): void
}

/**
 * The causal delta-state store behind a document: tree of entries, authors with their recency lists, version, floor.
 * It knows how items come and go and keeps every derived figure right; `merge.ts` and `transaction.ts` decide which.
 *
 * Invariants:
 * 1. An item or removal record is in the recency list of its author, in seq order, exactly while its entry holds it.
 * 2. `slot.max` is the version entry of the author: everything up to it has been merged.
 * 3. A node counts as live its own entries and its children that are present, and is present while it counts any.
 */
export class Core {
  readonly tree: Tree = new Tree()
  readonly rules: Rules
  readonly clock: HybridClock
  readonly limits: StoreLimits
  readonly now: () => number
  readonly authority: Authority | undefined
  floor: Version = Version.empty
  /** Up to here removal records were freed here: the floor may be higher, after a join. */
  freed: Version = Version.empty
  /** The epochs that this store has crossed into, in turn. */
  epochs: readonly Epoch[] = []
  /** Says what a change from before an epoch means after it; undefined where nobody knows. Told by who brings an epoch. */
  anchor: ((core: Core, change: Change) => Change | undefined) | undefined = undefined
  own: AuthorSlot | undefined = undefined
  /** Grows by one with each change, bundle or transaction. */
  revision = 1
  /** Nodes of which a leaf changed in the running revision. */
  changed: ChangedRows = new ChangedRows()
  #lastChanged: Row = 0
  /** The node above which the running revision is noted already. */
  #lastAbove: Row = 0
  /** First-touch copies for the cuts that are open, once there was one. */
  journal: CutJournal | undefined = undefined
  /** What others had when contact came back, for cuts that have not been closed. */
  readonly contacts: Set<{ readonly theirs: Version }> = new Set()
  /** Cuts that have not been closed: they keep the rows of what is gone. */
  readonly cuts: Set<OpenCut> = new Set()
  /** Whether what happens comes from elsewhere: tells the sides of a heal apart. */
  merging = false
  /** What digests count, once somebody asked for one. */
  digest: KeptDigest | undefined = undefined
  /** Entries that may have been left empty: their rows are given back when nobody can mean them any more. */
  emptied: Row[] = []
  /** Edits a list inside a change. Told by who makes the first one, as programs without lists do not carry how. */
  editList: ((entry: Row) => LeafEdit) | undefined = undefined
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
    this.limits = { ...limits, valueBytes: Math.min(limits.valueBytes, mostValueBytes) }
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

  get slots(): ReadonlyMap<AuthorId, AuthorSlot> {
    return this.tree.authors
  }

  slot(author: AuthorId): AuthorSlot {
    return this.tree.slot(author)
  }

  /** The slot that own changes go to; mints the incarnation at the first write (C1). */
  ownSlot(): AuthorSlot {
    if (this.own === undefined) {
      this.own = this.slot(this.mintAuthor())
    }
    if (this.own.max >= maxSeq - 65_536) throw new RejoinError(seqExhausted)
    return this.own
  }

  /** An author that nobody has written under yet. */
  mintAuthor(): AuthorId {
    const author = this.#newAuthor()
    if (this.slots.has(author) && !this.rules.authorContinues)
      throw new RejoinError(invalidAuthor, { reason: 'newAuthor() gave an author that is known already.' })
    return author
  }

  /** Goes on under the author of another core of the same store. */
  continueAs(author: AuthorId): void {
    this.own = this.slot(author)
    this.#others = this.#others.without(author)
    this.#version = undefined
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

  /** Raises every author to what `version` has of it; where that is more of each, its entries are shared. */
  raiseTo(version: Version): void {
    for (const [author, seq] of version.entries()) {
      const slot = this.slot(author)
      slot.max = Math.max(slot.max, seq)
    }
    this.#version = undefined
    this.#others = this.#others.merge(this.own === undefined ? version : version.without(this.own.id))
  }

  /** To be called before an entry changes: first-touch copies, digest, changed nodes. */
  touch(entry: Row): void {
    this.keep(entry)
    const { rows } = this.tree
    const flags = rows.get(entry, words.flags)
    if ((flags & marks.dirty) === 0 && this.digest !== undefined) {
      rows.set(entry, words.flags, flags | marks.dirty)
      this.digest.note(entry)
    }
    this.#touchNode((flags & marks.type) === 0 ? entry : rows.get(entry, words.parent))
    if ((flags & marks.type) !== 0) this.changed.repeat = true
  }

  /** To be called before an entry changes, by whoever does not touch it yet: a cut that is open copies what it holds. */
  keep(entry: Row, merging: boolean = this.merging): void {
    if (this.journal?.collects === true) this.journal.touch(entry, merging)
  }

  #touchNode(node: Row): void {
    if (node === this.#lastChanged) return
    this.#lastChanged = node
    this.changed.push(node)
    const { rows } = this.tree
    // Of a plain value nobody asks for the revision.
    const isPlain = (rows.get(node, words.flags) & marks.kind) === leafKinds.register && !rows.hasMore(node)
    this.#touchAbove(isPlain ? rows.get(node, words.parent) : node)
  }

  /** Notes the running revision at a node and all above it. */
  #touchAbove(node: Row): void {
    if (node === this.#lastAbove) return
    this.#lastAbove = node
    const { revision } = this
    const { rows } = this.tree
    for (let at = node; at !== 0; at = rows.get(at, words.parent)) {
      if (rows.get(at, words.revision) === revision) break
      rows.set(at, words.revision, revision)
    }
  }

  /** Replaces the live set of an entry. Of `live`, what has no row yet is new; `later` collects what is not appended yet. */
  replaceLive(entry: Row, live: readonly LiveItem[], later?: Later): void {
    this.touch(entry)
    const { tree } = this
    const before = tree.items(entry)
    const kind = tree.kind(entry)
    const was = isMember(kind, before)
    const kept = new Set<Row>()
    for (const { row } of live) if (row !== undefined) kept.add(row)
    for (const { row } of before) {
      if (kept.has(row)) continue
      tree.unlink(row)
      if (row === entry) tree.clear(entry)
    }
    tree.dropRecords(entry, (row) => tree.type(row) === rowTypes.sibling && !kept.has(row))
    for (const item of live) if (item.row === undefined) this.#addItem(entry, item, later)
    if (!tree.isLive(entry) && live.length > 0) this.#promoteOne(entry)
    this.liveItems += live.length - before.length
    this.#update(entry, kind, was, isMember(kind, live))
    if (live.length === 0 && !tree.hasRecords(entry)) this.emptied.push(entry)
  }

  #addItem(entry: Row, { author, seq, hlc, value }: LiveItem, later: Later | undefined): void {
    const { tree } = this
    const slot = tree.slot(author)
    let row = entry
    if (tree.isLive(entry)) row = tree.addRecord(entry, rowTypes.sibling, slot, seq, hlc, value)
    else tree.fill(entry, slot, seq, hlc, value)
    this.enlist(slot, row, later)
  }

  /** The row of an entry holds an item whenever the entry has one. */
  #promoteOne(entry: Row): void {
    const { tree } = this
    let promoted = false
    tree.dropRecords(entry, (row) => {
      if (promoted || tree.type(row) !== rowTypes.sibling) return false
      tree.promote(row, entry)
      promoted = true
      return true
    })
  }

  /**
   * What most writes are: one item takes the place of one, with nothing beside it, in a leaf that is present by that alone.
   * False where it is not that, with nothing done; also where `theirs`, of a change that came in, had not what stands there.
   * What the running change wanted of the entry is settled so.
   */
  overwrite(entry: Row, slot: AuthorSlot, seq: number, hlc: number, value: Value, theirs: Seen | undefined): boolean {
    const { tree } = this
    const { rows } = tree
    const page = rows.page(entry)
    const at = rows.offset(entry)
    const flags = page[at + words.flags] as number
    if ((flags & (marks.live | marks.remove)) !== marks.live || !isPlainKind(flags & marks.kind)) return false
    const hasMore = page[at + words.more] !== 0
    if (hasMore && rows.get(entry, words.record) !== 0) return false
    const author = rows.author(entry)
    if (theirs !== undefined && !theirs.had(tree.slotNumbered(author), page[at + words.seq] as number)) return false
    this.keep(entry)
    let kept = flags & ~marks.pending
    if (this.digest !== undefined && (flags & marks.dirty) === 0) {
      kept |= marks.dirty
      this.digest.note(entry)
    }
    const parent = page[at + words.parent] as number
    if ((flags & marks.type) !== 0) {
      this.changed.repeat = true
      this.#touchNode(parent)
    } else {
      this.#lastChanged = entry
      this.changed.push(entry)
      this.#touchAbove(hasMore ? entry : parent)
    }
    if (page[at + words.after] !== 0 || author !== slot.number) tree.moveLast(entry, author, slot)
    page[at + words.flags] = kept
    tree.fill(entry, slot, seq, hlc, value)
    return true
  }

  /** Removes what stands at an entry, and keeps a record of that. Says whether there was anything to remove or to tell. */
  remove(entry: Row, slot: AuthorSlot, seq: number, hlc: number): boolean {
    const { tree } = this
    const isLive = tree.isLive(entry)
    const kind = tree.kind(entry)
    // A record at a map entry says without a schema what was deleted.
    if (!isLive && kind !== leafKinds.entry) return false
    if (isLive && !tree.hasRecords(entry)) {
      this.touch(entry)
      const was = kind !== leafKinds.setRemoveWins || isMember(kind, tree.items(entry))
      tree.unlink(entry)
      tree.clear(entry)
      this.liveItems--
      this.#update(entry, kind, was, false)
    } else this.replaceLive(entry, [])
    this.addRemoval(entry, slot, seq, hlc)
    return true
  }

  /** The common case of `replaceLive`: one item takes the place of at most one. */
  replaceSingle(entry: Row, slot: AuthorSlot, seq: number, hlc: number, value: Value, later?: Later): void {
    this.touch(entry)
    const { tree } = this
    const had = tree.isLive(entry)
    const kind = tree.kind(entry)
    const before = tree.value(entry)
    if (had) tree.unlink(entry)
    else this.liveItems++
    tree.fill(entry, slot, seq, hlc, value)
    this.enlist(slot, entry, later)
    const isPlain = kind !== leafKinds.setRemoveWins
    this.#update(entry, kind, had && (isPlain || before === true), isPlain || value === true)
  }

  /** Keeps a removal record; the author's older one at the same key says nothing more. */
  addRemoval(entry: Row, slot: AuthorSlot, seq: number, hlc: number, later?: Later): void {
    this.touch(entry)
    const { tree } = this
    if (tree.hasRecords(entry)) {
      this.dropRemovals(entry, (row) => tree.type(row) === rowTypes.removal && tree.slotOf(row) === slot)
    }
    this.enlist(slot, tree.addRecord(entry, rowTypes.removal, slot, seq, hlc, null), later)
    this.removalRecords++
  }

  /** Forgets removal records of an entry. */
  dropRemovals(entry: Row, isGone: (row: Row) => boolean): void {
    const { tree } = this
    tree.dropRecords(entry, (row) => {
      const type = tree.type(row)
      if ((type !== rowTypes.removal && type !== rowTypes.erasure) || !isGone(row)) return false
      tree.unlink(row)
      this.removalRecords--
      return true
    })
  }

  /** What a put leaves standing although its author had seen it: in a fenced register, what has a higher token (C17). */
  standingBeside(entry: Row, value: Value): readonly Item[] {
    const { outranks } = leafKind(this.tree.kind(entry))
    if (outranks === undefined || !this.rules.tokensFence) return []
    return this.tree.items(entry).filter((other) => outranks(other.value, value))
  }

  /** Starts a new revision: whatever changes from here on is reported together. `expected`: the entries of a change. */
  beginRevision(merging: boolean, expected?: readonly Row[]): void {
    this.revision++
    this.merging = merging
    this.changed = new ChangedRows(expected)
    this.#lastChanged = 0
    this.#lastAbove = 0
  }

  /** Appends to the recency list, or leaves that to the caller, who sorts first. */
  enlist(slot: AuthorSlot, row: Row, later: Later | undefined): void {
    if (later === undefined) this.tree.append(slot, row)
    else later.push(row)
  }

  /** What items make of an entry: whether they make its node present. */
  #update(entry: Row, kind: KindCode, was: boolean, is: boolean): void {
    if (kind === leafKinds.counter || kind === leafKinds.counterReset) this.#updateCounter(entry, kind)
    else if (kind === leafKinds.bounded) {
      if (this.tree.member(entry) === '') this.setPresent(entry, this.tree.isLive(entry))
    } else if (was !== is) this.setPresent(entry, is)
  }

  /** A counter is present while a part of it is not reset; its resets stand beside it. */
  #updateCounter(entry: Row, kind: KindCode): void {
    const { tree } = this
    const node = tree.nodeOf(entry)
    const member = tree.member(entry)
    const part = kind === leafKinds.counter ? entry : tree.findEntry(node, leafKinds.counter, member)
    if (part !== 0) this.setPresent(part, isPartPresent(tree, node, part))
  }

  /** Notes whether an entry makes its node present. */
  setPresent(entry: Row, present: boolean): void {
    const { rows } = this.tree
    const flags = rows.get(entry, words.flags)
    if (((flags & marks.present) !== 0) === present) return
    rows.set(entry, words.flags, flags ^ marks.present)
    // A node with nothing below it counts as what its own mark says.
    let node = (flags & marks.type) === 0 && rows.hasMore(entry) ? entry : rows.get(entry, words.parent)
    for (; node !== 0; node = rows.get(node, words.parent)) {
      const live = rows.get(node, words.live) + (present ? 1 : -1)
      rows.set(node, words.live, live)
      if (present ? live > 1 : live > 0) return
    }
  }
}
