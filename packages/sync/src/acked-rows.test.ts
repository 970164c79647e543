import { type AuthorId, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { AckedRows } from './acked-rows.ts'
import { documentKeys } from './rows.ts'
import type { StorageOp } from './seams.ts'
import { versionInRow } from './version-row.ts'

const authorOf = (number: number): AuthorId => number.toString(16).padStart(16, '0') as AuthorId
const crowd = (count: number): Version =>
  Version.from(Array.from({ length: count }, (_, i) => [authorOf(i + 1), 1] as const))

/** What a reader makes of the rows. */
function readBack(rows: ReadonlyMap<string, Uint8Array>): Version {
  return [...rows.values()].reduce((all, row) => all.merge(versionInRow(row) ?? Version.empty), Version.empty)
}

function write(rows: Map<string, Uint8Array>, ops: readonly StorageOp[]): number {
  let bytes = 0
  for (const op of ops) {
    if (op.kind === 'put') rows.set(op.key, op.bytes)
    if (op.kind === 'put') bytes += op.bytes.length
    if (op.kind === 'delete') rows.delete(op.key)
  }
  return bytes
}

describe('what a server has acknowledged', () => {
  it('[LA7] is written by what has risen, and read back from whatever rows are there', () => {
    const rows = new Map<string, Uint8Array>()
    const acked = new AckedRows(documentKeys('raid'), 'r1')
    let version = crowd(20_000)
    expect(write(rows, acked.rise(version))).toBeGreaterThan(180_000)
    let bytes = 0
    for (let i = 0; i < 200; i++) {
      version = version.with(authorOf(30_000 + i), 1)
      bytes += write(rows, acked.rise(version))
      if (i % 9 === 0) expect(readBack(rows).equals(version)).toBe(true)
    }
    // All is written anew once for each 64 authors that rose.
    expect(bytes).toBeLessThan(4 * 200_000)
    expect(rows.size).toBe(2)
  })

  it('[LA7] is taken back whole where a refusal lowers it', () => {
    const rows = new Map<string, Uint8Array>()
    const acked = new AckedRows(documentKeys('raid'), 'r1')
    write(rows, acked.rise(crowd(100)))
    write(rows, acked.rise(crowd(101)))
    write(rows, acked.replace(crowd(90)))
    expect(readBack(rows).equals(crowd(90))).toBe(true)
  })

  it('[LA7] is one row where there are few authors', () => {
    const rows = new Map<string, Uint8Array>()
    const acked = new AckedRows(documentKeys('raid'), 'r1')
    for (let i = 1; i < 20; i++) write(rows, acked.rise(crowd(i)))
    expect(rows.size).toBe(1)
  })
})
