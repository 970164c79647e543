import { kindName, leafKinds } from './key.ts'
import { leafValue } from './leaf-kind.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'
import { setOwn, type Value } from './value.ts'

/** A plain view of a store without schema: for servers, tests and debugging. */
export function storeToPlain(store: Store): Value {
  return toPlain(store.tree)
}

/**
 * The subtree as plain data: map entries and fields become properties, a leaf its value. Where a path holds leaves of
 * several kinds, or a leaf beside nested paths, each leaf stands under `@` and its kind.
 */
export function toPlain(tree: Tree, node: Row = tree.root): Value {
  const leaves: [string, Value][] = []
  for (const leaf of tree.leavesOf(node)) {
    const value = leafValue(leaf)
    if (leaf.kind !== leafKinds.entry && value !== undefined) leaves.push([kindName(leaf.kind), value])
  }
  const children = tree.children(node).filter((child) => tree.isPresent(child))
  const only = leaves[0]
  if (only !== undefined && leaves.length === 1 && children.length === 0) return only[1]
  const plain = {}
  for (const [name, value] of leaves.sort()) setOwn(plain, `@${name}`, value)
  children.sort((a, b) => (tree.name(a) < tree.name(b) ? -1 : 1))
  for (const child of children) setOwn(plain, tree.name(child), toPlain(tree, child))
  return plain
}
