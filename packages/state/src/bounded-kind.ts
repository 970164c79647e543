import { isBoundedItem, readBounded } from './bounded.ts'
import { leafKinds } from './key.ts'
import { addKind, generic, type LeafKind } from './leaf-kind.ts'

const bounded: LeafKind = {
  ...generic,
  read: (leaf, itemsOf) => readBounded(leaf, itemsOf).value,
  fits: isBoundedItem,
  removable: false,
  settle: undefined,
}

/** Lets bounded counters be read and checked. */
export function addBounded(): void {
  addKind(leafKinds.bounded, bounded)
}
