import type { Bundle, BundleItem, Change, Epoch, KeyRow, ListRow, ListRun, Op } from './change.ts'
import { lastSeq } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, type Dot, isSeq } from './ids.ts'
import { compareKeys, type Key, KeyCursor, type KeyParts, keyId, leafKinds, pathOf } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { addressFault, depthFault } from './limits.ts'
import { RowTable, type TablePlace, tableStart } from './row-table.ts'
import { marks, type Row, RowSet, words } from './rows.ts'
import type { Place, Sequence } from './sequence.ts'
import { finish, type Steps, stepRows } from './steps.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { WrittenChange } from './written-change.ts'

/**
 * Checks of everything that comes from a peer or a disk, made before anything changes. They answer with the broken
 * rule in words, or undefined when all is well.
 */
export type Fault = string | undefined

interface Range {
  readonly from: number
  readonly to: number
}

/** Ranges of list elements that a change or bundle brings, per list and author in order of seq. */
class NewElements {
  readonly #ranges: Map<string, Range[]> = new Map()

  /** Adds a range; false when one of its elements was there. */
  add(key: Key, author: AuthorId, from: number, count: number): boolean {
    const name = `${author}${key.id}`
    const ranges = this.#ranges.get(name) ?? []
    const at = firstFrom(ranges, from)
    const to = from + count - 1
    const overlaps = (ranges[at - 1]?.to ?? 0) >= from || (ranges[at]?.from ?? Number.POSITIVE_INFINITY) <= to
    if (overlaps) return false
    ranges.splice(at, 0, { from, to })
    this.#ranges.set(name, ranges)
    return true
  }

  has(key: Key, dot: Dot): boolean {
    const ranges = this.#ranges.get(`${dot.author}${key.id}`) ?? []
    const range = ranges[firstFrom(ranges, dot.seq + 1) - 1]
    return range !== undefined && range.to >= dot.seq
  }
}

/** Index of the first range that begins at `seq` or later. */
function firstFrom(ranges: readonly Range[], seq: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[middle]?.from ?? 0) < seq) low = middle + 1
    else high = middle
  }
  return low
}

/** Checks a change whose context is covered and which is the author's next. */
export function changeFault(core: Core, change: Change): Fault {
  if (!isSeq(change.seq) || !isSeq(lastSeq(change)) || change.span < 1) return 'a seq is out of range'
  if (!isStamp(change.hlc)) return 'the clock is not a stamp'
  if (change.context.get(change.author) >= change.seq) return 'a context that includes its own change'
  if (change instanceof WrittenChange && change.isOf(core.tree)) return rowsFault(core, change)
  if (change.ops.length === 0) return noWrites
  const rows = new NamedRows(core.tree)
  const fault = opsFault(core, change, new NamedKeys(core.tree, rows, () => keysOf(change.ops)))
  rows.clear()
  return fault
}

function opsFault(core: Core, change: Change, named: NamedKeys): Fault {
  const fresh = new NewElements()
  let elements = 0
  for (const op of change.ops) {
    const fault: Fault =
      op.type === 'put'
        ? (named.add(op.key) ?? valueFault(op.key, op.value, change.author))
        : op.type === 'remove'
          ? (named.add(op.key) ?? removeFault(op.key))
          : op.type === 'insert'
            ? insertFault(core, change, op.key, { ...op.run.id, place: op.run.place, values: op.run.values }, fresh)
            : eraseFault(core, op.key, op.targets, fresh)
    if (fault !== undefined) return fault
    if (op.type === 'insert') elements += op.run.values.length
  }
  return Math.max(1, elements) === change.span ? undefined : 'the span is not the number of inserted elements'
}

const noWrites = 'a change without writes'

/** Checks a change of writes alone. Whatever a tree has stands at a sound address. */
function rowsFault(core: Core, change: WrittenChange): Fault {
  const { rows, removed } = change
  if (rows.length + removed.length === 0) return noWrites
  const named = new NamedRows(core.tree)
  const fault = writesFault(core.tree, change, named)
  named.clear()
  return fault
}

