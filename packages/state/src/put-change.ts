import type { Change, Op } from './change.ts'
import type { Era } from './era.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/**
 * A change that only writes values, as most do: rows of a tree and the values for them, and no object for each. Its ops are
 * spelled when somebody asks.
 */
export class PutChange implements Change {
  readonly author: AuthorId
  readonly seq: number
  readonly span: number = 1
  readonly context: Version
  readonly hlc: number
  readonly cause?: Dot
  readonly era: Era
  /** Entries, each once. */
  readonly rows: readonly Row[]
  readonly values: readonly Value[]
  #ops: readonly Op[] | undefined

  constructor(
    { author, seq, context, hlc, cause }: Omit<Change, 'ops' | 'span'>,
    era: Era,
    rows: readonly Row[],
    values: readonly Value[],
  ) {
    this.author = author
    this.seq = seq
    this.context = context
    this.hlc = hlc
    if (cause !== undefined) this.cause = cause
    this.era = era
    this.rows = rows
    this.values = values
  }

  get ops(): readonly Op[] {
    this.#ops ??= this.rows.map((row, i) => ({ type: 'put', key: this.era.keyOf(row), value: this.values[i] as Value }))
    return this.#ops
  }

  /** Whether its rows mean entries of a tree as it is. */
  isOf(tree: Tree): boolean {
    return this.era === tree.era
  }
}
