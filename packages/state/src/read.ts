import { type AuthorId, isAuthorId } from './ids.ts'
import { type KindCode, leafKinds } from './key.ts'
import type { DottedItem } from './rules.ts'
import { compareItems } from './stamp-order.ts'
import type { Entry, Leaf } from './tree.ts'
import { type Value, valueFromKey } from './value.ts'

/** An item as far as reading goes. */
export interface ReadableItem extends DottedItem {
  readonly value: Value
}

/** Where the items of an entry are read from: the store, or the copies of a cut. */
export type ItemsOf = (entry: Entry) => readonly ReadableItem[]

/** The items that stand in the store now. */
export const currentItems: ItemsOf = (entry) => entry.liveItems()

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

function resetOf(counter: Leaf, author: string, itemsOf: ItemsOf): ResetMark | undefined {
  const entry = counter.node.findLeaf(leafKinds.counterReset)?.find(author)
  return entry === undefined ? undefined : greatestReset(itemsOf(entry))
}

/** What one author has added to a counter since it was last deleted. */
export function counterPart(counter: Leaf, entry: Entry, itemsOf: ItemsOf): number {
  const item = itemsOf(entry)[0]
  if (item === undefined || typeof item.value !== 'number') return 0
  return item.value - (resetOf(counter, entry.key.member, itemsOf)?.sum ?? 0)
}

/** The sum of a counter over all authors, without its initial value. */
export function counterSum(counter: Leaf, itemsOf: ItemsOf = currentItems): number {
  let sum = 0
  // In the order of authors, so that rounding is the same everywhere.
  const entries = [...counter.entries()].sort((a, b) => (a.key.member < b.key.member ? -1 : 1))
  for (const entry of entries) sum += counterPart(counter, entry, itemsOf)
  return sum
}

/** Whether any part of a counter was written after it was last deleted. */
export function counterPresent(counter: Leaf, itemsOf: ItemsOf = currentItems): boolean {
  for (const entry of counter.entries()) {
    const item = itemsOf(entry)[0]
    if (item === undefined) continue
    const reset = resetOf(counter, entry.key.member, itemsOf)
    if (reset === undefined || item.seq > reset.seq || item.value !== reset.sum) return true
  }
  return false
}

/** Whether an element of a set is there, by the items at it. In a remove-wins set a removal is an item of its own. */
export function isMember(kind: KindCode, items: readonly ReadableItem[]): boolean {
  if (kind !== leafKinds.setRemoveWins) return items.length > 0
  return items.length > 0 && items.every((item) => item.value === true)
}

/** The members of a set, sorted by their canonical keys. */
export function setMembers(leaf: Leaf, itemsOf: ItemsOf = currentItems): Value[] {
  const keys: string[] = []
  for (const entry of leaf.entries()) if (isMember(leaf.kind, itemsOf(entry))) keys.push(entry.key.member)
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
