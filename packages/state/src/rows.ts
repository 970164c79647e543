/** Where a thing stands in a table of rows. 0 stands for none. */
export type Row = number

/** The words of a row. */
export const words = {
  /** The node above a node, the node of an entry, the entry of a record. */
  parent: 0,
  /** The next below the same parent: of few children, or of the records of an entry. */
  next: 1,
  /** Kind, type and marks: see `marks`. */
  flags: 2,
  /** Whose item it is, by the number of the author; 0 where there is none. */
  author: 3,
  seq: 4,
  /** Neighbours in the recency list of the author. */
  before: 5,
  after: 6,
  /** For whoever needs a number at hand for a while: the running change, or a check. */
  mark: 7,
  hlcHigh: 8,
  hlcLow: 9,
  /** What the digest of the store counts for this entry. */
  digestHigh: 10,
  digestLow: 11,
  /** The first child of a node, or where its index is. */
  child: 12,
  /** How many of the entries and children of a node are present. */
  live: 13,
  /** Revision of the last change in the subtree of a node. */
  revision: 14,
  /** The first record of an entry. */
  record: 15,
} as const

/** What a row is. A node can be an entry, too: that of its first leaf, where the leaf has no members. */
export const rowTypes = { node: 0, member: 1, sibling: 2, removal: 3, erasure: 4, run: 5 } as const

/** The parts of the word `flags`. */
export const marks = {
  kind: 0xff,
  type: 0x700,
  typeShift: 8,
  /** The digest does not count yet what the entry holds. */
  dirty: 0x800,
  /** The entry makes its node present. */
  present: 0x1000,
  /** What the running change wants of the entry. */
  put: 0x2000,
  remove: 0x4000,
  pending: 0x6000,
  /** The children stand in an index. */
  indexed: 0x8000,
} as const

const rowBits = 4
const pageBits = 12
const pageRows = 1 << pageBits
const pageMask = pageRows - 1
const firstRows = 16

/**
 * A table of rows of sixteen 32-bit words: one cache line each, in pages, so that it grows without copying and costs the
 * collector nothing. What is freed is used again.
 */
export class Rows {
  readonly #pages: Uint32Array[] = [new Uint32Array(firstRows << rowBits)]
  /** Rows used so far, freed ones included; row 0 is never used. */
  #end = 1
  #free: Row = 0
  #freed = 0

  /** Rows in use. */
  get size(): number {
    return this.#end - 1 - this.#freed
  }

  /** One more than the greatest row that was ever in use. */
  get end(): number {
    return this.#end
  }

  get(row: Row, word: number): number {
    return (this.#pages[row >>> pageBits] as Uint32Array)[((row & pageMask) << rowBits) | word] as number
  }

  set(row: Row, word: number, value: number): void {
    ;(this.#pages[row >>> pageBits] as Uint32Array)[((row & pageMask) << rowBits) | word] = value
  }

  /** The page of a row, for whoever touches many words of it. */
  page(row: Row): Uint32Array {
    return this.#pages[row >>> pageBits] as Uint32Array
  }

  /** Where a row begins in its page. */
  offset(row: Row): number {
    return (row & pageMask) << rowBits
  }

  /** A row of zeros. */
  alloc(): Row {
    const row = this.#free
    if (row !== 0) {
      this.#free = this.get(row, words.next)
      this.#freed--
      const at = this.offset(row)
      this.page(row).fill(0, at, at + (1 << rowBits))
      return row
    }
    const fresh = this.#end
    const page = fresh >>> pageBits
    if (page === this.#pages.length) this.#pages.push(new Uint32Array(pageRows << rowBits))
    else if (page === 0 && (fresh + 1) << rowBits > (this.#pages[0] as Uint32Array).length) this.#growFirst()
    this.#end = fresh + 1
    return fresh
  }

  /** Gives a row back. */
  free(row: Row): void {
    // No type that there is: nobody takes it for something.
    this.set(row, words.flags, marks.type)
    this.set(row, words.next, this.#free)
    this.#free = row
    this.#freed++
  }

  /** The first page begins small: most documents are, and a server holds many. */
  #growFirst(): void {
    const before = this.#pages[0] as Uint32Array
    const grown = new Uint32Array(before.length * 2)
    grown.set(before)
    this.#pages[0] = grown
  }
}
