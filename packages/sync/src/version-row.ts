import { attempt, ByteReader, ByteWriter, type Version } from '@rejoin/state'
import { sealRow, unsealRow } from './rows.ts'
import { wholeVersion } from './version-codec.ts'
import type { Field } from './wire-fields.ts'

/** A sealed row that holds a version. */
export function versionBytes(version: Version): Uint8Array {
  return rowOf(wholeVersion, version)
}

/** The version in a sealed row, or undefined when the row is damaged. */
export function versionInRow(row: Uint8Array): Version | undefined {
  return inRow(wholeVersion, row)
}

/** A sealed row that holds a number. */
export function numberBytes(value: number): Uint8Array {
  return rowOf(numberField, value)
}

/** The number in a sealed row, or undefined when the row is damaged. */
export function numberInRow(row: Uint8Array): number | undefined {
  const value = inRow(numberField, row)
  return Number.isFinite(value) ? value : undefined
}

/** A text stands behind the number, which says nothing so far. */
const numberField: Field<number> = {
  write: (writer, value) => {
    writer.f64(value)
    writer.string('')
  },
  read: (reader) => {
    const value = reader.f64()
    reader.string()
    return value
  },
}

function rowOf<T>(field: Field<T>, value: T): Uint8Array {
  const writer = new ByteWriter()
  field.write(writer, value)
  return sealRow(writer.finish())
}

function inRow<T>(field: Field<T>, row: Uint8Array): T | undefined {
  const payload = unsealRow(row)
  if (payload === undefined) return undefined
  const decoded = attempt(() => {
    const reader = new ByteReader(payload)
    const value = field.read(reader)
    reader.end()
    return value
  })
  return decoded.ok ? decoded.value : undefined
}
