import type { AuthorSlot } from './author-slot.ts'
import type { Bundle, KeyRow, ListRow } from './change.ts'
import { Column } from './column.ts'
import { leadingTouch, type NoticedConflict } from './conflict.ts'
import type { Core, Later, LiveItem } from './core.ts'
import type { Item } from './item-table.ts'
import { KeyCursor } from './key.ts'
import { addErasure, addRun, updateList } from './list-store.ts'
import { sequenceOf } from './list-write.ts'
import { noticeConflict } from './merge.ts'
import { RowTable, type TablePlace, tableStart } from './row-table.ts'
import { type Row, RowSet } from './rows.ts'
import { mergeLive } from './rules.ts'
import { sorting } from './sorting.ts'
import { finish, part, type Steps, stepRows } from './steps.ts'
import { entriesIn } from './tree-walk.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/**
 * Applies a validated bundle whose base is covered, or which is full, in one step (C3): rows, then recency lists, then
 * version and floor. Returns the conflicts noticed. `met`: for each row the entry where it is known, else 0.
 */
export function mergeBundle(core: Core, bundle: Bundle, met?: Uint32Array): NoticedConflict[] {
  return finish(mergingBundle(core, bundle, met))
}

/** Applies it in steps: for a store that nobody sees before the last. */
export function* mergingBundle(core: Core, bundle: Bundle, met?: Uint32Array): Steps<NoticedConflict[]> {
  const { tree } = core
  const before = core.version
  // Where there was nothing, nothing can be unnamed.
  const named = bundle.full && core.liveItems > 0 ? new RowSet(tree.rows.end) : undefined
  const rows = new RowMerge(core, bundle, named, met)
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
  core.raiseTo(bundle.version)
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
  readonly #met: Uint32Array | undefined
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

  constructor(core: Core, bundle: Bundle, named: RowSet | undefined, met: Uint32Array | undefined) {
    const table = RowTable.of(bundle)
    this.#core = core
    this.#bundle = bundle
    this.#table = table
    this.#before = core.version
    this.#named = named
    this.#met = met
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
      const entry = this.#met?.[at.row] || tree.make(table.keys.read(at.row, this.#key))
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
    const dot = dots.get(this.at.dot) as number
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
  for (const entry of entriesIn(core.tree)) {
    if (named.has(entry) || !core.tree.isLive(entry)) continue
    const live = core.tree.items(entry)
    const kept = core.rules.mergeLive<LiveItem>(live, [], core.version, bundle.version)
    if (kept.length !== live.length) core.replaceLive(entry, kept)
  }
}

function mergeList(core: Core, row: ListRow, before: Version, later: Later): void {
  const entry = core.tree.entryAt(row.key)
  core.touch(entry)
  const sequence = sequenceOf(core, entry)
  for (const run of row.runs) {
    const { author, seq } = run
    sequence.applyRun({ id: { author, seq }, place: run.place, values: run.values })
    run.values.forEach((value, i) => {
      if (value === undefined) sequence.remove({ author, seq: seq + i })
    })
    const from = Math.max(seq, before.get(author) + 1)
    const count = seq + run.values.length - from
    if (count > 0) addRun(core, entry, core.slot(author), from, count, later)
  }
  for (const erasure of row.erasures) {
    if (erasure.seq <= before.get(erasure.author)) continue
    for (const target of erasure.targets) sequence.remove(target)
    addErasure(core, entry, core.slot(erasure.author), erasure.seq, erasure.targets, later)
  }
  updateList(core, entry)
}
