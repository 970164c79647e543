import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import type { Change, EraseOp, InsertOp, Op, PutOp, RemoveOp } from './change.ts'
import {
  ContextReader,
  type ContextTelling,
  ContextWriter,
  type RelativeContext,
  RowContexts,
  writeRelative,
} from './context-codec.ts'
import type { Moment } from './era.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, maxSeq } from './ids.ts'
import type { Key } from './key.ts'
import { KeyReader, KeySpeller } from './key-speller.ts'
import { AuthorReader, AuthorWriter, KeyNumbers, maxStreamKeys, readSeq } from './key-table.ts'
import { readPlace, readTargets, writePlace, writeTargets } from './list-codec.ts'
import type { VersionLookup } from './relative-version.ts'
import type { DecodeError, Result } from './result.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import { readValueColumn, type Value, writeValueColumn } from './value.ts'
import type { Version } from './version.ts'
import { WrittenChange } from './written-change.ts'

/** Greatest format of changes; readers take it and those before it, and refuse others with `unsupported-version`. */
export const changeFormat = 2
/** Contexts come whole. From the next format on they may come by what differs from a version that the reader holds. */
const plainFormat = 1

/** Bounds of a decoder. */
export interface DecodeLimits {
  /** Changes in one frame. */
  readonly maxChanges: number
  /** Writes in one change. */
  readonly maxOps: number
}

export const defaultDecodeLimits: DecodeLimits = { maxChanges: 100_000, maxOps: 1_000_000 }

const FRAME_RESET = 1
const NEXT_SEQ = 1
const WHOLE_CONTEXT = 2
const HAS_CAUSE = 4
const HAS_SPAN = 8
const ONLY_PUTS = 16
const RELATIVE_CONTEXT = 32

/** What both ends of a stream remember of one author. */
interface AuthorState {
  seq: number
  context: Version | undefined
}

/**
 * One direction of a connection: numbers keys, names and authors once, and writes an author's context as what changed
 * since its change before. That is valid only on an unbroken stream: after a bundle each author's next change carries
 * its context whole (C2).
 */
export interface ChangeEncoder {
  /** Bytes of some changes; to be decoded in the same order by one decoder. The result is a copy. */
  encode(changes: readonly Change[]): Uint8Array
  /** To be called when a bundle went the same way. */
  bundleSent(): void
}

/** The reading side of a `ChangeEncoder`. */
export interface ChangeDecoder {
  /** Changes of one frame. After an error the stream is broken and every later call fails. */
  decode(bytes: Uint8Array): Result<Change[], DecodeError>
  /** To be called when a bundle came the same way. */
  bundleReceived(): void
}

type Order = Float64Array | Uint32Array

/** Used within one call only. Most changes have room for number and place in 32 bits, which sort faster. */
let wideOrder = new Float64Array(0)
const narrowOrder = new Uint32Array(1 << 13)
const fewNumbers = 12

function orderOf(count: number): Order {
  if (count * maxStreamKeys <= 2 ** 32 && count <= narrowOrder.length) return narrowOrder
  if (count > wideOrder.length) wideOrder = new Float64Array(count * 2)
  return wideOrder
}

/** Values in the order that `order` says. */
function placed(order: Order, values: readonly Value[], count: number): Value[] {
  const sorted = new Array<Value>(count)
  for (let i = 0; i < count; i++) sorted[i] = values[order[i] as number] as Value
  return sorted
}

function sort(order: Order, count: number): void {
  if (count > fewNumbers) {
    order.subarray(0, count).sort()
    return
  }
  for (let i = 1; i < count; i++) {
    const number = order[i] as number
    let at = i
    for (; at > 0 && (order[at - 1] as number) > number; at--) order[at] = order[at - 1] as number
    order[at] = number
  }
}

class StreamEncoder implements ChangeEncoder {
  readonly #writer: ByteWriter
  #authors = new AuthorWriter()
  #keys = new KeyNumbers()
  #speller = new KeySpeller()
  #states = new Map<AuthorId, AuthorState>()
  #hlc = 0
  #fresh = true
  readonly #contexts: ContextTelling | undefined
  /** The numbers of the rows of a change that needed none of them spelled. */
  #numbered: Change | undefined
  readonly #numbers: number[] = []

