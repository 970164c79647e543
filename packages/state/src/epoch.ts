import { decodeBundle, encodeBundle } from './bundle-codec.ts'
import type { Bundle, BundleItem, Change, Epoch, KeyRow, Op } from './change.ts'
import type { Core, LiveItem } from './core.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Item } from './item-table.ts'
import { Key, keyId, leafKinds } from './key.ts'
import { greatestReset, type ResetMark, resetMark } from './read.ts'
import type { Row } from './rows.ts'
import { Version } from './version.ts'

/**
 * Epochs: the only points at which metadata goes that merging needs. One replica folds its whole state; everybody else
 * does the same to what it has, when it hears of it. What an item means after the fold depends on the item and on what was
 * folded, and on nothing else, so it does not matter where that is worked out, nor in which order with merging.
 *
 * Invariants (rules EP1 to EP8 of SPEC.md):
 * 1. The author of an epoch has written nothing else: a version includes it exactly if its replica has crossed.
 * 2. A fold rewrites no dot. Whoever has crossed has everything in the cut, or a floor that says that it has not.
 */

/** Says whether the author of an item had seen a dot; undefined where nobody knows any more. */
type HadSeen = (dot: Dot) => boolean | undefined

/** What one epoch folded away, by address. */
interface Fold {
  /** The greatest reset of each part of a counter, by the address of the part's resets. */
  readonly marks: ReadonlyMap<string, ResetMark>
  /** Resets, and removals of remove-wins sets, that stood at the cut and are gone. */
  readonly gone: ReadonlyMap<string, readonly Dot[]>
  readonly rows: readonly KeyRow[]
}

const folds = new WeakMap<Uint8Array, Fold>()

/** What the bytes of a fold say; undefined where there are none, or nobody can read them. */
function foldOf({ fold }: Epoch): Fold | undefined {
  if (fold === undefined) return undefined
  const known = folds.get(fold)
  if (known !== undefined) return known
  const decoded = decodeBundle(fold)
  if (!decoded.ok) return undefined
  const marks = new Map<string, ResetMark>()
  const gone = new Map<string, readonly Dot[]>()
  for (const { key, items } of decoded.value.rows) {
    const mark = key.kind === leafKinds.counterReset ? greatestReset(items) : undefined
    if (mark !== undefined) marks.set(key.id, mark)
    gone.set(key.id, items)
  }
  const read = { marks, gone, rows: decoded.value.rows }
  folds.set(fold, read)
  return read
}

/** The folds of epochs, in turn; undefined if one of them is not held here. */
function foldsOf(epochs: readonly Epoch[]): readonly Fold[] | undefined {
  const found = epochs.map(foldOf)
  return found.every((fold) => fold !== undefined) ? (found as Fold[]) : undefined
}

/** What would be folded at this moment: resets of counters, and removals of remove-wins sets. */
export function foldableRows({ tree }: Core): KeyRow[] {
  const rows: KeyRow[] = []
  for (const entry of tree.entries()) {
    const kind = tree.kind(entry)
    if (kind !== leafKinds.counterReset && kind !== leafKinds.setRemoveWins) continue
    const items = tree.items(entry).filter(({ value }) => kind === leafKinds.counterReset || value === false)
    if (items.length > 0) rows.push({ key: tree.key(entry), items, removals: [] })
  }
  return rows
}

/** The bundle that begins an epoch at what a store has: whoever has the cut crosses by it. */
export function epochBundle(core: Core, author: AuthorId, rows: readonly KeyRow[]): Bundle {
  const base = core.version
  const version = base.with(author, 1)
  const empty = { base: Version.empty, version: Version.empty, floor: Version.empty, full: false, lists: [] }
  const fold = encodeBundle({ ...empty, rows })
  return { base, version, floor: version, full: false, rows: [], lists: [], epochs: [...core.epochs, { author, fold }] }
}

