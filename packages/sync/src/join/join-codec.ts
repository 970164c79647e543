import {
  attempt,
  type Bundle,
  ByteReader,
  ByteWriter,
  type DecodeError,
  decodeBundle,
  type Hash64,
  type Result,
  type Version,
  type VersionLookup,
} from '@rejoin/state'
import type { SymbolRange } from '../sketch/coded-symbols.ts'
import { decodeSymbols, encodeSymbols, sketchLimits } from '../sketch/sketch-codec.ts'
import { type Field, hash, list, record, uint } from '../wire-fields.ts'

/** Bounds of a join. */
export const joinLimits = {
  /** Addresses of which a request names the hashes. */
  sampleKeys: 2048,
  /** How often one stream may be invited, and one join be continued, before the whole state is sent. */
  invitations: 3,
  continuations: 4,
} as const

/** What a side that asks for a join tells of its state. */
export interface JoinQuestion {
  /** Draws the hashes of both sides: 64 random bits, new for each request. */
  readonly salt: Hash64
  /** How many live items and addresses its sender has; lists count as neither. */
  readonly items: number
  readonly keys: number
  /** Low lanes of the hashes of those addresses whose high lanes are the least. */
  readonly sample: Uint32Array
}

/** Asks for what is missing at `version`, by sketch if that is worth it. */
export interface JoinRequest extends JoinQuestion {
  readonly version: Version
}

/** The answer: what the requester lacks, and a sketch of what else is live at the sender. */
export interface Join {
  readonly salt: Hash64
  readonly part: Bundle
  /** The sum of the hashes of all dots that are live at the sender, to check the outcome by. */
  readonly sum: Hash64
  readonly setSize: number
  readonly symbols: readonly SymbolRange[]
}

/** More symbols of a join. */
export interface JoinSymbols {
  readonly salt: Hash64
  readonly symbols: readonly SymbolRange[]
}

/** First bytes of what travels in the pieces of a transfer; a bundle begins with its format, which is below these. */
const tags = { join: 0x4a, symbols: 0x4b } as const
const joinFormat = 1

/** What the bytes of a transfer are, by their first one. */
export function transferKind(bytes: Uint8Array): 'bundle' | 'join' | 'symbols' {
  return bytes[0] === tags.join ? 'join' : bytes[0] === tags.symbols ? 'symbols' : 'bundle'
}

const sized: Field<Uint8Array> = {
  write: (writer, bytes) => writer.bytes(bytes),
  read: (reader) => reader.raw(reader.count(Number.MAX_SAFE_INTEGER)),
}

const range: Field<SymbolRange> = {
  write: (writer, symbols) => writer.bytes(encodeSymbols(symbols)),
  read: (reader) => unwrapped(reader, decodeSymbols(sized.read(reader))),
}

const symbols: Field<readonly SymbolRange[]> = list(range, Number.MAX_SAFE_INTEGER)

/** A join whose part is bytes. */
type EncodedJoin = Omit<Join, 'part'> & { readonly part: Uint8Array }

const joinFields: Field<EncodedJoin> = record({ salt: hash, sum: hash, setSize: uint, part: sized, symbols })
const symbolsFields: Field<JoinSymbols> = record({ salt: hash, symbols })

/** The bytes of a join whose part is encoded already. */
export function encodeJoin(join: EncodedJoin): Uint8Array {
  return encode(tags.join, joinFields, join)
}

/** The join in bytes, or why there is none. `lookup` as for bundles. */
export function decodeJoin(bytes: Uint8Array, lookup?: VersionLookup): Result<Join, DecodeError> {
  return decode(bytes, tags.join, joinFields, (reader, join) => {
    const part = unwrapped(reader, decodeBundle(join.part, lookup))
    if (part.full) reader.fail('malformed', 'a part that is whole')
    if (join.symbols.some(({ setSize }) => setSize !== join.setSize)) {
      reader.fail('malformed', 'symbols of another set')
    }
    return { ...join, part }
  })
}

/** The bytes of more symbols. */
export function encodeJoinSymbols(more: JoinSymbols): Uint8Array {
  return encode(tags.symbols, symbolsFields, more)
}

/** The symbols in bytes, or why there are none. */
export function decodeJoinSymbols(bytes: Uint8Array): Result<JoinSymbols, DecodeError> {
  return decode(bytes, tags.symbols, symbolsFields, (_, more) => more)
}

function encode<T>(tag: number, fields: Field<T>, value: T): Uint8Array {
  const writer = new ByteWriter(4096)
  writer.u8(tag)
  writer.u8(joinFormat)
  fields.write(writer, value)
  return writer.finish()
}

function decode<T, R>(
  bytes: Uint8Array,
  tag: number,
  fields: Field<T>,
  make: (reader: ByteReader, value: T) => R,
): Result<R, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    if (reader.u8() !== tag) reader.fail('malformed', 'another kind of transfer')
    const format = reader.u8()
    if (format !== joinFormat) {
      reader.fail('unsupported-version', `a join of format ${format}, this build reads ${joinFormat}`)
    }
    const value = make(reader, fields.read(reader))
    reader.end()
    return value
  })
}

/** What was decoded inside of something; what refused it refuses that too. */
function unwrapped<T>(reader: ByteReader, decoded: Result<T, DecodeError>): T {
  return decoded.ok ? decoded.value : reader.fail(decoded.error.kind, decoded.error.message)
}

/** The symbols `from` .. `to` - 1 in ranges that a decoder takes. */
export function rangesOf(symbols: (from: number, to: number) => SymbolRange, from: number, to: number): SymbolRange[] {
  const ranges: SymbolRange[] = []
  for (let at = from; at < to; at += sketchLimits.rangeSymbols) {
    ranges.push(symbols(at, Math.min(to, at + sketchLimits.rangeSymbols)))
  }
  return ranges
}

/** Bytes of an encoded symbol, about. */
export const symbolBytes = 17.5

/** Bytes of an encoded row, about, where there is nothing to tell it by. */
export const rowBytes = 12
