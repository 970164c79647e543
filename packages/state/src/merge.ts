import type { AuthorSlot } from './author-slot.ts'
import type { Bundle, Change, KeyRow, ListRow, Op } from './change.ts'
import { lastSeq } from './change.ts'
import { Column } from './column.ts'
import { conflictAt, leadingTouch, type NoticedConflict } from './conflict.ts'
import type { Core, Later, LiveItem, Seen } from './core.ts'
import { assertNever } from './errors.ts'
import type { Item } from './item-table.ts'
import { KeyCursor, leafKinds } from './key.ts'
import type { Touch } from './leaf-kind.ts'
import { RowTable, type TablePlace, tableStart } from './row-table.ts'
import { type Row, RowSet } from './rows.ts'
import { mergeLive } from './rules.ts'
import { sorting } from './sorting.ts'
import { winningItem } from './stamp-order.ts'
import { finish, part, type Steps, stepRows } from './steps.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'
import { WrittenChange } from './written-change.ts'

/** What the author of a change had before it, and with its first dot. */
class TheirVersion implements Seen {
  readonly #change: Change
  readonly #number: number
  #after: Version | undefined

  constructor(change: Change, slot: AuthorSlot) {
    this.#change = change
    this.#number = slot.number
  }

  /** What the author had with the first dot of the change. Made if needed: most changes meet nothing that asks for it. */
  get after(): Version {
    this.#after ??= this.#change.context.with(this.#change.author, this.#change.seq)
    return this.#after
  }

  /** Whether the author had the item of a slot before the change. Of its own it had all. */
  had(slot: AuthorSlot, seq: number): boolean {
    return slot.number === this.#number ? seq < this.#change.seq : seq <= slot.seqIn(this.#change.context)
  }
}

/** Applies the ops of a change whose context is covered and which was validated. Returns the conflicts noticed. */
export function mergeChange(core: Core, change: Change): NoticedConflict[] {
  const slot = core.slot(change.author)
  const theirs = new TheirVersion(change, slot)
  const noticed: NoticedConflict[] = []
  core.clock.observe(change.hlc, core.now())
  if (change instanceof WrittenChange && change.isOf(core.tree)) mergeRows(core, change, slot, theirs, noticed)
  else for (const op of change.ops) mergeOp(core, change, op, slot, theirs, noticed)
  core.raise(slot, lastSeq(change))
  slot.context = change.context
  return noticed
}

function mergeRows(
  core: Core,
  change: WrittenChange,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const { rows, values, removed } = change
  for (let i = 0; i < rows.length; i++) {
    mergePut(core, rows[i] as Row, change, values[i] as Value, slot, theirs, noticed)
  }
  for (const entry of removed) mergeRemoval(core, entry, slot, change, theirs, noticed)
}

function mergeOp(
  core: Core,
  change: Change,
  op: Op,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const entry = core.tree.entryAt(op.key)
  switch (op.type) {
    case 'put':
      mergePut(core, entry, change, op.value, slot, theirs, noticed)
      return
    case 'remove':
      mergeRemoval(core, entry, slot, change, theirs, noticed)
      return
    case 'insert':
      core.touch(entry)
      core.sequence(entry).applyRun(op.run)
      core.addRun(entry, slot, op.run.id.seq, op.run.values.length)
      core.updateList(entry)
      return
    case 'erase': {
      core.touch(entry)
      const sequence = core.sequence(entry)
      for (const target of op.targets) sequence.remove(target)
      core.addErasure(entry, slot, change.seq, op.targets)
      core.updateList(entry)
      return
    }
    default:
      assertNever(op)
  }
}

function mergePut(
  core: Core,
  entry: Row,
  { author, seq, hlc }: Change,
  value: Value,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  if (core.overwrite(entry, slot, seq, hlc, value, theirs)) return
  const { tree } = core
  if (tree.hasRecords(entry)) {
    if (!core.rules.putKeepsRemovals) core.dropRemovals(entry, () => true)
  } else if (tree.kind(entry) !== leafKinds.fenced && (!tree.isLive(entry) || isSeen(tree, entry, theirs))) {
    core.replaceSingle(entry, slot, seq, hlc, value)
    return
  }
  const item: LiveItem = { author, seq, hlc, value }
  const ours = tree.items(entry)
  if (ours.length === 0) {
    core.replaceSingle(entry, slot, seq, hlc, value)
    const unseen = tree.removals(entry).filter((record) => !theirs.had(record.slot, record.seq))
    noticeConflict(core, entry, leadingTouch([], unseen), item, noticed)
    return
  }
  // What stands beside a write is part of what its author had after it, though the change does not repeat it.
  const left: LiveItem[] = [item, ...core.standingBeside(entry, value)]
  const live = core.rules.mergeLive<LiveItem>(ours, left, core.version, theirs.after)
  core.replaceLive(entry, live)
  const unseen = ours.filter((other) => !theirs.had(other.slot, other.seq))
  noticeConflict(core, entry, winningItem(unseen), item, noticed)
}

