import { Branch } from './branch.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'
import { Column } from './column.ts'
import type { AuthorId } from './ids.ts'
import {
  Key,
  type KeyColumn,
  type KindCode,
  leafKinds,
  maxMemberLength,
  maxPathDepth,
  maxPathLength,
  maxSegmentLength,
  pathLength,
} from './key.ts'
import { areNextTo } from './key-order.ts'
import type { AuthorReader, AuthorWriter } from './key-table.ts'
import { fewNumbers, leastNumberBytes, packColumn, unpackColumn } from './number-pack.ts'

// The first byte of a key. Keys mostly come sorted, so that one differs from the one before only in its last name:
// 0x80 | shared << 3 | rest: kind and parent as before, a new name, of which `shared` characters are those of the text
// before and `rest` follow; 15 and 7 say that the number goes on behind. 0x40 | n: as before, and text n as last name.
// Else a kind (0: a kind above 63 follows), what the path shares with the one before, and the rest.
// In packed formats, 0 and COUNTED: so many siblings of the key before, whose names count on from its name, follow.
const COUNTED = 1
const FRESH_NAME = 0x80
const KNOWN_NAME = 0x40
const LONG_SHARED = 15
const LONG_REST = 7
/** Characters that a text takes over from the one before, at most: bounds what few bytes can make a reader spell. */
const MAX_SHARED = 255
/** Names that count on take over as many characters at most, as each costs a few bits, and count with so many digits. */
const MAX_COUNTED_PREFIX = 64
const MAX_DIGITS = 15

/** Whether the member of a kind is an author, a text, or absent. */
export function memberForm(kind: KindCode): 'author' | 'text' | 'none' {
  if (kind === leafKinds.counter || kind === leafKinds.counterReset) return 'author'
  return kind === leafKinds.set || kind > leafKinds.flagDisableWins ? 'text' : 'none'
}

/** How many segments two paths have in common at their beginning. */
function sharedSegments(left: readonly string[], right: readonly string[]): number {
  const most = Math.min(left.length, right.length)
  let shared = 0
  while (shared < most && left[shared] === right[shared]) shared++
  return shared
}

const noPath: readonly string[] = []

/** Whether two keys differ in their last names only, seen without their paths. */
function isNextTo(key: Key, last: Key | undefined): boolean {
  return last !== undefined && areNextTo(last, key) && memberForm(key.kind) === 'none' && key.name !== last.name
}

