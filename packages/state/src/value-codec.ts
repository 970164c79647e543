import type { ByteReader, ByteWriter } from './bytes.ts'
import { blockNumbers, fewNumbers, packNumbers, unpackNumbers } from './number-pack.ts'
import { maxValueDepth, setOwn, type Value, valueKind } from './plain-value.ts'
import type { Steps } from './steps.ts'
import { mostValueBytes } from './value-bytes.ts'

/** What a reader of values allows. */
export interface ValueLimits {
  /** Levels of arrays and objects in one value. */
  readonly maxDepth: number
  /** Encoded bytes of one value. */
  readonly maxBytes: number
}

/** The limits that hold where none are given. */
export const defaultValueLimits: ValueLimits = { maxDepth: maxValueDepth, maxBytes: mostValueBytes }

// Tags of single values. Small numbers, short strings and small containers carry their size in the tag:
// 0x80 | n a whole number n of 0..127; 0x40 | size a string; 0x20 | count an array; 0x30 | count an object.
const NULL = 0
const BOOL = 1
const INT = 2
const F32 = 3
const F64 = 4
const STRING = 5
const BYTES = 6
const BIGINT = 7
const DATE = 8
const ARRAY = 9
const OBJECT = 10
const TRUE = 11
/** In packed columns only: whole numbers in blocks. */
const PACKED = 11

/** Whole numbers up to 2^48 are shorter as varints than as floats, or as short. */
const MAX_INT = 2 ** 48
/** Values without payload stand at most this many in a run, so that a few bytes cannot announce millions of values. */
const MAX_EMPTY_RUN = 64
const MAX_RUN = 1 << 20
const MAX_DATE = 8.64e15

/** Appends a value. It must come from `freezeValue`, or have been read. */
export function writeValue(writer: ByteWriter, value: Value): void {
  const tag = tagOf(value)
  switch (tag) {
    case BOOL:
      writer.u8(value ? TRUE : BOOL)
      return
    case INT:
      if ((value as number) >= 0 && (value as number) < 0x80) {
        writer.u8(0x80 | (value as number))
        return
      }
      break
    case ARRAY:
      writeArray(writer, value as readonly Value[])
      return
    case OBJECT:
      writeObject(writer, value as Readonly<Record<string, Value>>)
      return
    case STRING:
      if (writeShortString(writer, value as string)) return
      break
  }
  writer.u8(tag)
  writePayload(writer, tag, value)
}

/** Reads one value, deeply frozen (bytes and dates cannot be). Duplicate keys, other forms and excess are refused. */
export function readValue(reader: ByteReader, limits: ValueLimits = defaultValueLimits): Value {
  return readTagged(reader, limits.maxDepth, reader.offset + limits.maxBytes)
}

/**
 * Appends many values as a column: runs of one type with one or two bytes each, then the bare payloads. 400 floats
 * take 3,200 bytes and 2 more; booleans one bit each. The count is not written: the reader must know it. With `packs`,
 * for readers that are told so, runs of whole numbers take about the bits that they need.
 */
export function writeValueColumn(writer: ByteWriter, values: readonly Value[], packs = false): void {
  let start = 0
  while (start < values.length) {
    const tag = tagOf(values[start] as Value)
    const limit = Math.min(values.length, start + (tag === NULL ? MAX_EMPTY_RUN : MAX_RUN))
    let end = start + 1
    while (end < limit && tagOf(values[end] as Value) === tag) end++
    const isPacked = packs && tag === INT && end - start >= fewNumbers
    writer.varUint((end - start - 1) * 16 + (isPacked ? PACKED : tag))
    if (isPacked) {
      for (let i = start; i < end; i += blockNumbers)
        packNumbers(writer, values as readonly number[], i, Math.min(end, i + blockNumbers))
    } else if (tag === BOOL) writeBits(writer, values, start, end)
    else if (tag !== NULL) for (let i = start; i < end; i++) writePayload(writer, tag, values[i] as Value)
    start = end
  }
}

/**
 * Reads a column of `count` values, each deeply frozen. The caller caps `count`; a column takes at least one byte per
 * 32 values, so `reader.count(max, 1 / 32)` is a fitting cap.
 */
export function readValueColumn(reader: ByteReader, count: number, packs = false): Value[] {
  if (count === 1) return [readOne(reader, packs)]
  const values: Value[] = []
  while (values.length < count) {
    const header = reader.varUint()
    const tag = header & 15
    const size = readRunSize(reader, header, count - values.length, packs)
    for (let left = size; left > 0; left -= stepValues) readRun(reader, tag, Math.min(left, stepValues), values)
  }
  return values
}

function readOne(reader: ByteReader, packs: boolean): Value {
  const header = reader.varUint()
  readRunSize(reader, header, 1, packs)
  if (header === INT) return reader.varInt()
  const values: Value[] = []
  readRun(reader, header, 1, values)
  return values[0] as Value
}

