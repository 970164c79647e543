/**
 * Names of versions: what stands for a version that both ends hold already.
 *
 * A name is the sum, modulo 2^64 in each of two halves, of a hash of every entry. So it does not depend on order, equal
 * versions have equal names however they were made, and raising an entry costs the hash of the old one and of the new
 * one, whatever the number of authors.
 *
 * What it rests on: two versions that nobody arranged share a name with a probability of 2^-128. Against somebody who
 * may choose thousands of author ids a sum of public hashes is no proof: such versions can be computed. All that this
 * wins is that one replica takes another to have what it has not, as does a writer who sends different changes under one
 * dot, and it ends alike: digests at equal versions differ and raise `divergence`. So a name is only ever looked up
 * among versions of which the reader computed the name itself, and one that is not found there means nothing.
 */
import type { ByteReader, ByteWriter } from './bytes.ts'
import { Hasher, Sum64 } from './hash.ts'
import type { AuthorId, Brand } from './ids.ts'
import type { Version } from './version.ts'

/** Stands for a version: 128 bits as 32 lowercase hex digits. */
export type VersionName = Brand<string, 'VersionName'>

/** Bytes of a name. */
export const versionNameBytes = 16

/** Shared: summing never calls back. */
const hasher = new Hasher()

/** The hashes of the entries of a version, summed. */
export class EntrySum {
  readonly #left = new Sum64()
  readonly #right = new Sum64()

  add(author: AuthorId, seq: number): void {
    this.#left.add(hashed(0, author, seq))
    this.#right.add(hashed(1, author, seq))
  }

  /** The sum with entries in place of those that `before` tells of their authors; 0 stands for none. */
  with(entries: Iterable<readonly [AuthorId, number]>, before: (author: AuthorId) => number): EntrySum {
    const sum = new EntrySum()
    sum.#left.add(this.#left)
    sum.#right.add(this.#right)
    for (const [author, seq] of entries) {
      const replaced = before(author)
      if (replaced > 0) sum.#subtract(author, replaced)
      if (seq > 0) sum.add(author, seq)
    }
    return sum
  }

  #subtract(author: AuthorId, seq: number): void {
    this.#left.subtract(hashed(0, author, seq))
    this.#right.subtract(hashed(1, author, seq))
  }

  toName(): VersionName {
    return `${this.#left}${this.#right}` as VersionName
  }
}

function hashed(half: number, author: AuthorId, seq: number): Hasher {
  const high = Number.parseInt(author.slice(0, 8), 16)
  const low = Number.parseInt(author.slice(8), 16)
  return hasher.reset().word(half).word(high).word(low).word(seq).finish()
}

/** Names that were asked for. */
const names = new WeakMap<Version, VersionName>()

/**
 * Stands for a version where another replica holds it too; equal versions have equal names. Asked for the first time in a
 * row of raised versions it costs O(authors), from then on what was raised since.
 */
export function versionName(version: Version): VersionName {
  let name = names.get(version)
  if (name === undefined) {
    name = version.sum(sumOf).toName()
    names.set(version, name)
  }
  return name
}

function sumOf(entries: ReadonlyMap<AuthorId, number>): EntrySum {
  const sum = new EntrySum()
  for (const [author, seq] of entries) sum.add(author, seq)
  return sum
}

/** The name that was written last, as rows and frames tell most versions by one. */
const written = { name: '', bytes: new Uint8Array(versionNameBytes) }

/** Writes the 16 bytes of a name. */
export function writeVersionName(writer: ByteWriter, name: VersionName): void {
  if (written.name !== name) {
    written.name = name
    for (let i = 0; i < versionNameBytes; i++) written.bytes[i] = Number.parseInt(name.slice(2 * i, 2 * i + 2), 16)
  }
  writer.raw(written.bytes)
}

/** Reads the 16 bytes of a name. */
export function readVersionName(reader: ByteReader): VersionName {
  let name = ''
  for (const byte of reader.raw(versionNameBytes)) name += byte.toString(16).padStart(2, '0')
  return name as VersionName
}