function writesFault(tree: Tree, { rows, values, removed, author }: WrittenChange, named: NamedRows): Fault {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as Row
    const value = values[i] as Value
    if (!named.add(row)) return namedTwice
    const kind = tree.kind(row)
    if (kind === leafKinds.register && typeof value !== 'object') continue
    const { fault } = leafKind(kind)
    const found = depthFault(value) ?? fault?.(tree.member(row), value, author)
    if (found !== undefined) return found
  }
  for (const row of removed) {
    if (!named.add(row)) return namedTwice
    if (!leafKind(tree.kind(row)).removable) return notRemovable
  }
  return undefined
}

const notRemovable = 'a keyed removal where there is none'

/** Rows that a change names, marked where they stand: between changes nobody else uses that mark. */
class NamedRows {
  readonly #tree: Tree
  readonly #rows: Row[] = []

  constructor(tree: Tree) {
    this.#tree = tree
  }

  /** False where it was there already. */
  add(row: Row): boolean {
    const { rows } = this.#tree
    const flags = rows.get(row, words.flags)
    if ((flags & marks.put) !== 0) return false
    rows.set(row, words.flags, flags | marks.put)
    this.#rows.push(row)
    return true
  }

  /** To be called in the end. */
  clear(): void {
    const { rows } = this.#tree
    for (const row of this.#rows) rows.set(row, words.flags, rows.get(row, words.flags) & ~marks.put)
  }
}

/** Finds keys that are named twice: by a mark where the store has the key, else by their order or their text. */
class NamedKeys {
  readonly #tree: Tree
  readonly #rows: { add(row: Row): boolean }
  readonly #all: () => Iterable<KeyParts>
  /** How many were added. */
  #count = 0
  /** The last of those that the store does not have. */
  readonly #last = new KeyCursor()
  #hasLast = false
  /** Their texts, once they did not come in order. */
  #texts: Set<string> | undefined

  /**
   * `rows`: where those are noted that the store has. `all`: the keys that will be added, in turn; asked for when they do
   * not come in order.
   */
  constructor(tree: Tree, rows: { add(row: Row): boolean }, all: () => Iterable<KeyParts>) {
    this.#tree = tree
    this.#rows = rows
    this.#all = all
  }

  add(key: Key): Fault {
    return this.#add(this.#tree.known(key), key)
  }

  /** Adds the key of a column that a cursor shows. */
  addShown(key: KeyCursor): Fault {
    return this.#add(this.#tree.find(key), key)
  }

  #add(entry: Row, parts: KeyParts): Fault {
    const fault = entry === 0 ? this.#addUnknown(parts) : this.#rows.add(entry) ? undefined : namedTwice
    this.#count++
    return fault
  }

  #addUnknown(parts: KeyParts): Fault {
    const fault = addressFault(parts)
    if (fault !== undefined) return fault
    if (this.#texts === undefined) {
      if (!this.#hasLast || compareKeys(this.#last, parts) < 0) {
        this.#last.show(parts)
        this.#hasLast = true
        return undefined
      }
      this.#texts = this.#textsBefore()
    }
    const { size } = this.#texts
    return this.#texts.add(textOf(parts)).size > size ? undefined : namedTwice
  }

  #textsBefore(): Set<string> {
    const texts = new Set<string>()
    let left = this.#count
    for (const key of this.#all()) {
      if (left-- === 0) break
      texts.add(textOf(key))
    }
    return texts
  }
}

function* keysOf(ops: readonly Op[]): Iterable<KeyParts> {
  for (const { type, key } of ops) if (type === 'put' || type === 'remove') yield key
}

function* keysIn(bundle: Bundle): Iterable<KeyParts> {
  const { keys } = RowTable.of(bundle)
  const shown = new KeyCursor()
  for (let at = 0; at < keys.length; at++) yield keys.read(at, shown)
  for (const { key } of bundle.lists) yield key
}

