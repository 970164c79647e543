import type { Change } from './change.ts'
import { Column } from './column.ts'
import type { Conflict, NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import type { Era } from './era.ts'
import type { Path } from './ids.ts'
import type { Row } from './rows.ts'
import type { Version } from './version.ts'

/** Where a change of state came from. */
export type Origin = 'local' | 'remote' | 'load'

/** One step of a store's state: a local change, a merged change or a merged bundle. */
export interface ChangeEvent {
  readonly origin: Origin
  /** The change, unless a bundle brought it. */
  readonly change?: Change
  /** Places at which a leaf changed. Spelled when it is asked for. */
  readonly changed: readonly Path[]
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
  readonly #nodes: Column<Row>
  readonly #mayRepeat: boolean
  readonly #others: Version
  readonly #own: Core['own']
  readonly #ownSeq: number
  #changed: readonly Path[] | undefined
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
    this.#nodes = core.changedNodes
    this.#mayRepeat = core.nodesRepeat
    this.#others = core.others
    this.#own = core.own
    this.#ownSeq = core.own?.max ?? 0
  }

  get changed(): readonly Path[] {
    this.#changed ??= this.#paths()
    return this.#changed
  }

  get version(): Version {
    const own = this.#own
    this.#version ??= own === undefined ? this.#others : this.#others.with(own.id, this.#ownSeq)
    return this.#version
  }

  #paths(): Path[] {
    const era = this.#era
    const { tree } = era
    const nodes = this.#mayRepeat ? new Column<Row>() : this.#nodes
    if (this.#mayRepeat) for (const node of this.#distinct()) nodes.push(node)
    const { length } = nodes
    const paths = new Array<Path>(length)
    let above = 0
    let prefix: Path = []
    for (let i = 0; i < length; i++) {
      const node = nodes.get(i) as Row
      if (era !== tree.era) {
        paths[i] = era.keyOf(node).path
        continue
      }
      // Places of one change mostly stand side by side.
      if (tree.above(node) !== above) {
        above = tree.above(node)
        prefix = above === 0 ? prefix : tree.path(above)
      }
      paths[i] = node === tree.root ? [] : joined(prefix, tree.name(node))
    }
    return paths
  }

  #distinct(): Set<Row> {
    const nodes = new Set<Row>()
    for (let i = 0; i < this.#nodes.length; i++) nodes.add(this.#nodes.get(i) as Row)
    return nodes
  }
}

/** A path and one name more. */
function joined(path: Path, name: string): Path {
  if (path.length === 1) return [path[0] as string, name]
  if (path.length === 2) return [path[0] as string, path[1] as string, name]
  return path.concat(name)
}
