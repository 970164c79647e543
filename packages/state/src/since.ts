import type { Bundle, BundleItem, Erasure, KeyRow, ListRow, ListRun } from './change.ts'
import type { Core } from './core.ts'
import type { AuthorId } from './ids.ts'
import { leafKinds } from './key.ts'
import { type Entry, type Item, itemTypes } from './tree.ts'
import { Version } from './version.ts'

/**
 * What a peer at `version` lacks, as state. Cost follows what changed since, for any age of peer: each author's recency
 * list is walked back from its tail. A peer whose version does not cover the floor gets a full join (C5).
 */
export function bundleSince(core: Core, version: Version): Bundle {
  const full = !version.covers(core.floor)
  // The peer may be ahead in other authors; the base is what both have.
  const base = full ? Version.empty : version.meet(core.version)
  const entries = full ? wholeStore(core) : touchedSince(core, version)
  const rows: KeyRow[] = []
  const lists: ListRow[] = []
  for (const entry of entries) {
    if (entry.key.kind === leafKinds.list) lists.push(listRow(entry, base))
    else rows.push(keyRow(core, entry, base))
  }
  return { base, version: core.version, floor: core.floor, full, rows, lists }
}

/** The whole state without removal records: smaller, and whoever loads it has the floor at this version. */
export function compactBundle(core: Core): Bundle {
  const rows: KeyRow[] = []
  const lists: ListRow[] = []
  for (const entry of core.tree.entries()) {
    if (entry.leaf.sequence !== undefined) {
      if (entry.leaf.sequence.size > 0) lists.push({ ...listRow(entry, Version.empty), erasures: [] })
    } else if (entry.first !== undefined) rows.push({ ...keyRow(core, entry, Version.empty), removals: [] })
  }
  return { base: Version.empty, version: core.version, floor: core.version, full: true, rows, lists }
}

/** What an entry held at some moment. */
export interface EntryState {
  readonly items: readonly Item[]
  readonly removals: readonly Item[]
}

/** What `entries` held after `base` and up to `version`; `stateOf` knows those that have changed since. */
export function bundleOf(
  core: Core,
  entries: Iterable<Entry>,
  base: Version,
  version: Version,
  stateOf: (entry: Entry) => EntryState | undefined,
): Bundle {
  const rows: KeyRow[] = []
  const lists: ListRow[] = []
  for (const entry of entries) {
    const { items, removals } = stateOf(entry) ?? { items: entry.liveItems(), removals: entry.removals }
    if (entry.key.kind === leafKinds.list) lists.push(listRow(entry, base, removals, version))
    else rows.push(keyRow(core, entry, base, items, removals))
  }
  return { base, version, floor: core.floor, full: false, rows, lists }
}

function* wholeStore(core: Core): Iterable<Entry> {
  for (const entry of core.tree.entries()) {
    const places = entry.leaf.sequence?.size ?? 0
    if (entry.first !== undefined || entry.removals !== undefined || places > 0) yield entry
  }
}

function touchedSince(core: Core, version: Version): Set<Entry> {
  const touched = new Set<Entry>()
  for (const slot of core.slots.values()) {
    const seen = version.get(slot.id)
    if (slot.max <= seen) continue
    for (let item: Item | undefined = slot.tail; item !== undefined; item = item.prev) {
      if (itemEnd(item) <= seen) break
      touched.add(item.entry)
    }
  }
  return touched
}

/** The last seq that an item takes: runs take one per element. */
function itemEnd(item: Item): number {
  return item.type === itemTypes.run ? item.seq + (item.value as number) - 1 : item.seq
}

const noRemovals: readonly BundleItem[] = []

function keyRow(
  core: Core,
  entry: Entry,
  base: Version,
  items: readonly Item[] = entry.liveItems(),
  records: readonly Item[] | undefined = entry.removals,
): KeyRow {
  const removals = records?.filter((record) => record.seq > base.get(record.author)).map(toItem) ?? noRemovals
  return { key: entry.key, items: core.rules.shippedItems(items, base).map(toItem), removals }
}

function toItem(item: Item): BundleItem {
  return { author: item.slot.id, seq: item.seq, hlc: item.hlc, value: item.value }
}

function listRow(
  entry: Entry,
  base: Version,
  records: readonly Item[] | undefined = entry.removals,
  version?: Version,
): ListRow {
  const erasures: Erasure[] = []
  for (const record of records ?? []) {
    if (record.seq <= base.get(record.author)) continue
    erasures.push({ author: record.slot.id, seq: record.seq, targets: record.targets ?? [] })
  }
  const runs: ListRun[] = []
  const isWanted = (author: AuthorId, seq: number): boolean =>
    seq > base.get(author) && (version === undefined || seq <= version.get(author))
  for (const { id, place, values } of entry.leaf.sequence?.runs(isWanted) ?? []) {
    runs.push({ author: id.author, seq: id.seq, place, values })
  }
  return { key: entry.key, runs, erasures }
}
