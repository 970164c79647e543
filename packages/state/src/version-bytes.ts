import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import { AuthorReader, AuthorWriter } from './key-table.ts'
import { differences, readDifferences, readNamed, type VersionLookup, writeDifferences } from './relative-version.ts'
import type { DecodeError, Result } from './result.ts'
import type { Version } from './version.ts'
import { versionName, writeVersionName } from './version-name.ts'

/**
 * Bytes of a version. With `base`, a version that the reader holds by its name, they follow what differs from it: its
 * name after a 0, which ends the bytes of a version whole only where that is the empty one.
 */
export function encodeVersion(version: Version, base?: Version): Uint8Array {
  const writer = new ByteWriter(64)
  const authors = new AuthorWriter()
  if (base === undefined) authors.writeVersion(writer, version)
  else {
    writer.varUint(0)
    writeVersionName(writer, versionName(base))
    writeDifferences(writer, authors, differences(version, base))
  }
  return writer.finish()
}

/** The version in the bytes of `encodeVersion`. `lookup` finds the base by its name; where it finds none, they are refused with `unknown-base`. */
export function decodeVersion(bytes: Uint8Array, lookup?: VersionLookup): Result<Version, DecodeError> {
  return attempt(() => {
    const reader = new ByteReader(bytes)
    const authors = new AuthorReader()
    const isRelative = bytes.length > 1 && bytes[0] === 0
    if (isRelative) reader.u8()
    const version = isRelative
      ? readDifferences(reader, authors, readNamed(reader, lookup))
      : authors.readVersion(reader)
    reader.end()
    return version
  })
}
