import { addAllKinds } from './all-kinds.ts'
import { ByteReader, failedWith } from './bytes.ts'
import type { Change, Op } from './change.ts'
import {
  type AuthorState,
  changeFormat,
  FRAME_RESET,
  HAS_CAUSE,
  HAS_SPAN,
  NEXT_SEQ,
  ONLY_PUTS,
  packedFormat,
  plainFormat,
  RELATIVE_CONTEXT,
  WHOLE_CONTEXT,
} from './change-format.ts'
import { ContextReader } from './context-codec.ts'
import type { Moment } from './era.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, maxSeq } from './ids.ts'
import { type Key, KeyColumn, KeyCursor } from './key.ts'
import { KeyReader } from './key-speller.ts'
import { AuthorReader, maxStreamKeys, readSeq } from './key-table.ts'
import { readPlace, readTargets } from './list-codec.ts'
import { eraseOp, insertOp } from './list-write.ts'
import { fewNumbers, leastNumberBytes, unpackColumn } from './number-pack.ts'
import type { VersionLookup } from './relative-version.ts'
import { type DecodeError, type Result, success } from './result.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import { readValueColumn, type Value } from './value.ts'
import type { Version } from './version.ts'
import { WrittenChange } from './written-change.ts'

/** Bounds of a decoder. */
export interface DecodeLimits {
  /** Changes in one frame. */
  readonly maxChanges: number
  /** Writes in one change. */
  readonly maxOps: number
}

export const defaultDecodeLimits: DecodeLimits = { maxChanges: 100_000, maxOps: 1_000_000 }

/** The reading side of a `ChangeEncoder`. */
export interface ChangeDecoder {
  /** Changes of one frame. After an error the stream is broken and every later call fails. */
  decode(bytes: Uint8Array): Result<Change[], DecodeError>
  /** To be called when a bundle came the same way. */
  bundleReceived(): void
}

const none: readonly never[] = Object.freeze([])

class StreamDecoder implements ChangeDecoder {
  readonly #limits: DecodeLimits
  readonly #tree: () => Tree | undefined
  #authors = new AuthorReader()
  #keys = new KeyColumn()
  /** Keys of their own, of those that ops name. */
  #made: (Key | undefined)[] = []
  /** The entries of the keys in the tree, as far as they were looked up in the era at hand; else 0. */
  #rows: Row[] = []
  readonly #shown = new KeyCursor()
  #moment: Moment | undefined
  #speller = new KeyReader()
  #states = new Map<AuthorId, AuthorState>()
  #hlc = 0
  #broken: DecodeError | undefined
  readonly #contexts: ContextReader
  #format = changeFormat
  /** Primitive reads of the last frame: tests hold it against the size of the frame. */
  steps = 0
  /** See `Store.kept`. */
  protected readonly kept: ByteReader = new ByteReader(new Uint8Array(0))

  constructor(limits: DecodeLimits, tree: () => Tree | undefined, lookup: VersionLookup | undefined) {
    addAllKinds()
    this.#limits = limits
    this.#tree = tree
    this.#contexts = new ContextReader(lookup)
  }