function textOf(key: KeyParts): string {
  return keyId(pathOf(key), key.kind, key.member)
}

const namedTwice = 'a key is named twice'

function valueFault(key: KeyParts, value: Value, author: string): Fault {
  return depthFault(value) ?? leafKind(key.kind).fault?.(key.member, value, author)
}

function removeFault(key: Key): Fault {
  return leafKind(key.kind).removable ? undefined : notRemovable
}

function insertFault(core: Core, change: Change, key: Key, run: ListRun, fresh: NewElements): Fault {
  if (key.kind !== leafKinds.list) return 'an insertion into something that is not a list'
  if (run.author !== change.author) return 'list elements under the name of another author'
  const inside = run.seq >= change.seq && run.seq + run.values.length - 1 <= lastSeq(change)
  if (!inside || run.values.length === 0) return 'list elements outside the span of their change'
  return placeFault(core, key, run, fresh)
}

function placeFault(core: Core, key: Key, run: ListRun, fresh: NewElements): Fault {
  const sequence = sequenceAt(core, key)
  const fault = sequence === undefined ? addressFault(key) : undefined
  if (fault !== undefined) return fault
  const known = (dot: Dot | undefined) => dot === undefined || fresh.has(key, dot) || sequence?.knows(dot) === true
  if (!known(run.place.parent) || !known(run.place.rightOrigin)) {
    return 'a list element beside one that is not known'
  }
  if (!isPlace(run.place)) return 'a place of another form'
  for (const value of run.values) {
    const deep = depthFault(value)
    if (deep !== undefined) return deep
  }
  return fresh.add(key, run.author, run.seq, run.values.length) ? undefined : 'a list element twice'
}

function sequenceAt({ tree }: Core, key: Key): Sequence | undefined {
  const entry = tree.known(key)
  return entry === 0 ? undefined : tree.sequences.get(entry)
}

function isPlace(place: Place): boolean {
  return place.side === 'right' || (place.parent !== undefined && place.rightOrigin === undefined)
}

function eraseFault(core: Core, key: Key, targets: readonly Dot[], fresh: NewElements): Fault {
  if (key.kind !== leafKinds.list) return 'a list deletion in something that is not a list'
  const sequence = sequenceAt(core, key)
  for (const target of targets) {
    if (!fresh.has(key, target) && sequence?.knows(target) !== true)
      return 'the deletion of a list element that is not known'
  }
  return undefined
}

/** Checks a bundle whose base is covered, or which is full. */
export function bundleFault(core: Core, bundle: Bundle): Fault {
  return finish(checkingBundle(core, bundle))
}

/** Checks it in steps. */
export function* checkingBundle(core: Core, bundle: Bundle): Steps<Fault> {
  if (!bundle.version.covers(bundle.base)) return 'a bundle that ends before it begins'
  if (!bundle.version.covers(bundle.floor)) return 'a floor above the version'
  for (const [, seq] of bundle.version.entries()) if (!isSeq(seq)) return 'a seq is out of range'
  const isBegun = ({ author }: Epoch): boolean => bundle.version.get(author) > 0
  if (bundle.epochs?.every(isBegun) === false) return 'an epoch that the version does not include'
  const named = new NamedKeys(core.tree, new RowSet(core.tree.rows.end), () => keysIn(bundle))
  const wrong = yield* checkingTable(bundle, named)
  if (wrong !== undefined) return wrong
  const fresh = new NewElements()
  for (const row of bundle.lists) {
    const fault = named.add(row.key) ?? listFault(core, row, bundle, fresh)
    if (fault !== undefined) return fault
  }
  return undefined
}

function* checkingTable(bundle: Bundle, named: NamedKeys): Steps<Fault> {
  const table = RowTable.of(bundle)
  const count = table.keys.length
  const wrong = dotsFault(bundle, table)
  if (wrong !== undefined) return wrong
  const at = tableStart()
  while (at.row < count) {
    const fault = rowsFaultTo(bundle, table, named, at, Math.min(count, at.row + stepRows))
    if (fault !== undefined) return fault
    yield at.row / count
  }
  return undefined
}

