import { AuthorSlot } from './author-slot.ts'
import { Column } from './column.ts'
import type { AuthorId, Dot } from './ids.ts'
import { marks, type Row, Rows, rowTypes, words } from './rows.ts'
import type { DottedItem } from './rules.ts'
import type { Value } from './value.ts'

/** A dotted item as it stood when it was asked for: a live value or a removal record. */
export class Item implements DottedItem {
  /** Where it stood; the row may hold another one by now. */
  readonly row: Row
  readonly slot: AuthorSlot
  readonly author: AuthorId
  readonly seq: number
  readonly hlc: number
  readonly value: Value

  constructor(row: Row, slot: AuthorSlot, seq: number, hlc: number, value: Value) {
    this.row = row
    this.slot = slot
    this.author = slot.id
    this.seq = seq
    this.hlc = hlc
    this.value = value
  }
}

const nothing: readonly Item[] = Object.freeze([])

/**
 * The items of a store as rows of numbers: what stands at which entry, and in which recency list. An entry holds its first
 * live item in its own row; further ones and removal records have rows of their own.
 */
export class ItemTable {
  readonly rows: Rows = new Rows()
  /** Names of nodes, members of entries. */
  readonly names: Column<string> = new Column()
  /** The value of a live item, the element count of a run, the length of a list. */
  readonly values: Column<Value> = new Column()
  readonly authors: Map<AuthorId, AuthorSlot> = new Map()
  readonly #byNumber: (AuthorSlot | undefined)[] = [undefined]
  /** List elements that an erasure names. */
  readonly #targets = new Map<Row, readonly Dot[]>()

  constructor() {
    // Row 0 is never used.
    this.names.push('')
    this.values.push(null)
  }

  /** The value in a row. */
  value(row: Row): Value {
    return this.values.get(row) as Value
  }

  /** The slot of an author, made when new. */
  slot(author: AuthorId): AuthorSlot {
    let slot = this.authors.get(author)
    if (slot === undefined) {
      slot = new AuthorSlot(author, this.#byNumber.length)
      this.#byNumber.push(slot)
      this.authors.set(author, slot)
    }
    return slot
  }

  /** Whether an entry has a live item. */
  isLive(entry: Row): boolean {
    return (this.rows.get(entry, words.flags) & marks.live) !== 0
  }

  /** Whether an entry holds records: concurrent siblings or removals. */
  hasRecords(entry: Row): boolean {
    return this.rows.hasMore(entry) && this.rows.get(entry, words.record) !== 0
  }

  /** The item of a row. */
  item(row: Row): Item {
    const { rows } = this
    const slot = this.#byNumber[rows.author(row)] as AuthorSlot
    return new Item(row, slot, rows.get(row, words.seq), this.hlc(row), this.value(row))
  }

  slotOf(row: Row): AuthorSlot {
    return this.#byNumber[this.rows.author(row)] as AuthorSlot
  }

  seq(row: Row): number {
    return this.rows.get(row, words.seq)
  }

  hlc(row: Row): number {
    return this.rows.hlc(row)
  }

  /** The live items of an entry, in no fixed order. */
  items(entry: Row): readonly Item[] {
    if (!this.isLive(entry)) return nothing
    const items = [this.item(entry)]
    if (this.hasRecords(entry)) this.#collect(entry, rowTypes.sibling, items)
    return items
  }

  /** The removal records of an entry, of which those of a list name elements. */
  removals(entry: Row): readonly Item[] {
    if (!this.hasRecords(entry)) return nothing
    const removals: Item[] = []
    this.#collect(entry, rowTypes.removal, removals)
    this.#collect(entry, rowTypes.erasure, removals)
    return removals
  }

  #collect(entry: Row, type: number, into: Item[]): void {
    const { rows } = this
    for (let row = rows.get(entry, words.record); row !== 0; row = rows.get(row, words.next)) {
      if ((rows.get(row, words.flags) & marks.type) >>> marks.typeShift === type) into.push(this.item(row))
    }
  }

  /** The type of a row, of `rowTypes`. */
  type(row: Row): number {
    return (this.rows.get(row, words.flags) & marks.type) >>> marks.typeShift
  }

  /** The list elements that an erasure names. */
  targets(row: Row): readonly Dot[] {
    return this.#targets.get(row) ?? []
  }

