import type {
  CounterDraft,
  DraftOf,
  FieldKind,
  FlagDraft,
  ListDraft,
  MapDraft,
  MapField,
  MvRegisterDraft,
  Schema,
  SetDraft,
  Shape,
  Struct,
} from './fields.ts'
import { rankedItem, rankedValue, rankOf } from './graded.ts'
import type { Path } from './ids.ts'
import { nameOf, readJSON, unfit } from './json-value.ts'
import { type KindCode, leafKinds } from './key.ts'
import { checkElementKey, checkMapKey } from './limits.ts'
import { isField } from './place.ts'
import { maxValueDepth, valueKind } from './plain-value.ts'
import type { Row } from './rows.ts'
import type { ChangeOptions, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import { canonicalKey, type Value, valuesEqual } from './value.ts'

/** What JSON can be imported into: a document of a schema, whatever its `change` gives. */
export interface Importable<S extends Schema, Written> {
  readonly schema: S
  readonly store: Store
  change(write: (draft: DraftOf<S>) => void, options?: ChangeOptions): Written
}

/** A field that was left as it is, as no single write can make it read what the JSON says. */
export interface SkippedField {
  readonly path: Path
  readonly kind: FieldKind
}

/** What became of an import. */
export interface ImportResult<Written> {
  /** What `change` of the document gave. */
  readonly written: Written
  /** Fields that read something else than the JSON says. */
  readonly skipped: readonly SkippedField[]
}

/**
 * Makes a document read what JSON says, in one atomic change that writes only what differs, as somebody would who had seen
 * the document and edits it: what others write concurrently merges with it.
 *
 * A field that the JSON does not name stays as it is. Map entries and set elements that it does not name are deleted;
 * counters move by the difference; of a list the part that differs is replaced. A ranked register keeps the rank that
 * stands there, else it gets the first name, or 0. Fenced registers that differ need the token of their lease in `options`.
 *
 * Left as they are, and named in `skipped`, are bounded counters that read otherwise, as rights cannot be imported,
 * multi-value registers for which there are several values, as one change writes one. So are counters that cannot be added
 * up to the number; for rounded fractions they come as close as they can.
 * @throws RejoinError `invalid-json`, `invalid-key` or `invalid-value`, whose `details.path` says where, before anything is written, and
 * what `change` throws: `fencing-token-required`, `value-too-large`, `document-full` and others. Nothing has changed then.
 */
export function importJSON<S extends Schema, Written>(
  document: Importable<S, Written>,
  json: unknown,
  options: ChangeOptions = {},
): ImportResult<Written> {
  const fill = readShape(document.schema.fields, json, [], '')
  let skipped: SkippedField[] = []
  const written = document.change((draft) => {
    skipped = []
    const skip = (path: Path, kind: FieldKind): void => {
      skipped.push({ path, kind })
    }
    fill(draft as object, { store: document.store, transaction: document.store.transaction as Transaction, skip })
  }, options)
  return { written, skipped }
}

/** What writing needs beside the draft. */
interface Run {
  readonly store: Store
  readonly transaction: Transaction
  readonly skip: (path: Path, kind: FieldKind) => void
}

/** Writes what was read and found sound, through the draft of its shape. */
type Fill = (draft: object, run: Run) => void

/** The draft of a register of any kind, as far as it is used here. */
interface RegisterLike {
  get(): Value
  set(value: Value): void
}

/** `path` as text is the place in the JSON, for errors; as names, that in the document. */
function readShape(shape: Shape, json: unknown, path: Path, place: string): Fill {
  if (!isField(shape)) return readStruct(shape, json, path, place)
  switch (shape.field) {
    case 'register':
    case 'resolved':
      return readRegister(readJSON(json, place, maxValueDepth))
    case 'fenced':
      return readRegister(readJSON(json, place, maxValueDepth - 1))
    case 'ranked':
      return readRanked(readJSON(json, place, maxValueDepth - 1), path)
    case 'mvRegister':
      return readMvRegister(readArray(json, place), path)
    case 'counter':
      return readCounter(readNumber(json, place), path)
    case 'bounded':
      return readBounded(readNumber(json, place), path)
    case 'flag':
      return readFlag(json, place)
    case 'set':
      return readSet(readArray(json, place), place)
    case 'list':
      return readList(readArray(json, place))
    case 'map':
      return readMap((shape as MapField<Shape>).entry, json, path, place)
  }
}

function readStruct(struct: Struct, json: unknown, path: Path, place: string): Fill {
  const fills: [string, Fill][] = []
  for (const [name, inner] of entriesOf(json, place)) {
    const shape = Object.hasOwn(struct, name) ? struct[name] : undefined
    if (shape === undefined) return unfit(`${place}/${name}`, 'fields of the schema only', 'another field')
    fills.push([name, readShape(shape, inner, [...path, name], `${place}/${name}`)])
  }
  return (draft, run) => {
    for (const [name, fill] of fills) fill((draft as Readonly<Record<string, object>>)[name] as object, run)
  }
}

function readMap(shape: Shape, json: unknown, path: Path, place: string): Fill {
  const fills = new Map<string, Fill>()
  for (const [key, inner] of entriesOf(json, place)) {
    checkMapKey(path, key)
    fills.set(key, readShape(shape, inner, [...path, key], `${place}/${key}`))
  }
  return (draft, run) => {
    const map = draft as MapDraft<object>
    for (const key of map.keys()) if (!fills.has(key)) map.delete(key)
    for (const [key, fill] of fills) {
      fill(map.get(key), run)
      // Also an entry that was there may have lost the last of what made it present.
      if (!map.has(key)) map.add(key)
    }
  }
}

function readRegister(value: Value): Fill {
  return (draft) => {
    const register = draft as RegisterLike
    if (!valuesEqual(register.get(), value)) register.set(value)
  }
}

/** The rank is not in the JSON, and a name of it may be unknown here: so it goes past the draft. */
function readRanked(value: Value, path: Path): Fill {
  return (draft, { store, transaction }) => {
    if (valuesEqual((draft as RegisterLike).get(), value)) return
    const entry = entryAt(store, path, leafKinds.ranked)
    const standing = rankedItem(transaction.itemsOf(entry))
    transaction.put(entry, rankedValue(standing === undefined ? 0 : rankOf(standing.value), value))
  }
}

function readMvRegister(values: readonly Value[], path: Path): Fill {
  return (draft, { store, transaction, skip }) => {
    const register = draft as MvRegisterDraft<Value>
    if (valuesEqual(register.concurrent(), values)) return
    const [value] = values
    if (value === undefined) transaction.remove(entryAt(store, path, leafKinds.mvRegister))
    else if (values.length === 1) (register as unknown as RegisterLike).set(value)
    else skip(path, 'mvRegister')
  }
}

/** Sums of fractions are rounded: the difference may have to be taken twice. */
function readCounter(value: number, path: Path): Fill {
  return (draft, { skip }) => {
    const counter = draft as CounterDraft
    const isThere = (): boolean => counter.get() === value || Object.is(counter.get(), value)
    for (let i = 0; i < 4 && !isThere() && Number.isFinite(value - counter.get()); i++)
      counter.add(value - counter.get())
    if (!isThere()) skip(path, 'counter')
  }
}

function readBounded(value: number, path: Path): Fill {
  return (draft, { skip }) => {
    if ((draft as CounterDraft).get() !== value) skip(path, 'bounded')
  }
}

function readFlag(json: unknown, place: string): Fill {
  if (typeof json !== 'boolean') return unfit(place, 'true or false', nameOf(json))
  return (draft) => {
    const flag = draft as FlagDraft
    if (flag.get() !== json) flag.set(json)
  }
}

function readSet(elements: readonly Value[], place: string): Fill {
  const wanted = new Map<string, Value>()
  for (const [i, element] of elements.entries()) {
    const key = canonicalKey(element)
    checkElementKey(key, `${place}/${i}`)
    wanted.set(key, element)
  }
  return (draft) => {
    const set = draft as SetDraft<never>
    for (const element of set.values()) if (!wanted.has(canonicalKey(element))) set.delete(element)
    for (const element of wanted.values()) if (!set.has(element as never)) set.add(element as never)
  }
}

function readList(values: readonly Value[]): Fill {
  return (draft) => {
    const list = draft as ListDraft<never>
    const before: readonly Value[] = list.values()
    const start = firstDifference(before, values)
    const same = sameAtEnd(before, values, start)
    list.delete(start, before.length - same - start)
    list.insert(start, ...(values.slice(start, values.length - same) as never[]))
  }
}

function firstDifference(before: readonly Value[], after: readonly Value[]): number {
  const most = Math.min(before.length, after.length)
  let at = 0
  while (at < most && valuesEqual(before[at] as Value, after[at] as Value)) at++
  return at
}

function sameAtEnd(before: readonly Value[], after: readonly Value[], from: number): number {
  const most = Math.min(before.length, after.length) - from
  let same = 0
  while (same < most && valuesEqual(before.at(-1 - same) as Value, after.at(-1 - same) as Value)) same++
  return same
}

function entryAt({ tree }: Store, path: Path, kind: KindCode): Row {
  return tree.entry(tree.node(path), kind, '')
}

function entriesOf(json: unknown, place: string): [string, unknown][] {
  return valueKind(json) === 'object' ? Object.entries(json as object) : unfit(place, 'an object', nameOf(json))
}

function readArray(json: unknown, place: string): Value[] {
  if (!Array.isArray(json)) return unfit(place, 'an array', nameOf(json))
  return Array.from(json, (item, i) => readJSON(item, `${place}/${i}`, maxValueDepth))
}

function readNumber(json: unknown, place: string): number {
  const value = readJSON(json, place, maxValueDepth)
  return typeof value === 'number' ? value : unfit(place, 'a number', nameOf(json))
}
