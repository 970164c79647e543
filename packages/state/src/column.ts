const pageBits = 12
const pageMask = (1 << pageBits) - 1

/**
 * A list in pages. One long array would be copied whenever it grows, and looked through by the collector while what it
 * holds is young: both stop a page for a frame or more.
 */
export class Column<T> {
  readonly #pages: T[][] = []
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
    if ((at & pageMask) === 0) this.#pages.push([value])
    else (this.#pages[at >>> pageBits] as T[]).push(value)
  }
}
