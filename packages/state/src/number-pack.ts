/**
 * Whole numbers in about as many bits as they need: what one is above the least of its block, or how far it is from the
 * one before it, as a Golomb-Rice code. That is the quotient by 2^k as so many ones and a zero, and `k` bits; where there
 * would be twelve ones, twelve ones, how many bits there are, and the whole number.
 */
import type { ByteReader, ByteWriter } from './bytes.ts'

/** Numbers in a block at most: what few bytes can make a reader hold is bounded, and long columns are read in steps. */
export const blockNumbers = 4096
/** Least bytes of a number in a block: two bits. */
export const leastNumberBytes: number = 1 / 4
/** Below this a block costs more than it spares. */
export const fewNumbers = 8

const DELTAS = 0x20
const K_MASK = 0x1f
const MOST_ONES = 12
const LENGTH_BITS = 6
const LENGTH_MASK = (1 << LENGTH_BITS) - 1
/** Bits of the greatest number. */
const MOST_BITS = 53
/** Bits that are put together, or looked at, in one step: above up to seven others they are in a word. */
const SHORT_BITS = 24
const MOST_BLOCK_BYTES = Math.ceil((blockNumbers * (MOST_ONES + LENGTH_BITS + MOST_BITS)) / 8)

/** Used within one call only. */
const above = new Float64Array(blockNumbers)
const apart = new Float64Array(blockNumbers)
/** How many of either have how many bits; more than can be packed may be counted. */
const lengths = new Uint32Array(MOST_BITS + 3)
const lengthsApart = new Uint32Array(MOST_BITS + 3)
const codes = new Uint8Array(MOST_BLOCK_BYTES)

function bitLength(number: number): number {
  return number < 0x80000000 ? 32 - Math.clz32(number) : 32 - Math.clz32(Math.floor(number / 0x80000000)) + 31
}

/** Appends at most `blockNumbers` whole numbers of -2^52 .. 2^52 - 1; the reader must know how many. */
export function packNumbers(
  writer: ByteWriter,
  numbers: ArrayLike<number>,
  from = 0,
  to: number = numbers.length,
): void {
  const count = to - from
  let least = Number.POSITIVE_INFINITY
  for (let i = from; i < to; i++) if ((numbers[i] as number) < least) least = numbers[i] as number
  let before = 0
  let widest = 0
  let bits = 0
  let bitsApart = 0
  lengths.fill(0)
  lengthsApart.fill(0)
  for (let i = 0; i < count; i++) {
    const number = numbers[from + i] as number
    const step = number - before
    before = number
    const zigzag = step >= 0 ? step * 2 : step * -2 - 1
    if (zigzag > widest) widest = zigzag
    above[i] = number - least
    apart[i] = zigzag
    bits += counted(lengths, number - least)
    bitsApart += counted(lengthsApart, zigzag)
  }
  // What takes fewer bits bare takes fewer as codes, nearly always.
  const isByDeltas = bitsApart < bits && widest < 2 ** MOST_BITS
  const chosen = isByDeltas ? apart : above
  const k = bestK(chosen, count, isByDeltas ? lengthsApart : lengths)
  writer.u8(isByDeltas ? DELTAS | k : k)
  if (!isByDeltas) writer.varInt(least)
  writeCodes(writer, chosen, count, k)
}

/** Counts a number by how many bits it has, and says how many. */
function counted(counts: Uint32Array, number: number): number {
  const length = number < 0x80000000 ? 32 - Math.clz32(number) : bitLength(number)
  counts[length] = (counts[length] as number) + 1
  return length
}

/** Appends numbers in as many blocks as it takes. */
export function packColumn(writer: ByteWriter, numbers: ArrayLike<number>): void {
  for (let from = 0; from < numbers.length; from += blockNumbers)
    packNumbers(writer, numbers, from, Math.min(numbers.length, from + blockNumbers))
}

/** The better `k` of the two next to the middle one of the numbers, by how many of them have how many bits. */
function bestK(numbers: Float64Array, count: number, counts: Uint32Array): number {
  let middle = 0
  for (let seen = counts[0] as number; seen * 2 < count; ) seen += counts[++middle] as number
  const k = Math.min(Math.max(1, middle), K_MASK)
  return k > 1 && bitsWith(numbers, count, k - 1) < bitsWith(numbers, count, k) ? k - 1 : k
}

function bitsWith(numbers: Float64Array, count: number, k: number): number {
  const scale = 2 ** -k
  let bits = count * (k + 1)
  for (let i = 0; i < count; i++) {
    const ones = (numbers[i] as number) * scale
    bits += ones < MOST_ONES ? ones | 0 : MOST_ONES + LENGTH_BITS + bitLength(numbers[i] as number) - k - 1
  }
  return bits
}

