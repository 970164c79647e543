import { ByteWriter } from './bytes.ts'
import type { Change, Op, PutOp } from './change.ts'
import {
  type AuthorState,
  FRAME_RESET,
  HAS_CAUSE,
  HAS_SPAN,
  NEXT_SEQ,
  ONLY_PUTS,
  packedFormat,
  plainFormat,
  RELATIVE_CONTEXT,
  relativeFormat,
  WHOLE_CONTEXT,
} from './change-format.ts'
import {
  type ContextTelling,
  ContextWriter,
  type RelativeContext,
  RowContexts,
  writeRelative,
} from './context-codec.ts'
import type { AuthorId } from './ids.ts'
import { KeySpeller } from './key-speller.ts'
import { AuthorWriter, KeyNumbers, maxStreamKeys } from './key-table.ts'
import { writePlace, writeTargets } from './list-codec.ts'
import { fewNumbers, packColumn } from './number-pack.ts'
import type { Row } from './rows.ts'
import { type Value, writeValueColumn } from './value.ts'
import type { Version } from './version.ts'
import { WrittenChange } from './written-change.ts'

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

type Order = Float64Array | Uint32Array

/** Used within one call only. Most changes have room for number and place in 32 bits, which sort faster. */
let wideOrder = new Float64Array(0)
const narrowOrder = new Uint32Array(1 << 13)
/** Up to here they are sorted as they are inserted. */
const fewSorted = 12

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
  if (count > fewSorted) {
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
  readonly #packs: boolean
  /** The numbers of the rows of a change that needed none of them spelled. */
  #numbered: Change | undefined
  readonly #numbers: number[] = []

  constructor(writer: ByteWriter, contexts: ContextTelling | undefined, packs: boolean) {
    this.#writer = writer
    this.#contexts = contexts
    this.#packs = packs
  }

  encode(changes: readonly Change[]): Uint8Array {
    const writer = this.#writer
    writer.reset()
    writer.u8(this.#packs ? packedFormat : this.#contexts === undefined ? plainFormat : relativeFormat)
    if (this.#keys.size > maxStreamKeys / 2) this.#reset()
    writer.u8(this.#fresh ? FRAME_RESET : 0)
    this.#contexts?.begin(this.#fresh)
    this.#fresh = false
    writer.varUint(changes.length)
    const first = changes[0]
    if (first instanceof WrittenChange) this.#keys.turnTo(first.era.tree)
    for (const change of changes) this.#note(change)
    this.#keys.writeFresh(writer, this.#speller, this.#authors, this.#packs)
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
      if (onlyPuts) return
      this.#writeNumbers(this.#numbersOf(change.removed), change.removed.length)
      // No insertion and no deletion of list elements.
      writer.varUint(0)
      writer.varUint(0)
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
    const order = this.#writeNumbers(puts.map(numberOf), puts.length)
    this.#writeValues(
      puts.map(({ value }) => value),
      order,
    )
  }

  #writeRows(change: WrittenChange): void {
    const { rows, values } = change
    const numbers = this.#numbered === change ? this.#numbers : this.#numbersOf(rows)
    this.#numbered = undefined
    this.#writeValues(values, this.#writeNumbers(numbers, rows.length))
  }

  #numbersOf(rows: readonly Row[]): number[] {
    return rows.map((row) => this.#keys.of(row))
  }

  #writeValues(values: readonly Value[], order: Order): void {
    const count = values.length
    writeValueColumn(this.#writer, count === 1 ? values : placed(order, values, count), this.#packs)
  }

  /** Writes numbers of keys in their order, and says where each was. A sort of bare numbers, place included, costs a tenth of one that compares objects. */
  #writeNumbers(numbers: readonly number[], count: number): Order {
    const writer = this.#writer
    const order = orderOf(count)
    for (let i = 0; i < count; i++) order[i] = (numbers[i] as number) * count + i
    writer.varUint(count)
    sort(order, count)
    const packed: number[] | undefined = this.#packs && count >= fewNumbers ? [] : undefined
    let last = -1
    for (let i = 0; i < count; i++) {
      const sorted = order[i] as number
      const number = Math.floor(sorted / count)
      const gap = number - last - 1
      if (packed === undefined) writer.varUint(gap)
      else packed.push(gap)
      last = number
      // From here on the place alone.
      order[i] = sorted - number * count
    }
    if (packed !== undefined) packColumn(writer, packed)
    return order
  }

  #writeOthers(change: Change, ops: readonly Op[]): void {
    const removes = ops.filter((op) => op.type === 'remove')
    const inserts = ops.filter((op) => op.type === 'insert')
    const erases = ops.filter((op) => op.type === 'erase')
    this.#writeNumbers(removes.map(numberOf), removes.length)
    const writer = this.#writer
    writer.varUint(inserts.length)
    for (const { key, run } of inserts) {
      writer.varUint(key.number)
      writer.varUint(run.id.seq - change.seq)
      writePlace(writer, run.place, this.#authors)
      writer.varUint(run.values.length)
      writeValueColumn(writer, run.values, this.#packs)
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

function numberOf({ key }: Op): number {
  return key.number
}

/**
 * The sending end of a stream of changes. With `known`, the versions that the reader holds by their names, contexts are
 * written by what differs from those; only a reader that was given a `lookup` takes that. With `packs`, for readers of the
 * packed format, numbers take about the bits that they need.
 */
export function createChangeEncoder(known?: () => readonly Version[], packs = false): ChangeEncoder {
  return new StreamEncoder(new ByteWriter(1024), known === undefined ? undefined : new ContextWriter(known), packs)
}

/** Buffers that a thousand rows a second can share, as none is used beyond one call. */
let rowWriter = new ByteWriter(4096)
const maxKeptBytes = 1 << 18

/** Bytes of some changes, for disks and single messages: self-contained, or with `base` for those who hold that by its name. */
export function encodeChanges(changes: readonly Change[], base?: Version, packs = false): Uint8Array {
  const contexts = base === undefined ? undefined : new ContextWriter(() => [base])
  const bytes = new StreamEncoder(rowWriter, contexts, packs).encode(changes)
  if (bytes.length > maxKeptBytes) rowWriter = new ByteWriter(4096)
  return bytes
}

/** Makes rows of single changes, each to be read by itself by who holds `base` by its name. */
export function createRowEncoder(base: Version): (change: Change) => Uint8Array {
  const contexts = new RowContexts(base)
  return (change) => new StreamEncoder(rowWriter, contexts, false).encode([change])
}