/** Where a bundle stands by its epoch. */
export type Crossing =
  /** In the same epoch, once these are crossed. */
  | { readonly kind: 'forward'; readonly epochs: readonly Epoch[]; readonly known: readonly Epoch[] }
  /** From before these. */
  | { readonly kind: 'backward'; readonly epochs: readonly Epoch[] }
  /** Nobody here can say what it means: its epochs are others, or what they folded is not known. */
  | { readonly kind: 'closed' }

const closed: Crossing = { kind: 'closed' }

/** Compares the epochs of a store with those of a bundle. */
export function crossingOf(core: Core, bundle: Bundle): Crossing {
  const ours = core.epochs
  const theirs = bundle.epochs ?? ours.filter(({ author }) => bundle.version.get(author) > 0)
  const shared = Math.min(ours.length, theirs.length)
  for (let i = 0; i < shared; i++) if (ours[i]?.author !== theirs[i]?.author) return closed
  const rest = (theirs.length > shared ? theirs : ours).slice(shared)
  const isKnown = rest.length === 0 || foldsOf(rest) !== undefined
  if (ours.length > shared) return isKnown ? { kind: 'backward', epochs: rest } : closed
  // Where nothing stands nothing has to be folded.
  return isKnown || core.version.size === 0 ? { kind: 'forward', epochs: rest, known: theirs } : closed
}

/** The version of a peer as if it had crossed what this store has. */
export function crossedVersion({ epochs }: Core, version: Version): Version {
  const lacking = epochs.filter(({ author }) => version.get(author) === 0)
  return lacking.length === 0 ? version : version.patched(lacking.map(({ author }) => [author, 1] as const))
}

/**
 * Keys at which folds asked what an add had seen: whoever has decided tells all that stands there, as others may not know.
 */
export function decidedKeys(epochs: readonly Epoch[]): readonly Key[] {
  return epochs.flatMap((epoch) => {
    const rows = foldOf(epoch)?.rows ?? []
    return rows.map(({ key }) => key).filter(({ kind }) => kind === leafKinds.setRemoveWins)
  })
}

/** Folds what stands in a store, and notes that it has crossed. `contextOf`: of a change that is kept beside the store. */
export function cross(core: Core, epochs: readonly Epoch[], floor: Version, contextOf: ContextOf): void {
  for (const epoch of epochs) {
    const { tree, version } = core
    const fold = foldOf(epoch)
    for (const { key } of fold?.rows ?? []) {
      const entry = tree.known(key)
      if (fold === undefined) continue
      if (key.kind === leafKinds.counterReset) foldCounter(core, fold, key, entry)
      else if (entry !== 0) foldSet(core, fold, key, entry, floor, (item) => hadSeenBy(item, version, contextOf))
    }
    core.raise(core.slot(epoch.author), 1)
  }
}

/** What the author of a change had seen of others, where the change is kept. */
export type ContextOf = (dot: Dot) => Version | undefined

function hadSeenBy(item: Dot, version: Version, contextOf: ContextOf): HadSeen {
  return (dot) => {
    if (!version.has(dot)) return false
    if (dot.author === item.author) return dot.seq < item.seq
    return contextOf(item)?.has(dot)
  }
}

function foldCounter(core: Core, fold: Fold, key: Key, resets: Row): void {
  const { tree } = core
  const ofPart = partKey(key)
  const part = tree.known(ofPart)
  if (part !== 0) foldEntry(core, part, (item) => foldedItem(fold, ofPart, item, [], never))
  // Last, as the part is present by what both say together.
  if (resets !== 0) foldEntry(core, resets, (item) => foldedItem(fold, key, item, [], never))
}

const never: HadSeen = () => undefined

