import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import type { Bundle, BundleItem, BundleRemoval, Erasure, KeyRow, ListRow, ListRun } from './change.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, maxSeq } from './ids.ts'
import { compareKeys, type Key } from './key.ts'
import { KeyReader, KeySpeller } from './key-speller.ts'
import { AuthorReader, AuthorWriter } from './key-table.ts'
import { readPlace, readTargets, writePlace, writeTargets } from './list-codec.ts'
import type { DecodeError, Result } from './result.ts'
import { readValueColumn, type Value, writeValueColumn } from './value.ts'
import { Version } from './version.ts'

/** Format of bundles; readers refuse others with `unsupported-version`. */
export const bundleFormat = 1

const FULL = 1
const HAS_FLOOR = 2
const FLOOR_IS_VERSION = 4

/** A dot with its stamp: a transaction's items share one. */
interface StampedDot {
  readonly author: AuthorId
  readonly seq: number
  readonly hlc: number
}

/** The distinct dots of a bundle, sorted by author and seq, and the number of each. */
class DotTable {
  readonly dots: StampedDot[] = []
  readonly #byAuthor = new Map<AuthorId, Map<number, number>>()
  #author: AuthorId | undefined
  #numbers = new Map<number, number>()

  constructor(rows: readonly KeyRow[]) {
    for (const { items, removals } of rows) {
      for (const item of items) this.#note(item)
      for (const removal of removals) this.#note(removal)
    }
    this.dots.sort((a, b) => (a.author === b.author ? a.seq - b.seq : a.author < b.author ? -1 : 1))
    for (const [number, dot] of this.dots.entries()) this.#of(dot.author).set(dot.seq, number)
  }

  number(dot: StampedDot): number {
    return this.#of(dot.author).get(dot.seq) ?? 0
  }

  #note(dot: StampedDot): void {
    const numbers = this.#of(dot.author)
    if (numbers.has(dot.seq)) return
    numbers.set(dot.seq, 0)
    this.dots.push(dot)
  }

  /** Dots of one author mostly stand together, so the last author is kept at hand. */
  #of(author: AuthorId): Map<number, number> {
    if (author === this.#author) return this.#numbers
    const numbers = this.#byAuthor.get(author) ?? new Map<number, number>()
    this.#byAuthor.set(author, numbers)
    this.#author = author
    this.#numbers = numbers
    return numbers
  }
}

/** Self-contained bytes of a bundle: keys in order, then a column per thing. */
export function encodeBundle(bundle: Bundle): Uint8Array {
  const writer = new ByteWriter(4096)
  const authors = new AuthorWriter()
  const speller = new KeySpeller()
  const hasFloor = bundle.floor.size > 0
  const floorIsVersion = hasFloor && bundle.floor.equals(bundle.version)
  writer.u8(bundleFormat)
  writer.u8((bundle.full ? FULL : 0) | (floorIsVersion ? FLOOR_IS_VERSION : hasFloor ? HAS_FLOOR : 0))
  authors.writeVersion(writer, bundle.version)
  authors.writeVersion(writer, bundle.base)
  if (hasFloor && !floorIsVersion) authors.writeVersion(writer, bundle.floor)
  const rows = [...bundle.rows].sort((a, b) => compareKeys(a.key, b.key))
  writeRows(writer, rows, authors, speller)
  writer.varUint(bundle.lists.length)
  for (const row of bundle.lists) writeList(writer, row, authors, speller)
  return writer.finish()
}

function writeRows(writer: ByteWriter, rows: readonly KeyRow[], authors: AuthorWriter, speller: KeySpeller): void {
  const table = new DotTable(rows)
  writeDots(writer, table.dots, authors)
  writer.varUint(rows.length)
  for (const row of rows) speller.write(writer, row.key, authors)
  writeShapes(writer, rows)
  let last = 0
  const values: Value[] = []
  const writeNumber = (dot: StampedDot): void => {
    const number = table.number(dot)
    writer.varInt(number - last)
    last = number
  }
  for (const { items, removals } of rows) {
    for (const item of items) {
      writeNumber(item)
      values.push(item.value)
    }
    for (const removal of removals) writeNumber(removal)
  }
  writeValueColumn(writer, values)
}

