import type { Bundle, BundleItem, Epoch, KeyRow, ListRow } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, type Dot, isSeq } from './ids.ts'
import { compareKeys, type Key, KeyCursor, type KeyParts, keyId, leafKinds, pathOf } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { addressFault, depthFault } from './limits.ts'
import { coversUnknown, eraseFault, NewElements, placeFault } from './list-check.ts'
import { RowTable, type TablePlace, tableStart } from './row-table.ts'
import { type Row, RowSet } from './rows.ts'
import { finish, type Steps, stepRows } from './steps.ts'
import type { Tree } from './tree.ts'
import { type Fault, namedTwice, noStamp } from './validate.ts'
import type { Value } from './value.ts'

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
  const named = new NamedKeys(core, () => keysIn(bundle))
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
    const author = table.authors[table.dots.get(at.dot) as number] as AuthorId
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

function* keysIn(bundle: Bundle): Iterable<KeyParts> {
  const { keys } = RowTable.of(bundle)
  const shown = new KeyCursor()
  for (let at = 0; at < keys.length; at++) yield keys.read(at, shown)
  for (const { key } of bundle.lists) yield key
}

function textOf(key: KeyParts): string {
  return keyId(pathOf(key), key.kind, key.member)
}

function valueFault(key: KeyParts, value: Value, author: string): Fault {
  return depthFault(value) ?? leafKind(key.kind).fault?.(key.member, value, author)
}
