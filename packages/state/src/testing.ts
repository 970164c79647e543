import { addAllKinds } from './all-kinds.ts'
import type { StoreOptions } from './core.ts'
import { type Rules, soundRules } from './rules.ts'
import { Store } from './store.ts'

/** A store with some rules replaced: for tests that show that a wrong shortcut is caught. */
export function createStoreWith(rules: Partial<Rules>, options: StoreOptions): Store {
  addAllKinds()
  return new Store(options, { ...soundRules, ...rules })
}

export { addToCounter } from './counter-field.ts'
export { Leaf } from './leaf.ts'
export { editOf } from './list-write.ts'
export type { DottedItem, MergeLive, Rules } from './rules.ts'
export { mergeLive, soundRules } from './rules.ts'