/** How many digits a name ends with; 0 where it is not one that others count on from. */
function countedDigits(name: string): number {
  let digits = 0
  while (digits < MAX_DIGITS && digits < name.length && isDigit(name.charCodeAt(name.length - 1 - digits))) digits++
  return name.length - digits > MAX_COUNTED_PREFIX ? 0 : digits
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** What a name counts, if its last digits are such; else NaN. */
function countOf(name: string, digits: number): number {
  let number = 0
  for (let i = name.length - digits; i < name.length; i++) {
    const code = name.charCodeAt(i)
    if (!isDigit(code)) return Number.NaN
    number = number * 10 + code - 0x30
  }
  return number
}

/** How far apart the names of keys are that count on from the one before `from`. */
function countedGaps(keys: readonly Key[], from: number): number[] {
  let last = keys[from - 1] as Key
  const digits = memberForm(last.kind) === 'none' ? countedDigits(last.name) : 0
  const gaps: number[] = []
  if (digits === 0) return gaps
  const prefix = last.name.slice(0, -digits)
  let count = countOf(last.name, digits)
  for (let at = from; at < keys.length; at++) {
    const key = keys[at] as Key
    const { name } = key
    if (!areNextTo(last, key) || name.length !== last.name.length || !name.startsWith(prefix)) break
    const gap = countOf(name, digits) - count - 1
    if (!(gap >= 0)) break
    gaps.push(gap)
    count += gap + 1
    last = key
  }
  return gaps
}

/** Spells keys by what they share with the one before. Cheapest when they come in the order of `compareKeys`. */
export class KeySpeller {
  readonly #texts = new Map<string, number>()
  #numbered = 0
  /** Texts that have the next numbers: names of siblings one after the other, not looked for among themselves. */
  #row: string[] = []
  #last: Key | undefined
  #text = ''

  write(writer: ByteWriter, key: Key, authors: AuthorWriter): void {
    const last = this.#last
    this.#last = key
    if (isNextTo(key, last) && this.#writeSegment(writer, key.name)) return
    for (const text of this.#row) this.#texts.set(text, ++this.#numbered)
    this.#row = []
    const { kind, path } = key
    const before = last?.path ?? noPath
    const shared = sharedSegments(path, before)
    const form = memberForm(kind)
    const isSibling = kind === last?.kind && path.length === before.length
    if (isSibling && form === 'none' && shared === path.length - 1 && this.#writeSegment(writer, path[shared] ?? ''))
      return
    if (isSibling && form === 'text' && shared === path.length && this.#writeName(writer, key.member)) return
    if (kind >= KNOWN_NAME) writer.u8(0)
    writer.u8(kind)
    writer.varUint(shared)
    writer.varUint(path.length - shared)
    for (let i = shared; i < path.length; i++) this.#writeText(writer, path[i] ?? '')
    if (form === 'author') authors.write(writer, key.member as AuthorId)
    else if (form === 'text') this.#writeFresh(writer, key.member)
  }

  /** Writes keys in turn; with `packs`, those whose names count on from the one before by how far apart they are. */
  writeAll(writer: ByteWriter, keys: readonly Key[], authors: AuthorWriter, packs: boolean): void {
    for (let at = 0; at < keys.length; ) {
      this.write(writer, keys[at++] as Key, authors)
      const gaps = packs ? countedGaps(keys, at) : []
      if (gaps.length < fewNumbers) continue
      writer.u8(0)
      writer.u8(COUNTED)
      writer.varUint(gaps.length)
      packColumn(writer, gaps)
      at += gaps.length
      const last = keys[at - 1] as Key
      this.#last = last
      this.#text = last.name
    }
  }

  /** The last segment in the short form; false when it has none. */
  #writeSegment(writer: ByteWriter, text: string): boolean {
    const known = this.#texts.get(text)
    if (known !== undefined) {
      if (known >= FRESH_NAME - KNOWN_NAME) return false
      writer.u8(KNOWN_NAME | known)
      return true
    }
    if (!this.#writeName(writer, text)) return false
    this.#row.push(text)
    return true
  }

  /** A new name in the short form, which is for plain characters; false when it has others. */
  #writeName(writer: ByteWriter, text: string): boolean {
    const shared = this.#sharedWith(text)
    const rest = text.length - shared
    for (let i = shared; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
    writer.u8(FRESH_NAME | (Math.min(shared, LONG_SHARED) << 3) | Math.min(rest, LONG_REST))
    if (shared >= LONG_SHARED) writer.varUint(shared - LONG_SHARED)
    if (rest >= LONG_REST) writer.varUint(rest - LONG_REST)
    for (let i = shared; i < text.length; i++) writer.u8(text.charCodeAt(i))
    this.#text = text
    return true
  }

  /** A text seen before as its number, else 0 and the text. */
  #writeText(writer: ByteWriter, text: string): void {
    const known = this.#texts.get(text)
    if (known !== undefined) {
      writer.varUint(known)
      return
    }
    writer.varUint(0)
    this.#writeFresh(writer, text)
    this.#texts.set(text, ++this.#numbered)
  }

  #writeFresh(writer: ByteWriter, text: string): void {
    const shared = this.#sharedWith(text)
    writer.varUint(shared)
    writer.string(shared === 0 ? text : text.slice(shared))
    this.#text = text
  }

  #sharedWith(text: string): number {
    const before = this.#text
    const most = Math.min(text.length, before.length, MAX_SHARED)
    let shared = 0
    while (shared < most && text.charCodeAt(shared) === before.charCodeAt(shared)) shared++
    return shared
  }
}

/** The reading side of `KeySpeller`. */
export class KeyReader {
  readonly #texts: Column<string> = new Column()
  #kind: KindCode = 0
  /** The names of the last path. */
  #names: readonly string[] = []
  /** The ways to the root and to each node on the last path but its last. */
  #branches: Branch[] = []
  #text = ''
  /** What the last text shared with the one before: the next one often shares as much. */
  #shared = ''
  /** The last name and the member of the key that was read last. */
  #name = ''
  #member = ''
  /** Whether names may count on. */
  packs = false
  /** How far apart the names are that count on from the last. */
  #gaps: readonly number[] = []
  #nextGap = 0
  /** What the last name counts, above the power of ten with one digit more, and what stands before it. */
  #count = 0
  #limit = 0
  #prefix = ''

  /** Reads a key. */
  read(reader: ByteReader, authors: AuthorReader): Key {
    this.#readParts(reader, authors)
    return new Key(this.#branches.at(-1), this.#kind, this.#member, this.#name)
  }

  /** Reads a key into a column. */
  readInto(keys: KeyColumn, reader: ByteReader, authors: AuthorReader): void {
    this.#readParts(reader, authors)
    keys.add(this.#branches.at(-1), this.#name, this.#kind, this.#member)
  }

  /** To be called when all keys of a frame were read. */
  end(reader: ByteReader): void {
    if (this.#nextGap < this.#gaps.length) reader.fail('malformed', 'names that count on beyond the last key')
  }

  #readParts(reader: ByteReader, authors: AuthorReader): void {
    if (this.#nextGap < this.#gaps.length) {
      this.#countOn(reader)
      return
    }
    const first = reader.u8()
    if (first >= KNOWN_NAME) {
      this.#readSibling(reader, first)
      return
    }
    const kind = first === 0 ? reader.u8() : first
    if (this.packs && first === 0 && kind === COUNTED) {
      this.#beginCount(reader)
      this.#countOn(reader)
      return
    }
    if (first === 0 && kind < KNOWN_NAME) reader.fail('malformed', `leaf kind ${kind} in another form`)
    const shared = reader.varUint()
    if (shared > this.#names.length) reader.fail('malformed', 'a path that shares more than there is')
    const rest = reader.count(maxPathDepth - shared)
    const names = this.#names.slice(0, shared)
    for (let i = 0; i < rest; i++) names.push(this.#readText(reader))
    this.#kind = kind
    if (pathLength(names) > maxPathLength) reader.fail('too-large', 'a path of too many characters')
    this.#climb(names, shared)
    this.#names = names
    const form = memberForm(kind)
    this.#member =
      form === 'author' ? authors.read(reader) : form === 'text' ? this.#readFresh(reader, maxMemberLength) : ''
    this.#name = names.at(-1) ?? ''
  }

  #beginCount(reader: ByteReader): void {
    const digits = this.#kind === 0 || memberForm(this.#kind) !== 'none' ? 0 : countedDigits(this.#name)
    if (digits === 0) reader.fail('malformed', 'names that count on from none')
    const count = reader.count(Number.MAX_SAFE_INTEGER, leastNumberBytes)
    if (count === 0) reader.fail('malformed', 'no names that count on')
    const gaps: number[] = []
    unpackColumn(reader, count, gaps)
    this.#gaps = gaps
    this.#nextGap = 0
    this.#prefix = this.#name.slice(0, -digits)
    this.#count = 10 ** digits + countOf(this.#name, digits)
    this.#limit = 2 * 10 ** digits
  }

  /** To the next name that counts on from the last. */
  #countOn(reader: ByteReader): void {
    const gap = this.#gaps[this.#nextGap++] as number
    this.#count += gap + 1
    if (gap < 0 || this.#count >= this.#limit) reader.fail('malformed', 'a name that counts too far')
    const name = this.#prefix + String(this.#count).slice(1)
    ;(this.#names as string[])[this.#names.length - 1] = name
    this.#name = name
    this.#text = name
    this.#shared = ''
    this.#member = ''
  }

  /** To the node above a path that begins like the last one. */
  #climb(names: readonly string[], shared: number): void {
    const branches = this.#branches
    const depth = names.length
    if (branches.length === depth && shared >= depth - 1) return
    branches.length = Math.min(branches.length, depth, shared + 1)
    for (let at = branches.length; at < depth; at++) {
      branches.push(new Branch(branches[at - 1], at === 0 ? '' : (names[at - 1] as string)))
    }
  }

  #readSibling(reader: ByteReader, first: number): void {
    const form = this.#kind === 0 ? 'author' : memberForm(this.#kind)
    const last = this.#names.length - 1
    if (first >= FRESH_NAME && form === 'text') {
      this.#name = this.#names[last] ?? ''
      this.#member = this.#readName(reader, first, maxMemberLength)
      return
    }
    const before = this.#names[last]
    if (form !== 'none' || before === undefined) reader.fail('malformed', 'a name beside nothing')
    const isFresh = first >= FRESH_NAME
    const name = isFresh ? this.#readName(reader, first, maxSegmentLength) : this.#numbered(reader, first - KNOWN_NAME)
    if ((this.#branches.at(-1)?.length ?? 0) + name.length > maxPathLength)
      reader.fail('too-large', 'a path of too many characters')
    if (isFresh) this.#texts.push(name)
    ;(this.#names as string[])[last] = name
    this.#name = name
    this.#member = ''
  }

  #readName(reader: ByteReader, first: number, maxLength: number): string {
    const low = first & LONG_REST
    const high = (first >> 3) & LONG_SHARED
    const shared = high === LONG_SHARED ? high + reader.varUint() : high
    const rest = low === LONG_REST ? low + reader.count(maxLength) : low
    return this.#join(reader, shared, reader.text(rest), maxLength)
  }

  #numbered(reader: ByteReader, number: number): string {
    const known = this.#texts.get(number - 1)
    if (known === undefined) reader.fail('malformed', `text ${number} was never spelled`)
    return known
  }

  #readText(reader: ByteReader): string {
    const number = reader.varUint()
    if (number > 0) return this.#numbered(reader, number)
    const text = this.#readFresh(reader, maxSegmentLength)
    this.#texts.push(text)
    return text
  }

  #readFresh(reader: ByteReader, maxLength: number): string {
    const shared = reader.varUint()
    return this.#join(reader, shared, reader.string(maxLength * 3), maxLength)
  }

  #join(reader: ByteReader, shared: number, rest: string, maxLength: number): string {
    if (shared > this.#text.length || shared > MAX_SHARED)
      reader.fail('malformed', 'a text that shares more than it may')
    if (shared !== this.#shared.length) this.#shared = this.#text.slice(0, shared)
    const text = shared === 0 ? rest : this.#shared + rest
    if (text.length > maxLength) reader.fail('too-large', `a name of ${text.length} characters`)
    this.#text = text
    return text
  }
}
