import type { NodeTable } from './node-table.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'

/** Every entry in the subtree of a node, by default in all of a tree. */
export function* entriesIn(tree: NodeTable, from: Row = tree.root): IterableIterator<Row> {
  if (from === tree.root) {
    yield* allEntries(tree)
    return
  }
  const { rows } = tree
  for (const node of nodesIn(tree, from)) {
    if (tree.kind(node) !== 0) yield node
    const index = tree.indexOf(node)
    if (index !== undefined) {
      for (const members of index.members.values()) yield* members.rows()
      continue
    }
    for (let row = rows.get(node, words.child); row !== 0; row = rows.get(row, words.next)) {
      if ((rows.get(row, words.flags) & marks.type) !== 0) yield row
    }
  }
}

/** Every entry of a tree as its rows come: without a list of the children of each node. */
function* allEntries({ rows }: NodeTable): IterableIterator<Row> {
  for (let row = 1; row < rows.end; row++) {
    const flags = rows.get(row, words.flags)
    const type = (flags & marks.type) >>> marks.typeShift
    if (type === rowTypes.member || (type === rowTypes.node && (flags & marks.kind) !== 0)) yield row
  }
}

/** Every node in the subtree of a node, itself first. */
export function* nodesIn(tree: NodeTable, from: Row = tree.root): IterableIterator<Row> {
  const stack: Row[] = [from]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node
    for (const child of tree.children(node)) stack.push(child)
  }
}
