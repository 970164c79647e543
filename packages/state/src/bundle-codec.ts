import { attempting, ByteReader, ByteWriter } from './bytes.ts'
import type { Bundle, Epoch, Erasure, KeyRow, ListRow, ListRun } from './change.ts'
import type { Fold } from './epoch.ts'
import { RowFold } from './fold.ts'
import { isStamp } from './hlc.ts'
import { type AuthorId, maxSeq } from './ids.ts'
import type { Key } from './key.ts'
import { sortKeys } from './key-order.ts'
import { KeyReader, KeySpeller } from './key-speller.ts'
import { AuthorReader, AuthorWriter, readSeq } from './key-table.ts'
import { readPlace, readTargets, writePlace, writeTargets } from './list-codec.ts'
import { blockNumbers, leastNumberBytes, packColumn, unpackColumn, unpackNumbers } from './number-pack.ts'
import { readNamed, readVersionBeside, type VersionLookup, writeVersionBeside } from './relative-version.ts'
import type { DecodeError, Result } from './result.ts'
import { RowTable, TableBundle, tableStart } from './row-table.ts'
import { finish, type Steps, stepRows } from './steps.ts'
import { readingValueColumn, readValueColumn, type Value, writeValueColumn } from './value.ts'
import { Version } from './version.ts'
import { versionName, writeVersionName } from './version-name.ts'

/** Greatest format of bundles; readers take it and those before it, and refuse others with `unsupported-version`. */
export const bundleFormat = 8
/** Versions come whole. In the next format they come by what differs from one that the reader holds. */
const plainFormat = 1
/** How much greater the format of a bundle is that tells epochs: who does not know them must not merge it. */
const withEpochs = 2
/** How much greater it is where keys that count on, dots and whole numbers come in the bits that they need. */
const withPacking = 4

const FULL = 1
const HAS_FLOOR = 2
const FLOOR_IS_VERSION = 4

/** The dots of a table in order, and for each of them its place there. */
function sortedDots({ authors, seqs }: RowTable): { order: number[]; ranks: Uint32Array } {
  const order = Array.from(seqs, (_, dot) => dot)
  order.sort((a, b) => {
    const [left, right] = [authors[a] as AuthorId, authors[b] as AuthorId]
    return left === right ? (seqs[a] as number) - (seqs[b] as number) : left < right ? -1 : 1
  })
  const ranks = new Uint32Array(order.length)
  for (const [rank, dot] of order.entries()) ranks[dot] = rank
  return { order, ranks }
}

/**
 * Bytes of a bundle: keys in order, then a column per thing. Self-contained; with `known`, for a reader who holds that
 * version by its name, without the entries that both have. With `packs`, for readers of the packed formats, keys that count
 * on, dots and whole numbers take about the bits that they need.
 */
export function encodeBundle(bundle: Bundle, known?: Version, packs = false): Uint8Array {
  const writer = new ByteWriter(4096)
  const authors = new AuthorWriter()
  const speller = new KeySpeller()
  const hasFloor = bundle.floor.size > 0
  const floorIsVersion = hasFloor && bundle.floor.equals(bundle.version)
  const { epochs = [] } = bundle
  const relative = known === undefined ? 0 : 1
  writer.u8(plainFormat + relative + (epochs.length > 0 ? withEpochs : 0) + (packs ? withPacking : 0))
  writer.u8((bundle.full ? FULL : 0) | (floorIsVersion ? FLOOR_IS_VERSION : hasFloor ? HAS_FLOOR : 0))
  if (known !== undefined) writeVersionName(writer, versionName(known))
  const writeVersion = (version: Version): void => {
    if (known === undefined) authors.writeVersion(writer, version)
    else writeVersionBeside(writer, authors, version, known)
  }
  writeVersion(bundle.version)
  writeVersion(bundle.base)
  if (hasFloor && !floorIsVersion) writeVersion(bundle.floor)
  writeRows(writer, RowTable.of(bundle), authors, speller, packs)
  writer.varUint(bundle.lists.length)
  for (const row of bundle.lists) writeList(writer, row, authors, speller, packs)
  if (epochs.length > 0) writeEpochs(writer, epochs, authors)
  return writer.finish()
}

/** Where the columns of each row begin, for rows in another order. */
class Starts {
  readonly dots: Uint32Array | undefined
  readonly values: Uint32Array | undefined

  constructor(table: RowTable) {
    // Where all rows are plain, every column begins where the row does.
    if (table.odd.size === 0) return
    const count = table.keys.length
    this.dots = new Uint32Array(count)
    this.values = new Uint32Array(count)
    for (const at = tableStart(); at.row < count; table.advance(at)) {
      this.dots[at.row] = at.dot
      this.values[at.row] = at.value
    }
  }
}