function writeDots(writer: ByteWriter, dots: readonly StampedDot[], authors: AuthorWriter): void {
  writer.varUint(dots.length)
  let before: StampedDot | undefined
  let hlc = 0
  for (const dot of dots) {
    const same = before !== undefined && before.author === dot.author
    // A gap of 0 says that another author follows: seqs of one author differ.
    writer.varUint(same && before !== undefined ? dot.seq - before.seq : 0)
    if (!same) authors.writeDot(writer, dot)
    writer.varInt(dot.hlc - hlc)
    hlc = dot.hlc
    before = dot
  }
}

/** Counts of items and removal records per row, equal neighbours joined, at most 64 at a time. */
function writeShapes(writer: ByteWriter, rows: readonly KeyRow[]): void {
  for (let start = 0; start < rows.length; ) {
    const items = rows[start]?.items.length ?? 0
    const removals = rows[start]?.removals.length ?? 0
    let end = start + 1
    while (
      end < rows.length &&
      end - start < 64 &&
      rows[end]?.items.length === items &&
      rows[end]?.removals.length === removals
    )
      end++
    writer.u8(end - start)
    writer.varUint(items)
    writer.varUint(removals)
    start = end
  }
}

function writeList(writer: ByteWriter, row: ListRow, authors: AuthorWriter, speller: KeySpeller): void {
  speller.write(writer, row.key, authors)
  writer.varUint(row.runs.length)
  for (const run of row.runs) {
    authors.writeDot(writer, run)
    writePlace(writer, run.place, authors)
    writer.varUint(run.values.length)
    writeGaps(writer, run.values)
    writeValueColumn(
      writer,
      run.values.filter((value): value is Value => value !== undefined),
    )
  }
  writer.varUint(row.erasures.length)
  for (const erasure of row.erasures) {
    authors.writeDot(writer, erasure)
    writeTargets(writer, erasure.targets, authors)
  }
}

/** Which elements are left: lengths of kept and removed stretches in turn, beginning with kept, at most 64 at a time. */
function writeGaps(writer: ByteWriter, values: readonly (Value | undefined)[]): void {
  let kept = true
  for (let start = 0; start < values.length; kept = !kept) {
    let end = start
    while (end < values.length && end - start < 64 && (values[end] !== undefined) === kept) end++
    writer.u8(end - start)
    start = end
  }
}

/** The bundle in self-contained bytes. */
export function decodeBundle(bytes: Uint8Array): Result<Bundle, DecodeError> {
  return attempt(() => readBundle(new ByteReader(bytes)))
}

/** Reads a bundle to the end of its input. */
export function readBundle(reader: ByteReader): Bundle {
  const authors = new AuthorReader()
  const speller = new KeyReader()
  const format = reader.u8()
  if (format !== bundleFormat)
    reader.fail('unsupported-version', `a bundle of format ${format}, this build reads ${bundleFormat}`)
  const flags = reader.u8()
  if (flags > 7) reader.fail('malformed', 'unknown flags of a bundle')
  const version = authors.readVersion(reader)
  const base = authors.readVersion(reader)
  const floor = flags & FLOOR_IS_VERSION ? version : flags & HAS_FLOOR ? authors.readVersion(reader) : Version.empty
  const rows = readRows(reader, authors, speller)
  const lists: ListRow[] = []
  const count = reader.count(Number.MAX_SAFE_INTEGER, 5)
  for (let i = 0; i < count; i++) lists.push(readList(reader, authors, speller))
  reader.end()
  return { base, version, floor, full: (flags & FULL) !== 0, rows, lists }
}

function readRows(reader: ByteReader, authors: AuthorReader, speller: KeyReader): KeyRow[] {
  const dots = readDots(reader, authors)
  const count = reader.count(Number.MAX_SAFE_INTEGER)
  const keys: Key[] = []
  for (let i = 0; i < count; i++) keys.push(speller.read(reader, authors))
  const shapes = readShapes(reader, count)
  const numbers = readItemDots(reader, shapes, dots)
  let itemCount = 0
  for (const [items] of shapes) itemCount += items
  const values = readValueColumn(reader, itemCount)
  const rows: KeyRow[] = []
  let dot = 0
  let value = 0
  for (let row = 0; row < count; row++) {
    const [itemsHere, removalsHere] = shapes[row] as Shape
    const items: BundleItem[] = []
    for (let i = 0; i < itemsHere; i++) {
      const { author, seq, hlc } = numbers[dot++] as StampedDot
      items.push({ author, seq, hlc, value: values[value++] as Value })
    }
    const removals = removalsHere === 0 ? none : numbers.slice(dot, dot + removalsHere)
    dot += removalsHere
    rows.push({ key: keys[row] as Key, items, removals })
  }
  return rows
}