  /** Puts what an item is into a row. */
  fill(row: Row, slot: AuthorSlot, seq: number, hlc: number, value: Value): void {
    this.rows.fill(row, slot.number, seq, hlc)
    this.values.set(row, value)
  }

  /** A new record of an entry. A run is known to the recency list alone. */
  addRecord(
    entry: Row,
    type: number,
    slot: AuthorSlot,
    seq: number,
    hlc: number,
    value: Value,
    targets?: readonly Dot[],
  ): Row {
    const { rows } = this
    const row = this.alloc('', value)
    rows.set(row, words.parent, entry)
    rows.set(row, words.flags, type << marks.typeShift)
    this.fill(row, slot, seq, hlc, value)
    if (targets !== undefined) this.#targets.set(row, targets)
    if (type !== rowTypes.run) {
      rows.set(row, words.next, rows.get(entry, words.record))
      rows.set(entry, words.record, row)
    }
    return row
  }

  /** Forgets the records of an entry that `isGone` says. */
  dropRecords(entry: Row, isGone: (row: Row) => boolean): void {
    const { rows } = this
    let kept: Row = 0
    for (let row = rows.get(entry, words.record); row !== 0; ) {
      const next = rows.get(row, words.next)
      if (!isGone(row)) kept = row
      else {
        if (kept === 0) rows.set(entry, words.record, next)
        else rows.set(kept, words.next, next)
        this.free(row)
      }
      row = next
    }
  }

  /** Takes the item out of the row of an entry. */
  clear(entry: Row): void {
    this.rows.clear(entry)
    this.values.set(entry, null)
  }

  /** Puts an item into the recency list of its author, at the end. */
  append(slot: AuthorSlot, row: Row): void {
    this.rows.set(row, words.before, slot.tail)
    this.rows.set(row, words.after, 0)
    if (slot.tail === 0) slot.head = row
    else this.rows.set(slot.tail, words.after, row)
    slot.tail = row
  }

  /** Moves a row from the recency list of one author to the end of that of another, or of the same. */
  moveLast(row: Row, author: number, slot: AuthorSlot): void {
    const page = this.rows.page(row)
    const at = this.rows.offset(row)
    this.#join(author, page[at + words.before] as number, page[at + words.after] as number)
    this.append(slot, row)
  }

  /** The slot that rows call by a number. */
  slotNumbered(number: number): AuthorSlot {
    return this.#byNumber[number] as AuthorSlot
  }

  /** Joins two neighbours in the recency list of an author, between which an item was. */
  #join(author: number, before: Row, after: Row): void {
    const { rows } = this
    if (before === 0) (this.#byNumber[author] as AuthorSlot).head = after
    else rows.set(before, words.after, after)
    if (after === 0) (this.#byNumber[author] as AuthorSlot).tail = before
    else rows.set(after, words.before, before)
  }

  /** Takes an item out of the recency list of its author. */
  unlink(row: Row): void {
    const page = this.rows.page(row)
    const at = this.rows.offset(row)
    this.#join(this.rows.author(row), page[at + words.before] as number, page[at + words.after] as number)
  }

  /** Moves what a sibling holds, its place in the recency list included, into the row of its entry. */
  promote(sibling: Row, entry: Row): void {
    const { rows } = this
    this.fill(entry, this.slotOf(sibling), this.seq(sibling), this.hlc(sibling), this.value(sibling))
    const before = rows.get(sibling, words.before)
    const after = rows.get(sibling, words.after)
    rows.set(entry, words.before, before)
    rows.set(entry, words.after, after)
    const slot = this.slotOf(sibling)
    if (before !== 0) rows.set(before, words.after, entry)
    else if (slot.head === sibling) slot.head = entry
    if (after !== 0) rows.set(after, words.before, entry)
    else if (slot.tail === sibling) slot.tail = entry
  }

  protected alloc(name: string, value: Value): Row {
    const row = this.rows.alloc()
    if (row === this.names.length) {
      this.names.push(name)
      this.values.push(value)
    } else {
      this.names.set(row, name)
      this.values.set(row, value)
    }
    return row
  }

  free(row: Row): void {
    this.names.set(row, '')
    this.values.set(row, null)
    this.#targets.delete(row)
    this.rows.free(row)
  }
}
