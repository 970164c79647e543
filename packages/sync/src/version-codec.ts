import { type AuthorId, authorIdFromBytes, type ByteReader, type ByteWriter, Version } from '@rejoin/state'
import { frameLimits } from './frame-limits.ts'

/** Writes a version: authors in ascending order, so that equal versions have equal bytes. */
export function writeVersion(writer: ByteWriter, version: Version): void {
  const entries = [...version.entries()].sort(([left], [right]) => (left < right ? -1 : 1))
  writer.varUint(entries.length)
  for (const [author, seq] of entries) {
    writeHex(writer, author)
    writer.varUint(seq)
  }
}

/** Reads a version; refuses authors out of order and entries of zero. */
export function readVersion(reader: ByteReader): Version {
  const entries: [AuthorId, number][] = []
  let previous = ''
  for (let left = reader.count(frameLimits.versionAuthors, 9); left > 0; left--) {
    const author = readAuthor(reader)
    const seq = reader.varUint()
    if (author <= previous || seq === 0 || seq > 0xffff_ffff) reader.fail('malformed', 'a version out of order')
    previous = author
    entries.push([author, seq])
  }
  return Version.from(entries)
}

/** Reads an author id. */
export function readAuthor(reader: ByteReader): AuthorId {
  return authorIdFromBytes(reader.raw(8))
}

/** Writes 16 hex digits as 8 bytes. */
export function writeHex(writer: ByteWriter, hex: string): void {
  for (let i = 0; i < 16; i += 2) writer.u8(Number.parseInt(hex.slice(i, i + 2), 16))
}

/** Reads 8 bytes as 16 hex digits. */
export function readHex(reader: ByteReader): string {
  return authorIdFromBytes(reader.raw(8))
}