function isSeen(tree: Tree, entry: Row, theirs: TheirVersion): boolean {
  return theirs.had(tree.slotOf(entry), tree.seq(entry))
}

function mergeRemoval(
  core: Core,
  entry: Row,
  slot: AuthorSlot,
  change: Change,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const { tree } = core
  if (!tree.hasRecords(entry) && tree.isLive(entry) && isSeen(tree, entry, theirs)) {
    core.remove(entry, slot, change.seq, change.hlc)
    return
  }
  const ours = tree.items(entry)
  const live = core.rules.removalIsObserved ? core.rules.mergeLive<LiveItem>(ours, [], core.version, theirs.after) : []
  core.replaceLive(entry, live)
  core.addRemoval(entry, slot, change.seq, change.hlc)
  const touch: Touch = { author: slot.id, seq: change.seq, hlc: change.hlc }
  noticeConflict(core, entry, winningItem(live), touch, noticed)
}

function noticeConflict(
  core: Core,
  entry: Row,
  ours: Touch | undefined,
  theirs: Touch | undefined,
  noticed: NoticedConflict[],
): void {
  if (ours === undefined || theirs === undefined) return
  const conflict = conflictAt(core, entry, ours, theirs)
  if (conflict !== undefined) noticed.push({ entry, conflict })
}

/**
 * Applies a validated bundle whose base is covered, or which is full, in one step (C3): rows, then recency lists, then
 * version and floor. Returns the conflicts noticed.
 */
export function mergeBundle(core: Core, bundle: Bundle): NoticedConflict[] {
  return finish(mergingBundle(core, bundle))
}

/** Applies it in steps: for a store that nobody sees before the last. */
export function* mergingBundle(core: Core, bundle: Bundle): Steps<NoticedConflict[]> {
  const { tree } = core
  const before = core.version
  // Where there was nothing, nothing can be unnamed.
  const named = bundle.full && core.liveItems > 0 ? new RowSet(tree.rows.end) : undefined
  const rows = new RowMerge(core, bundle, named)
  const { later, noticed, count } = rows
  while (rows.at.row < count) {
    rows.mergeTo(Math.min(count, rows.at.row + stepRows))
    yield (0.8 * rows.at.row) / count
  }
  rows.observeClocks()
  if (named !== undefined) dropUnnamed(core, bundle, named)
  for (const row of bundle.lists) mergeList(core, row, before, later)
  yield* part(
    0.8,
    0.9,
    sorting(later, (row) => tree.seq(row)),
  )
  for (let from = 0; from < later.length; from += 16 * stepRows) {
    const to = Math.min(later.length, from + 16 * stepRows)
    for (let i = from; i < to; i++) {
      const row = later.get(i) as Row
      tree.append(tree.slotOf(row), row)
    }
    yield 0.9 + (0.1 * from) / later.length
  }
  for (const [author, seq] of bundle.version.entries()) core.raise(core.slot(author), seq)
  if (bundle.full) core.floor = core.rules.joinedFloor(core.floor, bundle.floor)
  return noticed
}

/** The rows of a bundle on their way into a store. */
class RowMerge {
  readonly #core: Core
  readonly #bundle: Bundle
  readonly #table: RowTable
  /** What the receiver had. */
  readonly #before: Version
  /** The entries that the bundle names; undefined where nobody asks. */
  readonly #named: RowSet | undefined
  readonly #key = new KeyCursor()
  /** Of the distinct dots, whose they are. */
  readonly #slots: AuthorSlot[]
  /** Of the distinct dots, whether the receiver had them not. */
  readonly #isNew: boolean[]
  readonly at: TablePlace = tableStart()
  readonly count: number
  /** Items come in key order; recency lists want seq order, so they are appended together at the end. */
  readonly later: Later = new Column()
  readonly noticed: NoticedConflict[] = []

  constructor(core: Core, bundle: Bundle, named: RowSet | undefined) {
    const table = RowTable.of(bundle)
    this.#core = core
    this.#bundle = bundle
    this.#table = table
    this.#before = core.version
    this.#named = named
    this.#slots = table.authors.map((author) => core.slot(author))
    this.#isNew = this.#slots.map((slot, dot) => (table.seqs[dot] as number) > slot.seqIn(this.#before))
    this.count = table.keys.length
  }

