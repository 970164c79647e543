import { type DecodeError, type DecodeErrorKind, failure, type Result, success } from './result.ts'
import type { Steps } from './steps.ts'
import { decodeText, encodedLength, encodeText } from './text-bytes.ts'

/** The greatest number that `varUint` carries: 2^53 - 1. */
const MAX_VAR_UINT = Number.MAX_SAFE_INTEGER
/** `varInt` carries -2^52 .. 2^52 - 1, so that its zigzag form still fits into `varUint`. */
export const MAX_VAR_INT: number = 2 ** 52 - 1
export const MIN_VAR_INT: number = -(2 ** 52)

/** Bytes that are shared by results which were taken, and room below which another buffer is begun. */
const sharedBytes = 16_384
const leastRoom = 512

/**
 * One growable buffer to which numbers, strings and bytes are appended.
 *
 * Numbers are varints of 7 bits per byte, least significant first, in their shortest form. A writer is made to be
 * reused: `reset()` keeps the buffer. What is written wrongly (a negative `varUint`) is a bug of the caller and throws.
 */
export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>
  private numbers: DataView
  private start = 0
  private position = 0

  constructor(initialBytes = 256) {
    this.buffer = new Uint8Array(initialBytes)
    this.numbers = new DataView(this.buffer.buffer)
  }

  /** How many bytes were written since the last `reset` or `begin`. */
  get length(): number {
    return this.position - this.start
  }

  u8(value: number): void {
    if (this.position >= this.buffer.length) this.grow(1)
    this.buffer[this.position++] = value
  }

  u32(value: number): void {
    if (this.position + 4 > this.buffer.length) this.grow(4)
    this.numbers.setUint32(this.position, value, true)
    this.position += 4
  }

  f32(value: number): void {
    if (this.position + 4 > this.buffer.length) this.grow(4)
    this.numbers.setFloat32(this.position, value, true)
    this.position += 4
  }

  f64(value: number): void {
    if (this.position + 8 > this.buffer.length) this.grow(8)
    this.numbers.setFloat64(this.position, value, true)
    this.position += 8
  }

  /** Writes a whole number of 0 .. 2^53 - 1 in 1 to 8 bytes. @throws RangeError for any other number. */
  varUint(value: number): void {
    if (this.position + 8 > this.buffer.length) this.grow(8)
    if ((value & 0x7f) === value) {
      this.buffer[this.position++] = value
      return
    }
    this.longVarUint(value)
  }

  /** Writes a whole number of -2^52 .. 2^52 - 1; numbers near zero are short on both sides of it. */
  varInt(value: number): void {
    this.varUint(value >= 0 ? value * 2 : value * -2 - 1)
  }

  /** Writes bytes with their length in front. */
  bytes(value: Uint8Array): void {
    this.varUint(value.length)
    this.raw(value)
  }

  /** Writes bytes as they are; the reader must know how many. */
  raw(value: Uint8Array): void {
    if (this.position + value.length > this.buffer.length) this.grow(value.length)
    this.buffer.set(value, this.position)
    this.position += value.length
  }

  /** Writes a string as UTF-8 with its length in bytes in front. Lone surrogates come back as they were (WTF-8). */
  string(value: string): void {
    const units = value.length
    if (units < 0x80 && this.shortAscii(value, units)) return
    const size = encodedLength(value)
    this.varUint(size)
    if (this.position + size > this.buffer.length) this.grow(size)
    this.position = encodeText(value, this.buffer, this.position)
  }

  /** The written bytes without a copy. Valid only until the next write or `reset`. */
  view(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(this.start, this.position)
  }

  /** An exact copy of the written bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(this.start, this.position)
  }

  /** Forgets what was written and keeps the buffer. */
  reset(): void {
    this.position = this.start
  }

  /** Forgets what was written, and what an interrupted caller left. For those who `take`. */
  begin(): void {
    this.position = this.start
    if (this.buffer.length - this.start < leastRoom) this.renew(sharedBytes)
  }

  /**
   * The written bytes without a copy: theirs is a part of a buffer that is not written again, which many small results
   * share. Whoever keeps a few of them for long makes a copy.
   */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.view()
    this.start = this.position
    return bytes
  }

  private shortAscii(value: string, units: number): boolean {
    if (this.position + units + 1 > this.buffer.length) this.grow(units + 1)
    const buffer = this.buffer
    const start = this.position + 1
    for (let i = 0; i < units; i++) {
      const unit = value.charCodeAt(i)
      if (unit >= 0x80) return false
      buffer[start + i] = unit
    }
    buffer[this.position] = units
    this.position = start + units
    return true
  }

  private longVarUint(value: number): void {
    if (!(value >= 0 && value <= MAX_VAR_UINT && Number.isInteger(value))) {
      throw new RangeError(`not a whole number of 0 .. 2^53 - 1: ${value}`)
    }
    const buffer = this.buffer
    let position = this.position
    let rest = value
    while (rest >= 0x80000000) {
      buffer[position++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    while (rest >= 0x80) {
      buffer[position++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[position++] = rest
    this.position = position
  }

  private grow(extra: number): void {
    this.renew(Math.max(this.buffer.length, this.length) * 2 + extra)
  }

  private renew(size: number): void {
    const bytes = new Uint8Array(size)
    bytes.set(this.view())
    this.position -= this.start
    this.start = 0
    this.buffer = bytes
    this.numbers = new DataView(bytes.buffer)
  }
}

/** Thrown inside decoders and turned into a plain `DecodeError` by `attempt`; it never leaves a public function. */
export class DecodeFailure extends Error {
  readonly kind: DecodeErrorKind
  readonly offset: number

  constructor(kind: DecodeErrorKind, offset: number, message: string) {
    super(message)
    this.name = 'DecodeFailure'
    this.kind = kind
    this.offset = offset
  }
}

/** Runs a decoder and answers with its value or with the plain error it failed with. Other errors are bugs and pass. */
export function attempt<T>(decode: () => T): Result<T, DecodeError> {
  try {
    return success(decode())
  } catch (error) {
    return failedWith(error)
  }
}

/** The same for one that works in steps. */
export function* attempting<T>(decode: Steps<T>): Steps<Result<T, DecodeError>> {
  try {
    return success(yield* decode)
  } catch (error) {
    return failedWith(error)
  }
}

/** What a decoder failed with, as a plain error. Other errors are bugs and pass. */
export function failedWith(error: unknown): { readonly ok: false; readonly error: DecodeError } {
  if (!(error instanceof DecodeFailure)) throw error
  return failure({ kind: error.kind, offset: error.offset, message: error.message })
}

/**
 * Reads what a `ByteWriter` wrote, from bytes that nobody vouches for.
 *
 * Every read is checked against the end of the input; every number and string has exactly one accepted form. All
 * refusals are `DecodeFailure`s. `count` caps what is announced before anything is allocated for it.
 */
export class ByteReader {
  /** How many primitive reads were made, so that tests can hold decoders to at most 64 per input byte. */
  steps = 0
  private readonly input: Uint8Array
  /** Made when it is needed: most frames have no such number, and it costs as much as reading a small one. */
  private view: DataView | undefined = undefined
  private position = 0

  constructor(input: Uint8Array) {
    this.input = input
  }

  private get numbers(): DataView {
    this.view ??= new DataView(this.input.buffer, this.input.byteOffset, this.input.byteLength)
    return this.view
  }

  /** Bytes read so far. */
  get offset(): number {
    return this.position
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.input.length - this.position
  }

  u8(): number {
    this.steps++
    const byte = this.input[this.position]
    if (byte === undefined) return this.truncated(1)
    this.position++
    return byte
  }

  u32(): number {
    const at = this.advance(4)
    return this.numbers.getUint32(at, true)
  }

  f32(): number {
    const at = this.advance(4)
    return this.numbers.getFloat32(at, true)
  }

  f64(): number {
    const at = this.advance(8)
    return this.numbers.getFloat64(at, true)
  }

  varUint(): number {
    this.steps++
    const first = this.input[this.position]
    if (first === undefined) return this.truncated(1)
    if (first < 0x80) {
      this.position++
      return first
    }
    return this.longVarUint(first)
  }

  varInt(): number {
    const zigzag = this.varUint()
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
  }

  /**
   * Reads how many items follow. Refuses more than `maxItems`, and more than can be in the rest of the input when each
   * takes at least `minBytesEach`, so that the caller may allocate what it gets.
   */
  count(maxItems: number, minBytesEach = 1): number {
    const at = this.position
    const items = this.varUint()
    if (items > maxItems)
      throw new DecodeFailure('too-large', at, `${items} items where at most ${maxItems} are allowed`)
    if (items * minBytesEach > this.remaining) {
      throw new DecodeFailure('truncated', at, `${items} items do not fit into the ${this.remaining} bytes left`)
    }
    return items
  }

  /** Reads bytes with their length in front and returns a copy of them. */
  bytes(maxBytes: number = MAX_VAR_UINT): Uint8Array<ArrayBuffer> {
    const size = this.count(maxBytes)
    const at = this.advance(size)
    return this.input.slice(at, at + size) as Uint8Array<ArrayBuffer>
  }

  /** Returns the next bytes without a copy: a window into the input. */
  raw(size: number): Uint8Array {
    const at = this.advance(size)
    return this.input.subarray(at, at + size)
  }

  /** A window onto at most `size` bytes that are not read yet. */
  ahead(size: number): Uint8Array {
    return this.input.subarray(this.position, this.position + size)
  }

  string(maxBytes: number = MAX_VAR_UINT): string {
    return this.text(this.count(maxBytes))
  }

  /** Reads a string of a length in bytes that the caller knows. */
  text(size: number): string {
    const at = this.advance(size)
    const text = decodeText(this.input, at, at + size)
    if (typeof text === 'number') throw new DecodeFailure('malformed', text, 'not valid UTF-8')
    return text
  }

  /** Refuses bytes after the last thing read. */
  end(): void {
    if (this.remaining > 0) this.fail('malformed', `${this.remaining} bytes after the end`)
  }

  /** Refuses the input at the current position. */
  fail(kind: DecodeErrorKind, message: string): never {
    throw new DecodeFailure(kind, this.position, message)
  }

  private advance(size: number): number {
    this.steps++
    const at = this.position
    if (size > this.input.length - at) return this.truncated(size)
    this.position = at + size
    return at
  }

  private longVarUint(first: number): number {
    const start = this.position
    let value = first & 0x7f
    let scale = 0x80
    for (let size = 2; size <= 8; size++) {
      const byte = this.input[start + size - 1]
      if (byte === undefined) return this.truncated(size)
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0) return this.fail('malformed', 'a number in more bytes than it needs')
        if (value > MAX_VAR_UINT) return this.fail('malformed', 'a number above 2^53 - 1')
        this.position = start + size
        return value
      }
      scale *= 0x80
    }
    return this.fail('malformed', 'a number of more than 8 bytes')
  }

  private truncated(needed: number): never {
    return this.fail('truncated', `${needed} bytes needed, ${this.remaining} left`)
  }
}
