import { Branch } from './branch.ts'
import { Era, type Moment } from './era.ts'
import type { Path } from './ids.ts'
import { ItemTable } from './item-table.ts'
import { Key, type KeyColumn, type KindCode, leafKinds } from './key.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'
import type { Sequence } from './sequence.ts'

/** The children of a node with many of them. */
interface NodeIndex {
  readonly children: Map<string, Row>
  /** Entries by kind and member. */
  readonly members: Map<KindCode, Map<string, Row>>
  readonly branch: Branch
}

/** Moments, and rows given back at their ends, that a tree remembers for those who number rows. */
const pastKept = 8
const pastRows = 10_000

/** Up to here a walk along the children costs no more than an index. */
const fewChildren = 8

/** One leaf: all entries of one kind at one node. Made when it is asked for. */
export class Leaf {
  readonly tree: Tree
  readonly node: Row
  readonly kind: KindCode

  constructor(tree: Tree, node: Row, kind: KindCode) {
    this.tree = tree
    this.node = node
    this.kind = kind
  }

  /** Equal for equal leaves of one tree. */
  get id(): number {
    return this.node * 256 + this.kind
  }

  get path(): Path {
    return this.tree.path(this.node)
  }

  /** The order of a list. */
  get sequence(): Sequence | undefined {
    const entry = this.find('')
    return entry === 0 ? undefined : this.tree.sequences.get(entry)
  }

  entries(): Row[] {
    return this.tree.entriesOf(this.node, this.kind)
  }

  /** The entry of a member; 0 if there is none. */
  find(member: string): Row {
    return this.tree.findEntry(this.node, this.kind, member)
  }

  /** The entry of a member, made when new. */
  entry(member: string): Row {
    return this.tree.entry(this.node, this.kind, member)
  }
}

/**
 * The paths, leaves and entries of one store, and what stands in them, as rows of numbers. A node is one place in the tree
 * of paths; an entry is one merge key, with its live items, usually one, which stands in the row of the entry, and its
 * removal records. The entry of a leaf without members stands in the row of its node, so that what most documents
 * consist of costs one row for each value.
 *
 * Rows of what is gone are used again: whoever keeps one keeps the moment, or the era, that it is of.
 */
export class Tree extends ItemTable {
  readonly root: Row
  /** The orders of the lists, by entry. */
  readonly sequences: Map<Row, Sequence> = new Map()
  /** Nodes with bounded counters, written or only named: those who hand out rights look for them after each change. */
  readonly bounded: Set<Row> = new Set()
  /** Another one whenever rows were given back. */
  era: Era = new Era(this)
  now: Moment = this.era.moment
  /** The last times before that, with the rows that were given back at their ends. */
  readonly #past: { readonly moment: Moment; readonly freed: ReadonlySet<Row> }[] = []
  readonly #indexes: (NodeIndex | undefined)[] = []
  readonly #freeIndexes: number[] = []
  readonly #rootBranch = new Branch(undefined, '')
  /** The branch that was asked for last: keys of one change mostly stand side by side. */
  #lastBranch: Branch = this.#rootBranch

  constructor() {
    super()
    this.root = this.alloc('', null)
    this.#met(this.#rootBranch, this.root)
  }

