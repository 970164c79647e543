import {
  type AuthorId,
  type ByteReader,
  maxSeq,
  readVersionName,
  Version,
  type VersionEntry,
  type VersionName,
  versionNameBytes,
  writeVersionName,
} from '@rejoin/state'
import type { ToldVersion } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import { author, type Field, list, record } from './wire-fields.ts'

const NAMED = 0
const WHOLE = 1

/** Entries of a version, ordered by author, so that equal versions have equal bytes. */
function entriesFrom(leastSeq: number): Field<readonly VersionEntry[]> {
  return {
    write: (writer, entries) => {
      writer.varUint(entries.length)
      for (const [name, seq] of entries) {
        author.write(writer, name)
        writer.varUint(seq)
      }
    },
    read: (reader) => {
      const entries: [AuthorId, number][] = []
      let previous = ''
      for (let left = reader.count(frameLimits.versionAuthors, 9); left > 0; left--) {
        const name = author.read(reader)
        const seq = reader.varUint()
        if (name <= previous || seq < leastSeq || seq > maxSeq) reader.fail('malformed', 'a version out of order')
        previous = name
        entries.push([name, seq])
      }
      return entries
    },
  }
}

const wholeEntries = entriesFrom(1)

/** A version with all of its authors. */
export const wholeVersion: Field<Version> = {
  write: (writer, version) =>
    wholeEntries.write(
      writer,
      [...version.entries()].sort(([left], [right]) => (left < right ? -1 : 1)),
    ),
  read: (reader) => Version.from(wholeEntries.read(reader)),
}

/** Names of versions. */
export const versionNames: Field<readonly VersionName[]> = list(
  { write: writeVersionName, read: readVersionName },
  frameLimits.versionNames,
  versionNameBytes,
)

const base: Field<ToldVersion['base']> = {
  write: (writer, version) => {
    const isNamed = typeof version === 'string'
    writer.u8(isNamed ? NAMED : WHOLE)
    if (isNamed) writeVersionName(writer, version)
    else wholeVersion.write(writer, version)
  },
  read: (reader: ByteReader) => {
    const form = reader.u8()
    if (form > WHOLE) reader.fail('malformed', 'an unknown way to tell a version')
    return form === NAMED ? readVersionName(reader) : wholeVersion.read(reader)
  },
}

/** A version by what differs from another, with the names that its sender offers. */
export const toldVersion: Field<ToldVersion> = record({ base, entries: entriesFrom(0), names: versionNames })
