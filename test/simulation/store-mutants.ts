/** The wrong shortcuts that looked right, each of which the store model must catch. */
import type { OpLog } from '@rejoin/sim'
import {
  type AuthorId,
  type Bundle,
  bundleSince,
  type Dot,
  type Fold,
  type KeyRow,
  type ListRow,
  leafKinds,
  type Store,
  storeToPlain,
  type Value,
  Version,
} from '@rejoin/state'
import { type MergeLive, mergeLive } from '@rejoin/state/testing'
import { randomRawWrite } from './raw-writes.ts'
import type { Mutant } from './store-model.ts'

/** By name; the name says what the shortcut does. */
export const storeMutants: Readonly<Record<string, () => Mutant>> = {
  'drops the losers of a last-writer-wins merge': () => ({ rules: { mergeLive: winnerOnly } }),
  'ships only new dots instead of the complete live set': () => ({
    rules: { shippedItems: (live, base) => live.filter((item) => !base.has(item)) },
  }),
  'lists the dots a removal saw instead of merging the key': () => ({ onBundle: removalsAsLists }),
  'lets a removal take away what it had not seen': () => ({ rules: { removalIsObserved: false } }),
  'frees removal records and forgets the laggard below the floor': () => ({ onBundle: withoutFullJoin }),
  'C1: continues a seq that was read from disk': () => ({ rules: { authorContinues: true }, continuesSeq: true }),
  'C2: keeps a delta-coded context across a bundle': keptContexts,
  'C3: gives chunks of a bundle a version of their own': () => ({ onBundle: chunksWithVersions }),
  'C4: clears the removal record of a key when it is written again': () => ({
    rules: { putKeepsRemovals: false },
    leaves: titleOnly,
  }),
  'C5: leaves the floor low after a full join': () => ({ rules: { joinedFloor: (ours) => ours } }),
  'applies a change before what it depends on': () => ({ rules: { contextCovered: () => true } }),
  'raises the version in the middle of a bundle': () => ({ onBundle: raisedMidBundle }),
  'takes a bundle whose base is missing': () => ({ rules: { bundleNeedsBase: false } }),
  'C17: lets a write with a lower token take the place of a higher one it had seen': () => ({
    rules: { tokensFence: false },
    leaves: fencedOnly,
  }),
  'C20: grants the first rights of a bounded counter at every replica': () => ({
    everybodyGrants: true,
    leaves: boundedOnly,
  }),
  'C6: crosses into an epoch without folding what it has': () => ({ epochs: true, onBundle: withoutFolds }),
  'C6: crosses into an epoch before it has all of the cut': () => ({ epochs: true, onBundle: withoutFullJoin }),
  'C6: merges state from before an epoch as it is': () => ({ epochs: true, onBundle: asOfPresentEpoch }),
  'C6: merges changes from before an epoch as they are': () => ({
    epochs: true,
    onChange: (change, to) => ({ ...change, ops: change.ops, context: change.context.patched(epochsOf(to)) }),
  }),
  'K1: begins epochs without the authority to': () => ({ epochs: true, everybodyProposes: true }),
  'C7: keeps one part of a counter for all authors': () => ({ write: sharedCounter }),
  'C7: takes the reset with the greatest value': () => ({ read: resetByGreatestValue, leaves: entryCounters }),
  'C7: frees the resets of counters at the floor': () => ({ onBundle: withoutResets, leaves: entryCounters }),
  'C8: drops authors that are retired from the version of a join': () => ({ mixed: true, onBundle: withoutRetired }),
  'K1: frees what an un-evicted laggard lacks, and sends that what it would send anybody who counts': () => ({
    mixed: true,
    forgetsWhoCounts: true,
    onBundle: withoutFullJoin,
  }),
  'K1: frees what an un-evicted laggard lacks, and makes it join whole': () => ({
    mixed: true,
    forgetsWhoCounts: true,
  }),
  'K1: frees removal records without the authority to': () => ({ mixed: true, everybodyPrunes: true }),
}

/** Writes and removals of one register. */
const titleOnly: readonly number[] = [0, 15]

/** Writes of one fenced register. */
const fencedOnly: readonly number[] = [17]

