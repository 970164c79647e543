import type { AuthorId, Dot, Path } from './ids.ts'
import { Key, type KindCode, leafKinds } from './key.ts'
import { Sequence } from './sequence.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/** What stands in a recency list. */
export const itemTypes = { live: 0, removal: 1, run: 2, erasure: 3 } as const

/** A dotted item: a live value, a removal record, a run of list elements or a removal record of list elements. */
export class Item {
  readonly type: number
  readonly entry: Entry
  readonly slot: AuthorSlot
  readonly seq: number
  readonly hlc: number
  /** The value of a live item, the element count of a run. */
  readonly value: Value
  /** The list elements that an erasure names. */
  readonly targets: readonly Dot[] | undefined
  prev: Item | undefined = undefined
  next: Item | undefined = undefined

  constructor(
    type: number,
    entry: Entry,
    slot: AuthorSlot,
    seq: number,
    hlc: number,
    value: Value,
    targets?: readonly Dot[],
  ) {
    this.type = type
    this.entry = entry
    this.slot = slot
    this.seq = seq
    this.hlc = hlc
    this.value = value
    this.targets = targets
  }

  get author(): AuthorId {
    return this.slot.id
  }
}

/**
 * One author in a store: its highest seq, and the recency list of everything of it that is still there, in seq order.
 * The list is the delta log: what a peer lacks is found by walking back from the tail.
 */
export class AuthorSlot {
  readonly id: AuthorId
  max = 0
  /** The context of its last change that was merged: the next one mostly says little more. */
  context: Version | undefined = undefined
  head: Item | undefined = undefined
  tail: Item | undefined = undefined
  /** What a version says of this author: kept for the version that was asked last. */
  lookedUpIn: Version | undefined = undefined
  lookedUp = 0

  constructor(id: AuthorId) {
    this.id = id
  }

  append(item: Item): void {
    item.prev = this.tail
    if (this.tail === undefined) this.head = item
    else this.tail.next = item
    this.tail = item
  }

  unlink(item: Item): void {
    if (item.prev === undefined) this.head = item.next
    else item.prev.next = item.next
    if (item.next === undefined) this.tail = item.prev
    else item.next.prev = item.prev
    item.prev = undefined
    item.next = undefined
  }
}

/** What the running change() wants of an entry. */
export const pendingKinds = { none: 0, put: 1, remove: 2 } as const

/**
 * One merge key of a store: its live items, usually one, and its removal records. It is its own key, as what handles
 * thousands of scattered keys costs as much as it touches objects.
 */
export class Entry extends Key {
  readonly leaf: Leaf
  first: Item | undefined = undefined
  /** Concurrent siblings beside `first`: rare, so kept aside. */
  more: Item[] | undefined = undefined
  removals: Item[] | undefined = undefined
  pending: number = pendingKinds.none
  pendingValue: Value = null
  /** Last revision in which a bundle named this entry. */
  namedAt = 0
  /** The check that last met this entry: finds keys named twice. */
  checkedBy = 0
  /** Digest lanes of what the store's digest counts for this entry. */
  digestHigh = 0
  digestLow = 0
  digestDirty = false
  /** The last record of this entry in the journal of cuts. */
  notedAt = -1
  /** Set when the tree forgot this entry. */
  pruned = false

  constructor(leaf: Leaf, member: string) {
    super(leaf.node.path, leaf.kind, member, leaf.node.parent)
    this.leaf = leaf
    this.slot = this
    this.slotOf = leaf.node.tree
  }

  get key(): Key {
    return this
  }

  /** All live items, in no fixed order. */
  liveItems(): Item[] {
    if (this.first === undefined) return []
    return this.more === undefined ? [this.first] : [this.first].concat(this.more)
  }

  setLive(items: readonly Item[]): void {
    this.first = items[0]
    this.more = items.length > 1 ? items.slice(1) : undefined
  }
}

/** All entries of one leaf kind at one path. */
export class Leaf {
  readonly node: Node
  readonly kind: KindCode
  /** The one entry, as in most leaves; a map is made for the second. */
  #only: Entry | undefined = undefined
  #entries: Map<string, Entry> | undefined = undefined
  /** The order of a list; replaced only when a failed change is undone. */
  sequence: Sequence | undefined
  /** Whether the leaf makes its map entries present. */
  present = false
  /** Entries that make the leaf present, or elements of a list; keeps presence O(1). */
  liveEntries = 0
  changedAt = 0

  constructor(node: Node, kind: KindCode) {
    this.node = node
    this.kind = kind
    this.sequence = kind === leafKinds.list ? new Sequence() : undefined
  }

