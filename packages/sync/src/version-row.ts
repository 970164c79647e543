import { attempt, ByteReader, ByteWriter, type Version } from '@rejoin/state'
import { sealRow, unsealRow } from './rows.ts'
import { wholeVersion } from './version-codec.ts'

/** A sealed row that holds a version. */
export function versionBytes(version: Version): Uint8Array {
  const writer = new ByteWriter()
  wholeVersion.write(writer, version)
  return sealRow(writer.finish())
}

/** The version in a sealed row, or undefined when the row is damaged. */
export function versionInRow(row: Uint8Array): Version | undefined {
  const payload = unsealRow(row)
  if (payload === undefined) return undefined
  const decoded = attempt(() => {
    const reader = new ByteReader(payload)
    const version = wholeVersion.read(reader)
    reader.end()
    return version
  })
  return decoded.ok ? decoded.value : undefined
}

/** A sealed row that holds a number and a text. */
export function numberBytes(value: number, text = ''): Uint8Array {
  const writer = new ByteWriter()
  writer.f64(value)
  writer.string(text)
  return sealRow(writer.finish())
}

/** The number in a sealed row, or undefined when the row is damaged. */
export function numberInRow(row: Uint8Array): number | undefined {
  const payload = unsealRow(row)
  if (payload === undefined) return undefined
  const decoded = attempt(() => new ByteReader(payload).f64())
  return decoded.ok && Number.isFinite(decoded.value) ? decoded.value : undefined
}
