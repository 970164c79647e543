import type { Bundle, BundleItem, BundleRemoval, Epoch, KeyRow, ListRow } from './change.ts'
import { Column, NumberColumn } from './column.ts'
import type { AuthorId } from './ids.ts'
import { type Key, KeyColumn } from './key.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/** Counts of items and removal records in a row. */
export type Shape = readonly [items: number, removals: number]

/** A row, and where its columns begin. */
export interface TablePlace {
  row: number
  dot: number
  value: number
}

/** The first row of a table. */
export function tableStart(): TablePlace {
  return { row: 0, dot: 0, value: 0 }
}

const plain: Shape = [1, 0]
const none: readonly BundleRemoval[] = []

/** The rows of a bundle as columns, without an object for each: nearly all rows are one item and nothing else. */
export class RowTable {
  readonly keys: KeyColumn = new KeyColumn()
  /** The distinct dots: a transaction shares one. */
  readonly authors: AuthorId[] = []
  readonly seqs: number[] = []
  readonly hlcs: number[] = []
  /** Which dots stand in each row: those of its items, then those of its removal records. */
  readonly dots: NumberColumn = new NumberColumn()
  /** The value of each item. */
  readonly values: Column<Value> = new Column()
  /** The shapes of rows that are not one item and nothing else. */
  readonly odd: Map<number, Shape> = new Map()
  readonly #byAuthor = new Map<AuthorId, Map<number, number>>()
  /** The author whose dot was added last, and its dots by seq. */
  #author: AuthorId | undefined
  #known = new Map<number, number>()

  /** The columns of a bundle. */
  static of(bundle: Bundle): RowTable {
    if (bundle instanceof TableBundle) return bundle.table
    const table = new RowTable()
    for (const { key, items, removals } of bundle.rows) table.add(key, items, removals)
    return table
  }

  add(key: Key, items: readonly BundleItem[], removals: readonly BundleRemoval[]): void {
    if (items.length !== 1 || removals.length !== 0) this.odd.set(this.keys.length, [items.length, removals.length])
    this.keys.push(key)
    for (const { author, seq, hlc, value } of items) {
      this.addDot(author, seq, hlc)
      this.values.push(value)
    }
    for (const { author, seq, hlc } of removals) this.addDot(author, seq, hlc)
  }

  addDot(author: AuthorId, seq: number, hlc: number): void {
    if (author !== this.#author) {
      this.#author = author
      this.#known = this.#byAuthor.get(author) ?? new Map<number, number>()
      this.#byAuthor.set(author, this.#known)
    }
    let number = this.#known.get(seq)
    if (number === undefined) {
      number = this.seqs.length
      this.#known.set(seq, number)
      this.authors.push(author)
      this.seqs.push(seq)
      this.hlcs.push(hlc)
    }
    this.dots.push(number)
  }

  /** Goes on to the next row. */
  advance(at: TablePlace): void {
    const [items, removals] = this.shape(at.row)
    at.row++
    at.dot += items + removals
    at.value += items
  }

  shape(row: number): Shape {
    return this.odd.size === 0 ? plain : (this.odd.get(row) ?? plain)
  }

  /** Whether a row is one item and nothing else. */
  isPlain(row: number): boolean {
    return this.odd.size === 0 || !this.odd.has(row)
  }

  /** A row as an object. */
  row({ row, dot, value }: TablePlace): KeyRow {
    const [itemCount, removalCount] = this.shape(row)
    const items: BundleItem[] = []
    for (let i = 0; i < itemCount; i++)
      items.push({ ...this.#dot(dot + i), value: this.values.get(value + i) as Value })
    const removals: BundleRemoval[] = []
    for (let i = 0; i < removalCount; i++) removals.push(this.#dot(dot + itemCount + i))
    return { key: this.keys.at(row), items, removals: removals.length === 0 ? none : removals }
  }

  #dot(place: number): BundleRemoval {
    const at = this.dots.get(place) as number
    return { author: this.authors[at] as AuthorId, seq: this.seqs[at] as number, hlc: this.hlcs[at] as number }
  }

  rows(): KeyRow[] {
    const rows: KeyRow[] = []
    for (const at = tableStart(); at.row < this.keys.length; this.advance(at)) rows.push(this.row(at))
    return rows
  }
}

/** A bundle of columns, whose rows are made when somebody asks. */
export class TableBundle implements Bundle {
  readonly base: Version
  readonly version: Version
  readonly floor: Version
  readonly full: boolean
  readonly table: RowTable
  readonly lists: readonly ListRow[]
  readonly epochs?: readonly Epoch[]
  #rows: readonly KeyRow[] | undefined

  constructor({ base, version, floor, full, lists, epochs }: Omit<Bundle, 'rows'>, table: RowTable) {
    this.base = base
    this.version = version
    this.floor = floor
    this.full = full
    this.lists = lists
    if (epochs !== undefined && epochs.length > 0) this.epochs = epochs
    this.table = table
  }

  get rows(): readonly KeyRow[] {
    this.#rows ??= this.table.rows()
    return this.#rows
  }
}
