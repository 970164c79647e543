import type { Row } from './rows.ts'

const pageBits = 10
const pageMask = (1 << pageBits) - 1

/** Numbers from 0 on by row, found in one step: pages are made for rows that have a number. */
export class RowNumbers {
  /** One more than the number; 0 where there is none. */
  readonly #pages: (Uint32Array | undefined)[] = []

  /** The number of a row; -1 if it has none. */
  get(row: Row): number {
    const page = this.#pages[row >>> pageBits]
    return page === undefined ? -1 : (page[row & pageMask] as number) - 1
  }

  set(row: Row, number: number): void {
    const at = row >>> pageBits
    const pages = this.#pages
    // No holes: an array with them is slow to look into.
    while (pages.length <= at) pages.push(undefined)
    pages[at] ??= new Uint32Array(1 << pageBits)
    ;(pages[at] as Uint32Array)[row & pageMask] = number + 1
  }

  /** Forgets rows. */
  delete(rows: Iterable<Row>): void {
    for (const row of rows) if (this.get(row) !== -1) this.set(row, -1)
  }
}
