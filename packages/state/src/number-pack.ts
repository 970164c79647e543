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
/** Bits of the greatest number. */
const MOST_BITS = 53
const MOST_BLOCK_BYTES = Math.ceil((blockNumbers * (MOST_ONES + LENGTH_BITS + MOST_BITS)) / 8)

/** Used within one call only. */
const above = new Float64Array(blockNumbers)
const apart = new Float64Array(blockNumbers)
/** How many of either have how many bits; more than can be packed may be counted. */
const lengths = new Uint32Array(MOST_BITS + 3)
const lengthsApart = new Uint32Array(MOST_BITS + 3)

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
  const codes = isByDeltas ? apart : above
  const k = bestK(codes, count, isByDeltas ? lengthsApart : lengths)
  writer.u8(isByDeltas ? DELTAS | k : k)
  if (!isByDeltas) writer.varInt(least)
  new BitWriter(writer).writeAll(codes, count, k)
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

class BitWriter {
  readonly #writer: ByteWriter
  /** What is not a whole byte yet, lowest bit first. */
  #rest = 0
  #bits = 0

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  writeAll(numbers: Float64Array, count: number, k: number): void {
    const scale = 2 ** k
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number
      const ones = Math.floor(number / scale)
      if (ones < MOST_ONES) {
        this.#put((1 << ones) - 1, ones + 1)
        this.#putLong(number - ones * scale, k)
      } else {
        const length = bitLength(number)
        this.#put((1 << MOST_ONES) - 1, MOST_ONES)
        this.#put(length, LENGTH_BITS)
        this.#putLong(number, length)
      }
    }
    if (this.#bits > 0) this.#writer.u8(this.#rest)
  }

  #putLong(value: number, bits: number): void {
    let rest = value
    let left = bits
    for (; left > 16; left -= 16) {
      this.#put(rest % 0x10000, 16)
      rest = Math.floor(rest / 0x10000)
    }
    this.#put(rest, left)
  }

  #put(value: number, bits: number): void {
    let rest = this.#rest | (value << this.#bits)
    let left = this.#bits + bits
    for (; left >= 8; left -= 8) {
      this.#writer.u8(rest & 0xff)
      rest >>>= 8
    }
    this.#rest = rest
    this.#bits = left
  }
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
  const bits = new BitReader(reader.ahead(MOST_BLOCK_BYTES))
  for (let i = 0; i < count; i++) {
    const code = bits.read(k)
    if (code < 0) reader.fail('malformed', 'a number in another form')
    const number = base + (!isByDeltas ? code : code % 2 === 0 ? code / 2 : -(code + 1) / 2)
    if (!Number.isSafeInteger(number)) reader.fail('malformed', 'a number above 2^53 - 1')
    if (isByDeltas) base = number
    into[from + i] = number
  }
  reader.raw(bits.end(reader))
}

/** Reads what `packColumn` wrote. */
export function unpackColumn(reader: ByteReader, count: number, into: number[], from = 0): void {
  for (let at = 0; at < count; at += blockNumbers)
    unpackNumbers(reader, Math.min(count - at, blockNumbers), into, from + at)
}

class BitReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The next number; negative for one in another form than the one it is written in. */
  read(k: number): number {
    // Beyond the end there are zeros, until `end` looks.
    const zeros = ~this.#peek()
    const ones = 31 - Math.clz32(zeros & -zeros)
    if (ones < MOST_ONES) {
      this.#at += ones + 1
      return ones * 2 ** k + this.#take(k)
    }
    this.#at += MOST_ONES
    const length = this.#take(LENGTH_BITS)
    const number = length > MOST_BITS ? -1 : this.#take(length)
    return number >= MOST_ONES * 2 ** k && number >= 2 ** (length - 1) ? number : -1
  }

  /** Bytes that were read. What is left of the last one must be zeros. */
  end(reader: ByteReader): number {
    const size = (this.#at + 7) >>> 3
    if (size > this.#bytes.length) reader.fail('truncated', 'numbers that end too soon')
    if ((this.#at & 7) !== 0 && (this.#bytes[size - 1] as number) >> (this.#at & 7) !== 0)
      reader.fail('malformed', 'bits after the last number')
    return size
  }

  /** At least the next sixteen bits. */
  #peek(): number {
    const at = this.#at >>> 3
    const bytes = this.#bytes
    return ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16)) >>> (this.#at & 7)
  }

  #take(bits: number): number {
    let value = 0
    let scale = 1
    let left = bits
    for (; left > 16; left -= 16) {
      value += (this.#peek() & 0xffff) * scale
      scale *= 0x10000
      this.#at += 16
    }
    value += (this.#peek() & ((1 << left) - 1)) * scale
    this.#at += left
    return value
  }
}
