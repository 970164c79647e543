import type { Row } from './rows.ts'

const pageBits = 10
const pageMask = (1 << pageBits) - 1
const fewRows = 8

/** Numbers from 0 on by row: few are looked through, more are found in one step, in pages made for rows that have one. */
export class RowNumbers {
  readonly #few: Row[] = []
  readonly #fewNumbers: number[] = []
  /** One more than the number; 0 where there is none. */
  #pages: (Uint32Array | undefined)[] | undefined

  /** The number of a row; -1 if it has none. */
  get(row: Row): number {
    const pages = this.#pages
    if (pages === undefined) {
      const at = this.#few.indexOf(row)
      return at === -1 ? -1 : (this.#fewNumbers[at] as number)
    }
    const page = pages[row >>> pageBits]
    return page === undefined ? -1 : (page[row & pageMask] as number) - 1
  }

  set(row: Row, number: number): void {
    if (this.#pages === undefined) {
      const at = this.#few.indexOf(row)
      if (at !== -1 || this.#few.length < fewRows) {
        const place = at === -1 ? this.#few.length : at
        this.#few[place] = row
        this.#fewNumbers[place] = number
        return
      }
      this.#pages = []
      for (let i = 0; i < fewRows; i++) this.#put(this.#pages, this.#few[i] as Row, this.#fewNumbers[i] as number)
    }
    this.#put(this.#pages, row, number)
  }

  /** Forgets rows. */
  delete(rows: Iterable<Row>): void {
    for (const row of rows) if (this.get(row) !== -1) this.set(row, -1)
  }

  #put(pages: (Uint32Array | undefined)[], row: Row, number: number): void {
    const at = row >>> pageBits
    // No holes: an array with them is slow to look into.
    while (pages.length <= at) pages.push(undefined)
    pages[at] ??= new Uint32Array(1 << pageBits)
    ;(pages[at] as Uint32Array)[row & pageMask] = number + 1
  }
}