  /** The child of a node; 0 if there is none. */
  findChild(node: Row, name: string): Row {
    const { rows, names } = this
    if ((rows.get(node, words.flags) & marks.indexed) !== 0) return this.#index(node).children.get(name) ?? 0
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if (names[row] === name && (rows.get(row, words.flags) & marks.type) === 0) return row
    }
    return 0
  }

  /** Whether a row is the child of that name of a node. */
  isChild(row: Row, node: Row, name: string): boolean {
    const { rows, names } = this
    if (names[row] !== name || rows.get(row, words.parent) !== node) return false
    return (rows.get(row, words.flags) & marks.type) === 0
  }

  /** The child of a node, made when new. */
  child(node: Row, name: string): Row {
    const found = this.findChild(node, name)
    return found === 0 ? this.#add(node, rowTypes.node, 0, name) : found
  }

  /** The children of a node, in no fixed order. */
  children(node: Row): Row[] {
    const { rows } = this
    if ((rows.get(node, words.flags) & marks.indexed) !== 0) return [...this.#index(node).children.values()]
    const children: Row[] = []
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if ((rows.get(row, words.flags) & marks.type) === 0) children.push(row)
    }
    return children
  }

  /** The node at a path, made when new. */
  node(path: Path): Row {
    let node = this.root
    for (const name of path) node = this.child(node, name)
    return node
  }

  /** The node at a path; 0 if there is none. */
  findNode(path: Path): Row {
    let node = this.root
    for (const name of path) {
      node = this.findChild(node, name)
      if (node === 0) return 0
    }
    return node
  }

  /** The node above; 0 above the root. */
  above(node: Row): Row {
    return this.rows.get(node, words.parent)
  }

  name(node: Row): string {
    return this.names[node] as string
  }

  path(node: Row): Path {
    if (node === this.root) return this.#rootBranch.path
    let depth = 0
    for (let at = node; at !== this.root; at = this.above(at)) depth++
    const path = new Array<string>(depth)
    for (let at = node; depth > 0; at = this.above(at)) path[--depth] = this.name(at)
    return path
  }

  /** Whether anything in the subtree of a node is present. */
  isPresent(node: Row): boolean {
    return this.rows.get(node, words.live) > 0
  }

  /** Revision of the last change in the subtree of a node. */
  revision(node: Row): number {
    return this.rows.get(node, words.revision)
  }

  /** The way to a node. */
  branch(node: Row): Branch {
    const last = this.#lastBranch
    // Keys may be handed to another store, which meets their branches with its own nodes.
    if (last.row === node && last.met === this.now) return last
    const isIndexed = (this.rows.get(node, words.flags) & marks.indexed) !== 0
    const branch = isIndexed
      ? this.#index(node).branch
      : node === this.root
        ? this.#rootBranch
        : new Branch(this.branch(this.above(node)), this.name(node))
    this.#lastBranch = this.#met(branch, node)
    return branch
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

  #met(branch: Branch, node: Row): Branch {
    branch.row = node
    branch.met = this.now
    return branch
  }

  /** The entry of a member of a leaf; 0 if there is none. */
  findEntry(node: Row, kind: KindCode, member: string): Row {
    const { rows, names } = this
    const flags = rows.get(node, words.flags)
    if (member === '' && (flags & marks.kind) === kind) return node
    if ((flags & marks.indexed) !== 0) return this.#index(node).members.get(kind)?.get(member) ?? 0
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if (names[row] === member && (rows.get(row, words.flags) & (marks.kind | marks.type)) === memberFlags(kind))
        return row
    }
    return 0
  }

  /** The entry of a member of a leaf, made when new. */
  entry(node: Row, kind: KindCode, member: string): Row {
    const found = this.findEntry(node, kind, member)
    if (found !== 0) return found
    if (kind === leafKinds.bounded) this.bounded.add(node)
    const flags = this.rows.get(node, words.flags)
    if (member !== '' || (flags & marks.kind) !== 0) return this.#add(node, rowTypes.member, kind, member)
    this.rows.set(node, words.flags, flags | kind)
    return node
  }

  /** The entries of a leaf. */
  entriesOf(node: Row, kind: KindCode): Row[] {
    const { rows } = this
    const flags = rows.get(node, words.flags)
    const entries: Row[] = (flags & marks.kind) === kind ? [node] : []
    if ((flags & marks.indexed) !== 0) {
      for (const row of this.#index(node).members.get(kind)?.values() ?? []) entries.push(row)
      return entries
    }
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if ((rows.get(row, words.flags) & (marks.kind | marks.type)) === memberFlags(kind)) entries.push(row)
    }
    return entries
  }

  /** The leaves of a node, one for each kind that was ever written or named there. */
  leavesOf(node: Row): Leaf[] {
    const { rows } = this
    const flags = rows.get(node, words.flags)
    const kinds: KindCode[] = (flags & marks.kind) === 0 ? [] : [flags & marks.kind]
    const note = (kind: KindCode) => {
      if (!kinds.includes(kind)) kinds.push(kind)
    }
    if ((flags & marks.indexed) !== 0) for (const kind of this.#index(node).members.keys()) note(kind)
    else {
      for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
        const below = rows.get(row, words.flags)
        if ((below & marks.type) !== 0) note(below & marks.kind)
      }
    }
    return kinds.map((kind) => new Leaf(this, node, kind))
  }

  /** The leaf of a kind at a node, if it was ever written or named. */
  findLeaf(node: Row, kind: KindCode): Leaf | undefined {
    return this.leavesOf(node).find((leaf) => leaf.kind === kind)
  }

  /** The leaf of an entry. */
  leafOf(entry: Row): Leaf {
    return new Leaf(this, this.nodeOf(entry), this.kind(entry))
  }

  kind(entry: Row): KindCode {
    return this.rows.get(entry, words.flags) & marks.kind
  }

  member(entry: Row): string {
    return (this.rows.get(entry, words.flags) & marks.type) === 0 ? '' : (this.names[entry] as string)
  }

  /** The node of an entry. */
  nodeOf(entry: Row): Row {
    return (this.rows.get(entry, words.flags) & marks.type) === 0 ? entry : this.rows.get(entry, words.parent)
  }

  /** The entry of a record; an entry stands for itself. */
  entryOf(row: Row): Row {
    const type = (this.rows.get(row, words.flags) & marks.type) >>> marks.typeShift
    return type <= rowTypes.member ? row : this.rows.get(row, words.parent)
  }

  /** The key of an entry. It stays what it is, whatever becomes of the entry. */
  key(entry: Row): Key {
    const node = this.nodeOf(entry)
    const above = node === this.root ? undefined : this.branch(this.above(node))
    const key = new Key(above, this.kind(entry), this.member(entry), this.name(node))
    this.meet(key, entry)
    return key
  }

  /** The entry of a key, made when new. */
  entryAt(key: Key): Row {
    if (key.met === this.now) return key.row
    const node = key.branch === undefined ? this.root : this.child(this.#branchNode(key.branch), key.name)
    return this.meet(key, this.entry(node, key.kind, key.member))
  }

  /** The entry of a key in a column, made when new. */
  entryOfColumn(keys: KeyColumn, at: number): Row {
    const branch = keys.branch(at)
    const node = branch === undefined ? this.root : this.child(this.#branchNode(branch), keys.name(at))
    return this.entry(node, keys.kind(at), keys.member(at))
  }

  /** The entry of a key in a column; 0 if there is none. */
  knownOfColumn(keys: KeyColumn, at: number): Row {
    const branch = keys.branch(at)
    const above = this.findBranch(branch)
    const node = branch === undefined ? this.root : above === 0 ? 0 : this.findChild(above, keys.name(at))
    return node === 0 ? 0 : this.findEntry(node, keys.kind(at), keys.member(at))
  }

  /** The entry of a key; 0 if there is none. */
  known(key: Key): Row {
    if (key.met === this.now) return key.row
    const above = this.findBranch(key.branch)
    if (above === 0) return 0
    const node = key.branch === undefined ? this.root : this.findChild(above, key.name)
    const entry = node === 0 ? 0 : this.findEntry(node, key.kind, key.member)
    return this.meet(key, entry)
  }

  /** Tells a key its entry, unless there is none. */
  meet(key: Key, entry: Row): Row {
    if (entry === 0) return 0
    key.row = entry
    key.met = this.now
    return entry
  }

  /** Every entry in the subtree of a node. */
  *entries(from: Row = this.root): IterableIterator<Row> {
    for (const node of this.nodes(from)) {
      if (this.kind(node) !== 0) yield node
      const { rows } = this
      if ((rows.get(node, words.flags) & marks.indexed) !== 0) {
        for (const members of this.#index(node).members.values()) yield* members.values()
        continue
      }
      for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
        if ((rows.get(row, words.flags) & marks.type) !== 0) yield row
      }
    }
  }

  /** Every node in the subtree of a node, itself first. */
  *nodes(from: Row = this.root): IterableIterator<Row> {
    const stack: Row[] = [from]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      yield node
      for (const child of this.children(node)) stack.push(child)
    }
  }

  /**
   * Gives back the rows of entries that hold nothing any more, and of the nodes above that are left empty by that. Entries
   * that hold something are passed over.
   */
  release(entries: Iterable<Row>): void {
    const freed = new Map<Row, Key>()
    for (const entry of entries) {
      for (let row = entry; row !== this.root && !freed.has(row) && this.#isEmpty(row); ) {
        const parent = this.rows.get(row, words.parent)
        freed.set(row, this.key(row))
        this.#detach(row, parent)
        this.free(row)
        row = parent
      }
    }
    if (freed.size === 0) return
    const { era } = this
    this.era = new Era(this)
    this.now = this.era.moment
    era.freed = freed
    era.next = this.era
    this.#past.push({ moment: era.moment, freed: new Set(freed.keys()) })
    while (this.#past.length > 1 && (this.#past.length > pastKept || this.#pastRows() > pastRows)) this.#past.shift()
    this.#met(this.#rootBranch, this.root)
  }

  /** What was given back since a moment, in turn; undefined where that is too long ago. */
  freedSince(moment: Moment): ReadonlySet<Row>[] | undefined {
    const from = this.#past.findIndex((past) => past.moment === moment)
    return from === -1 ? undefined : this.#past.slice(from).map(({ freed }) => freed)
  }

  #pastRows(): number {
    return this.#past.reduce((rows, { freed }) => rows + freed.size, 0)
  }

  #isEmpty(row: Row): boolean {
    const { rows } = this
    const flags = rows.get(row, words.flags)
    const type = (flags & marks.type) >>> marks.typeShift
    if (type > rowTypes.member || (flags & (marks.dirty | marks.pending | marks.present)) !== 0) return false
    if (rows.get(row, words.author) !== 0 || rows.get(row, words.record) !== 0) return false
    if (type === rowTypes.node && (rows.get(row, words.live) !== 0 || rows.get(row, words.child) !== 0)) return false
    return (this.sequences.get(row)?.size ?? 0) === 0
  }

  #detach(row: Row, parent: Row): void {
    const { rows } = this
    const flags = rows.get(parent, words.flags)
    if ((flags & marks.indexed) !== 0) {
      this.#detachIndexed(row, parent, flags)
      return
    }
    const next = rows.get(row, words.next)
    let before = rows.get(parent, words.child)
    if (before === row) rows.set(parent, words.child, next)
    else {
      while (rows.get(before, words.next) !== row) before = rows.get(before, words.next)
      rows.set(before, words.next, next)
    }
  }

  #detachIndexed(row: Row, parent: Row, flags: number): void {
    const { rows } = this
    const index = this.#index(parent)
    const kind = this.kind(row)
    if (this.type(row) === rowTypes.node) index.children.delete(this.names[row] as string)
    else {
      const members = index.members.get(kind)
      members?.delete(this.names[row] as string)
      if (members?.size === 0) index.members.delete(kind)
    }
    if (index.children.size + index.members.size > 0) return
    const place = rows.get(parent, words.child) - 1
    this.#indexes[place] = undefined
    this.#freeIndexes.push(place)
    rows.set(parent, words.child, 0)
    rows.set(parent, words.flags, flags & ~marks.indexed)
  }

  protected override free(row: Row): void {
    this.sequences.delete(row)
    this.bounded.delete(row)
    super.free(row)
  }

  #add(parent: Row, type: number, kind: KindCode, name: string): Row {
    const { rows } = this
    const row = this.alloc(name, null)
    rows.set(row, words.parent, parent)
    rows.set(row, words.flags, kind | (type << marks.typeShift))
    let flags = rows.get(parent, words.flags)
    if ((flags & marks.indexed) === 0 && this.#isFull(parent)) {
      this.#makeIndex(parent)
      flags |= marks.indexed
    }
    if ((flags & marks.indexed) !== 0) this.#enter(this.#index(parent), row)
    else {
      rows.set(row, words.next, rows.get(parent, words.child))
      rows.set(parent, words.child, row)
    }
    return row
  }

  #isFull(node: Row): boolean {
    let count = 0
    for (let row = this.rows.get(node, words.child); row !== 0; row = this.rows.get(row, words.next)) count++
    return count >= fewChildren
  }

  #makeIndex(node: Row): void {
    const { rows } = this
    const index: NodeIndex = { children: new Map(), members: new Map(), branch: this.branch(node) }
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) this.#enter(index, row)
    const place = this.#freeIndexes.pop() ?? this.#indexes.length
    this.#indexes[place] = index
    rows.set(node, words.child, place + 1)
    rows.set(node, words.flags, rows.get(node, words.flags) | marks.indexed)
  }

  #enter({ children, members }: NodeIndex, row: Row): void {
    const name = this.names[row] as string
    if (this.type(row) === rowTypes.node) {
      children.set(name, row)
      return
    }
    const kind = this.kind(row)
    const ofKind = members.get(kind)
    if (ofKind === undefined) members.set(kind, new Map([[name, row]]))
    else ofKind.set(name, row)
  }

  #index(node: Row): NodeIndex {
    return this.#indexes[this.rows.get(node, words.child) - 1] as NodeIndex
  }
}

function memberFlags(kind: KindCode): number {
  return kind | (rowTypes.member << marks.typeShift)
}
