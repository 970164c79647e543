import type { Path } from './ids.ts'
import { Key, leafKinds } from './key.ts'
import { sortKeys } from './key-order.ts'
import { Leaf } from './leaf.ts'
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

/** A leaf with who touched it. */
export class TouchedLeaf extends Leaf {
  by = 0
  #path: Path | undefined

  override get path(): Path {
    this.#path ??= super.path
    return this.#path
  }

  /** Its key, as far as paths go. */
  key(number: number): Key {
    const { tree, node } = this
    const above = node === tree.root ? undefined : tree.branch(tree.above(node))
    const key = new Key(above, this.kind, '', tree.name(node))
    key.number = number
    return key
  }

  spell(path: Path): void {
    this.#path = path
  }
}

/** Leaves, each once, with who touched them; a counter's resets count as the counter. */
export class TouchedLeaves {
  readonly #tree: Tree
  readonly #leaves = new Map<number, TouchedLeaf>()

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
    const leaves = [...this.#leaves.values()]
    return sortKeys(leaves.map((leaf, at) => leaf.key(at))).map((key) => {
      const leaf = leaves[key.number] as TouchedLeaf
      leaf.spell(key.path)
      return leaf
    })
  }

  #leafOf(entry: Row): TouchedLeaf {
    const tree = this.#tree
    const node = tree.nodeOf(entry)
    let kind = tree.kind(entry)
    if (kind === leafKinds.counterReset && tree.kindsAt(node).includes(leafKinds.counter)) kind = leafKinds.counter
    const id = node * 256 + kind
    let leaf = this.#leaves.get(id)
    if (leaf === undefined) {
      leaf = new TouchedLeaf(tree, node, kind)
      this.#leaves.set(id, leaf)
    }
    return leaf
  }
}

/** The paths of those leaves that somebody touched, in their order. */
export function pathsOf(leaves: readonly TouchedLeaf[], by: number): Path[] {
  const paths: Path[] = []
  for (const leaf of leaves) if ((leaf.by & by) !== 0) paths.push(leaf.path)
  return paths
}
