import { describe, expect, it } from 'vitest'
import { authorIdFrom } from './ids.ts'
import { Version } from './version.ts'

const a = authorIdFrom('000000000000000a')
const b = authorIdFrom('000000000000000b')
const of = (left: number, right: number) =>
  Version.from([
    [a, left],
    [b, right],
  ])

describe('Version', () => {
  it('[VE1] tells equal, before, after and concurrent apart', () => {
    expect(of(1, 2).compare(of(1, 2))).toBe('equal')
    expect(of(1, 2).compare(of(1, 3))).toBe('before')
    expect(of(1, 3).compare(of(1, 2))).toBe('after')
    expect(of(2, 1).compare(of(1, 2))).toBe('concurrent')
    expect(of(1, 0).compare(of(0, 1))).toBe('concurrent')
  })

  it('[VE1] is equal only when both cover each other, also with the same authors', () => {
    expect(of(2, 2).equals(of(1, 2))).toBe(false)
    expect(of(1, 2).equals(of(2, 2))).toBe(false)
    expect(of(2, 2).equals(of(2, 2))).toBe(true)
  })

  it('[VE2] joins to the greatest and meets at the least entries', () => {
    expect(of(1, 3).merge(of(2, 1)).toJSON()).toEqual(of(2, 3).toJSON())
    expect(of(1, 3).meet(of(2, 1)).toJSON()).toEqual(of(1, 1).toJSON())
    expect(of(1, 0).meet(of(0, 1)).size).toBe(0)
  })
})
