import type { Row } from './rows.ts'

const least = 64

/** Numbers from 0 on by row: a hash table without an object for each, which one look into memory mostly answers. */
export class RowNumbers {
  /** Pairs of a row and one more than its number; 0 where there is none. */
  #pairs = new Uint32Array(2 * least)
  #shift = 32 - Math.log2(least)
  #size = 0

  /** The number of a row; -1 if it has none. */
  get(row: Row): number {
    const pairs = this.#pairs
    const mask = pairs.length - 1
    for (let at = 2 * (Math.imul(row, 0x9e3779b1) >>> this.#shift); ; at = (at + 2) & mask) {
      const found = pairs[at] as number
      if (found === row) return (pairs[at + 1] as number) - 1
      if (found === 0) return -1
    }
  }

  set(row: Row, number: number): void {
    if (4 * this.#size >= this.#pairs.length) this.#rebuild(2 * this.#pairs.length, () => true)
    this.#put(row, number)
  }

  /** Forgets rows. Costs as much as all that it holds. */
  delete(rows: { has(row: Row): boolean }): void {
    this.#rebuild(this.#pairs.length, (row) => !rows.has(row))
  }

  #put(row: Row, number: number): void {
    const pairs = this.#pairs
    const mask = pairs.length - 1
    let at = 2 * (Math.imul(row, 0x9e3779b1) >>> this.#shift)
    while (pairs[at] !== 0 && pairs[at] !== row) at = (at + 2) & mask
    if (pairs[at] === 0) this.#size++
    pairs[at] = row
    pairs[at + 1] = number + 1
  }

  #rebuild(length: number, isKept: (row: Row) => boolean): void {
    const before = this.#pairs
    this.#pairs = new Uint32Array(length)
    this.#shift = 33 - Math.log2(length)
    this.#size = 0
    for (let at = 0; at < before.length; at += 2) {
      const row = before[at] as number
      if (row !== 0 && isKept(row)) this.#put(row, (before[at + 1] as number) - 1)
    }
  }
}