/** The keys of a table in order, numbered by their rows. */
function sortedKeys(table: RowTable): readonly Key[] {
  const keys = Array.from({ length: table.keys.length }, (_, row) => {
    const key = table.keys.at(row)
    key.number = row
    return key
  })
  return sortKeys(keys)
}

function writeRows(
  writer: ByteWriter,
  table: RowTable,
  authors: AuthorWriter,
  speller: KeySpeller,
  packs: boolean,
): void {
  const dots = sortedDots(table)
  if (packs) packDots(writer, table, dots.order, authors)
  else writeDots(writer, table, dots.order, authors)
  const keys = sortedKeys(table)
  const order = keys.map((key) => key.number)
  writer.varUint(order.length)
  speller.writeAll(writer, keys, authors, packs)
  writeShapes(writer, table, order)
  const starts = new Starts(table)
  const values: Value[] = []
  const numbers: number[] = []
  for (const row of order) {
    const [items, removals] = table.shape(row)
    const dot = starts.dots?.[row] ?? row
    for (let i = 0; i < items + removals; i++) {
      numbers.push(dots.ranks[table.dots.get(dot + i) as number] as number)
    }
    const value = starts.values?.[row] ?? row
    for (let i = 0; i < items; i++) values.push(table.values.get(value + i) as Value)
  }
  if (packs) packColumn(writer, numbers)
  else writeSteps(writer, numbers)
  writeValueColumn(writer, values, packs)
}

function writeSteps(writer: ByteWriter, numbers: readonly number[]): void {
  let last = 0
  for (const number of numbers) {
    writer.varInt(number - last)
    last = number
  }
}

/** Per author, how many there are, their seqs and their stamps. */
function packDots(writer: ByteWriter, table: RowTable, order: readonly number[], names: AuthorWriter): void {
  writer.varUint(order.length)
  for (let from = 0; from < order.length; ) {
    const author = table.authors[order[from] as number] as AuthorId
    let to = from + 1
    while (to < order.length && table.authors[order[to] as number] === author) to++
    const dots = order.slice(from, to)
    names.write(writer, author)
    writer.varUint(dots.length)
    packColumn(
      writer,
      dots.map((dot) => table.seqs[dot] as number),
    )
    packColumn(
      writer,
      dots.map((dot) => table.hlcs[dot] as number),
    )
    from = to
  }
}

function writeDots(writer: ByteWriter, table: RowTable, order: readonly number[], names: AuthorWriter): void {
  writer.varUint(order.length)
  let author: AuthorId | undefined
  let before = 0
  let clock = 0
  for (const dot of order) {
    const seq = table.seqs[dot] as number
    const hlc = table.hlcs[dot] as number
    const isSame = table.authors[dot] === author
    // A gap of 0 says that another author follows: seqs of one author differ.
    writer.varUint(isSame ? seq - before : 0)
    author = table.authors[dot] as AuthorId
    if (!isSame) names.writeDot(writer, { author, seq })
    writer.varInt(hlc - clock)
    before = seq
    clock = hlc
  }
}

/** Counts of items and removal records per row, equal neighbours joined, at most 64 at a time. */
function writeShapes(writer: ByteWriter, table: RowTable, order: readonly number[]): void {
  for (let start = 0; start < order.length; ) {
    const [items, removals] = table.shape(order[start] as number)
    let end = start + 1
    for (; end < order.length && end - start < 64; end++) {
      const shape = table.shape(order[end] as number)
      if (shape[0] !== items || shape[1] !== removals) break
    }
    writer.u8(end - start)
    writer.varUint(items)
    writer.varUint(removals)
    start = end
  }
}

