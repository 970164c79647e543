import { type BoundedState, type BoundedTerms, readBounded } from './bounded.ts'
import { type BoundedDraft, BoundedDraftAt } from './bounded-draft.ts'
import { rejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { leafKinds } from './key.ts'
import { currentItems } from './read.ts'
import type { Store } from './store.ts'

/** Paths of the bounded counters that were written to, or at least named by a draft. O(their number). */
export function boundedPaths(store: Store): Path[] {
  return store.tree.bounded.map(({ node }) => node.path)
}

/** The bounded counter at a path as it stands; undefined where nobody has written to one. */
export function boundedState(store: Store, path: Path): BoundedState | undefined {
  const leaf = store.tree.findNode(path)?.findLeaf(leafKinds.bounded)
  return leaf === undefined ? undefined : readBounded(leaf, currentItems)
}

/**
 * The bounded counter at a path, to be written inside a change of the store, without a schema: for whoever hands out rights.
 * @throws RejoinError `change-required` from its methods, outside of a change.
 */
export function boundedAt(store: Store, path: Path, terms: BoundedTerms): BoundedDraft {
  const transaction = () => {
    if (store.transaction === undefined) throw rejoinError('change-required')
    return store.transaction
  }
  return new BoundedDraftAt(transaction, store.tree.node(path), terms)
}
