import type { Key } from './key.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'

/**
 * A time in which a tree gives no row back. Whoever keeps rows keeps the era they are of: as long as it lasts they mean
 * what they meant, and later it leads to what was given back since. Eras that nobody keeps are collected.
 */
export class Era {
  readonly tree: Tree
  /** The keys of the rows that ended this era; undefined while it lasts. */
  freed: ReadonlyMap<Row, Key> | undefined = undefined
  next: Era | undefined = undefined

  constructor(tree: Tree) {
    this.tree = tree
  }

  /** The key of an entry, or of a node, by the row that it had in this era. */
  keyOf(row: Row): Key {
    for (let era: Era = this; era.next !== undefined; era = era.next) {
      const key = era.freed?.get(row)
      if (key !== undefined) return key
    }
    return this.tree.key(row)
  }
}
