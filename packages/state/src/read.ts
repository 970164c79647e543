import { type AuthorId, isAuthorId } from './ids.ts'
import { type KindCode, leafKinds } from './key.ts'
import type { Leaf } from './leaf.ts'
import type { Row } from './rows.ts'
import type { DottedItem } from './rules.ts'
import { compareItems } from './stamp-order.ts'
import type { Tree } from './tree.ts'
import { type Value, valueFromKey } from './value.ts'

/** An item as far as reading goes. */
export interface ReadableItem extends DottedItem {
  readonly value: Value
}

/** Where the items of an entry are read from: the store, or the copies of a cut. */
export type ItemsOf = (entry: Row) => readonly ReadableItem[]

/** The items that stand in the store now. */
export const currentItems =
  (tree: Tree): ItemsOf =>
  (entry) =>
    tree.items(entry)

/** What a counter's reset takes away: the author's sum at a seq. */
export interface ResetMark {
  readonly seq: number
  readonly sum: number
}

/** The reset value `[seq, sum]`, or undefined when it has another form. */
export function resetMark(value: Value): ResetMark | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const [seq, sum] = value
  return typeof seq === 'number' && typeof sum === 'number' ? { seq, sum } : undefined
}

/** The greatest reset of one author's part: by seq, never by value (C7). */
export function greatestReset(items: readonly ReadableItem[]): ResetMark | undefined {
  let best: ResetMark | undefined
  for (const item of items) {
    const mark = resetMark(item.value)
    if (mark !== undefined && (best === undefined || mark.seq > best.seq)) best = mark
  }
  return best
}

function resetOf(tree: Tree, node: Row, author: string, itemsOf: ItemsOf): ResetMark | undefined {
  const entry = tree.findEntry(node, leafKinds.counterReset, author)
  return entry === 0 ? undefined : greatestReset(itemsOf(entry))
}

/** What one author has added to a counter since it was last deleted. */
export function counterPart({ tree, node }: Leaf, entry: Row, itemsOf: ItemsOf): number {
  const item = itemsOf(entry)[0]
  if (item === undefined || typeof item.value !== 'number') return 0
  return item.value - (resetOf(tree, node, tree.member(entry), itemsOf)?.sum ?? 0)
}

/** The sum of a counter over all authors, without its initial value. */
export function counterSum(counter: Leaf, itemsOf: ItemsOf = currentItems(counter.tree)): number {
  const { tree } = counter
  let sum = 0
  const entries = counter.entries()
  // In the order of authors, so that rounding is the same everywhere.
  if (entries.length > 1) entries.sort((a, b) => (tree.member(a) < tree.member(b) ? -1 : 1))
  for (const entry of entries) sum += counterPart(counter, entry, itemsOf)
  return sum
}

/** Whether a part of a counter was written after it was last deleted. */
export function isPartPresent(tree: Tree, node: Row, part: Row, itemsOf: ItemsOf = currentItems(tree)): boolean {
  const item = itemsOf(part)[0]
  if (item === undefined) return false
  const reset = resetOf(tree, node, tree.member(part), itemsOf)
  return reset === undefined || item.seq > reset.seq || item.value !== reset.sum
}

/** Whether any part of a counter was written after it was last deleted. */
export function counterPresent(counter: Leaf, itemsOf: ItemsOf = currentItems(counter.tree)): boolean {
  return counter.entries().some((part) => isPartPresent(counter.tree, counter.node, part, itemsOf))
}

/** Whether an element of a set is there, by the items at it. In a remove-wins set a removal is an item of its own. */
export function isMember(kind: KindCode, items: readonly ReadableItem[]): boolean {
  if (kind !== leafKinds.setRemoveWins) return items.length > 0
  return items.length > 0 && items.every((item) => item.value === true)
}

/** The members of a set, sorted by their canonical keys. */
export function setMembers(leaf: Leaf, itemsOf: ItemsOf = currentItems(leaf.tree)): Value[] {
  const keys: string[] = []
  for (const entry of leaf.entries()) if (isMember(leaf.kind, itemsOf(entry))) keys.push(leaf.tree.member(entry))
  return keys.sort().map((key) => valueFromKey(key) ?? null)
}

/** The values of a multi-value register, later clocks last. */
export function concurrentValues(items: readonly ReadableItem[]): Value[] {
  return [...items].sort(compareItems).map((item) => item.value)
}

/** What a flag reads among siblings, or undefined when nobody wrote it. */
export function flagValue(items: readonly ReadableItem[], wins: boolean): boolean | undefined {
  if (items.length === 0) return undefined
  return items.some((item) => item.value === wins) ? wins : !wins
}

/** Whether a counter part belongs to a real author: members come from peers. */
export function isCounterMember(member: string): member is AuthorId {
  return isAuthorId(member)
}

/** What was written, else the initial value: a `null` that was written is a value. */
export function written(value: Value | undefined, initial: Value): Value {
  return value === undefined ? initial : value
}