  mergeTo(to: number): void {
    const { at } = this
    const table = this.#table
    const { tree, rules } = this.#core
    const mayBePlain = rules.mergeLive === mergeLive
    for (; at.row < to; table.advance(at)) {
      const entry = tree.make(table.keys.read(at.row, this.#key))
      this.#named?.add(entry)
      if (!mayBePlain || !table.isPlain(at.row) || !this.#mergePlain(entry)) this.#mergeRow(entry, table.row(at))
    }
  }

  /** Heeds the stamps of what is new. */
  observeClocks(): void {
    const { clock, now } = this.#core
    const at = now()
    this.#table.hlcs.forEach((hlc, dot) => {
      if (this.#isNew[dot] === true) clock.observe(hlc, at)
    })
  }

  /**
   * The common row: one item, which is new or held already, over at most one that its sender had seen. Says whether the
   * row was that.
   */
  #mergePlain(entry: Row): boolean {
    const { tree } = this.#core
    const { seqs, hlcs, dots, values } = this.#table
    if (tree.hasRecords(entry)) return false
    const dot = dots[this.at.dot] as number
    const slot = this.#slots[dot] as AuthorSlot
    const seq = seqs[dot] as number
    if (tree.isLive(entry)) {
      const ours = tree.slotOf(entry)
      const ourSeq = tree.seq(entry)
      if (ourSeq === seq && ours === slot) return true
      if (ourSeq > ours.seqIn(this.#bundle.version)) return false
    }
    if (this.#isNew[dot] !== true) return false
    this.#core.replaceSingle(entry, slot, seq, hlcs[dot] as number, values.get(this.at.value) as Value, this.later)
    return true
  }

  #mergeRow(entry: Row, row: KeyRow): void {
    const core = this.#core
    const { version } = this.#bundle
    const ours = core.tree.items(entry)
    const ownByDot = new Map(ours.map((item) => [item.author + item.seq, item]))
    const theirs = row.items.map((item): LiveItem => ownByDot.get(item.author + item.seq) ?? item)
    const live = core.rules.mergeLive<LiveItem>(ours, theirs, this.#before, version)
    const fresh = live.filter((item) => item.row === undefined)
    // What stays beside something new was written without it, also where the sender has merged both by now.
    const kept = live.filter((item) => item.row !== undefined)
    const oursTouch = leadingTouch(kept, removalsBeside(core, entry, fresh, version))
    if (fresh.length > 0 || live.length !== ours.length) core.replaceLive(entry, live, this.later)
    const removed = row.removals.filter((record) => record.seq > this.#before.get(record.author))
    for (const record of removed) core.addRemoval(entry, core.slot(record.author), record.seq, record.hlc, this.later)
    noticeConflict(core, entry, oursTouch, leadingTouch(fresh, removed), this.noticed)
  }
}

/**
 * Removals that what is new had not seen: the sender has not seen them, or had not when contact came back, while it had
 * the new item by then.
 */
function removalsBeside(core: Core, entry: Row, fresh: readonly LiveItem[], theirs: Version): readonly Item[] {
  const removals = core.tree.removals(entry)
  if (removals.length === 0) return removals
  const contacts = [...core.contacts]
  return removals.filter((record) => {
    if (record.seq > record.slot.seqIn(theirs)) return true
    return contacts.some((contact) => !contact.theirs.has(record) && fresh.some((item) => contact.theirs.has(item)))
  })
}

/** A full bundle names every live key: what it does not name and its version covers was removed. */
function dropUnnamed(core: Core, bundle: Bundle, named: RowSet): void {
  for (const entry of core.tree.entries()) {
    if (named.has(entry) || !core.tree.isLive(entry)) continue
    const live = core.tree.items(entry)
    const kept = core.rules.mergeLive<LiveItem>(live, [], core.version, bundle.version)
    if (kept.length !== live.length) core.replaceLive(entry, kept)
  }
}

function mergeList(core: Core, row: ListRow, before: Version, later: Later): void {
  const entry = core.tree.entryAt(row.key)
  core.touch(entry)
  const sequence = core.sequence(entry)
  for (const run of row.runs) {
    const { author, seq } = run
    sequence.applyRun({ id: { author, seq }, place: run.place, values: run.values })
    run.values.forEach((value, i) => {
      if (value === undefined) sequence.remove({ author, seq: seq + i })
    })
    const from = Math.max(seq, before.get(author) + 1)
    const count = seq + run.values.length - from
    if (count > 0) core.addRun(entry, core.slot(author), from, count, later)
  }
  for (const erasure of row.erasures) {
    if (erasure.seq <= before.get(erasure.author)) continue
    for (const target of erasure.targets) sequence.remove(target)
    core.addErasure(entry, core.slot(erasure.author), erasure.seq, erasure.targets, later)
  }
  core.updateList(entry)
}
