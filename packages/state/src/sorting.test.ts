import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Column } from './column.ts'
import { maxSeq } from './ids.ts'
import { sorting } from './sorting.ts'
import { finish } from './steps.ts'

function columnOf(count: number): Column<number> {
  const rows = new Column<number>()
  for (let row = 0; row < count; row++) rows.push(row)
  return rows
}

const seq = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 5_000 }),
  fc.integer({ min: 1, max: maxSeq }),
)

describe('sorting rows by their seqs', () => {
  it('[LS1] puts them in order, few and many, small seqs and the greatest', () => {
    const seqs = fc.oneof(
      fc.array(seq, { maxLength: 20 }),
      fc.array(seq, { minLength: 500, maxLength: 600 }),
      fc.array(seq, { minLength: 17_000, maxLength: 17_100, size: 'max' }),
    )
    fc.assert(
      fc.property(seqs, (of) => {
        const rows = columnOf(of.length)
        finish(sorting(rows, (row) => of[row] as number))
        const sorted = of.map((_, at) => rows.get(at) as number)
        expect(sorted.map((row) => of[row])).toEqual([...of].sort((a, b) => a - b))
        expect(new Set(sorted).size).toBe(of.length)
      }),
      { numRuns: 40 },
    )
  })

  it('[LS1] says how far it is, and never goes back', () => {
    const of = Array.from({ length: 100_000 }, (_, row) => 1 + ((row * 7919) % 100_000))
    const told = [...sorting(columnOf(of.length), (row) => of[row] as number)]
    expect(told.length).toBeGreaterThan(20)
    expect(told).toEqual([...told].sort((a, b) => a - b))
  })
})
