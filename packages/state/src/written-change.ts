import type { Change, Op } from './change.ts'
import type { Era } from './era.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/**
 * A change that writes and removes at merge keys, as most do: rows of a tree and the values for them, and no object for
 * each. Its ops are spelled when somebody asks.
 */
export class WrittenChange implements Change {
  readonly author: AuthorId
  readonly seq: number
  readonly span: number = 1
  readonly context: Version
  readonly hlc: number
  readonly cause?: Dot
  readonly era: Era
  /** Entries written, each once, and what. */
  readonly rows: readonly Row[]
  readonly values: readonly Value[]
  /** Entries at which what there was is removed. */
  readonly removed: readonly Row[]
  #ops: readonly Op[] | undefined

  constructor(
    author: AuthorId,
    seq: number,
    context: Version,
    hlc: number,
    era: Era,
    rows: readonly Row[],
    values: readonly Value[],
    removed: readonly Row[],
    cause?: Dot,
  ) {
    this.author = author
    this.seq = seq
    this.context = context
    this.hlc = hlc
    if (cause !== undefined) this.cause = cause
    this.era = era
    this.rows = rows
    this.values = values
    this.removed = removed
  }

  get ops(): readonly Op[] {
    this.#ops ??= this.#spelled()
    return this.#ops
  }

  #spelled(): Op[] {
    const { era, rows, values, removed } = this
    const ops = rows.map((row, i): Op => ({ type: 'put', key: era.keyOf(row), value: values[i] as Value }))
    for (const row of removed) ops.push({ type: 'remove', key: era.keyOf(row) })
    return ops
  }

  /** Whether its rows mean entries of a tree as it is. */
  isOf(tree: Tree): boolean {
    return this.era === tree.era
  }
}
