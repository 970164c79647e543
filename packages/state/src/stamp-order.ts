import type { DottedItem } from './rules.ts'

/** Sign of the order in which concurrent siblings win: later clock, then greater author. */
export function compareItems(left: DottedItem, right: DottedItem): number {
  if (left.hlc !== right.hlc) return left.hlc - right.hlc
  if (left.author !== right.author) return left.author < right.author ? -1 : 1
  return left.seq - right.seq
}

/** The sibling that comes last in an order, if any; by default the one that a last-writer-wins register reads. */
export function winningItem<T extends DottedItem>(
  items: readonly T[],
  compare: (left: T, right: T) => number = compareItems,
): T | undefined {
  let best = items[0]
  for (let i = 1; i < items.length; i++) {
    const item = items[i]
    if (item !== undefined && best !== undefined && compare(item, best) > 0) best = item
  }
  return best
}