/** Counters inside of map entries, and deletions of those. */
const entryCounters: readonly number[] = [9, 14]

/** Writes of one bounded counter. */
const boundedOnly: readonly number[] = [24]

/** A register and a multi-value register: what was learned with one write matters for a later one elsewhere. */
const twoRegisters: readonly number[] = [0, 1]

const winnerOnly: MergeLive = (ours, theirs, ourVersion, theirVersion) => {
  const live = mergeLive(ours, theirs, ourVersion, theirVersion)
  return live.sort((a, b) => b.hlc - a.hlc || (a.author < b.author ? 1 : -1)).slice(0, 1)
}

const isNew = (dot: Dot, base: Version): boolean => !base.has(dot)

/** The receiver removes exactly what each removal saw, and adds what is new: no merge of the whole key. */
function removalsAsLists(bundle: Bundle, to: Store, log: OpLog): readonly Bundle[] {
  const held = new Map(bundleSince(to, Version.empty).rows.map((row) => [row.key.id, row.items]))
  const rows = bundle.rows.map((row): KeyRow => {
    if (row.removals.length === 0) return row
    const logged = log.keyAt(row.key.path, row.key.kind, row.key.member)
    const listed = new Set<string>()
    for (const removal of row.removals) {
      const seen = log.changeAt(removal)?.context.with(removal.author, removal.seq - 1)
      if (logged === undefined || seen === undefined) continue
      for (const item of log.liveItems(logged, seen)) listed.add(`${item.author}:${item.seq}`)
    }
    const kept = (held.get(row.key.id) ?? []).filter(
      (item) => bundle.version.has(item) && !listed.has(`${item.author}:${item.seq}`),
    )
    return { ...row, items: [...kept, ...row.items.filter((item) => isNew(item, to.version))] }
  })
  return [{ ...bundle, rows }]
}

/** Below the floor, yet answered with what was touched since: the freed removals are in nobody's list any more. */
function withoutFullJoin(bundle: Bundle, to: Store): readonly Bundle[] {
  if (!bundle.full) return [bundle]
  const base = to.version.meet(bundle.version)
  const rows = bundle.rows.filter((row) => [...row.items, ...row.removals].some((dot) => isNew(dot, base)))
  return [{ ...bundle, full: false, base, floor: Version.empty, rows }]
}

/** Resets freed as if they were removal records: whoever joins counts again what was reset. */
function withoutResets(bundle: Bundle): readonly Bundle[] {
  if (!bundle.full) return [bundle]
  return [{ ...bundle, rows: bundle.rows.filter(({ key }) => key.kind !== leafKinds.counterReset) }]
}

/** Nobody writes under them, nothing of theirs is live, so why keep them? Because somebody away may still hold something. */
function withoutRetired(bundle: Bundle, _to: Store, _log: OpLog, writing: ReadonlySet<AuthorId>): readonly Bundle[] {
  if (!bundle.full) return [bundle]
  const named = new Set<AuthorId>(writing)
  for (const { items, removals } of bundle.rows) for (const { author } of [...items, ...removals]) named.add(author)
  for (const { runs, erasures } of bundle.lists) for (const { author } of [...runs, ...erasures]) named.add(author)
  for (const { author } of bundle.epochs ?? []) named.add(author)
  const retired = [...bundle.version.entries()].map(([author]) => author).filter((author) => !named.has(author))
  const forget = (version: Version): Version => retired.reduce((left, author) => left.without(author), version)
  return [{ ...bundle, rows: bundle.rows, version: forget(bundle.version), floor: forget(bundle.floor) }]
}

/** The authors of the epochs that a store is in, as entries of a version. */
function epochsOf(store: Store): (readonly [AuthorId, number])[] {
  return (bundleSince(store, Version.empty).epochs ?? []).map(({ author }) => [author, 1] as const)
}

const nothingFolded: Fold = {
  rows: [],
  foldStore: () => undefined,
  foldOp: (op) => op,
  foldRow: (row) => row,
}

function withoutFolds(bundle: Bundle): readonly Bundle[] {
  const { epochs } = bundle
  if (epochs === undefined) return [bundle]
  return [{ ...bundle, rows: bundle.rows, epochs: epochs.map(({ author }) => ({ author, fold: nothingFolded })) }]
}

