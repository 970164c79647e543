import { ByteReader, ByteWriter } from '@rejoin/state'
import { sealRow, unsealRow } from '../rows.ts'
import type { StorageOp } from '../seams.ts'

const mostBytes = 1 << 20

/** The row of a record that is small and seldom written. */
export function putJson(key: string, value: object): StorageOp {
  return { kind: 'put', key, bytes: jsonRow(value) }
}

/** Its bytes. */
export function jsonRow(value: object): Uint8Array {
  const writer = new ByteWriter(256)
  writer.string(JSON.stringify(value))
  return sealRow(writer.finish())
}

/** What `putJson` wrote; undefined where it was damaged. */
export function readJson(row: Uint8Array): unknown {
  try {
    return JSON.parse(new ByteReader(unsealRow(row) ?? row.subarray(0, 0)).string(mostBytes))
  } catch {
    return undefined
  }
}
