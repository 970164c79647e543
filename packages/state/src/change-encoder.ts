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
import { ordered, orderNumbers } from './number-order.ts'
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
  /**
   * Bytes of some changes; to be decoded in the same order by one decoder. They are nobody else's and stay what they are, in
   * a buffer with other results.
   */
  encode(changes: readonly Change[]): Uint8Array
  /** To be called when a bundle went the same way. */
  bundleSent(): void
}

/** One for all, as each call is done before the next begins. */
const frameWriter = new ByteWriter(4096)

/** Values in the order that was found last. */
function placed(values: readonly Value[], count: number): Value[] {
  const { places } = ordered
  const sorted = new Array<Value>(count)
  for (let i = 0; i < count; i++) sorted[i] = values[places[i] as number] as Value
  return sorted
}

/** What the writing end remembers of one author, with its number once it was named. */
interface WrittenState extends AuthorState {
  readonly author: AuthorId
  number: number | undefined
}

class StreamEncoder implements ChangeEncoder {
  readonly #writer: ByteWriter
  #authors = new AuthorWriter()
  #keys = new KeyNumbers()
  #speller = new KeySpeller()
  #states = new Map<AuthorId, WrittenState>()
  /** Of the author of the change before. */
  #last: WrittenState | undefined
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
    writer.begin()
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
    return writer.take()
  }

  bundleSent(): void {
    for (const state of this.#states.values()) state.context = undefined
  }

  #reset(): void {
    this.#authors = new AuthorWriter()
    this.#keys = new KeyNumbers()
    this.#speller = new KeySpeller()
    this.#states = new Map()
    this.#last = undefined
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
    const state = this.#stateOf(change.author)
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
    if (state.number === undefined) state.number = this.#authors.write(writer, change.author)
    else writer.varUint(state.number)
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

  #stateOf(author: AuthorId): WrittenState {
    if (this.#last?.author === author) return this.#last
    let state = this.#states.get(author)
    if (state === undefined) {
      state = { author, number: undefined, seq: 0, context: undefined }
      this.#states.set(author, state)
    }
    this.#last = state
    return state
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
    if (context === base) {
      this.#writer.varUint(0)
      return
    }
    const learned = context.above(base)
    this.#writer.varUint(learned.length)
    for (const [author, seq] of learned) this.#authors.writeDot(this.#writer, { author, seq })
  }

  #writePuts(puts: readonly PutOp[]): void {
    this.#writeNumbers(puts.map(numberOf), puts.length)
    this.#writeValues(puts.map(({ value }) => value))
  }

  #writeRows(change: WrittenChange): void {
    const { rows, values } = change
    const numbers = this.#numbered === change ? this.#numbers : this.#numbersOf(rows)
    this.#numbered = undefined
    this.#writeNumbers(numbers, rows.length)
    this.#writeValues(values)
  }

  #numbersOf(rows: readonly Row[]): number[] {
    return rows.map((row) => this.#keys.of(row))
  }

  /** Writes values in the order of the numbers that were written last. */
  #writeValues(values: readonly Value[]): void {
    const count = values.length
    writeValueColumn(this.#writer, count === 1 ? values : placed(values, count), this.#packs)
  }

  /** Writes numbers of keys in their order, which is known then. */
  #writeNumbers(numbers: readonly number[], count: number): void {
    const writer = this.#writer
    writer.varUint(count)
    orderNumbers(numbers, count)
    const sorted = ordered.numbers
    if (this.#packs && count >= fewNumbers) {
      packColumn(writer, gapsOf(sorted, count))
      return
    }
    let next = 0
    for (let i = 0; i < count; i++) {
      const number = sorted[i] as number
      writer.varUint(number - next)
      next = number + 1
    }
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

function gapsOf(sorted: Uint32Array, count: number): number[] {
  const gaps = new Array<number>(count)
  let next = 0
  for (let i = 0; i < count; i++) {
    const number = sorted[i] as number
    gaps[i] = number - next
    next = number + 1
  }
  return gaps
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
  return new StreamEncoder(frameWriter, known === undefined ? undefined : new ContextWriter(known), packs)
}

/** Bytes of some changes, for disks and single messages: self-contained, or with `base` for those who hold that by its name. */
export function encodeChanges(changes: readonly Change[], base?: Version, packs = false): Uint8Array {
  const contexts = base === undefined ? undefined : new ContextWriter(() => [base])
  return new StreamEncoder(frameWriter, contexts, packs).encode(changes).slice()
}

/** Makes rows of single changes, each to be read by itself by who holds `base` by its name. */
export function createRowEncoder(base: Version): (change: Change) => Uint8Array {
  const contexts = new RowContexts(base)
  return (change) => new StreamEncoder(frameWriter, contexts, false).encode([change]).slice()
}
