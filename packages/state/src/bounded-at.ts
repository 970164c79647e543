import { type BoundedState, type BoundedTerms, readBounded } from './bounded.ts'
import { type BoundedDraft, BoundedDraftAt } from './bounded-draft.ts'
import { addBounded } from './bounded-kind.ts'
import { changeRequired } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { currentItems } from './read.ts'
import type { Store } from './store.ts'

/** Paths of the bounded counters that were written to, or at least named by a draft. O(their number). */
export function boundedPaths(store: Store): Path[] {
  return [...store.tree.bounded].map((node) => store.tree.path(node))
}

/** The bounded counter at a path as it stands; undefined where nobody has written to one. */
export function boundedState(store: Store, path: Path): BoundedState | undefined {
  const { tree } = store
  const node = tree.findNode(path)
  if (node === 0 || !tree.kindsAt(node).includes(leafKinds.bounded)) return undefined
  return readBounded(new Leaf(tree, node, leafKinds.bounded), currentItems(tree))
}

/**
 * The bounded counter at a path, to be written inside a change of the store, without a schema: for whoever hands out rights.
 * @throws RejoinError `change-required` from its methods, outside of a change.
 */
export function boundedAt(store: Store, path: Path, terms: BoundedTerms): BoundedDraft {
  addBounded()
  const transaction = () => {
    if (store.transaction === undefined) throw new RejoinError(changeRequired)
    return store.transaction
  }
  const { tree } = store
  return new BoundedDraftAt(transaction, () => new Leaf(tree, tree.node(path), leafKinds.bounded), terms)
}