  /** All entries. */
  entries(): Iterable<Entry> {
    if (this.#entries !== undefined) return this.#entries.values()
    return this.#only === undefined ? [] : [this.#only]
  }

  /** The entry of a member, if there is one. */
  find(member: string): Entry | undefined {
    if (this.#entries !== undefined) return this.#entries.get(member)
    return this.#only?.key.member === member ? this.#only : undefined
  }

  /** The entry of a member, made when new. */
  entry(member: string): Entry {
    const known = this.find(member)
    if (known !== undefined) return known
    const entry = new Entry(this, member)
    if (this.#entries !== undefined) this.#entries.set(member, entry)
    else if (this.#only === undefined) this.#only = entry
    else {
      this.#entries = new Map([
        [this.#only.key.member, this.#only],
        [member, entry],
      ])
      this.#only = undefined
    }
    return entry
  }

  /** Forgets a member. */
  forget(member: string): void {
    if (this.#entries !== undefined) this.#entries.delete(member)
    else if (this.#only?.key.member === member) this.#only = undefined
  }
}

/** Stands for the children of a node without any: most nodes are ends. */
const noChildren: ReadonlyMap<string, Node> = new Map()
const noLeaves: readonly Leaf[] = []

/** One place in the tree of paths. */
export class Node {
  readonly parent: Node | undefined
  readonly tree: Tree
  readonly segment: string
  readonly path: Path
  #children: Map<string, Node> | undefined = undefined
  /** The first leaf: nearly every node has one or none. */
  #leaf: Leaf | undefined = undefined
  /** All leaves, where there are several. */
  #leaves: readonly Leaf[] | undefined = undefined
  /** Leaves in this subtree that are present; the node is present while above 0. */
  presentLeaves = 0
  /** Revision of the last change in this subtree. */
  revision = 0
  /** The lens that last made a draft here, for which shape, and the draft. */
  draftOf: unknown = undefined
  draftShape: unknown = undefined
  draft: unknown = undefined
  /** Revision in which a child last became present or absent. */
  membersChangedAt = 0

  constructor(parent: Node | undefined, segment: string, tree: Tree) {
    this.parent = parent
    this.tree = tree
    this.segment = segment
    this.path = parent === undefined ? [] : Object.freeze([...parent.path, segment])
  }

  get children(): ReadonlyMap<string, Node> {
    return this.#children ?? noChildren
  }

  child(segment: string): Node {
    this.#children ??= new Map()
    let child = this.#children.get(segment)
    if (child === undefined) {
      child = new Node(this, segment, this.tree)
      this.#children.set(segment, child)
    }
    return child
  }

  get leaves(): readonly Leaf[] {
    return this.#leaves ?? (this.#leaf === undefined ? noLeaves : [this.#leaf])
  }

  findLeaf(kind: KindCode): Leaf | undefined {
    if (this.#leaf?.kind === kind) return this.#leaf
    return this.#leaves?.find((leaf) => leaf.kind === kind)
  }

  leaf(kind: KindCode): Leaf {
    const found = this.findLeaf(kind)
    if (found !== undefined) return found
    const leaf = new Leaf(this, kind)
    if (kind === leafKinds.bounded) this.tree.bounded.push(leaf)
    if (this.#leaf === undefined) this.#leaf = leaf
    else this.#leaves = [...this.leaves, leaf]
    return leaf
  }
}

/** The paths, leaves and entries of one store. */
export class Tree {
  readonly root: Node = new Node(undefined, '', this)
  /** The bounded counters, written or only named: those who hand out rights look for them after each change. */
  readonly bounded: Leaf[] = []

  /** The node at a path, made when new. */
  node(path: Path): Node {
    let node = this.root
    for (const segment of path) node = node.child(segment)
    return node
  }

  /** The node at a path, if there is one. */
  findNode(path: Path): Node | undefined {
    let node: Node | undefined = this.root
    for (const segment of path) {
      node = node.children.get(segment)
      if (node === undefined) return undefined
    }
    return node
  }

  /** The entry of a key that may come from another store or a decoder; remembers the answer in the key. */
  entry(key: Key): Entry {
    const known = this.known(key)
    if (known !== undefined) return known
    return this.#found(key, this.node(key.path).leaf(key.kind).entry(key.member))
  }

  /** The entry of a key, if the store has it; remembers the answer in the key. */
  known(key: Key): Entry | undefined {
    if (key.slotOf === this) {
      const cached = key.slot as Entry
      if (!cached.pruned) return cached
    }
    const entry = this.findEntry(key.path, key.kind, key.member)
    return entry === undefined ? undefined : this.#found(key, entry)
  }

  #found(key: Key, entry: Entry): Entry {
    key.slot = entry
    key.slotOf = this
    return entry
  }

  /** The entry of a key, if the store has it. */
  findEntry(path: Path, kind: KindCode, member: string): Entry | undefined {
    return this.findNode(path)?.findLeaf(kind)?.find(member)
  }

  /** Forgets a member of a leaf that holds nothing any more. */
  prune(entry: Entry): void {
    entry.pruned = true
    entry.leaf.forget(entry.key.member)
  }

  /** Every entry below a node, by depth first walk. */
  *entries(from: Node = this.root): IterableIterator<Entry> {
    const stack: Node[] = [from]
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (const leaf of node.leaves) yield* leaf.entries()
      for (const child of node.children.values()) stack.push(child)
    }
  }
}
