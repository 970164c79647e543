import { applyBundle } from './apply-bundle.ts'
import type { Bundle, BundleItem, Change, KeyRow, Op } from './change.ts'
import type { Core, LiveItem } from './core.ts'
import type { ContextOf, Fold } from './epoch.ts'
import { changeNested } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { Dot } from './ids.ts'
import type { Item } from './item-table.ts'
import { Key, keyId, leafKinds } from './key.ts'
import { greatestReset, type ResetMark, resetMark } from './read.ts'
import { type Row, rowTypes, words } from './rows.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'
import { entriesIn } from './tree-walk.ts'
import type { Version } from './version.ts'

/** Says whether the author of an item had seen a dot; undefined where nobody knows any more. */
type HadSeen = (dot: Dot) => boolean | undefined

/** What was folded, by address. */
interface FoldIndex {
  readonly rows: readonly KeyRow[]
  /** The greatest reset of each part of a counter, by the address of the part's resets. */
  readonly marks: ReadonlyMap<string, ResetMark>
  /** Resets, and removals of remove-wins sets, that stood at the cut and are gone. */
  readonly gone: ReadonlyMap<string, readonly Dot[]>
}

/**
 * Begins an epoch at what a store has: what merging needed of resets and of removals of remove-wins sets goes, here
 * and wherever the bundle that is returned is merged. It is to be on disk before anybody else hears of anything later.
 * Undefined, with nothing done, where the authority does not let this replica propose (`Authority.proposeCut`), or less than
 * `least` items would go.
 * @throws RejoinError `change-nested` inside a transaction.
 */
export function beginEpoch(store: Store, least = 1): Bundle | undefined {
  if (store.transaction !== undefined) throw new RejoinError(changeNested)
  const { core } = store
  const rows = core.authority?.proposeCut?.() === true ? foldableRows(core) : []
  if (rows.reduce((sum, { items }) => sum + items.length, 0) < Math.max(1, least)) return undefined
  const author = core.mintAuthor()
  const base = core.version
  const version = base.with(author, 1)
  const epochs = [...core.epochs, { author, fold: new RowFold(() => rows) }]
  const bundle = { base, version, floor: version, full: false, rows: [], lists: [], epochs }
  applyBundle(store, bundle, { origin: 'load' })
  return bundle
}

/** What would be folded at this moment: resets of counters, and removals of remove-wins sets. */
function foldableRows({ tree }: Core): KeyRow[] {
  const rows: KeyRow[] = []
  for (const entry of entriesIn(tree)) {
    const kind = tree.kind(entry)
    if (kind !== leafKinds.counterReset && kind !== leafKinds.setRemoveWins) continue
    const items = tree.items(entry).filter(({ value }) => kind === leafKinds.counterReset || value === false)
    const dotted = items.map(({ author, seq, hlc, value }) => ({ author, seq, hlc, value }))
    if (items.length > 0) rows.push({ key: tree.key(entry), items: dotted, removals: [] })
  }
  return rows
}

/** A fold by the rows that are gone. Looked through when something is late, and not before. */
export class RowFold implements Fold {
  readonly #read: () => readonly KeyRow[]
  #index: FoldIndex | undefined

  constructor(read: () => readonly KeyRow[]) {
    this.#read = read
  }

  get rows(): readonly KeyRow[] {
    return this.#found.rows
  }

  get #found(): FoldIndex {
    this.#index ??= indexOf(this.#read())
    return this.#index
  }

  foldStore(core: Core, floor: Version, contextOf: ContextOf): void {
    const { tree, version } = core
    for (const { key } of this.rows) {
      const entry = tree.known(key)
      if (key.kind === leafKinds.counterReset) foldCounter(core, this, key, entry)
      else if (entry !== 0) foldSet(core, this, key, entry, floor, (item) => hadSeenBy(item, version, contextOf))
    }
  }

  foldOp(op: Op, { author, seq, hlc, context }: Change): Op {
    if (op.type !== 'put') return op
    const hadSeen: HadSeen = (dot) => (dot.author === author ? dot.seq < seq : context.has(dot))
    const folded = this.item(op.key, { author, seq, hlc, value: op.value }, [], hadSeen)
    return folded === undefined ? { type: 'remove', key: op.key } : { ...op, value: folded.value }
  }

  foldRow(row: KeyRow, version: Version, contextOf: ContextOf): KeyRow {
    const items: BundleItem[] = []
    const removals = [...row.removals]
    for (const item of row.items) {
      const folded = this.item(row.key, item, row.items, hadSeenBy(item, version, contextOf))
      if (folded !== undefined) items.push(folded)
      else if (item.value === true) removals.push(item)
    }
    return { key: row.key, items, removals }
  }

  /** EP3: what an item means after the epoch; undefined where it is gone. `beside`: what stands with it, itself included. */
  item<T extends BundleItem>(key: Key, item: T, beside: readonly BundleItem[], hadSeen: HadSeen): T | undefined {
    const { path, kind, member } = key
    const index = this.#found
    if (kind === leafKinds.setRemoveWins) {
      const gone = index.gone.get(key.id) ?? []
      const isLost = (dot: Dot): boolean => beside.some((other) => isSame(other, dot)) || hadSeen(dot) === false
      return gone.some((dot) => isSame(dot, item)) || (item.value === true && gone.some(isLost)) ? undefined : item
    }
    if (kind !== leafKinds.counter && kind !== leafKinds.counterReset) return item
    const address = keyId(path, leafKinds.counterReset, member)
    const mark = index.marks.get(address)
    if (mark === undefined) return item
    if (kind === leafKinds.counter) {
      const sum = item.value as number
      return item.seq <= mark.seq && sum === mark.sum ? undefined : { ...item, value: sum - mark.sum }
    }
    if (index.gone.get(address)?.some((dot) => isSame(dot, item)) === true) return undefined
    const { seq, sum } = resetMark(item.value) as ResetMark
    // What saw less than a reset at the cut takes away nothing any more.
    return { ...item, value: [seq, seq >= mark.seq ? sum - mark.sum : 0] }
  }
}