function dotsFault(bundle: Bundle, table: RowTable): Fault {
  for (let dot = 0; dot < table.seqs.length; dot++) {
    const [author, seq] = [table.authors[dot] as AuthorId, table.seqs[dot] as number]
    const fault = dotFault({ author, seq }, bundle) ?? (isStamp(table.hlcs[dot] as number) ? undefined : noStamp)
    if (fault !== undefined) return fault
  }
  return undefined
}

function rowsFaultTo(bundle: Bundle, table: RowTable, named: NamedKeys, at: TablePlace, to: number): Fault {
  const key = new KeyCursor()
  for (; at.row < to; table.advance(at)) {
    const author = table.authors[table.dots[at.dot] as number] as AuthorId
    const fault =
      named.addShown(table.keys.read(at.row, key)) ??
      (table.isPlain(at.row)
        ? valueFault(key, table.values.get(at.value) as Value, author)
        : rowFault(table.row(at), bundle))
    if (fault !== undefined) return fault
  }
  return undefined
}

const notIncluded = 'an item that the version does not include'
const noStamp = 'the clock is not a stamp'

function dotFault(dot: Dot, bundle: Bundle): Fault {
  return isSeq(dot.seq) && bundle.version.has(dot) ? undefined : notIncluded
}

function rowFault(row: KeyRow, bundle: Bundle): Fault {
  if (row.items.length === 0 && row.removals.length === 0 && bundle.full) return 'a row without items'
  for (const item of row.items) {
    const fault = dotFault(item, bundle) ?? itemFault(row.key, item)
    if (fault !== undefined) return fault
  }
  for (const removal of row.removals) {
    const fault = dotFault(removal, bundle) ?? (isStamp(removal.hlc) ? undefined : noStamp)
    if (fault !== undefined) return fault
  }
  return row.items.length > 1 || row.removals.length > 1 ? manyFault(row) : undefined
}

/** Whether what stands at one key can stand side by side. */
function manyFault(row: KeyRow): Fault {
  const dots = new Set(row.items.map((item) => `${item.author}:${item.seq}`))
  if (dots.size !== row.items.length) return 'a dot twice at one key'
  if (row.key.kind === leafKinds.counter && row.items.length > 1) return 'siblings in a part of a counter'
  const removers = new Set(row.removals.map((removal) => removal.author))
  return removers.size === row.removals.length ? undefined : 'two removal records of one author at one key'
}

function itemFault(key: Key, item: BundleItem): Fault {
  return isStamp(item.hlc) ? valueFault(key, item.value, item.author) : noStamp
}

function listFault(core: Core, row: ListRow, bundle: Bundle, fresh: NewElements): Fault {
  if (row.key.kind !== leafKinds.list) return 'list rows of something that is not a list'
  for (const run of row.runs) {
    if (run.values.length === 0) return 'a run without elements'
    const last = { author: run.author, seq: run.seq + run.values.length - 1 }
    const fault = dotFault(run, bundle) ?? dotFault(last, bundle) ?? placeFault(core, row.key, run, fresh)
    if (fault === undefined && coversUnknown(core, row.key, run)) return 'a list element that was never there'
    if (fault !== undefined) return fault
  }
  for (const erasure of row.erasures) {
    const fault = dotFault(erasure, bundle) ?? eraseFault(core, row.key, erasure.targets, fresh)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** List places are kept for ever: what our version includes and the list does not know was made up. */
function coversUnknown(core: Core, key: Key, run: ListRun): boolean {
  const covered = Math.min(core.version.get(run.author), run.seq + run.values.length - 1)
  if (covered < run.seq) return false
  const sequence = sequenceAt(core, key)
  for (let seq = run.seq; seq <= covered; seq++) if (sequence?.knows({ author: run.author, seq }) !== true) return true
  return false
}
