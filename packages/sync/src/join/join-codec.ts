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

/** The bytes of a join whose part is encoded already. */
export function encodeJoin(join: Omit<Join, 'part'>, part: Uint8Array): Uint8Array {
  const writer = new ByteWriter(part.length + 4096)
  writeHead(writer, tags.join, join.salt)
  writeHash(writer, join.sum)
  writer.varUint(join.setSize)
  writer.varUint(part.length)
  writer.raw(part)
  writeRanges(writer, join.symbols)
  return writer.finish()
}

/** The join in bytes, or why there is none. `lookup` as for bundles. */
export function decodeJoin(bytes: Uint8Array, lookup?: VersionLookup): Result<Join, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    const salt = readHead(reader, tags.join)
    const sum = readHash(reader)
    const setSize = reader.varUint()
    const part = decodeBundle(reader.raw(reader.count(Number.MAX_SAFE_INTEGER)), lookup)
    if (!part.ok) return reader.fail(part.error.kind, part.error.message)
    if (part.value.full) reader.fail('malformed', 'a part that is whole')
    const symbols = readRanges(reader)
    if (symbols.some((range) => range.setSize !== setSize)) reader.fail('malformed', 'symbols of another set')
    return { salt, sum, setSize, part: part.value, symbols }
  })
}

/** The bytes of more symbols. */
export function encodeJoinSymbols({ salt, symbols }: JoinSymbols): Uint8Array {
  const writer = new ByteWriter(4096)
  writeHead(writer, tags.symbols, salt)
  writeRanges(writer, symbols)
  return writer.finish()
}

/** The symbols in bytes, or why there are none. */
export function decodeJoinSymbols(bytes: Uint8Array): Result<JoinSymbols, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    return { salt: readHead(reader, tags.symbols), symbols: readRanges(reader) }
  })
}

function writeHead(writer: ByteWriter, tag: number, salt: Hash64): void {
  writer.u8(tag)
  writer.u8(joinFormat)
  writeHash(writer, salt)
}

function readHead(reader: ByteReader, tag: number): Hash64 {
  if (reader.u8() !== tag) reader.fail('malformed', 'another kind of transfer')
  const format = reader.u8()
  if (format !== joinFormat) {
    reader.fail('unsupported-version', `a join of format ${format}, this build reads ${joinFormat}`)
  }
  return readHash(reader)
}

function writeHash(writer: ByteWriter, { hi, lo }: Hash64): void {
  writer.u32(hi)
  writer.u32(lo)
}

function readHash(reader: ByteReader): Hash64 {
  const hi = reader.u32()
  return { hi, lo: reader.u32() }
}

function writeRanges(writer: ByteWriter, ranges: readonly SymbolRange[]): void {
  writer.varUint(ranges.length)
  for (const range of ranges) {
    const bytes = encodeSymbols(range)
    writer.varUint(bytes.length)
    writer.raw(bytes)
  }
}

function readRanges(reader: ByteReader): SymbolRange[] {
  const ranges: SymbolRange[] = []
  for (let left = reader.count(Number.MAX_SAFE_INTEGER); left > 0; left--) {
    const range = decodeSymbols(reader.raw(reader.count(Number.MAX_SAFE_INTEGER)))
    if (!range.ok) return reader.fail(range.error.kind, range.error.message)
    ranges.push(range.value)
  }
  reader.end()
  return ranges
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