function writeList(writer: ByteWriter, row: ListRow, authors: AuthorWriter, speller: KeySpeller, packs: boolean): void {
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
      packs,
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

/** What folds were read from, which is what they are kept as. */
const foldBytes = new WeakMap<Fold, Uint8Array>()

function encodeFold({ rows }: Fold): Uint8Array {
  return encodeBundle({
    base: Version.empty,
    version: Version.empty,
    floor: Version.empty,
    full: false,
    rows,
    lists: [],
  })
}

function readFold(reader: ByteReader, length: number): Fold {
  // Kept for long, while what it was read from is not.
  const bytes = reader.raw(length).slice()
  if (bytes[0] !== plainFormat) reader.fail('malformed', 'a fold that is told by something else')
  const decode = (): readonly KeyRow[] => finish(readingBundle(new ByteReader(bytes))).rows
  // Now, so that later nothing can be wrong with it.
  decode()
  const fold = new RowFold(decode)
  foldBytes.set(fold, bytes)
  return fold
}

function writeEpochs(writer: ByteWriter, epochs: readonly Epoch[], authors: AuthorWriter): void {
  writer.varUint(epochs.length)
  for (const { author, fold } of epochs) {
    authors.write(writer, author)
    const bytes = fold === undefined ? undefined : (foldBytes.get(fold) ?? encodeFold(fold))
    // Never empty where there are some.
    writer.varUint(bytes?.length ?? 0)
    if (bytes !== undefined) writer.raw(bytes)
  }
}

function readEpochs(reader: ByteReader, authors: AuthorReader): Epoch[] {
  const count = reader.count(Number.MAX_SAFE_INTEGER, 2)
  const epochs: Epoch[] = []
  for (let i = 0; i < count; i++) {
    const author = authors.read(reader)
    const length = reader.count(Number.MAX_SAFE_INTEGER)
    epochs.push({ author, fold: length === 0 ? undefined : readFold(reader, length) })
  }
  if (count === 0 || new Set(epochs.map(({ author }) => author)).size < count)
    reader.fail('malformed', 'an epoch twice, or none')
  return epochs
}

/** Whether the bytes of a bundle are read without another version. */
export function isSelfContained(bytes: Uint8Array): boolean {
  const format = bytes[0] ?? 0
  return format <= bundleFormat && !isRelative(format)
}

function isRelative(format: number): boolean {
  return ((format - plainFormat) & 1) !== 0
}

/** The bundle in the bytes of `encodeBundle`. `lookup` finds what `known` was by its name; else they are refused with `unknown-base`. */
export function decodeBundle(bytes: Uint8Array, lookup?: VersionLookup): Result<Bundle, DecodeError> {
  return finish(decodingBundle(bytes, lookup))
}

/** Decodes it in steps. */
export function decodingBundle(bytes: Uint8Array, lookup?: VersionLookup): Steps<Result<Bundle, DecodeError>> {
  return attempting(readingBundle(new ByteReader(bytes), lookup))
}

/** Reads a bundle to the end of its input, in steps. */
export function* readingBundle(reader: ByteReader, lookup?: VersionLookup): Steps<Bundle> {
  const authors = new AuthorReader()
  const speller = new KeyReader()
  const format = reader.u8()
  if (format < plainFormat || format > bundleFormat)
    reader.fail('unsupported-version', `a bundle of format ${format}, this build reads up to ${bundleFormat}`)
  const flags = reader.u8()
  if (flags > 7) reader.fail('malformed', 'unknown flags of a bundle')
  const hasEpochs = ((format - plainFormat) & withEpochs) !== 0
  const packs = ((format - plainFormat) & withPacking) !== 0
  speller.packs = packs
  const known = isRelative(format) ? readNamed(reader, lookup) : undefined
  const readVersion = (): Version =>
    known === undefined ? authors.readVersion(reader) : readVersionBeside(reader, authors, known)
  const version = readVersion()
  const base = readVersion()
  const floor = flags & FLOOR_IS_VERSION ? version : flags & HAS_FLOOR ? readVersion() : Version.empty
  const table = yield* readingRows(reader, authors, speller, packs)
  const lists: ListRow[] = []
  const count = reader.count(Number.MAX_SAFE_INTEGER, 5)
  for (let i = 0; i < count; i++) lists.push(readList(reader, authors, speller, packs))
  const epochs = hasEpochs ? readEpochs(reader, authors) : []
  reader.end()
  return new TableBundle({ base, version, floor, full: (flags & FULL) !== 0, lists, epochs }, table)
}

function* readingRows(reader: ByteReader, authors: AuthorReader, speller: KeyReader, packs: boolean): Steps<RowTable> {
  const table = new RowTable()
  if (packs) unpackDots(reader, authors, table)
  else readDots(reader, authors, table)
  const count = reader.count(Number.MAX_SAFE_INTEGER, packs ? leastNumberBytes : 1)
  for (let i = 0; i < count; i += stepRows) {
    readKeys(reader, authors, speller, table, Math.min(count, i + stepRows))
    yield (0.9 * i) / count
  }
  speller.end(reader)
  const { dotCount, itemCount } = yield* readingShapes(reader, table, packs ? leastNumberBytes : 1)
  const step = blockNumbers
  for (let i = 0; i < dotCount; i += step) {
    const to = Math.min(dotCount, i + step)
    if (packs) unpackDotNumbers(reader, table, to)
    else readDotNumbers(reader, table, to)
    yield 0.95
  }
  yield* readingValueColumn(reader, itemCount, table.values, packs)
  return table
}

function readKeys(reader: ByteReader, authors: AuthorReader, speller: KeyReader, { keys }: RowTable, to: number): void {
  while (keys.length < to) speller.readInto(keys, reader, authors)
}

function readDotNumbers(reader: ByteReader, { dots, seqs }: RowTable, to: number): void {
  let number = dots.length === 0 ? 0 : (dots.get(dots.length - 1) as number)
  while (dots.length < to) {
    number += reader.varInt()
    if (!(number >= 0 && number < seqs.length)) reader.fail('malformed', `dot ${number} was never named`)
    dots.push(number)
  }
}

function unpackDotNumbers(reader: ByteReader, { dots, seqs }: RowTable, to: number): void {
  const numbers: number[] = []
  unpackNumbers(reader, to - dots.length, numbers)
  for (const number of numbers) {
    if (!(number >= 0 && number < seqs.length)) reader.fail('malformed', `dot ${number} was never named`)
    dots.push(number)
  }
}

function unpackDots(reader: ByteReader, names: AuthorReader, { authors, seqs, hlcs }: RowTable): void {
  const count = reader.count(Number.MAX_SAFE_INTEGER, 2 * leastNumberBytes)
  while (authors.length < count) {
    const author = names.read(reader)
    const from = authors.length
    const own = reader.count(count - from, 2 * leastNumberBytes)
    if (own === 0) reader.fail('malformed', 'an author of no dots')
    unpackColumn(reader, own, seqs, from)
    unpackColumn(reader, own, hlcs, from)
    for (let i = from; i < from + own; i++) {
      authors.push(author)
      const before = i === from ? 0 : (seqs[i - 1] as number)
      if (!((seqs[i] as number) > before && (seqs[i] as number) <= maxSeq))
        reader.fail('malformed', 'a seq is out of range')
      if (!isStamp(hlcs[i] as number)) reader.fail('malformed', 'the clock is not a stamp')
    }
  }
}

function readDots(reader: ByteReader, names: AuthorReader, { authors, seqs, hlcs }: RowTable): void {
  const count = reader.count(Number.MAX_SAFE_INTEGER, 2)
  let author: AuthorId | undefined
  let seq = 0
  let hlc = 0
  for (let i = 0; i < count; i++) {
    const gap = reader.varUint()
    if (gap === 0) {
      author = names.read(reader)
      seq = readSeq(reader)
    } else if (author === undefined) reader.fail('malformed', 'a gap before the first dot')
    else seq += gap
    if (seq > maxSeq) reader.fail('malformed', 'a seq is out of range')
    hlc += reader.varInt()
    if (!isStamp(hlc)) reader.fail('malformed', 'the clock is not a stamp')
    authors.push(author)
    seqs.push(seq)
    hlcs.push(hlc)
  }
}

/** Notes the shapes of rows that are not plain. Returns how many dots and items there are. */
function* readingShapes(
  reader: ByteReader,
  table: RowTable,
  leastBytes: number,
): Steps<{ readonly dotCount: number; readonly itemCount: number }> {
  const rows = table.keys.length
  let dotCount = 0
  let itemCount = 0
  let next = 0
  for (let row = 0; row < rows; ) {
    const run = reader.u8()
    if (run < 1 || run > 64 || run > rows - row) reader.fail('malformed', 'a run of rows of another length')
    // Each item and record costs something further on, so more than that cannot be meant.
    const items = reader.varUint()
    const removals = reader.varUint()
    if ((items + removals) * run * leastBytes > reader.remaining) reader.fail('truncated', 'more items than bytes')
    dotCount += (items + removals) * run
    itemCount += items * run
    if (items !== 1 || removals !== 0) for (let at = row; at < row + run; at++) table.odd.set(at, [items, removals])
    row += run
    if (row >= next) {
      next += 16 * stepRows
      yield 0.9
    }
  }
  return { dotCount, itemCount }
}

function readList(reader: ByteReader, authors: AuthorReader, speller: KeyReader, packs: boolean): ListRow {
  const key = speller.read(reader, authors)
  const runs: ListRun[] = []
  const runCount = reader.count(Number.MAX_SAFE_INTEGER, 4)
  for (let i = 0; i < runCount; i++) {
    const { author, seq } = authors.readDot(reader)
    const place = readPlace(reader, authors)
    const count = reader.varUint()
    const kept = readGaps(reader, count)
    const left = readValueColumn(reader, kept.filter(Boolean).length, packs)
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
