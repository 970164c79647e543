import type { Bundle, BundleRemoval, Epoch, Erasure, ListRow, ListRun } from './change.ts'
import type { Core } from './core.ts'
import { crossedVersion, decidedKeys } from './epoch.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Item } from './item-table.ts'
import { leafKinds } from './key.ts'
import { RowTable, TableBundle } from './row-table.ts'
import type { Row } from './rows.ts'
import { soundRules } from './rules.ts'
import type { Store } from './store.ts'
import { entriesAfter, TouchedEntries } from './touched.ts'
import { entriesIn } from './tree-walk.ts'
import type { Value } from './value.ts'
import { Version } from './version.ts'

/**
 * What a peer at `version` lacks of a store, as state. Cost follows what changed since, for any age of peer: each author's recency
 * list is walked back from its tail. A peer whose version does not cover the floor gets a full join (C5).
 */
export function bundleSince(store: Store, version: Version): Bundle {
  const { core } = store
  const full = isBelowFloor(store, version)
  // The peer may be ahead in other authors; the base is what both have.
  const base = full ? Version.empty : version.meet(core.version)
  const table = new RowTable()
  const lists: ListRow[] = []
  for (const entry of full ? wholeStore(core) : touchedSince(core, version)) {
    if (core.tree.kind(entry) === leafKinds.list) lists.push(listRow(core, entry, base))
    else addRow(core, table, entry, base)
  }
  const epochs = epochsFor(core, version)
  if (!full && epochs.length > 0) addDecided(core, table, epochs, version)
  return new TableBundle({ base, version: core.version, floor: core.floor, full, lists, epochs }, table)
}

/** Whether a replica at `version` is to be sent the whole state: removal records that it may lack are gone. */
export function isBelowFloor({ core }: Store, version: Version): boolean {
  // Who has all but the records of epochs crosses by what it lacks.
  return !crossedVersion(core, version).covers(core.floor)
}

/** The epochs, where a peer has not crossed into the last. */
function epochsFor({ epochs }: Core, version: Version): readonly Epoch[] {
  const last = epochs.at(-1)
  return last === undefined || version.get(last.author) > 0 ? [] : epochs
}

/** Adds what stands where it takes the changes themselves to fold, and the peer may not have them. */
function addDecided(core: Core, table: RowTable, epochs: readonly Epoch[], version: Version): void {
  const named = new Set(Array.from({ length: table.keys.length }, (_, row) => table.keys.at(row).id))
  for (const key of decidedKeys(epochs.filter(({ author }) => version.get(author) === 0))) {
    const entry = core.tree.known(key)
    if (named.has(key.id)) continue
    named.add(key.id)
    if (entry !== 0) addRow(core, table, entry, version.meet(core.version))
    else table.add(key, [], [])
  }
}

/** The whole state of a store without removal records: smaller, and whoever loads it has the floor at this version. */
export function compactBundle({ core }: Store): Bundle {
  const { tree, version } = core
  const base = Version.empty
  const table = new RowTable()
  const lists: ListRow[] = []
  for (const entry of entriesIn(tree)) {
    if (tree.kind(entry) === leafKinds.list) {
      if ((tree.sequences.get(entry)?.size ?? 0) > 0) lists.push({ ...listRow(core, entry, base), erasures: [] })
    } else if (tree.isLive(entry)) addRow(core, table, entry, base, tree.items(entry), noRemovals)
  }
  // Whoever begins with this brings nothing from before.
  const epochs = core.epochs.map(({ author }) => ({ author, fold: undefined }))
  return new TableBundle({ base, version, floor: version, full: true, lists, epochs }, table)
}

/** What an entry held at some moment. */
export interface EntryState {
  readonly items: readonly Item[]
  readonly removals: readonly Removal[]
}

/** A removal record as it stood when it was asked for; that of a list names elements. */
export interface Removal extends BundleRemoval {
  readonly targets?: readonly Dot[]
}

/** The removal records of an entry. */
export function removalsOf({ tree }: Core, entry: Row): readonly Removal[] {
  const records = tree.removals(entry)
  if (tree.kind(entry) !== leafKinds.list) return records
  return records.map(({ author, seq, hlc, row }) => ({ author, seq, hlc, targets: tree.targets(row) }))
}

/** What `entries` held after `base` and up to `version`; `stateOf` knows those that have changed since. */
export function bundleOf(
  core: Core,
  entries: Iterable<Row>,
  base: Version,
  version: Version,
  stateOf: (entry: Row) => EntryState | undefined,
): Bundle {
  const table = new RowTable()
  const lists: ListRow[] = []
  for (const entry of entries) {
    const state = stateOf(entry)
    if (core.tree.kind(entry) === leafKinds.list) lists.push(listRow(core, entry, base, state?.removals, version))
    else addRow(core, table, entry, base, state?.items, state?.removals)
  }
  return new TableBundle({ base, version, floor: core.floor, full: false, lists }, table)
}

function* wholeStore({ tree }: Core): Iterable<Row> {
  for (const entry of entriesIn(tree)) {
    if (tree.isLive(entry) || tree.hasRecords(entry) || (tree.sequences.get(entry)?.size ?? 0) > 0) yield entry
  }
}

function touchedSince(core: Core, version: Version): Iterable<Row> {
  if (version.size === 0) return wholeStore(core)
  const touched = new TouchedEntries(core.tree)
  for (const slot of core.slots.values()) {
    const seen = version.get(slot.id)
    if (slot.max > seen) entriesAfter(core.tree, slot, seen, touched)
  }
  return touched
}

const noRemovals: readonly BundleRemoval[] = []

function addRow(
  core: Core,
  table: RowTable,
  entry: Row,
  base: Version,
  items?: readonly Item[],
  records?: readonly Removal[],
): void {
  const { tree, rules } = core
  const isPlain = items === undefined && !tree.hasRecords(entry) && tree.isLive(entry)
  if (isPlain && rules.shippedItems === soundRules.shippedItems) {
    tree.addKey(entry, table.keys)
    table.addDot(tree.slotOf(entry).id, tree.seq(entry), tree.hlc(entry))
    table.values.push(tree.value(entry) as Value)
    return
  }
  const removals = (records ?? tree.removals(entry)).filter((record) => record.seq > base.get(record.author))
  table.add(tree.key(entry), rules.shippedItems(items ?? tree.items(entry), base), removals)
}

function listRow(
  core: Core,
  entry: Row,
  base: Version,
  records: readonly Removal[] = removalsOf(core, entry),
  version?: Version,
): ListRow {
  const erasures: Erasure[] = []
  for (const { author, seq, targets } of records) {
    if (seq > base.get(author)) erasures.push({ author, seq, targets: targets ?? [] })
  }
  const runs: ListRun[] = []
  const isWanted = (author: AuthorId, seq: number): boolean =>
    seq > base.get(author) && (version === undefined || seq <= version.get(author))
  for (const { id, place, values } of core.tree.sequences.get(entry)?.runs(isWanted) ?? []) {
    runs.push({ author: id.author, seq: id.seq, place, values })
  }
  return { key: core.tree.key(entry), runs, erasures }
}
