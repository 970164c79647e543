/** Where a thing stands in a table of rows. 0 stands for none. */
export type Row = number

/** The words of a row. */
export const words = {
  /** The node above a node, the node of an entry, the entry of a record. */
  parent: 0,
  /** The next below the same parent: of few children, or of the records of an entry. */
  next: 1,
  /** Kind, type and marks, with the high bits of the author: see `marks`. */
  flags: 2,
  seq: 3,
  /** Neighbours in the recency list of the author. */
  before: 4,
  after: 5,
  /** With the low bits of the author. */
  hlcHigh: 6,
  hlcLow: 7,
  /** Where the words stand that few rows need, which follow. */
  more: 8,
  /** The first child of a node, or where its index is. */
  child: 16,
  /** How many of the entries and children of a node are present. */
  live: 17,
  /** Revision of the last change in the subtree of a node; 0 at a plain value, of which nobody asks. */
  revision: 18,
  /** The first record of an entry. */
  record: 19,
  /** Whose item it is, by the number of the author; 0 where there is none. */
  author: 32,
  /** What the digest of the store counts for this entry. */
  digestHigh: 64,
  digestLow: 65,
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
  /** What the running change wants of the entry. Between changes, while one is checked, `put` says that it names the entry. */
  put: 0x2000,
  remove: 0x4000,
  pending: 0x6000,
  /** The children stand in an index. */
  indexed: 0x8000,
  /** The row holds an item. */
  live: 0x10000,
  /** All of the above but what says whose item it is. */
  own: 0xffff,
  authorShift: 17,
} as const

const stride = 9
const pageBits = 12
const pageRows = 1 << pageBits
const pageMask = pageRows - 1
const firstRows = 16
const hlcScale = 2 ** 32
/** A stamp has 52 bits, so that 11 of the author fit above. */
const hlcHighBits = 21
const hlcHighMask = (1 << hlcHighBits) - 1
const lowAuthor = (1 << (32 - hlcHighBits)) - 1
const moreWords = 4

/**
 * A table of rows of nine 32-bit words, in pages, so that it grows without copying and costs the collector nothing. What
 * few rows need stands in a table of its own, and digests stand nowhere before they are asked for. What is freed is used
 * again.
 */
export class Rows {
  readonly #pages: Uint32Array[] = [new Uint32Array(firstRows * stride)]
  /** Rows used so far, freed ones included; row 0 is never used. */
  #end = 1
  #free: Row = 0
  #freed = 0
  readonly #more: Uint32Array[] = []
  #moreEnd = 1
  #moreFree = 0
  readonly #digests: (Uint32Array | undefined)[] = []

  /** Rows in use. */
  get size(): number {
    return this.#end - 1 - this.#freed
  }

  /** One more than the greatest row that was ever in use. */
  get end(): number {
    return this.#end
  }

