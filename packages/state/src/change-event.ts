import type { Change } from './change.ts'
import type { ChangedRows } from './changed-rows.ts'
import type { Conflict, NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import type { Era } from './era.ts'
import type { Path } from './ids.ts'
import type { Row } from './rows.ts'
import type { Version } from './version.ts'

/** Where a change of state came from. */
export type Origin = 'local' | 'remote' | 'load'

/**
 * Places of a document, each once. They are spelled when they are asked for: whoever only counts them, or stops at the
 * first, does not pay for all.
 */
export interface Places extends Iterable<Path> {
  readonly length: number
  /** The place at an index; undefined where there is none. */
  at(index: number): Path | undefined
}

/** One step of a store's state: a local change, a merged change or a merged bundle. */
export interface ChangeEvent {
  readonly origin: Origin
  /** The change, unless a bundle brought it. */
  readonly change?: Change
  /** Places at which a leaf changed. */
  readonly changed: Places
  /** Concurrent writes that this merge settled. */
  readonly conflicts: readonly Conflict[]
  readonly version: Version
}

const none: readonly never[] = Object.freeze([])

/** An event that works out what it tells when it is asked. */
export class StoreEvent implements ChangeEvent {
  readonly origin: Origin
  readonly change?: Change
  readonly conflicts: readonly Conflict[]
  readonly #era: Era
  readonly #rows: ChangedRows
  readonly #others: Version
  readonly #own: Core['own']
  readonly #ownSeq: number
  #changed: Places | undefined
  #version: Version | undefined

  constructor(
    core: Core,
    origin: Origin,
    change: Change | undefined,
    noticed: readonly NoticedConflict[],
    era: Era = core.tree.era,
  ) {
    this.origin = origin
    if (change !== undefined) this.change = change
    this.conflicts = noticed.length === 0 ? none : noticed.map(({ conflict }) => conflict)
    this.#era = era
    this.#rows = core.changed
    this.#others = core.others
    this.#own = core.own
    this.#ownSeq = core.own?.max ?? 0
  }

  get changed(): Places {
    this.#changed ??= new RowPlaces(this.#era, this.#rows)
    return this.#changed
  }

  get version(): Version {
    const own = this.#own
    this.#version ??= own === undefined ? this.#others : this.#others.with(own.id, this.#ownSeq)
    return this.#version
  }
}

/** The places of rows. */
class RowPlaces implements Places {
  readonly #era: Era
  readonly #rows: ChangedRows

  constructor(era: Era, rows: ChangedRows) {
    this.#era = era
    this.#rows = rows.repeat ? rows.distinct() : rows
  }

  get length(): number {
    return this.#rows.length
  }

  at(index: number): Path | undefined {
    const row = this.#rows.at(index)
    return row === undefined ? undefined : this.#era.keyOf(row).path
  }

  *[Symbol.iterator](): IterableIterator<Path> {
    const { tree } = this.#era
    let above = 0
    let prefix: Path = []
    for (let at = 0; at < this.#rows.length; at++) {
      const row = this.#rows.at(at) as Row
      // Somebody may have given rows back between two of them.
      if (this.#era !== tree.era) {
        yield this.#era.keyOf(row).path
        continue
      }
      // Places of one change mostly stand side by side.
      if (tree.above(row) !== above) {
        above = tree.above(row)
        prefix = above === 0 ? prefix : tree.path(above)
      }
      yield row === tree.root ? [] : joined(prefix, tree.name(row))
    }
  }
}

/** A path and one name more. */
function joined(path: Path, name: string): Path {
  if (path.length === 1) return [path[0] as string, name]
  if (path.length === 2) return [path[0] as string, path[1] as string, name]
  return path.concat(name)
}