function readRunSize(reader: ByteReader, header: number, left: number, packs: boolean): number {
  const tag = header % 16
  const size = Math.floor(header / 16) + 1
  if (tag > (packs ? PACKED : OBJECT)) reader.fail('malformed', `unknown type ${tag} of a column`)
  if (size > left) reader.fail('malformed', 'a run longer than its column')
  if (tag === NULL && size > MAX_EMPTY_RUN) reader.fail('malformed', `a run of ${size} empty values`)
  return size
}

/** What values are read into. */
interface ValueSink {
  readonly length: number
  push(value: Value): unknown
}

/** Values that are read in a step; a multiple of eight, as booleans are bits. */
const stepValues = blockNumbers

/** Reads a column into `values` in steps. */
export function* readingValueColumn(reader: ByteReader, count: number, values: ValueSink, packs = false): Steps<void> {
  let inStep = 0
  for (const end = values.length + count; values.length < end; ) {
    const header = reader.varUint()
    const tag = header % 16
    const size = readRunSize(reader, header, end - values.length, packs)
    for (let left = size; left > 0; left -= stepValues) {
      readRun(reader, tag, Math.min(left, stepValues), values)
      inStep += Math.min(left, stepValues)
      if (inStep < stepValues) continue
      inStep = 0
      yield 1 - (end - values.length) / count
    }
  }
}

function readRun(reader: ByteReader, tag: number, size: number, values: ValueSink): void {
  const limits = defaultValueLimits
  if (tag === PACKED) {
    const numbers: number[] = []
    unpackNumbers(reader, size, numbers)
    for (const number of numbers) values.push(number)
  } else if (tag === NULL) {
    reader.steps += size
    for (let i = 0; i < size; i++) values.push(null)
  } else if (tag === BOOL) {
    readBits(reader, size, values)
  } else if (tag === F64) {
    for (let i = 0; i < size; i++) values.push(reader.f64())
  } else if (tag === INT) {
    for (let i = 0; i < size; i++) values.push(reader.varInt())
  } else {
    for (let i = 0; i < size; i++) {
      values.push(readPayload(reader, tag, limits.maxDepth, reader.offset + limits.maxBytes))
    }
  }
}

function tagOf(value: Value): number {
  if (typeof value === 'number') return numberTag(value)
  if (typeof value === 'string') return STRING
  if (typeof value === 'boolean') return BOOL
  if (value === null) return NULL
  switch (valueKind(value)) {
    case 'bigint':
      return BIGINT
    case 'bytes':
      return BYTES
    case 'date':
      return DATE
    case 'array':
      return ARRAY
    default:
      return OBJECT
  }
}

function numberTag(value: number): number {
  // Most are that.
  if ((value | 0) === value && value !== 0) return INT
  if (Number.isInteger(value) && value < MAX_INT && value > -MAX_INT && !Object.is(value, -0)) return INT
  return Object.is(Math.fround(value), value) ? F32 : F64
}

function writePayload(writer: ByteWriter, tag: number, value: Value): void {
  switch (tag) {
    case INT:
      writer.varInt(value as number)
      break
    case F32:
      writer.f32(value as number)
      break
    case F64:
      writer.f64(value as number)
      break
    case STRING:
      writer.string(value as string)
      break
    case BYTES:
      writer.bytes(value as Uint8Array)
      break
    case BIGINT:
      writeBigint(writer, value as bigint)
      break
    case DATE:
      writer.f64((value as Date).getTime())
      break
    case ARRAY:
      writer.varUint((value as readonly Value[]).length)
      writeItems(writer, value as readonly Value[])
      break
    case OBJECT:
      writer.varUint(Object.keys(value as object).length)
      writeEntries(writer, value as Readonly<Record<string, Value>>)
      break
  }
}

function writeShortString(writer: ByteWriter, value: string): boolean {
  const units = value.length
  if (units >= 0x40) return false
  for (let i = 0; i < units; i++) if (value.charCodeAt(i) >= 0x80) return false
  writer.u8(0x40 | units)
  for (let i = 0; i < units; i++) writer.u8(value.charCodeAt(i))
  return true
}

function writeArray(writer: ByteWriter, value: readonly Value[]): void {
  if (value.length < 16) {
    writer.u8(0x20 | value.length)
  } else {
    writer.u8(ARRAY)
    writer.varUint(value.length)
  }
  writeItems(writer, value)
}

function writeObject(writer: ByteWriter, value: Readonly<Record<string, Value>>): void {
  const size = Object.keys(value).length
  if (size < 16) {
    writer.u8(0x30 | size)
  } else {
    writer.u8(OBJECT)
    writer.varUint(size)
  }
  writeEntries(writer, value)
}