function asOfPresentEpoch(bundle: Bundle, to: Store): readonly Bundle[] {
  const lacking = epochsOf(to).filter(([author]) => bundle.version.get(author) === 0)
  if (lacking.length === 0) return [bundle]
  const { epochs: _, ...rest } = { ...bundle, rows: bundle.rows }
  return [{ ...rest, version: bundle.version.patched(lacking) }]
}

/** Receivers add what an author says it learned to what they last heard from it, whatever came in between. */
function keptContexts(): Mutant {
  const running = new WeakMap<Store, Map<AuthorId, Version>>()
  return {
    leaves: twoRegisters,
    onChange: (change, to, log) => {
      const contexts = running.get(to) ?? new Map<AuthorId, Version>()
      running.set(to, contexts)
      const before = change.seq === 1 ? undefined : log.changeAt({ author: change.author, seq: change.seq - 1 })
      const learned = [...change.context.entries()].filter(([author, seq]) => (before?.context.get(author) ?? 0) < seq)
      const context = (contexts.get(change.author) ?? Version.empty).merge(Version.from(learned))
      contexts.set(change.author, context)
      return { ...change, ops: change.ops, context }
    },
  }
}

/** One chunk per author, each raising the version to what it holds of that author. */
function chunksWithVersions(bundle: Bundle): readonly Bundle[] {
  if (bundle.full) return [bundle]
  const authors = [...bundle.version.entries()].filter(([author, seq]) => bundle.base.get(author) < seq)
  let base = bundle.base
  return authors.map(([author, seq]): Bundle => {
    const version = base.with(author, seq)
    const isIn = (dot: Dot): boolean => version.has(dot)
    const isOfThis = (dot: Dot): boolean => dot.author === author && isNew(dot, bundle.base)
    const rows = bundle.rows
      .filter((row) => row.items.some(isOfThis) || row.removals.some(isOfThis))
      .map((row) => ({ ...row, items: row.items.filter(isIn), removals: row.removals.filter(isOfThis) }))
    const lists = bundle.lists
      .map((row): ListRow => ({ ...row, runs: row.runs.filter(isOfThis), erasures: row.erasures.filter(isOfThis) }))
      .filter((row) => row.runs.length + row.erasures.length > 0)
    const chunk = { ...bundle, base, version, floor: bundle.floor.meet(version), rows, lists }
    base = version
    return chunk
  })
}

/** Two halves, both under the version of the whole: after the first the rest is known already. */
function raisedMidBundle(bundle: Bundle): readonly Bundle[] {
  const half = Math.floor(bundle.rows.length / 2)
  if (half === 0) return [bundle]
  return [
    { ...bundle, rows: bundle.rows.slice(0, half) },
    { ...bundle, rows: bundle.rows.slice(half) },
  ]
}

const everybody = '0000000000000000'

const sharedCounter: typeof randomRawWrite = (random, store, transaction, kinds) => {
  if (random.chance(0.8)) return randomRawWrite(random, store, transaction, kinds)
  const { tree } = store
  const entry = tree.entry(tree.node(['score']), leafKinds.counter, everybody)
  const before = transaction.valueOf(entry)
  return transaction.put(entry, (typeof before === 'number' ? before : 0) + 1 + random.int(9))
}

/** Reads the counters again, with the wrong choice among concurrent resets. */
function resetByGreatestValue(store: Store): Value {
  const plain = structuredClone(storeToPlain(store)) as Record<string, Record<string, Record<string, Value>>>
  for (const row of bundleSince(store, Version.empty).rows) {
    if (row.key.kind !== leafKinds.counterReset || row.items.length < 2) continue
    const marks = row.items.map((item) => item.value as readonly [number, number])
    const right = marks.reduce((best, mark) => (mark[0] > best[0] ? mark : best))
    const wrong = marks.reduce((best, mark) => (mark[1] > best[1] ? mark : best))
    const [group, name, field] = row.key.path as [string, string, string]
    const entry = plain[group]?.[name]
    if (entry !== undefined && typeof entry[field] === 'number') entry[field] = entry[field] + right[1] - wrong[1]
  }
  return plain as unknown as Value
}
