import type { ByteReader, ByteWriter } from './bytes.ts'
import type { Moment } from './era.ts'
import { type AuthorId, type Dot, maxSeq } from './ids.ts'
import type { Key } from './key.ts'
import { sortKeys } from './key-order.ts'
import type { KeySpeller } from './key-speller.ts'
import { freedSince } from './release.ts'
import { RowNumbers } from './row-numbers.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import { Version } from './version.ts'

/** Keys that one stream numbers before it starts its tables anew: bounds the memory of both ends. */
export const maxStreamKeys: number = 1 << 18

function writeAuthor(writer: ByteWriter, author: AuthorId): void {
  for (let i = 0; i < 16; i += 2) writer.u8(Number.parseInt(author.slice(i, i + 2), 16))
}

function readAuthor(reader: ByteReader): AuthorId {
  let text = ''
  for (const byte of reader.raw(8)) text += byte.toString(16).padStart(2, '0')
  return text as AuthorId
}

/** Numbers authors in the order in which a stream first names them. */
export class AuthorWriter {
  readonly #numbers = new Map<AuthorId, number>()

  /** Writes the number of an author, and the author itself when it is new. Gives the number. */
  write(writer: ByteWriter, author: AuthorId): number {
    const known = this.#numbers.get(author)
    const number = known ?? this.#numbers.size
    writer.varUint(number)
    if (known === undefined) {
      writeAuthor(writer, author)
      this.#numbers.set(author, number)
    }
    return number
  }

  writeDot(writer: ByteWriter, dot: Dot): void {
    this.write(writer, dot.author)
    writer.varUint(dot.seq)
  }

  writeVersion(writer: ByteWriter, version: Version): void {
    writer.varUint(version.size)
    const entries = [...version.entries()].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [author, seq] of entries) this.writeDot(writer, { author, seq })
  }
}

/** The reading side of `AuthorWriter`. */
export class AuthorReader {
  readonly #authors: AuthorId[] = []

  read(reader: ByteReader): AuthorId {
    const number = reader.varUint()
    const known = this.#authors[number]
    if (known !== undefined) return known
    if (number !== this.#authors.length) reader.fail('malformed', `author ${number} was never named`)
    const author = readAuthor(reader)
    this.#authors.push(author)
    return author
  }

  readDot(reader: ByteReader): Dot {
    const author = this.read(reader)
    return { author, seq: readSeq(reader) }
  }

  readVersion(reader: ByteReader): Version {
    const count = reader.count(maxVersionEntries, 2)
    if (count === 0) return Version.empty
    const entries: [AuthorId, number][] = []
    for (let i = 0; i < count; i++) entries.push([this.read(reader), readSeq(reader)])
    const version = Version.from(entries)
    if (version.size !== count) reader.fail('malformed', 'a version that names an author twice')
    return version
  }
}

/** Authors in one version on the wire. */
export const maxVersionEntries: number = 1 << 20

/** A seq from 1 on. */
export function readSeq(reader: ByteReader): number {
  const seq = reader.varUint()
  if (seq < 1 || seq > maxSeq) reader.fail('malformed', `seq ${seq} is out of range`)
  return seq
}

/** Numbers the keys of a stream: those that a frame brings are sorted, which makes names and numbers short. */
export class KeyNumbers {
  /** Numbers of entries of the tree that keys came from, and of keys that no tree has met by their text. */
  #ofRows = new RowNumbers()
  readonly #ofTexts = new Map<string, number>()
  /** When the rows above were met. */
  #moment: Moment | undefined
  #fresh: Key[] = []
  /** Keys of one address as another that is fresh, with that one. */
  #repeats: (readonly [Key, Key])[] = []
  #next = 0

  /** Keys numbered so far. */
  get size(): number {
    return this.#next
  }

  /**
   * Gives a key its number, now if it has one and else in `writeFresh`. Two keys of one address may get two numbers, when
   * a store has met one of them since the other, which costs a second spelling and nothing else.
   */
  note(key: Key): void {
    if (key.numberedBy === this) return
    key.numberedBy = this
    const isOfRows = key.met !== undefined && this.follows(key.met)
    const known = isOfRows ? this.#ofRows.get(key.row) : (this.#ofTexts.get(key.id) ?? -1)
    if (known === -1) {
      const provisional = this.#next + this.#fresh.length
      this.#fresh.push(key)
      if (isOfRows) this.#ofRows.set(key.row, provisional)
      else this.#ofTexts.set(key.id, provisional)
    } else if (known >= this.#next) this.#repeats.push([key, this.#fresh[known - this.#next] as Key])
    else key.number = known
  }

  /** Notes entries of a tree by their rows. Says whether all had their numbers, and gives them those. */
  noteRows(tree: Tree, rows: readonly Row[], numbers: number[]): boolean {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as Row
      let number = this.#ofRows.get(row)
      if (number === -1) {
        number = this.#next + this.#fresh.length
        this.#ofRows.set(row, number)
        this.#fresh.push(tree.key(row))
      }
      numbers[i] = number
    }
    // Also what another change of the same frame brought is numbered only once it is spelled.
    return this.#fresh.length === 0
  }

  /** The number of an entry that was noted by its row, once fresh ones were written. */
  of(row: Row): number {
    return this.#ofRows.get(row)
  }

  /** Numbers and spells the keys that were noted since the last call. */
  writeFresh(writer: ByteWriter, speller: KeySpeller, authors: AuthorWriter, packs: boolean): void {
    const fresh = this.#fresh
    writer.varUint(fresh.length)
    if (fresh.length === 0) return
    const sorted = sortKeys(fresh)
    // As in `note`: of a moment that is past, though nobody has moved on from it yet, keys are numbered by their texts.
    const present = this.#moment?.tree.now === this.#moment ? this.#moment : undefined
    for (const key of sorted) {
      key.numberedBy = this
      key.number = this.#next++
      if (key.met !== undefined && key.met === present) this.#ofRows.set(key.row, key.number)
      else this.#ofTexts.set(key.id, key.number)
    }
    speller.writeAll(writer, sorted, authors, packs)
    for (const [key, first] of this.#repeats) key.number = first.number
    this.#repeats = []
    this.#fresh = []
  }

  /** From here on rows of this tree are numbered. To be called between frames. */
  turnTo(tree: Tree): void {
    if (this.#moment === undefined || this.#moment.tree === tree) return
    this.#moment = undefined
    this.#ofRows = new RowNumbers()
  }

  /** Moves on to a moment, if it is the present of the tree that rows are numbered for: only then can they be noted. */
  follows(moment: Moment): boolean {
    const { tree } = moment
    if (tree.now !== moment) return false
    this.#moment ??= moment
    if (this.#moment === moment) return true
    if (this.#moment.tree !== tree) return false
    const freed = freedSince(tree, this.#moment)
    if (freed === undefined) this.#ofRows = new RowNumbers()
    else for (const rows of freed) this.#ofRows.delete(rows)
    this.#moment = moment
    return true
  }
}