function readDots(reader: ByteReader, authors: AuthorReader): StampedDot[] {
  const count = reader.count(Number.MAX_SAFE_INTEGER, 2)
  const dots: StampedDot[] = []
  let hlc = 0
  for (let i = 0; i < count; i++) {
    const gap = reader.varUint()
    const before = dots.at(-1)
    if (gap > 0 && before === undefined) reader.fail('malformed', 'a gap before the first dot')
    const { author, seq } =
      gap === 0
        ? authors.readDot(reader)
        : { author: (before as StampedDot).author, seq: (before as StampedDot).seq + gap }
    if (seq > maxSeq) reader.fail('malformed', 'a seq is out of range')
    hlc += reader.varInt()
    if (!isStamp(hlc)) reader.fail('malformed', 'the clock is not a stamp')
    dots.push({ author, seq, hlc })
  }
  return dots
}

/** Counts of items and removal records in a row. */
type Shape = readonly [number, number]
const none: readonly BundleRemoval[] = []

function readShapes(reader: ByteReader, rows: number): Shape[] {
  const shapes: Shape[] = []
  while (shapes.length < rows) {
    const run = reader.u8()
    if (run < 1 || run > 64 || run > rows - shapes.length) reader.fail('malformed', 'a run of rows of another length')
    // Each item and record costs a byte further on, so more than are left cannot be meant.
    const items = reader.varUint()
    const removals = reader.varUint()
    if ((items + removals) * run > reader.remaining) reader.fail('truncated', 'more items than bytes')
    const shape: Shape = [items, removals]
    for (let i = 0; i < run; i++) shapes.push(shape)
  }
  return shapes
}

function readItemDots(reader: ByteReader, shapes: readonly Shape[], dots: readonly StampedDot[]): StampedDot[] {
  const found: StampedDot[] = []
  let number = 0
  for (const [items, removals] of shapes) {
    for (let i = 0; i < items + removals; i++) {
      number += reader.varInt()
      const dot = dots[number]
      if (dot === undefined) reader.fail('malformed', `dot ${number} was never named`)
      found.push(dot)
    }
  }
  return found
}

function readList(reader: ByteReader, authors: AuthorReader, speller: KeyReader): ListRow {
  const key = speller.read(reader, authors)
  const runs: ListRun[] = []
  const runCount = reader.count(Number.MAX_SAFE_INTEGER, 4)
  for (let i = 0; i < runCount; i++) {
    const { author, seq } = authors.readDot(reader)
    const place = readPlace(reader, authors)
    const count = reader.varUint()
    const kept = readGaps(reader, count)
    const left = readValueColumn(reader, kept.filter(Boolean).length)
    let next = 0
    runs.push({ author, seq, place, values: kept.map((is) => (is ? left[next++] : undefined)) })
  }
  const erasures: Erasure[] = []
  const erasureCount = reader.count(Number.MAX_SAFE_INTEGER, 3)
  for (let i = 0; i < erasureCount; i++) {
    const { author, seq } = authors.readDot(reader)
    erasures.push({ author, seq, targets: readTargets(reader, authors) })
  }
  return { key, runs, erasures }
}

function readGaps(reader: ByteReader, count: number): boolean[] {
  if (count < 1 || count > reader.remaining * 64) reader.fail('truncated', 'more elements than bytes can say')
  const kept: boolean[] = []
  let is = true
  let empty = 0
  while (kept.length < count) {
    const run = reader.u8()
    empty = run === 0 ? empty + 1 : 0
    if (run > 64 || run > count - kept.length || empty > 1) reader.fail('malformed', 'a stretch of another length')
    for (let i = 0; i < run; i++) kept.push(is)
    is = !is
  }
  return kept
}

/** Bytes of a version. */
export function encodeVersion(version: Version): Uint8Array {
  const writer = new ByteWriter(64)
  new AuthorWriter().writeVersion(writer, version)
  return writer.finish()
}

/** The version in self-contained bytes. */
export function decodeVersion(bytes: Uint8Array): Result<Version, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    const version = new AuthorReader().readVersion(reader)
    reader.end()
    return version
  })
}
