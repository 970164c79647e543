import type { Core } from './core.ts'
import { type AuthorSlot, type Entry, type Item, itemTypes } from './tree.ts'
import type { Version } from './version.ts'

/** Entries that a dot after `version` touched. */
export function touchedAfter(core: Core, version: Version): Set<Entry> {
  const touched = new Set<Entry>()
  for (const slot of core.slots.values()) {
    // Not by `entriesAfter`: this is done at every contact, for all that was written since the last.
    const seen = version.get(slot.id)
    for (let item = slot.tail; item !== undefined && endOf(item) > seen; item = item.prev) touched.add(item.entry)
  }
  return touched
}

/** Entries that an author touched after `seq`, as far as its recency list still names them. */
export function* entriesAfter(slot: AuthorSlot, seq: number): Generator<Entry> {
  for (let item: Item | undefined = slot.tail; item !== undefined && endOf(item) > seq; item = item.prev) {
    yield item.entry
  }
}

function endOf(item: Item): number {
  return item.type === itemTypes.run ? item.seq + (item.value as number) - 1 : item.seq
}