  get(row: Row, word: number): number {
    if (word > words.more) return this.#getOther(row, word)
    return (this.#pages[row >>> pageBits] as Uint32Array)[(row & pageMask) * stride + word] as number
  }

  set(row: Row, word: number, value: number): void {
    if (word > words.more) this.#setOther(row, word, value)
    else (this.#pages[row >>> pageBits] as Uint32Array)[(row & pageMask) * stride + word] = value
  }

  /** The page of a row, for whoever touches many words of it. */
  page(row: Row): Uint32Array {
    return this.#pages[row >>> pageBits] as Uint32Array
  }

  /** Where a row begins in its page. */
  offset(row: Row): number {
    return (row & pageMask) * stride
  }

  /** Says in a row whose item it holds, and which. */
  fill(row: Row, author: number, seq: number, hlc: number): void {
    const page = this.page(row)
    const at = this.offset(row)
    const flags = page[at + words.flags] as number
    page[at + words.flags] = (flags & marks.own) | marks.live | ((author >>> (32 - hlcHighBits)) << marks.authorShift)
    page[at + words.seq] = seq
    page[at + words.hlcHigh] = (hlc / hlcScale) | 0 | ((author & lowAuthor) << hlcHighBits)
    page[at + words.hlcLow] = hlc >>> 0
  }

  /** Says in a row that it holds no item. */
  clear(row: Row): void {
    const page = this.page(row)
    const at = this.offset(row)
    page[at + words.flags] = (page[at + words.flags] as number) & marks.own
    page[at + words.hlcHigh] = 0
  }

  hlc(row: Row): number {
    const page = this.page(row)
    const at = this.offset(row)
    return ((page[at + words.hlcHigh] as number) & hlcHighMask) * hlcScale + (page[at + words.hlcLow] as number)
  }

  author(row: Row): number {
    const page = this.page(row)
    const at = this.offset(row)
    const high = (page[at + words.flags] as number) >>> marks.authorShift
    return (high << (32 - hlcHighBits)) | ((page[at + words.hlcHigh] as number) >>> hlcHighBits)
  }

  /** Whether a row has the words that few need. */
  hasMore(row: Row): boolean {
    return this.get(row, words.more) !== 0
  }

  /** A row of zeros. */
  alloc(): Row {
    const row = this.#free
    if (row !== 0) {
      this.#free = this.get(row, words.next)
      this.#freed--
      const at = this.offset(row)
      this.page(row).fill(0, at, at + stride)
      return row
    }
    const fresh = this.#end
    const page = fresh >>> pageBits
    if (page === this.#pages.length) this.#pages.push(new Uint32Array(pageRows * stride))
    else if (page === 0 && (fresh + 1) * stride > (this.#pages[0] as Uint32Array).length) {
      // The first page begins small: most documents are, and a server holds many.
      this.#pages[0] = grown(this.#pages[0] as Uint32Array)
    }
    this.#end = fresh + 1
    return fresh
  }

  /** Gives a row back. */
  free(row: Row): void {
    const more = this.get(row, words.more)
    if (more !== 0) {
      const at = this.#moreAt(more)
      this.#morePage(more).fill(0, at, at + moreWords)
      this.#morePage(more)[at] = this.#moreFree
      this.#moreFree = more
    }
    if (this.#digests[row >>> pageBits] !== undefined) {
      this.#setOther(row, words.digestHigh, 0)
      this.#setOther(row, words.digestLow, 0)
    }
    // No type that there is: nobody takes it for something.
    this.set(row, words.flags, marks.type)
    this.set(row, words.next, this.#free)
    this.#free = row
    this.#freed++
  }

  #getOther(row: Row, word: number): number {
    if (word === words.author) return this.author(row)
    if (word >= words.digestHigh) return this.#digests[row >>> pageBits]?.[((row & pageMask) << 1) | (word & 1)] ?? 0
    const more = this.get(row, words.more)
    if (more !== 0) return this.#morePage(more)[this.#moreAt(more) + word - words.child] as number
    return word === words.live ? this.#ownLive(row) : 0
  }

  /** A row by itself counts what it holds. */
  #ownLive(row: Row): number {
    return (this.get(row, words.flags) & marks.present) === 0 ? 0 : 1
  }

  #setOther(row: Row, word: number, value: number): void {
    if (word === words.author) {
      this.fill(row, value, this.get(row, words.seq), this.hlc(row))
    } else if (word >= words.digestHigh) {
      const page = row >>> pageBits
      this.#digests[page] ??= new Uint32Array(pageRows << 1)
      ;(this.#digests[page] as Uint32Array)[((row & pageMask) << 1) | (word & 1)] = value
    } else {
      const more = this.get(row, words.more) || this.#addMore(row)
      this.#morePage(more)[this.#moreAt(more) + word - words.child] = value
    }
  }

  #addMore(row: Row): number {
    let more = this.#moreFree
    if (more === 0) {
      more = this.#moreEnd++
      const page = more >>> pageBits
      if (page === this.#more.length) this.#more.push(new Uint32Array((page === 0 ? firstRows : pageRows) * moreWords))
      else if (page === 0 && (more + 1) * moreWords > (this.#more[0] as Uint32Array).length)
        this.#more[0] = grown(this.#more[0] as Uint32Array)
    } else {
      this.#moreFree = this.#morePage(more)[this.#moreAt(more)] as number
      this.#morePage(more)[this.#moreAt(more)] = 0
    }
    this.#morePage(more)[this.#moreAt(more) + words.live - words.child] = this.#ownLive(row)
    this.set(row, words.more, more)
    return more
  }

  #morePage(more: number): Uint32Array {
    return this.#more[more >>> pageBits] as Uint32Array
  }

  #moreAt(more: number): number {
    return (more & pageMask) * moreWords
  }
}

function grown(before: Uint32Array): Uint32Array {
  const page = new Uint32Array(before.length * 2)
  page.set(before)
  return page
}

/** A set of rows, for a while: a bit for each. */
export class RowSet {
  #bits: Uint32Array

  /** `end`: of the rows that it may hold at first. */
  constructor(end: Row) {
    this.#bits = new Uint32Array((end >>> 5) + 1)
  }

  has(row: Row): boolean {
    return (((this.#bits[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1
  }

  /** False where it was there already. */
  add(row: Row): boolean {
    if (this.has(row)) return false
    const at = row >>> 5
    while (at >= this.#bits.length) this.#bits = grown(this.#bits)
    this.#bits[at] = (this.#bits[at] as number) | (1 << (row & 31))
    return true
  }
}
