import { Branch } from './branch.ts'
import { Era, type Moment } from './era.ts'
import type { Path } from './ids.ts'
import { Key, type KeyColumn, type KeyParts } from './key.ts'
import { Leaf } from './leaf.ts'
import { NodeTable } from './node-table.ts'
import type { Row } from './rows.ts'
import type { Sequence } from './sequence.ts'

/**
 * The paths, leaves and entries of one store, and what stands in them, as rows of numbers: its keys and its leaves are made
 * when they are asked for.
 *
 * Rows of what is gone are used again: whoever keeps one keeps the moment, or the era, that it is of.
 */
export class Tree extends NodeTable {
  /** The orders of the lists, by entry. */
  readonly sequences: Map<Row, Sequence> = new Map()
  /** Another one whenever rows were given back. */
  era: Era = new Era(this)
  now: Moment = this.era.moment
  /** The last times before that, with the rows that were given back at their ends: see `release.ts`. */
  readonly past: { readonly moment: Moment; readonly freed: Uint32Array }[] = []
  readonly #rootBranch = new Branch(undefined, '')
  /** The branch that was asked for last: keys of one change mostly stand side by side. */
  #lastBranch: Branch = this.#rootBranch

  constructor() {
    super()
    this.#met(this.#rootBranch, this.root)
  }

  path(node: Row): Path {
    if (node === this.root) return this.#rootBranch.path
    let depth = 0
    for (let at = node; at !== this.root; at = this.above(at)) depth++
    const path = new Array<string>(depth)
    for (let at = node; depth > 0; at = this.above(at)) path[--depth] = this.name(at)
    return path
  }

  /** The way to a node. */
  branch(node: Row): Branch {
    const last = this.#lastBranch
    // Keys may be handed to another store, which meets their branches with its own nodes.
    if (last.row === node && last.met === this.now) return last
    const index = this.indexOf(node)
    const branch = node === this.root ? this.#rootBranch : (index?.branch ?? this.#branchBelow(node))
    // Its many children will ask again.
    if (index !== undefined) index.branch = branch
    this.#lastBranch = this.#met(branch, node)
    return branch
  }

  #branchBelow(node: Row): Branch {
    return new Branch(this.branch(this.above(node)), this.name(node))
  }

  /** The node of a branch; 0 if there is none. */
  findBranch(branch: Branch | undefined): Row {
    if (branch === undefined) return this.root
    if (branch.met === this.now) return branch.row
    const above = branch.above === undefined ? 0 : this.findBranch(branch.above)
    const node = branch.above === undefined ? this.root : above === 0 ? 0 : this.findChild(above, branch.name)
    if (node !== 0) this.#met(branch, node)
    return node
  }

  #branchNode(branch: Branch): Row {
    if (branch.met === this.now) return branch.row
    const node = branch.above === undefined ? this.root : this.child(this.#branchNode(branch.above), branch.name)
    this.#met(branch, node)
    return node
  }

  /** Begins another era: rows were given back. */
  turn(): Era {
    const { era } = this
    this.era = new Era(this)
    this.now = this.era.moment
    era.next = this.era
    this.#met(this.#rootBranch, this.root)
    return era
  }

  #met(branch: Branch, node: Row): Branch {
    branch.row = node
    branch.met = this.now
    return branch
  }

  /** The leaves of a node, one for each kind that was ever written or named there. */
  leavesOf(node: Row): Leaf[] {
    return this.kindsAt(node).map((kind) => new Leaf(this, node, kind))
  }

  /** The leaf of an entry. */
  leafOf(entry: Row): Leaf {
    return new Leaf(this, this.nodeOf(entry), this.kind(entry))
  }

  /** The key of an entry. It stays what it is, whatever becomes of the entry. */
  key(entry: Row): Key {
    const node = this.nodeOf(entry)
    const above = node === this.root ? undefined : this.branch(this.above(node))
    const key = new Key(above, this.kind(entry), this.member(entry), this.name(node))
    this.meet(key, entry)
    return key
  }

  /** Adds the key of an entry to a column, without an object for it. */
  addKey(entry: Row, keys: KeyColumn): void {
    const node = this.nodeOf(entry)
    const above = node === this.root ? undefined : this.branch(this.above(node))
    keys.add(above, this.name(node), this.kind(entry), this.member(entry))
  }

  /** The entry of an address, made when new. */
  make({ branch, name, kind, member }: KeyParts): Row {
    const node = branch === undefined ? this.root : this.child(this.#branchNode(branch), name)
    return this.entry(node, kind, member)
  }

  /** The entry of an address; 0 if there is none. */
  find({ branch, name, kind, member }: KeyParts): Row {
    const above = this.findBranch(branch)
    const node = branch === undefined ? this.root : above === 0 ? 0 : this.findChild(above, name)
    return node === 0 ? 0 : this.findEntry(node, kind, member)
  }

  /** The entry of a key, made when new; the key remembers it. */
  entryAt(key: Key): Row {
    return key.met === this.now ? key.row : this.meet(key, this.make(key))
  }

  /** The entry of a key, which the key remembers; 0 if there is none. */
  known(key: Key): Row {
    return key.met === this.now ? key.row : this.meet(key, this.find(key))
  }

  /** Tells a key its entry, unless there is none. */
  meet(key: Key, entry: Row): Row {
    if (entry === 0) return 0
    key.row = entry
    key.met = this.now
    return entry
  }

  override free(row: Row): void {
    this.sequences.delete(row)
    super.free(row)
  }
}
