import type { ByteReader, ByteWriter } from './bytes.ts'
import { type AuthorId, type Dot, maxSeq } from './ids.ts'
import type { Key } from './key.ts'
import { sortKeys } from './key-order.ts'
import type { KeySpeller } from './key-speller.ts'
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

  /** Writes the number of an author, and the author itself when it is new. */
  write(writer: ByteWriter, author: AuthorId): void {
    const known = this.#numbers.get(author)
    if (known !== undefined) {
      writer.varUint(known)
      return
    }
    writer.varUint(this.#numbers.size)
    writeAuthor(writer, author)
    this.#numbers.set(author, this.#numbers.size)
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
  readonly #numbers = new Map<unknown, number>()
  /** The last keys numbered: not listed before somebody asks, as most frames are followed by none with the same keys. */
  #unlisted: (readonly Key[])[] = []
  #fresh: Key[] = []
  #next = 0
  #listed = 0

  /** Keys numbered so far. */
  get size(): number {
    return this.#next
  }

  /**
   * Gives a key its number, now if it has one and else in `writeFresh`. Two keys of one address that no store has met
   * may get two numbers, which costs their second spelling and nothing else.
   */
  note(key: Key): void {
    if (key.numberedBy === this) return
    key.numberedBy = this
    if (this.#unlisted.length > 0) this.#list()
    const known = this.#numbers.get(identity(key))
    if (known === undefined) this.#fresh.push(key)
    else key.number = known
  }

  /** Numbers and spells the keys that were noted since the last call. */
  writeFresh(writer: ByteWriter, speller: KeySpeller, authors: AuthorWriter, isLast: boolean): void {
    const fresh = this.#fresh
    writer.varUint(fresh.length)
    if (fresh.length === 0) return
    const sorted = sortKeys(fresh)
    for (const key of sorted) {
      key.number = this.#next++
      speller.write(writer, key, authors)
    }
    if (!isLast) this.#unlisted.push(sorted)
    this.#fresh = []
  }

  #list(): void {
    for (const keys of this.#unlisted) for (const key of keys) this.#numbers.set(identity(key), this.#listed++)
    this.#unlisted = []
  }
}

/** The entry that keys of one address share once a store has met them, which is cheaper than their text. */
function identity(key: Key): unknown {
  return key.slot ?? key.id
}
