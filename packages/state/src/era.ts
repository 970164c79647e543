import type { Key } from './key.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'

/** Stands for a time in which a tree gives no row back: rows found in it mean what they meant while it is the tree's own. */
export class Moment {
  readonly tree: Tree

  constructor(tree: Tree) {
    this.tree = tree
  }
}

/**
 * The same, for whoever must know what a row meant also when it was given back since: it leads to all that was given back
 * later. Only what is short-lived keeps one, as it keeps that alive; what nobody keeps is collected.
 */
export class Era {
  readonly moment: Moment
  /** The keys of the rows that ended this era; undefined while it lasts. */
  freed: ReadonlyMap<Row, Key> | undefined = undefined
  next: Era | undefined = undefined

  constructor(tree: Tree) {
    this.moment = new Moment(tree)
  }

  get tree(): Tree {
    return this.moment.tree
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
