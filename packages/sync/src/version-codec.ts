import {
  type AuthorId,
  authorIdFromBytes,
  type ByteReader,
  type ByteWriter,
  maxSeq,
  readVersionName,
  Version,
  type VersionEntry,
  type VersionName,
  versionNameBytes,
  writeVersionName,
} from '@rejoin/state'
import type { ToldVersion, VersionFrame } from './frame.ts'
import { frameLimits } from './frame-limits.ts'

const NAMED = 0
const WHOLE = 1

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

/** Writes a version by what differs from another, with the names that its sender offers. */
export function writeTold(writer: ByteWriter, { base, entries, names }: ToldVersion): void {
  writer.u8(typeof base === 'string' ? NAMED : WHOLE)
  if (typeof base === 'string') writeVersionName(writer, base)
  else writeVersion(writer, base)
  writer.varUint(entries.length)
  for (const [author, seq] of entries) {
    writeHex(writer, author)
    writer.varUint(seq)
  }
  writeNames(writer, names)
}

/** Reads what `writeTold` wrote; refuses entries out of order. */
export function readTold(reader: ByteReader): ToldVersion {
  const form = reader.u8()
  if (form > WHOLE) reader.fail('malformed', 'an unknown way to tell a version')
  const base = form === NAMED ? readVersionName(reader) : readVersion(reader)
  const entries: VersionEntry[] = []
  let previous = ''
  for (let left = reader.count(frameLimits.versionAuthors, 9); left > 0; left--) {
    const author = readAuthor(reader)
    const seq = reader.varUint()
    if (author <= previous || seq > maxSeq) reader.fail('malformed', 'a version out of order')
    previous = author
    entries.push([author, seq])
  }
  return { base, entries, names: readNames(reader) }
}

/** Writes names of versions. */
export function writeNames(writer: ByteWriter, names: readonly VersionName[]): void {
  writer.varUint(names.length)
  for (const name of names) writeVersionName(writer, name)
}

/** Reads names of versions. */
export function readNames(reader: ByteReader): VersionName[] {
  const names: VersionName[] = []
  for (let left = reader.count(frameLimits.versionNames, versionNameBytes); left > 0; left--) {
    names.push(readVersionName(reader))
  }
  return names
}

/** Writes the version of a frame, in the form that the frame has it. */
export function writeVersionOf(writer: ByteWriter, { version, told }: VersionFrame): void {
  if (told === undefined) writeVersion(writer, version)
  else writeTold(writer, told)
}

/** Reads the version of a frame. */
export function readVersionOf(reader: ByteReader, isTold: boolean): { version: Version; told?: ToldVersion } {
  return isTold ? { version: Version.empty, told: readTold(reader) } : { version: readVersion(reader) }
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
