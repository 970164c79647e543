import type { ByteReader, ByteWriter } from './bytes.ts'
import { type AuthorId, type Dot, isAuthorId, maxSeq } from './ids.ts'
import { Key, type KindCode, leafKinds, maxMemberLength, maxPathDepth, maxSegmentLength } from './key.ts'
import { Version } from './version.ts'

/** Keys that one stream numbers before it starts its tables anew: bounds the memory of both ends. */
export const maxStreamKeys: number = 1 << 18

/** Whether the member of a kind is an author, a text, or absent. */
function memberForm(kind: KindCode): 'author' | 'text' | 'none' {
  if (kind === leafKinds.counter || kind === leafKinds.counterReset) return 'author'
  return kind === leafKinds.set || kind > leafKinds.flagDisableWins ? 'text' : 'none'
}

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

/** Spells keys: what the path shares with the one before, then the rest; texts leave out what they share with the one before. */
export class KeySpeller {
  readonly #texts = new Map<string, number>()
  #path: readonly string[] = []
  #text = ''

  write(writer: ByteWriter, key: Key, authors: AuthorWriter): void {
    writer.u8(key.kind)
    let shared = 0
    while (shared < key.path.length && key.path[shared] === this.#path[shared]) shared++
    writer.varUint(shared)
    writer.varUint(key.path.length - shared)
    for (let i = shared; i < key.path.length; i++) this.#writeText(writer, key.path[i] ?? '')
    this.#path = key.path
    const form = memberForm(key.kind)
    if (form === 'author') authors.write(writer, key.member as AuthorId)
    else if (form === 'text') this.#writeFresh(writer, key.member)
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
    this.#texts.set(text, this.#texts.size + 1)
  }

  #writeFresh(writer: ByteWriter, text: string): void {
    const before = this.#text
    let shared = 0
    while (shared < text.length && text.charCodeAt(shared) === before.charCodeAt(shared)) shared++
    writer.varUint(shared)
    writer.string(shared === 0 ? text : text.slice(shared))
    this.#text = text
  }
}

/** The reading side of `KeySpeller`. */
export class KeyReader {
  readonly #texts: string[] = []
  #path: readonly string[] = []
  #text = ''

  read(reader: ByteReader, authors: AuthorReader): Key {
    const kind = reader.u8()
    if (kind === 0) reader.fail('malformed', 'leaf kind 0')
    const shared = reader.varUint()
    if (shared > this.#path.length) reader.fail('malformed', 'a path that shares more than there is')
    const rest = reader.count(maxPathDepth - shared)
    const path = this.#path.slice(0, shared)
    for (let i = 0; i < rest; i++) path.push(this.#readText(reader))
    this.#path = Object.freeze(path)
    const form = memberForm(kind)
    const member =
      form === 'author' ? authors.read(reader) : form === 'text' ? this.#readFresh(reader, maxMemberLength) : ''
    return new Key(this.#path, kind, member)
  }

  #readText(reader: ByteReader): string {
    const number = reader.varUint()
    if (number > 0) {
      const known = this.#texts[number - 1]
      if (known === undefined) reader.fail('malformed', `text ${number} was never spelled`)
      return known
    }
    const text = this.#readFresh(reader, maxSegmentLength)
    this.#texts.push(text)
    return text
  }

  #readFresh(reader: ByteReader, maxLength: number): string {
    const shared = reader.varUint()
    if (shared > this.#text.length) reader.fail('malformed', 'a text that shares more than there is')
    const rest = reader.string(maxLength * 3)
    const text = shared === 0 ? rest : this.#text.slice(0, shared) + rest
    if (text.length > maxLength) reader.fail('too-large', `a name of ${text.length} characters`)
    this.#text = text
    return text
  }
}

/** Numbers keys in the order in which a stream first names them. */
export class KeyNumbers {
  readonly #byId = new Map<string, number>()
  #fresh: Key[] = []

  get size(): number {
    return this.#byId.size
  }

  /** The number of a key; a new one is queued for `writeFresh`. */
  number(key: Key): number {
    if (key.numberedBy === this) return key.number
    let number = this.#byId.get(key.id)
    if (number === undefined) {
      number = this.#byId.size
      this.#byId.set(key.id, number)
      this.#fresh.push(key)
    }
    key.numberedBy = this
    key.number = number
    return number
  }

  /** Spells the keys that were numbered since the last call. */
  writeFresh(writer: ByteWriter, speller: KeySpeller, authors: AuthorWriter): void {
    writer.varUint(this.#fresh.length)
    for (const key of this.#fresh) speller.write(writer, key, authors)
    this.#fresh = []
  }
}

/** Whether a counter key names a real author, so that it can be written. */
export function isWritableKey(key: Key): boolean {
  return memberForm(key.kind) !== 'author' || isAuthorId(key.member)
}
