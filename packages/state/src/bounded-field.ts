import { readBounded } from './bounded.ts'
import { BoundedDraftAt } from './bounded-draft.ts'
import type { BoundedField } from './fields.ts'
import { leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { type Behaviour, Place } from './place.ts'
import { currentItems } from './read.ts'

export const boundedBehaviour: Behaviour<BoundedField> = {
  kind: () => leafKinds.bounded,
  draft: (spec, above, name) => {
    const place = new Place(spec, above, name)
    const leaf = () => new Leaf(spec.tree, place.made(), leafKinds.bounded)
    return new BoundedDraftAt(() => spec.transaction, leaf, (spec.field as BoundedField).terms)
  },
  read: ({ tree }, node, { terms }) => {
    const leaf = node === 0 ? undefined : new Leaf(tree, node, leafKinds.bounded)
    return (leaf === undefined ? undefined : readBounded(leaf, currentItems(tree)).value) ?? terms.initial
  },
  isPlain: true,
}
