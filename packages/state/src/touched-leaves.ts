import type { Path } from './ids.ts'
import { Key, type KindCode, leafKinds } from './key.ts'
import { sortKeys } from './key-order.ts'
import { RowNumbers } from './row-numbers.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'

/** Who touched a leaf, or what became of it: bits. */
export const touchedBy = {
  /** What this side had and the other lacked at contact. */
  ours: 1,
  theirs: 2,
  /** Touched here since contact was lost. */
  us: 4,
  conflict: 8,
} as const

/** The address of a leaf, with who touched it. */
export class TouchedLeaf extends Key {
  readonly node: Row
  by = 0

  constructor(tree: Tree, node: Row, kind: KindCode) {
    super(node === tree.root ? undefined : tree.branch(tree.above(node)), kind, '', tree.name(node))
    this.node = node
  }
}

/** Leaves, each once, with who touched them; a counter's resets count as the counter. */
export class TouchedLeaves {
  readonly #tree: Tree
  readonly #leaves: TouchedLeaf[] = []
  /** The first leaf of each node, by its place. */
  readonly #ofNodes = new RowNumbers()
  /** Further ones, by node and kind. */
  readonly #others = new Map<number, TouchedLeaf>()

  constructor(tree: Tree) {
    this.#tree = tree
  }

  /** Notes the leaves of some entries. */
  note(entries: Iterable<Row>, by: number): this {
    for (const entry of entries) this.#leafOf(entry).by |= by
    return this
  }

  /** All of them in the order of their paths. */
  sorted(): readonly TouchedLeaf[] {
    return sortKeys(this.#leaves)
  }

  #leafOf(entry: Row): TouchedLeaf {
    const tree = this.#tree
    const node = tree.nodeOf(entry)
    let kind = tree.kind(entry)
    if (kind === leafKinds.counterReset && tree.kindsAt(node).includes(leafKinds.counter)) kind = leafKinds.counter
    const at = this.#ofNodes.get(node)
    const first = at === -1 ? undefined : this.#leaves[at]
    if (first?.kind === kind) return first
    const id = node * 256 + kind
    const other = this.#others.get(id)
    if (other !== undefined) return other
    const leaf = new TouchedLeaf(tree, node, kind)
    if (first === undefined) this.#ofNodes.set(node, this.#leaves.length)
    else this.#others.set(id, leaf)
    this.#leaves.push(leaf)
    return leaf
  }
}

/** The paths of those leaves that somebody touched, in their order. */
export function pathsOf(leaves: readonly TouchedLeaf[], by: number): Path[] {
  const paths: Path[] = []
  for (const leaf of leaves) if ((leaf.by & by) !== 0) paths.push(leaf.path)
  return paths
}
