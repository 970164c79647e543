import { Column } from './column.ts'
import type { Row } from './rows.ts'

const noRows: readonly Row[] = []

/** The nodes at which a leaf changed in one revision. As long as they are those of a change, in turn, they take no room of their own. */
export class ChangedRows {
  readonly #given: readonly Row[]
  #same = 0
  #more: Column<Row> | undefined = undefined
  /** Whether one may stand there twice. */
  repeat = false

  /** `given`: what is expected to change. Nobody writes to it. */
  constructor(given: readonly Row[] = noRows) {
    this.#given = given
  }

  get length(): number {
    return this.#more === undefined ? this.#same : this.#same + this.#more.length
  }

  at(index: number): Row | undefined {
    return index < this.#same ? this.#given[index] : this.#more?.get(index - this.#same)
  }

  push(row: Row): void {
    if (this.#more === undefined && this.#same < this.#given.length && this.#given[this.#same] === row) {
      this.#same++
      return
    }
    this.#more ??= new Column()
    this.#more.push(row)
  }

  /** The same, each once. */
  distinct(): ChangedRows {
    const rows = new Set<Row>()
    for (let at = 0; at < this.length; at++) rows.add(this.at(at) as Row)
    const distinct = new ChangedRows()
    for (const row of rows) distinct.push(row)
    return distinct
  }
}