  constructor(writer: ByteWriter, contexts: ContextTelling | undefined) {
    this.#writer = writer
    this.#contexts = contexts
  }

  encode(changes: readonly Change[]): Uint8Array {
    const writer = this.#writer
    writer.reset()
    writer.u8(this.#contexts === undefined ? plainFormat : changeFormat)
    if (this.#keys.size > maxStreamKeys / 2) this.#reset()
    writer.u8(this.#fresh ? FRAME_RESET : 0)
    this.#contexts?.begin(this.#fresh)
    this.#fresh = false
    writer.varUint(changes.length)
    const first = changes[0]
    if (first instanceof WrittenChange) this.#keys.turnTo(first.era.tree)
    for (const change of changes) this.#note(change)
    this.#keys.writeFresh(writer, this.#speller, this.#authors)
    for (const change of changes) this.#write(change)
    return writer.finish()
  }

  bundleSent(): void {
    for (const state of this.#states.values()) state.context = undefined
  }

  #reset(): void {
    this.#authors = new AuthorWriter()
    this.#keys = new KeyNumbers()
    this.#speller = new KeySpeller()
    this.#states = new Map()
    this.#hlc = 0
    this.#fresh = true
  }

  #note(change: Change): void {
    if (this.#hasRows(change)) {
      const hasNumbers = this.#keys.noteRows(change.era.tree, change.rows, this.#numbers)
      this.#numbered = hasNumbers ? change : undefined
      if (change.removed.length > 0) this.#keys.noteRows(change.era.tree, change.removed, [])
    } else {
      for (const { key } of change.ops) this.#keys.note(key)
    }
  }

  /** Whether a change can be written by its rows, without its ops. */
  #hasRows(change: Change): change is WrittenChange {
    return change instanceof WrittenChange && this.#keys.follows(change.era.moment)
  }

  #write(change: Change): void {
    const writer = this.#writer
    const state = this.#states.get(change.author) ?? { seq: 0, context: undefined }
    this.#states.set(change.author, state)
    const next = change.seq === state.seq + 1
    const base = next ? state.context : undefined
    const relative = base === undefined ? this.#contexts?.relate(change.context, change.author) : undefined
    const hasRows = this.#hasRows(change)
    const onlyPuts = hasRows ? change.removed.length === 0 : isOnlyPuts(change.ops)
    writer.u8(
      (next ? NEXT_SEQ : 0) |
        (base === undefined ? WHOLE_CONTEXT : 0) |
        (relative === undefined ? 0 : RELATIVE_CONTEXT) |
        (change.cause === undefined ? 0 : HAS_CAUSE) |
        (change.span === 1 ? 0 : HAS_SPAN) |
        (onlyPuts ? ONLY_PUTS : 0),
    )
    this.#authors.write(writer, change.author)
    if (!next) writer.varUint(change.seq)
    if (change.span !== 1) writer.varUint(change.span)
    writer.varInt(change.hlc - this.#hlc)
    this.#hlc = change.hlc
    this.#writeContext(change.context, base, relative)
    if (change.cause !== undefined) this.#authors.writeDot(writer, change.cause)
    state.seq = change.seq + change.span - 1
    state.context = change.context
    if (hasRows) {
      this.#writeRows(change)
      if (!onlyPuts) this.#writeRemovedRows(change.removed)
    } else {
      this.#writePuts(onlyPuts ? (change.ops as readonly PutOp[]) : change.ops.filter(isPut))
      if (!onlyPuts) this.#writeOthers(change, change.ops)
    }
  }

  /** Only what the author learned since its change before; versions never shrink. */
  #writeContext(context: Version, base: Version | undefined, relative: RelativeContext | undefined): void {
    if (relative !== undefined) {
      writeRelative(this.#writer, this.#authors, relative)
      return
    }
    if (base === undefined) {
      this.#authors.writeVersion(this.#writer, context)
      return
    }
    const learned = context.above(base)
    this.#writer.varUint(learned.length)
    for (const [author, seq] of learned) this.#authors.writeDot(this.#writer, { author, seq })
  }

  #writePuts(puts: readonly PutOp[]): void {
    const count = puts.length
    const order = orderOf(count)
    for (let i = 0; i < count; i++) order[i] = (puts[i] as PutOp).key.number * count + i
    this.#writeNumbers(order, count)
    const values = puts.map(({ value }) => value)
    writeValueColumn(this.#writer, placed(order, values, count))
  }

  #writeRows(change: WrittenChange): void {
    const { rows, values } = change
    const count = rows.length
    const order = orderOf(count)
    if (this.#numbered === change) {
      for (let i = 0; i < count; i++) order[i] = (this.#numbers[i] as number) * count + i
      this.#numbered = undefined
    } else for (let i = 0; i < count; i++) order[i] = this.#keys.of(rows[i] as Row) * count + i
    this.#writeNumbers(order, count)
    if (count === 1) writeValueColumn(this.#writer, values)
    else writeValueColumn(this.#writer, placed(order, values, count))
  }

  /** Removals, and no insertion or deletion of list elements. */
  #writeRemovedRows(rows: readonly Row[]): void {
    const count = rows.length
    const order = orderOf(count)
    for (let i = 0; i < count; i++) order[i] = this.#keys.of(rows[i] as Row) * count + i
    this.#writeNumbers(order, count)
    this.#writer.varUint(0)
    this.#writer.varUint(0)
  }

  /** In their order. A sort of bare numbers, place included, costs a tenth of one that compares objects. */
  #writeNumbers(order: Order, count: number): void {
    const writer = this.#writer
    writer.varUint(count)
    sort(order, count)
    let last = -1
    for (let i = 0; i < count; i++) {
      const sorted = order[i] as number
      const number = Math.floor(sorted / count)
      writer.varUint(number - last - 1)
      last = number
      // From here on the place alone.
      order[i] = sorted - number * count
    }
  }

  #writeOthers(change: Change, ops: readonly Op[]): void {
    const removes = ops.filter((op): op is RemoveOp => op.type === 'remove').sort((a, b) => a.key.number - b.key.number)
    const inserts = ops.filter((op): op is InsertOp => op.type === 'insert')
    const erases = ops.filter((op): op is EraseOp => op.type === 'erase')
    const writer = this.#writer
    writer.varUint(removes.length)
    let last = -1
    for (const op of removes) {
      writer.varUint(op.key.number - last - 1)
      last = op.key.number
    }
    writer.varUint(inserts.length)
    for (const { key, run } of inserts) {
      writer.varUint(key.number)
      writer.varUint(run.id.seq - change.seq)
      writePlace(writer, run.place, this.#authors)
      writer.varUint(run.values.length)
      writeValueColumn(writer, run.values)
    }
    writer.varUint(erases.length)
    for (const { key, targets } of erases) {
      writer.varUint(key.number)
      writeTargets(writer, targets, this.#authors)
    }
  }
}

function isOnlyPuts(ops: readonly Op[]): ops is readonly PutOp[] {
  for (const op of ops) if (op.type !== 'put') return false
  return true
}

function isPut(op: Op): op is PutOp {
  return op.type === 'put'
}

class StreamDecoder implements ChangeDecoder {
  readonly #limits: DecodeLimits
  readonly #tree: () => Tree | undefined
  #authors = new AuthorReader()
  #keys: Key[] = []
  /** The entries of the keys in the tree, as far as they were looked up in the era at hand; else 0. */
  #rows: Row[] = []
  #moment: Moment | undefined
  #speller = new KeyReader()
  #states = new Map<AuthorId, AuthorState>()
  #hlc = 0
  #broken: DecodeError | undefined
  readonly #contexts: ContextReader
  #format = changeFormat
  /** Primitive reads of the last frame: tests hold it against the size of the frame. */
  steps = 0

  constructor(limits: DecodeLimits, tree: () => Tree | undefined, lookup: VersionLookup | undefined) {
    this.#limits = limits
    this.#tree = tree
    this.#contexts = new ContextReader(lookup)
  }

  decode(bytes: Uint8Array): Result<Change[], DecodeError> {
    if (this.#broken !== undefined) return { ok: false, error: this.#broken }
    const reader = new ByteReader(bytes)
    const result = attempt(() => this.#readFrame(reader))
    this.steps = reader.steps
    if (!result.ok) this.#broken = result.error
    return result
  }

  bundleReceived(): void {
    for (const state of this.#states.values()) state.context = undefined
  }

  #readFrame(reader: ByteReader): Change[] {
    const format = reader.u8()
    if (format < plainFormat || format > changeFormat)
      reader.fail('unsupported-version', `changes of format ${format}, this build reads up to ${changeFormat}`)
    this.#format = format
    const flags = reader.u8()
    if (flags > FRAME_RESET) reader.fail('malformed', 'unknown flags of a frame')
    this.#contexts.begin((flags & FRAME_RESET) !== 0)
    if (flags & FRAME_RESET) {
      this.#authors = new AuthorReader()
      this.#keys = []
      this.#rows = []
      this.#speller = new KeyReader()
      this.#states = new Map()
      this.#hlc = 0
    }
    const tree = this.#tree()
    if (tree?.now !== this.#moment) {
      this.#moment = tree?.now
      this.#rows.fill(0)
    }
    this.#speller.lookIn(tree)
    const count = reader.count(this.#limits.maxChanges, 5)
    const fresh = reader.count(maxStreamKeys)
    if (this.#keys.length + fresh > maxStreamKeys) reader.fail('too-large', 'too many keys in one stream')
    for (let i = 0; i < fresh; i++) {
      this.#keys.push(this.#speller.read(reader, this.#authors))
      this.#rows.push(0)
    }
    const changes: Change[] = []
    for (let i = 0; i < count; i++) changes.push(this.#read(reader))
    reader.end()
    return changes
  }

  #read(reader: ByteReader): Change {
    const flags = reader.u8()
    if (flags >= (this.#format === plainFormat ? RELATIVE_CONTEXT : 2 * RELATIVE_CONTEXT))
      reader.fail('malformed', 'unknown flags of a change')
    const author = this.#authors.read(reader)
    const state = this.#states.get(author) ?? { seq: 0, context: undefined }
    const seq = flags & NEXT_SEQ ? state.seq + 1 : readSeq(reader)
    const span = flags & HAS_SPAN ? readSeq(reader) : 1
    if (seq + span - 1 > maxSeq) reader.fail('malformed', 'a seq is out of range')
    const hlc = this.#hlc + reader.varInt()
    if (!isStamp(hlc)) reader.fail('malformed', 'the clock is not a stamp')
    this.#hlc = hlc
    const context = this.#readContext(reader, state, flags)
    const cause = flags & HAS_CAUSE ? this.#authors.readDot(reader) : undefined
    this.#states.set(author, { seq: seq + span - 1, context })
    const head = { author, seq, span, context, hlc, ...(cause === undefined ? {} : { cause }) }
    const puts = this.#readNumbers(reader)
    const values = readValueColumn(reader, puts.length)
    const removes = flags & ONLY_PUTS ? [] : this.#readNumbers(reader)
    const lists: Op[] = []
    if (!(flags & ONLY_PUTS)) this.#readLists(reader, author, seq, lists)
    // By rows, as far as the tree has all of the keys.
    const tree = this.#moment?.tree
    if (lists.length === 0 && span === 1 && tree !== undefined) {
      const rows = this.#rowsOf(reader, puts, tree)
      const removed = rows === undefined ? undefined : this.#rowsOf(reader, removes, tree)
      if (rows !== undefined && removed !== undefined) return new WrittenChange(head, tree.era, rows, values, removed)
    }
    const ops = puts.map((at, i): Op => ({ type: 'put', key: this.#key(reader, at), value: values[i] as Value }))
    for (const at of removes) ops.push({ type: 'remove', key: this.#key(reader, at) })
    return { ...head, ops: ops.concat(lists) }
  }

  #rowsOf(reader: ByteReader, numbers: readonly number[], tree: Tree): Row[] | undefined {
    const rows = new Array<Row>(numbers.length)
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number
      const row = this.#rows[number] || this.#rowOf(reader, number, tree)
      if (row === 0) return undefined
      rows[i] = row
    }
    return rows
  }

  #rowOf(reader: ByteReader, number: number, tree: Tree): Row {
    const row = tree.known(this.#key(reader, number))
    this.#rows[number] = row
    return row
  }

  #base(reader: ByteReader, state: AuthorState, flags: number): Version {
    if (state.context === undefined || !(flags & NEXT_SEQ)) reader.fail('malformed', 'a context without the one before')
    return state.context
  }

  #readContext(reader: ByteReader, state: AuthorState, flags: number): Version {
    if (flags & WHOLE_CONTEXT) {
      if (flags & RELATIVE_CONTEXT) return this.#contexts.read(reader, this.#authors)
      return this.#contexts.whole(this.#authors.readVersion(reader))
    }
    if (flags & RELATIVE_CONTEXT) reader.fail('malformed', 'a context that is told twice')
    const base = this.#base(reader, state, flags)
    const learned = this.#authors.readVersion(reader)
    return learned.size === 0 ? base : base.merge(learned)
  }

  #key(reader: ByteReader, number: number): Key {
    const key = this.#keys[number]
    if (key === undefined) reader.fail('malformed', `key ${number} was never named`)
    return key
  }

  #readNumbers(reader: ByteReader): number[] {
    const count = reader.count(this.#limits.maxOps)
    const numbers = new Array<number>(count)
    let number = -1
    for (let i = 0; i < count; i++) {
      number += reader.varUint() + 1
      numbers[i] = number
    }
    return numbers
  }

  #readLists(reader: ByteReader, author: AuthorId, first: number, ops: Op[]): void {
    const inserts = reader.count(this.#limits.maxOps, 4)
    for (let i = 0; i < inserts; i++) {
      const key = this.#key(reader, reader.varUint())
      const seq = first + reader.varUint()
      const place = readPlace(reader, this.#authors)
      const count = reader.varUint()
      if (count < 1 || count > this.#limits.maxOps) reader.fail('too-large', `${count} list elements`)
      const values = readValueColumn(reader, count)
      ops.push({ type: 'insert', key, run: { id: { author, seq }, place, values } })
    }
    const erases = reader.count(this.#limits.maxOps, 2)
    for (let i = 0; i < erases; i++) {
      const key = this.#key(reader, reader.varUint())
      ops.push({ type: 'erase', key, targets: readTargets(reader, this.#authors) })
    }
  }
}

/**
 * The sending end of a stream of changes. With `known`, the versions that the reader holds by their names, contexts are
 * written by what differs from those; only a reader that was given a `lookup` takes that.
 */
export function createChangeEncoder(known?: () => readonly Version[]): ChangeEncoder {
  return new StreamEncoder(new ByteWriter(1024), known === undefined ? undefined : new ContextWriter(known))
}

/**
 * The receiving end of a stream of changes. `tree`, of the store that they are meant for, spares making keys that the
 * store has. `lookup` finds versions that contexts refer to by name; where it finds none, the frame is refused with
 * `unknown-base`.
 */
export function createChangeDecoder(
  limits: Partial<DecodeLimits> = {},
  tree: () => Tree | undefined = () => undefined,
  lookup?: VersionLookup,
): ChangeDecoder & { readonly steps: number } {
  return new StreamDecoder({ ...defaultDecodeLimits, ...limits }, tree, lookup)
}

/** Buffers that a thousand rows a second can share, as none is used beyond one call. */
let rowWriter = new ByteWriter(4096)
const maxKeptBytes = 1 << 18

/** Bytes of some changes, for disks and single messages: self-contained, or with `base` for those who hold that by its name. */
export function encodeChanges(changes: readonly Change[], base?: Version): Uint8Array {
  const contexts = base === undefined ? undefined : new ContextWriter(() => [base])
  const bytes = new StreamEncoder(rowWriter, contexts).encode(changes)
  if (bytes.length > maxKeptBytes) rowWriter = new ByteWriter(4096)
  return bytes
}

/** Makes rows of single changes, each to be read by itself by who holds `base` by its name. */
export function createRowEncoder(base: Version): (change: Change) => Uint8Array {
  const contexts = new RowContexts(base)
  return (change) => new StreamEncoder(rowWriter, contexts).encode([change])
}

/** The changes in the bytes of `encodeChanges`. `lookup` finds the base by its name; without it they are refused with `unknown-base`. */
export function decodeChanges(
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
  lookup?: VersionLookup,
): Result<Change[], DecodeError> {
  return createChangeDecoder(limits, undefined, lookup).decode(bytes)
}
