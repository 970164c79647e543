const pageBits = 12
const pageSize = 1 << pageBits
const pageMask = pageSize - 1

const noPages: never[][] = []

/**
 * A list in pages. One long array would be copied whenever it grows, and looked through by the collector while what it
 * holds is young: both stop a page for a frame or more.
 */
export class Column<T> {
  #pages: T[][] = noPages
  #length = 0

  get length(): number {
    return this.#length
  }

  /** What stands at a place; undefined beyond the end. */
  get(at: number): T | undefined {
    return this.#pages[at >>> pageBits]?.[at & pageMask]
  }

  /** Replaces what stands at a place that there is. */
  set(at: number, value: T): void {
    ;(this.#pages[at >>> pageBits] as T[])[at & pageMask] = value
  }

  push(value: T): void {
    const at = this.#length++
    // The first page grows, as most columns are short; the others have their size from the start. All are made alike: code
    // that was compiled for one kind of array is thrown away when it meets another.
    if (at === 0) this.#pages = [new Array<T>(1)]
    else if ((at & pageMask) === 0) this.#pages.push(new Array<T>(pageSize))
    ;(this.#pages[at >>> pageBits] as T[])[at & pageMask] = value
  }
}

const firstNumbers = 64

/** The same for whole numbers of 32 bits, which are nothing to the collector. */
export class NumberColumn {
  readonly #pages: Uint32Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** The number at a place; undefined or 0 beyond the end. */
  get(at: number): number | undefined {
    return this.#pages[at >>> pageBits]?.[at & pageMask]
  }

  push(number: number): void {
    const at = this.#length++
    if ((at & pageMask) === 0) this.#pages.push(new Uint32Array(at === 0 ? firstNumbers : pageSize))
    if (at < pageSize && at === this.#pages[0]?.length) this.#growFirst()
    ;(this.#pages[at >>> pageBits] as Uint32Array)[at & pageMask] = number
  }

  #growFirst(): void {
    const [page] = this.#pages as [Uint32Array]
    this.#pages[0] = new Uint32Array(page.length * 2)
    this.#pages[0].set(page)
  }
}