function indexOf(rows: readonly KeyRow[]): FoldIndex {
  const marks = new Map<string, ResetMark>()
  const gone = new Map<string, readonly Dot[]>()
  for (const { key, items } of rows) {
    const mark = key.kind === leafKinds.counterReset ? greatestReset(items) : undefined
    if (mark !== undefined) marks.set(key.id, mark)
    gone.set(key.id, items)
  }
  return { rows, marks, gone }
}

function hadSeenBy(item: Dot, version: Version, contextOf: ContextOf): HadSeen {
  return (dot) => {
    if (!version.has(dot)) return false
    if (dot.author === item.author) return dot.seq < item.seq
    return contextOf(item)?.has(dot)
  }
}

function foldCounter(core: Core, fold: RowFold, key: Key, resets: Row): void {
  const { tree } = core
  const ofPart = partKey(key)
  const part = tree.known(ofPart)
  if (part !== 0) foldEntry(core, part, (item) => fold.item(ofPart, item, [], never))
  // Last, as the part is present by what both say together.
  if (resets !== 0) foldEntry(core, resets, (item) => fold.item(key, item, [], never))
}

const never: HadSeen = () => undefined

function foldSet(
  core: Core,
  fold: RowFold,
  key: Key,
  entry: Row,
  floor: Version,
  seenBy: (item: Item) => HadSeen,
): void {
  const beside = core.tree.items(entry)
  foldEntry(core, entry, (item) => {
    const folded = fold.item(key, item, beside, seenBy(item))
    // An add that lost has overwritten all the same: below the floor everybody has heard, above it a record tells.
    if (folded === undefined && item.value === true && !floor.has(item)) noteRemoval(core, entry, item)
    return folded
  })
}

/** Keeps a record with the dot of an item that is about to go, in the item's place among those of its author. */
function noteRemoval(core: Core, entry: Row, { row, slot, seq, hlc }: Item): void {
  const { tree } = core
  core.dropRemovals(entry, (other) => tree.slotOf(other) === slot)
  insertAfter(tree, tree.addRecord(entry, rowTypes.removal, slot, seq, hlc, null), row)
  core.removalRecords++
}

/** Puts an item into the recency list of its author, after another that stands there. */
function insertAfter(tree: Tree, row: Row, before: Row): void {
  const { rows } = tree
  const after = rows.get(before, words.after)
  rows.set(row, words.before, before)
  rows.set(row, words.after, after)
  rows.set(before, words.after, row)
  if (after === 0) tree.slotOf(row).tail = row
  else rows.set(after, words.before, row)
}

/** Puts what items have become in their places. */
function foldEntry(core: Core, entry: Row, fold: (item: Item) => LiveItem | undefined): void {
  const { tree } = core
  const items = tree.items(entry)
  const folded = items.map(fold)
  if (folded.every((item, at) => item === items[at])) return
  core.touch(entry)
  for (const [at, item] of folded.entries())
    if (item !== undefined) tree.values.set((items[at] as Item).row, item.value)
  core.replaceLive(
    entry,
    items.filter((_, at) => folded[at] !== undefined),
  )
}

/** The address of the part of a counter that a reset belongs to. */
function partKey({ path, member }: Key): Key {
  return new Key(path, leafKinds.counter, member)
}

function isSame(left: Dot, right: Dot): boolean {
  return left.seq === right.seq && left.author === right.author
}
