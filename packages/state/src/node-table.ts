import type { Branch } from './branch.ts'
import type { Path } from './ids.ts'
import { ItemTable } from './item-table.ts'
import { type KindCode, leafKinds } from './key.ts'
import { NameIndex } from './name-index.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'

/** The children of a node with many of them. */
interface NodeIndex {
  readonly children: NameIndex
  /** Entries by kind and member. */
  readonly members: Map<KindCode, NameIndex>
  /** The way to the node, once it was asked for: its children will ask again. */
  branch: Branch | undefined
}

/** Up to here a walk along the children costs no more than an index. */
const fewChildren = 8

/**
 * Nodes and entries by name: a node is one place in the tree of paths, an entry one merge key. The entry of a leaf without
 * members stands in the row of its node, so that what most documents consist of costs one row for each value. Few children
 * are a chain of rows, many an index.
 */
export class NodeTable extends ItemTable {
  readonly root: Row
  /** Nodes with bounded counters, written or only named: those who hand out rights look for them after each change. */
  readonly bounded: Set<Row> = new Set()
  readonly #indexes: (NodeIndex | undefined)[] = []
  readonly #freeIndexes: number[] = []
  /** The node with an index that was asked for last: what one change names mostly stands side by side. */
  #lastNode: Row = 0
  #lastIndex: NodeIndex | undefined

  constructor() {
    super()
    this.root = this.alloc('', null)
  }

  /** The child of a node; 0 if there is none. */
  findChild(node: Row, name: string): Row {
    if (node === this.#lastNode) return this.#index(node).children.get(name)
    const { rows, names } = this
    if ((rows.get(node, words.flags) & marks.indexed) !== 0) return this.#index(node).children.get(name)
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if (names.get(row) === name && (rows.get(row, words.flags) & marks.type) === 0) return row
    }
    return 0
  }

  /** Whether a row is the child of that name of a node. */
  isChild(row: Row, node: Row, name: string): boolean {
    const { rows, names } = this
    if (names.get(row) !== name || rows.get(row, words.parent) !== node) return false
    return (rows.get(row, words.flags) & marks.type) === 0
  }

  /** The child of a node where the same child of another one stood, `offset` rows further on; 0 if it is not there. */
  childAt(offset: number, node: Row, name: string): Row {
    return offset !== 0 && this.isChild(node + offset, node, name) ? node + offset : 0
  }

  /** The child of a node, made when new. */
  child(node: Row, name: string): Row {
    const found = this.findChild(node, name)
    return found === 0 ? this.#add(node, rowTypes.node, 0, name) : found
  }

  /** The children of a node, in no fixed order. */
  children(node: Row): Row[] {
    const { rows } = this
    if ((rows.get(node, words.flags) & marks.indexed) !== 0) return this.#index(node).children.rows()
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
    return this.names.get(node) as string
  }

  /** Whether anything in the subtree of a node is present. */
  isPresent(node: Row): boolean {
    return this.rows.get(node, words.live) > 0
  }

  /** Revision of the last change in the subtree of a node. */
  revision(node: Row): number {
    return this.rows.get(node, words.revision)
  }

  /** The entry of a member of a leaf; 0 if there is none. */
  findEntry(node: Row, kind: KindCode, member: string): Row {
    const { rows, names } = this
    const flags = rows.get(node, words.flags)
    if (member === '' && (flags & marks.kind) === kind) return node
    if ((flags & marks.indexed) !== 0) return this.#index(node).members.get(kind)?.get(member) ?? 0
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if (names.get(row) === member && (rows.get(row, words.flags) & (marks.kind | marks.type)) === memberFlags(kind))
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

  /** Whether nothing stands at a node but what its own row holds. */
  isAlone(node: Row): boolean {
    return this.rows.get(node, words.child) === 0
  }

  /** The entries of a leaf. */
  entriesOf(node: Row, kind: KindCode): Row[] {
    const { rows } = this
    const flags = rows.get(node, words.flags)
    const entries: Row[] = (flags & marks.kind) === kind ? [node] : []
    if ((flags & marks.indexed) !== 0) {
      for (const row of this.#index(node).members.get(kind)?.rows() ?? []) entries.push(row)
      return entries
    }
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if ((rows.get(row, words.flags) & (marks.kind | marks.type)) === memberFlags(kind)) entries.push(row)
    }
    return entries
  }

  /** The kinds of the leaves of a node: of all that were ever written or named there. */
  kindsAt(node: Row): KindCode[] {
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
    return kinds
  }

  kind(entry: Row): KindCode {
    return this.rows.get(entry, words.flags) & marks.kind
  }

  member(entry: Row): string {
    return (this.rows.get(entry, words.flags) & marks.type) === 0 ? '' : (this.names.get(entry) as string)
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

  /** Forgets the index of a node, which is empty. */
  dropIndex(node: Row): void {
    const { rows } = this
    this.#lastNode = 0
    const place = rows.get(node, words.child) - 1
    this.#indexes[place] = undefined
    this.#freeIndexes.push(place)
    rows.set(node, words.child, 0)
    rows.set(node, words.flags, rows.get(node, words.flags) & ~marks.indexed)
  }

  /** The index of a node with many children. */
  indexOf(node: Row): NodeIndex | undefined {
    return (this.rows.get(node, words.flags) & marks.indexed) === 0 ? undefined : this.#index(node)
  }

  override free(row: Row): void {
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
    const index: NodeIndex = { children: new NameIndex(this.names), members: new Map(), branch: undefined }
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) this.#enter(index, row)
    const place = this.#freeIndexes.pop() ?? this.#indexes.length
    this.#indexes[place] = index
    rows.set(node, words.child, place + 1)
    rows.set(node, words.flags, rows.get(node, words.flags) | marks.indexed)
  }

  #enter({ children, members }: NodeIndex, row: Row): void {
    const name = this.names.get(row) as string
    if (this.type(row) === rowTypes.node) {
      children.add(name, row)
      return
    }
    const kind = this.kind(row)
    let ofKind = members.get(kind)
    if (ofKind === undefined) {
      ofKind = new NameIndex(this.names)
      members.set(kind, ofKind)
    }
    ofKind.add(name, row)
  }

  #index(node: Row): NodeIndex {
    if (node !== this.#lastNode) {
      this.#lastNode = node
      this.#lastIndex = this.#indexes[this.rows.get(node, words.child) - 1]
    }
    return this.#lastIndex as NodeIndex
  }
}

function memberFlags(kind: KindCode): number {
  return kind | (rowTypes.member << marks.typeShift)
}
