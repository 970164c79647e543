import { describe, expect, it } from 'vitest'
import { Column, NumberColumn } from './column.ts'
import { Key, KeyColumn, KeyCursor } from './key.ts'

const lengths = [0, 1, 2, 63, 64, 65, 4095, 4096, 4097, 10_000]

describe('columns', () => {
  it.each(lengths)('hold %i things in turn, and nothing beyond', (length) => {
    const things = new Column<string>()
    const numbers = new NumberColumn()
    for (let i = 0; i < length; i++) {
      things.push(`${i}`)
      numbers.push(i * 429_000)
    }
    expect([things.length, numbers.length]).toEqual([length, length])
    for (let i = 0; i < length; i++) {
      expect(things.get(i)).toBe(`${i}`)
      expect(numbers.get(i)).toBe(i * 429_000)
    }
    expect(things.get(length)).toBeUndefined()
    expect(numbers.get(length) ?? 0).toBe(0)
  })

  it('hold keys of many kinds, with members and without, to be read in any order', () => {
    const keys = Array.from({ length: 500 }, (_, i) => {
      const member = i > 100 && i % 3 === 0 ? `m${i}` : ''
      return new Key([`p${i >> 4}`, `n${i}`], 1 + ((i >> 3) & 3), member)
    })
    const column = new KeyColumn()
    for (const key of keys) column.push(key)
    const cursor = new KeyCursor()
    for (let i = 0; i < 2000; i++) {
      const at = (i * 7919) % keys.length
      const { path, kind, member } = keys[at] as Key
      const read = column.read(at, cursor)
      expect([read.branch?.path, read.name, read.kind, read.member]).toEqual([[path[0]], path[1], kind, member])
    }
    expect(column.at(77).id).toBe(keys[77]?.id)
  })
})