  decode(bytes: Uint8Array): Result<Change[], DecodeError> {
    if (this.#broken !== undefined) return { ok: false, error: this.#broken }
    const reader = new ByteReader(bytes)
    try {
      return success(this.#readFrame(reader))
    } catch (error) {
      const failed = failedWith(error)
      this.#broken = failed.error
      return failed
    } finally {
      this.steps = reader.steps
    }
  }

  bundleReceived(): void {
    for (const state of this.#states.values()) state.context = undefined
  }

  get #packs(): boolean {
    return this.#format >= packedFormat
  }

  get #leastBytes(): number {
    return this.#packs ? leastNumberBytes : 1
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
      this.#keys = new KeyColumn()
      this.#made = []
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
    this.#speller.packs = this.#packs
    const count = reader.count(this.#limits.maxChanges, 5)
    const fresh = reader.count(maxStreamKeys, this.#leastBytes)
    if (this.#keys.length + fresh > maxStreamKeys) reader.fail('too-large', 'too many keys in one stream')
    for (let i = 0; i < fresh; i++) {
      this.#speller.readInto(this.#keys, reader, this.#authors)
      this.#rows.push(0)
    }
    this.#speller.end(reader)
    const changes = new Array<Change>(count)
    for (let i = 0; i < count; i++) changes[i] = this.#read(reader)
    reader.end()
    return changes
  }

  #read(reader: ByteReader): Change {
    const flags = reader.u8()
    if (flags >= (this.#format === plainFormat ? RELATIVE_CONTEXT : 2 * RELATIVE_CONTEXT))
      reader.fail('malformed', 'unknown flags of a change')
    const author = this.#authors.read(reader)
    const state = this.#stateOf(author)
    const seq = flags & NEXT_SEQ ? state.seq + 1 : readSeq(reader)
    const span = flags & HAS_SPAN ? readSeq(reader) : 1
    if (seq + span - 1 > maxSeq) reader.fail('malformed', 'a seq is out of range')
    const hlc = this.#hlc + reader.varInt()
    if (!isStamp(hlc)) reader.fail('malformed', 'the clock is not a stamp')
    this.#hlc = hlc
    const context = this.#readContext(reader, state, flags)
    const cause = flags & HAS_CAUSE ? this.#authors.readDot(reader) : undefined
    state.seq = seq + span - 1
    state.context = context
    const puts = this.#readNumbers(reader)
    const values = readValueColumn(reader, puts.length, this.#packs)
    const removes = flags & ONLY_PUTS ? none : this.#readNumbers(reader)
    const lists = flags & ONLY_PUTS ? none : this.#readLists(reader, author, seq)
    // By rows, as far as the tree has all of the keys.
    const tree = this.#moment?.tree
    if (lists.length === 0 && span === 1 && tree !== undefined) {
      const rows = this.#rowsOf(reader, puts, tree)
      const removed = rows === undefined ? undefined : this.#rowsOf(reader, removes, tree)
      if (rows !== undefined && removed !== undefined)
        return new WrittenChange(author, seq, context, hlc, tree.era, rows, values, removed, cause)
    }
    const ops = puts.map((at, i): Op => ({ type: 'put', key: this.#key(reader, at), value: values[i] as Value }))
    for (const at of removes) ops.push({ type: 'remove', key: this.#key(reader, at) })
    const all = ops.concat(lists)
    return cause === undefined
      ? { author, seq, span, context, hlc, ops: all }
      : { author, seq, span, context, hlc, cause, ops: all }
  }

  #stateOf(author: AuthorId): AuthorState {
    let state = this.#states.get(author)
    if (state === undefined) {
      state = { seq: 0, context: undefined }
      this.#states.set(author, state)
    }
    return state
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
    this.#checkKey(reader, number)
    const row = tree.find(this.#keys.read(number, this.#shown))
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
    this.#checkKey(reader, number)
    const key = this.#made[number] ?? this.#keys.at(number)
    this.#made[number] = key
    // Met with the entry, if there is one: so nobody looks for it again.
    this.#moment?.tree.known(key)
    return key
  }

  #checkKey(reader: ByteReader, number: number): void {
    if (number >= this.#keys.length) reader.fail('malformed', `key ${number} was never named`)
  }

  #readNumbers(reader: ByteReader): number[] {
    const count = reader.count(this.#limits.maxOps, this.#leastBytes)
    const numbers = new Array<number>(count)
    const isPacked = this.#packs && count >= fewNumbers
    if (isPacked) unpackColumn(reader, count, numbers)
    let number = -1
    for (let i = 0; i < count; i++) {
      const gap = isPacked ? (numbers[i] as number) : reader.varUint()
      if (gap < 0) reader.fail('malformed', 'keys out of their order')
      number += gap + 1
      numbers[i] = number
    }
    return numbers
  }

  #readLists(reader: ByteReader, author: AuthorId, first: number): readonly Op[] {
    const ops: Op[] = []
    const inserts = reader.count(this.#limits.maxOps, 4)
    for (let i = 0; i < inserts; i++) {
      const key = this.#key(reader, reader.varUint())
      const seq = first + reader.varUint()
      const place = readPlace(reader, this.#authors)
      const count = reader.varUint()
      if (count < 1 || count > this.#limits.maxOps) reader.fail('too-large', `${count} list elements`)
      const values = readValueColumn(reader, count, this.#packs)
      ops.push(insertOp(key, { id: { author, seq }, place, values }))
    }
    const erases = reader.count(this.#limits.maxOps, 2)
    for (let i = 0; i < erases; i++) {
      const key = this.#key(reader, reader.varUint())
      ops.push(eraseOp(key, readTargets(reader, this.#authors)))
    }
    return ops
  }
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

/** The changes in the bytes of `encodeChanges`. `lookup` finds the base by its name; without it they are refused with `unknown-base`. */
export function decodeChanges(
  bytes: Uint8Array,
  limits: Partial<DecodeLimits> = {},
  lookup?: VersionLookup,
): Result<Change[], DecodeError> {
  return createChangeDecoder(limits, undefined, lookup).decode(bytes)
}