/** Appends the codes of numbers, lowest bit first. All in one loop, without an object: this is most of what a codec does. */
function writeCodes(writer: ByteWriter, numbers: Float64Array, count: number, k: number): void {
  const scale = 2 ** k
  let end = 0
  /** What is not a whole byte yet. */
  let rest = 0
  let bits = 0
  for (let i = 0; i < count; i++) {
    const number = numbers[i] as number
    const ones = Math.floor(number / scale)
    let long = number - ones * scale
    let left = k
    if (ones + k < SHORT_BITS && ones < MOST_ONES) {
      rest |= (((1 << ones) - 1) | (long << (ones + 1))) << bits
      bits += ones + 1 + k
      left = 0
    } else if (ones < MOST_ONES) {
      rest |= ((1 << ones) - 1) << bits
      bits += ones + 1
    } else {
      long = number
      left = bitLength(number)
      rest |= (((1 << MOST_ONES) - 1) | (left << MOST_ONES)) << bits
      bits += MOST_ONES + LENGTH_BITS
    }
    for (; ; left -= 16) {
      for (; bits >= 8; bits -= 8) {
        codes[end++] = rest
        rest >>>= 8
      }
      if (left <= 0) break
      rest |= (long % 0x10000) << bits
      bits += Math.min(16, left)
      long = Math.floor(long / 0x10000)
    }
  }
  if (bits > 0) codes[end++] = rest
  writer.raw(codes.subarray(0, end))
}

/** Reads a block of `count` numbers, at most `blockNumbers`, into `into` from a place on. */
export function unpackNumbers(reader: ByteReader, count: number, into: number[] | Float64Array, from = 0): void {
  const header = reader.u8()
  const k = header & K_MASK
  if (header > (DELTAS | K_MASK) || k === 0) reader.fail('malformed', 'an unknown block of numbers')
  const isByDeltas = (header & DELTAS) !== 0
  let base = isByDeltas ? 0 : reader.varInt()
  if (count * leastNumberBytes > reader.remaining) reader.fail('truncated', 'more numbers than bits')
  reader.steps += count
  const bytes = reader.ahead(MOST_BLOCK_BYTES)
  const scale = 2 ** k
  const mask = scale - 1
  /** Bits read. Beyond the end there are zeros, until `endOf` looks. */
  let at = 0
  for (let i = 0; i < count; i++) {
    const ahead = bitsAt(bytes, at)
    const ones = 31 - Math.clz32(~ahead & -~ahead)
    let code: number
    if (ones < MOST_ONES) {
      at += ones + 1
      const isShort = ones + k < SHORT_BITS
      code = ones * scale + (isShort ? (ahead >>> (ones + 1)) & mask : longAt(bytes, at, k))
      at += k
    } else {
      const length = (ahead >>> MOST_ONES) & LENGTH_MASK
      at += MOST_ONES + LENGTH_BITS
      code = length > MOST_BITS ? -1 : longAt(bytes, at, length)
      at += length
      // In the one form that it is written in.
      if (code < MOST_ONES * scale || code < 2 ** (length - 1)) reader.fail('malformed', 'a number in another form')
    }
    const number = base + (!isByDeltas ? code : code % 2 === 0 ? code / 2 : -(code + 1) / 2)
    if (!Number.isSafeInteger(number)) reader.fail('malformed', 'a number above 2^53 - 1')
    if (isByDeltas) base = number
    into[from + i] = number
  }
  reader.raw(endOf(reader, bytes, at))
}

/** Reads what `packColumn` wrote. */
export function unpackColumn(reader: ByteReader, count: number, into: number[], from = 0): void {
  for (let at = 0; at < count; at += blockNumbers)
    unpackNumbers(reader, Math.min(count - at, blockNumbers), into, from + at)
}

/** At least the next `SHORT_BITS` bits. */
function bitsAt(bytes: Uint8Array, at: number): number {
  const byte = at >>> 3
  const low = (bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16)
  // Of the fourth no more than keeps it a small number.
  return (low | (((bytes[byte + 3] ?? 0) & 0x7f) << 24)) >> (at & 7)
}

/** A number of so many bits. */
function longAt(bytes: Uint8Array, from: number, bits: number): number {
  let value = 0
  let scale = 1
  for (let at = 0; at < bits; at += 16) {
    value += (bitsAt(bytes, from + at) & ((1 << Math.min(16, bits - at)) - 1)) * scale
    scale *= 0x10000
  }
  return value
}

/** Bytes that were read. What is left of the last one must be zeros. */
function endOf(reader: ByteReader, bytes: Uint8Array, at: number): number {
  const size = (at + 7) >>> 3
  if (size > bytes.length) reader.fail('truncated', 'numbers that end too soon')
  if ((at & 7) !== 0 && (bytes[size - 1] as number) >> (at & 7) !== 0)
    reader.fail('malformed', 'bits after the last number')
  return size
}
