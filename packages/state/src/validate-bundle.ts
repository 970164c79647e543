import type { Bundle, BundleRemoval, KeyRow, ListRow } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, type Dot, isSeq } from './ids.ts'
import { compareKeys, type Key, KeyCursor, type KeyParts, keyId, leafKinds, pathOf } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { isAddress, isShallow } from './limits.ts'
import { areKnown, coversUnknown, isSoundRun, NewElements } from './list-check.ts'
import { RowTable, type TablePlace, tableStart } from './row-table.ts'
import { type Row, RowSet } from './rows.ts'
import { finish, type Steps, stepRows } from './steps.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'

/** Whether a bundle whose base is covered, or which is full, breaks no rule. `met` as below. */
export function isSoundBundle(core: Core, bundle: Bundle, met?: Uint32Array): boolean {
  return finish(checkingBundle(core, bundle, met))
}

/** Checks it in steps. `met` is told for each row the entry that the store has for it, and 0 where there is none. */
export function* checkingBundle(core: Core, bundle: Bundle, met?: Uint32Array): Steps<boolean> {
  const { version, epochs = [] } = bundle
  if (!version.covers(bundle.base) || !version.covers(bundle.floor)) return false
  for (const [, seq] of version.entries()) if (!isSeq(seq)) return false
  if (!epochs.every(({ author }) => version.get(author) > 0)) return false
  const named = new NamedKeys(core, () => keysIn(bundle))
  if (!(yield* checkingTable(bundle, named, met))) return false
  const fresh = new NewElements()
  return bundle.lists.every((row) => named.add(row.key) && isSoundList(core, row, bundle, fresh))
}

function* checkingTable(bundle: Bundle, named: NamedKeys, met: Uint32Array | undefined): Steps<boolean> {
  const table = RowTable.of(bundle)
  const count = table.keys.length
  if (!areSoundDots(bundle, table)) return false
  const at = tableStart()
  while (at.row < count) {
    if (!areSoundTo(bundle, table, named, at, Math.min(count, at.row + stepRows), met)) return false
    yield at.row / count
  }
  return true
}

function areSoundDots(bundle: Bundle, { authors, seqs, hlcs }: RowTable): boolean {
  return seqs.every((seq, dot) =>
    isSoundDot({ author: authors[dot] as AuthorId, seq, hlc: hlcs[dot] as number }, bundle),
  )
}

function areSoundTo(
  bundle: Bundle,
  table: RowTable,
  named: NamedKeys,
  at: TablePlace,
  to: number,
  met: Uint32Array | undefined,
): boolean {
  const key = new KeyCursor()
  for (; at.row < to; table.advance(at)) {
    const author = table.authors[table.dots.get(at.dot) as number] as AuthorId
    const entry = named.find(table.keys.read(at.row, key))
    if (met !== undefined) met[at.row] = entry
    const isSound =
      named.addFound(entry, key) &&
      (table.isPlain(at.row)
        ? isSoundValue(key, table.values.get(at.value) as Value, author)
        : isSoundRow(table.row(at), bundle))
    if (!isSound) return false
  }
  return true
}

/** Whether the version of a bundle includes a dot. */
function isIncluded(dot: Dot, bundle: Bundle): boolean {
  return isSeq(dot.seq) && bundle.version.has(dot)
}

function isSoundDot(dotted: BundleRemoval, bundle: Bundle): boolean {
  return isIncluded(dotted, bundle) && isStamp(dotted.hlc)
}

function isSoundRow(row: KeyRow, bundle: Bundle): boolean {
  const { key, items, removals } = row
  if (items.length === 0 && removals.length === 0 && bundle.full) return false
  if (!items.every((item) => isSoundDot(item, bundle) && isSoundValue(key, item.value, item.author))) return false
  if (!removals.every((removal) => isSoundDot(removal, bundle))) return false
  return (items.length <= 1 && removals.length <= 1) || mayStandTogether(row)
}

/** A dot stands once at a key, an author keeps one removal record there, and parts of counters have no siblings. */
function mayStandTogether({ key, items, removals }: KeyRow): boolean {
  const dots = new Set(items.map((item) => `${item.author}:${item.seq}`))
  const removers = new Set(removals.map((removal) => removal.author))
  if (key.kind === leafKinds.counter && items.length > 1) return false
  return dots.size === items.length && removers.size === removals.length
}

function isSoundList(core: Core, { key, runs, erasures }: ListRow, bundle: Bundle, fresh: NewElements): boolean {
  if (key.kind !== leafKinds.list) return false
  for (const run of runs) {
    const last = { author: run.author, seq: run.seq + run.values.length - 1 }
    if (run.values.length === 0 || !isIncluded(run, bundle) || !isIncluded(last, bundle)) return false
    if (!isSoundRun(core, key, run, fresh) || coversUnknown(core, key, run)) return false
  }
  return erasures.every((erasure) => isIncluded(erasure, bundle) && areKnown(core, key, erasure.targets, fresh))
}

/** Finds keys that are named twice: by a mark where the store has the key, else by their order or their text. */
class NamedKeys {
  readonly #tree: Tree
  readonly #rows: RowSet
  readonly #all: () => Iterable<KeyParts>
  /** How many were added. */
  #count = 0
  /** The last of those that the store does not have. */
  readonly #last = new KeyCursor()
  #hasLast = false
  /** Their texts, once they did not come in order. */
  #texts: Set<string> | undefined

  /** `all`: the keys that will be added, in turn. Asked for when they do not come in order. */
  constructor(core: Core, all: () => Iterable<KeyParts>) {
    this.#tree = core.tree
    this.#rows = new RowSet(core.tree.rows.end)
    this.#all = all
  }

  /** Adds a key with a sound address; false where it was there. */
  add(key: Key): boolean {
    return this.addFound(this.#tree.known(key), key)
  }

  /** The entry of a key that a cursor shows; 0 if the store has none. */
  find(key: KeyCursor): Row {
    return this.#tree.find(key)
  }

  /** Adds a key whose entry was looked for. */
  addFound(entry: Row, parts: KeyParts): boolean {
    const isNew = entry === 0 ? this.#addUnknown(parts) : this.#rows.add(entry)
    this.#count++
    return isNew
  }

  #addUnknown(parts: KeyParts): boolean {
    if (!isAddress(parts)) return false
    if (this.#texts === undefined) {
      if (!this.#hasLast || compareKeys(this.#last, parts) < 0) {
        this.#last.show(parts)
        this.#hasLast = true
        return true
      }
      this.#texts = this.#textsBefore()
    }
    const { size } = this.#texts
    return this.#texts.add(textOf(parts)).size > size
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

function* keysIn(bundle: Bundle): Iterable<KeyParts> {
  const { keys } = RowTable.of(bundle)
  const shown = new KeyCursor()
  for (let at = 0; at < keys.length; at++) yield keys.read(at, shown)
  for (const { key } of bundle.lists) yield key
}

function textOf(key: KeyParts): string {
  return keyId(pathOf(key), key.kind, key.member)
}

function isSoundValue(key: KeyParts, value: Value, author: string): boolean {
  return isShallow(value) && leafKind(key.kind).fits?.(key.member, value, author) !== false
}