function writeItems(writer: ByteWriter, value: readonly Value[]): void {
  for (const item of value) writeValue(writer, item)
}

function writeEntries(writer: ByteWriter, value: Readonly<Record<string, Value>>): void {
  for (const key of Object.keys(value)) {
    writer.string(key)
    writeValue(writer, value[key] as Value)
  }
}

function writeBigint(writer: ByteWriter, value: bigint): void {
  let digits = value === 0n ? '' : (value < 0n ? -value : value).toString(16)
  if (digits.length % 2 === 1) digits = `0${digits}`
  writer.varUint(digits.length + (value < 0n ? 1 : 0))
  for (let i = 0; i < digits.length; i += 2) writer.u8(Number.parseInt(digits.slice(i, i + 2), 16))
}

function writeBits(writer: ByteWriter, values: readonly Value[], start: number, end: number): void {
  for (let i = start; i < end; i += 8) {
    let bits = 0
    for (let bit = 0; bit < 8 && i + bit < end; bit++) if (values[i + bit]) bits |= 1 << bit
    writer.u8(bits)
  }
}

function readTagged(reader: ByteReader, depth: number, end: number): Value {
  const tag = reader.u8()
  if (tag >= 0x80) return tag & 0x7f
  if (tag >= 0x40) return reader.text(tag & 0x3f)
  if (tag >= 0x30) return readObject(reader, tag & 0x0f, depth, end)
  if (tag >= 0x20) return readArray(reader, tag & 0x0f, depth, end)
  if (tag === TRUE) return true
  if (tag === BOOL) return false
  if (tag === NULL) return null
  return readPayload(reader, tag, depth, end)
}

function readPayload(reader: ByteReader, tag: number, depth: number, end: number): Value {
  const space = end - reader.offset
  if (space <= 0) reader.fail('too-large', 'a value above the size limit')
  switch (tag) {
    case INT:
      return reader.varInt()
    case F32:
      return reader.f32()
    case F64:
      return reader.f64()
    case STRING:
      return reader.string(space)
    case BYTES:
      return reader.bytes(space)
    case BIGINT:
      return readBigint(reader, space)
    case DATE:
      return readDate(reader)
    case ARRAY:
      return readArray(reader, reader.count(space), depth, end)
    case OBJECT:
      return readObject(reader, reader.count(space, 2), depth, end)
    default:
      return reader.fail('malformed', `unknown type ${tag} of a value`)
  }
}

function readArray(reader: ByteReader, count: number, depth: number, end: number): Value {
  checkRoom(reader, depth, end)
  const items: Value[] = []
  for (let i = 0; i < count; i++) items.push(readTagged(reader, depth - 1, end))
  checkSize(reader, end)
  return Object.freeze(items)
}

function readObject(reader: ByteReader, count: number, depth: number, end: number): Value {
  checkRoom(reader, depth, end)
  const object: Record<string, Value> = {}
  for (let i = 0; i < count; i++) {
    const key = reader.string()
    if (Object.hasOwn(object, key)) reader.fail('malformed', 'a key that stands twice in one object')
    setOwn(object, key, readTagged(reader, depth - 1, end))
  }
  checkSize(reader, end)
  return Object.freeze(object)
}

function checkRoom(reader: ByteReader, depth: number, end: number): void {
  if (depth <= 0) reader.fail('too-large', 'a value nested too deep')
  checkSize(reader, end)
}

function checkSize(reader: ByteReader, end: number): void {
  if (reader.offset > end) reader.fail('too-large', 'a value above the size limit')
}

function readBigint(reader: ByteReader, space: number): bigint {
  const header = reader.varUint()
  const size = Math.floor(header / 2)
  if (size > space) reader.fail('too-large', 'a value above the size limit')
  const bytes = reader.raw(size)
  if (size === 0 ? header !== 0 : bytes[0] === 0) reader.fail('malformed', 'a bigint in another form')
  let digits = '0x0'
  for (const byte of bytes) digits += (byte < 16 ? '0' : '') + byte.toString(16)
  return header % 2 === 1 ? -BigInt(digits) : BigInt(digits)
}

function readDate(reader: ByteReader): Date {
  const time = reader.f64()
  const isTime = Number.isNaN(time) || (Number.isInteger(time) && Math.abs(time) <= MAX_DATE && !Object.is(time, -0))
  if (!isTime) reader.fail('malformed', 'a date outside the range of dates')
  return new Date(time)
}

function readBits(reader: ByteReader, size: number, values: ValueSink): void {
  const bytes = reader.raw(Math.ceil(size / 8))
  const spare = size % 8
  if (spare > 0 && (bytes[bytes.length - 1] as number) >> spare !== 0)
    reader.fail('malformed', 'bits after the last one')
  reader.steps += size
  for (let i = 0; i < size; i++) values.push(((bytes[i >> 3] as number) >> (i & 7)) % 2 === 1)
}
