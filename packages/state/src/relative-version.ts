/**
 * A version by what differs from one that the reader has: bytes follow the difference, not the number of authors.
 */
import type { ByteReader, ByteWriter } from './bytes.ts'
import type { AuthorId } from './ids.ts'
import { maxSeq } from './ids.ts'
import { type AuthorReader, type AuthorWriter, maxVersionEntries } from './key-table.ts'
import type { Version } from './version.ts'
import { readVersionName, type VersionName } from './version-name.ts'

/** An entry of a version; 0 where the version has nothing of the author. */
export type VersionEntry = readonly [author: AuthorId, seq: number]

/** Finds a version whose name the reader computed itself. */
export type VersionLookup = (name: VersionName) => Version | undefined

/** Bytes that an entry takes at most, where its author was not named before. */
export const entryBytes = 14

const WHOLE = 0
const RELATIVE = 1

/** The entries of `version` that differ from those of `base`, 0 for what it has not, sorted by author. */
export function differences(version: Version, base: Version): VersionEntry[] {
  if (version === base) return []
  const entries: VersionEntry[] = version.above(base)
  for (const [author] of base.above(version)) entries.push([author, version.get(author)])
  return entries.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Writes entries as `differences` gave them. */
export function writeDifferences(writer: ByteWriter, authors: AuthorWriter, entries: readonly VersionEntry[]): void {
  writer.varUint(entries.length)
  for (const [author, seq] of entries) authors.writeDot(writer, { author, seq })
}

/** Reads entries, and gives the version that differs from `base` in them. Refuses those in which it does not differ. */
export function readDifferences(reader: ByteReader, authors: AuthorReader, base: Version): Version {
  const count = reader.count(maxVersionEntries, 2)
  const entries: VersionEntry[] = []
  const seen = new Set<AuthorId>()
  for (let i = 0; i < count; i++) {
    const author = authors.read(reader)
    const seq = reader.varUint()
    if (seq > maxSeq) reader.fail('malformed', `seq ${seq} is out of range`)
    if (seen.has(author) || seq === base.get(author)) reader.fail('malformed', 'an entry that does not differ')
    seen.add(author)
    entries.push([author, seq])
  }
  return base.patched(entries)
}

/** Writes a version by what differs from `known`, or whole where that is shorter. */
export function writeVersionBeside(writer: ByteWriter, authors: AuthorWriter, version: Version, known: Version): void {
  const entries = version.size === 0 ? [] : differences(version, known)
  const isWhole = entries.length >= version.size
  writer.u8(isWhole ? WHOLE : RELATIVE)
  if (isWhole) authors.writeVersion(writer, version)
  else writeDifferences(writer, authors, entries)
}

/** Reads what `writeVersionBeside` wrote. */
export function readVersionBeside(reader: ByteReader, authors: AuthorReader, known: Version): Version {
  const form = reader.u8()
  if (form > RELATIVE) reader.fail('malformed', 'an unknown form of a version')
  return form === WHOLE ? authors.readVersion(reader) : readDifferences(reader, authors, known)
}

/** Reads a name, and gives the version that it stands for. Fails with `unknown-base` where there is none. */
export function readNamed(reader: ByteReader, lookup: VersionLookup | undefined): Version {
  const name = readVersionName(reader)
  return lookup?.(name) ?? reader.fail('unknown-base', `no version is known by the name ${name}`)
}