function foldSet(core: Core, fold: Fold, key: Key, entry: Row, floor: Version, seenBy: (item: Item) => HadSeen): void {
  const beside = core.tree.items(entry)
  foldEntry(core, entry, (item) => {
    const folded = foldedItem(fold, key, item, beside, seenBy(item))
    // An add that lost has overwritten all the same: below the floor everybody has heard, above it a record tells.
    if (folded === undefined && item.value === true && !floor.has(item)) core.noteRemoval(entry, item)
    return folded
  })
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

/** EP3: what an item means after an epoch; undefined where it is gone. `beside`: what stands with it, itself included. */
function foldedItem<T extends BundleItem>(
  fold: Fold,
  key: Key,
  item: T,
  beside: readonly BundleItem[],
  hadSeen: HadSeen,
): T | undefined {
  const { path, kind, member } = key
  if (kind === leafKinds.setRemoveWins) {
    const gone = fold.gone.get(key.id) ?? []
    const isLost = (dot: Dot): boolean => beside.some((other) => isSame(other, dot)) || hadSeen(dot) === false
    return gone.some((dot) => isSame(dot, item)) || (item.value === true && gone.some(isLost)) ? undefined : item
  }
  if (kind !== leafKinds.counter && kind !== leafKinds.counterReset) return item
  const address = keyId(path, leafKinds.counterReset, member)
  const mark = fold.marks.get(address)
  if (mark === undefined) return item
  if (kind === leafKinds.counter) {
    const sum = item.value as number
    return item.seq <= mark.seq && sum === mark.sum ? undefined : { ...item, value: sum - mark.sum }
  }
  if (fold.gone.get(address)?.some((dot) => isSame(dot, item)) === true) return undefined
  const { seq, sum } = resetMark(item.value) as ResetMark
  // What saw less than a reset at the cut takes away nothing any more.
  return { ...item, value: [seq, seq >= mark.seq ? sum - mark.sum : 0] }
}

function isSame(left: Dot, right: Dot): boolean {
  return left.seq === right.seq && left.author === right.author
}

/** EP5: a change as one of the present epoch; undefined where nobody here can say what it means. */
export function anchored(core: Core, change: Change): Change | undefined {
  const last = core.epochs.at(-1)
  if (last === undefined || change.context.get(last.author) > 0) return change
  const late = core.epochs.filter(({ author }) => change.context.get(author) === 0)
  const found = foldsOf(late)
  if (found === undefined) return undefined
  const { author, seq, span, hlc, cause, context } = change
  const hadSeen: HadSeen = (dot) => (dot.author === author ? dot.seq < seq : context.has(dot))
  const ops = change.ops.map((op): Op => {
    if (op.type !== 'put') return op
    let item: BundleItem | undefined = { author, seq, hlc, value: op.value }
    for (const fold of found) if (item !== undefined) item = foldedItem(fold, op.key, item, [], hadSeen)
    return item === undefined ? { type: 'remove', key: op.key } : { ...op, value: item.value }
  })
  return {
    author,
    seq,
    span,
    hlc,
    ...(cause === undefined ? {} : { cause }),
    context: context.patched(late.map((epoch) => [epoch.author, 1] as const)),
    ops,
  }
}

/** A bundle from before some epochs as one of after them. */
export function foldedBundle(bundle: Bundle, epochs: readonly Epoch[], contextOf: ContextOf): Bundle {
  let { rows } = bundle
  for (const fold of foldsOf(epochs) ?? []) rows = rows.map((row) => foldedRow(fold, row, bundle.version, contextOf))
  const { base, version, floor, full, lists } = bundle
  return { base, version, floor, full, lists, rows }
}

function foldedRow(fold: Fold, row: KeyRow, version: Version, contextOf: ContextOf): KeyRow {
  const { key } = row
  const items: BundleItem[] = []
  const removals = [...row.removals]
  for (const item of row.items) {
    const folded = foldedItem(fold, key, item, row.items, hadSeenBy(item, version, contextOf))
    if (folded !== undefined) items.push(folded)
    else if (item.value === true) removals.push(item)
  }
  return { key, items, removals }
}
