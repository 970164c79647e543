import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type AuthorId, authorIdFrom } from './ids.ts'
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

  it('[VE2] is the same value whatever way it was made: all at once, or raised step by step from a shared one', () => {
    const authors = Array.from({ length: 40 }, (_, i) => authorIdFrom(i.toString(16).padStart(16, '0')))
    const entry = fc.tuple(fc.constantFrom(...authors), fc.integer({ min: 1, max: 9 }))
    const entries = fc.array(entry, { maxLength: 40 })
    fc.assert(
      fc.property(entries, entries, entries, (shared, left, right) => {
        const base = Version.from(shared)
        const raise = (steps: typeof left): Version =>
          steps.reduce((before, [author, seq]) => before.with(author, seq), base)
        const [a, b] = [raise(left), raise(right)]
        const [plainA, plainB] = [Version.from([...shared, ...left]), Version.from([...shared, ...right])]
        for (const [version, plain] of [
          [a, plainA],
          [a.merge(b), Version.from([...shared, ...left, ...right])],
          [a.meet(b), plainA.meet(plainB)],
        ] as const) {
          expect(version.toJSON()).toEqual(plain.toJSON())
          expect(version.size).toBe(plain.size)
          expect(version.equals(plain) && plain.equals(version)).toBe(true)
        }
        expect(Version.from(a.above(b)).toJSON()).toEqual(Version.from(plainA.above(plainB)).toJSON())
        expect(a.merge(b).equals(Version.from([...b.entries(), ...a.above(b)]))).toBe(true)
        expect(a.covers(b)).toBe(plainA.covers(plainB))
        expect(a.compare(b)).toBe(plainA.compare(plainB))
        for (const author of authors) expect(a.without(author).toJSON()).toEqual(plainA.without(author).toJSON())
      }),
      { numRuns: 200 },
    )
  })

  it('[VE2] is the same value where versions of many authors share no entries', () => {
    const authors = Array.from({ length: 400 }, (_, i) => authorIdFrom(i.toString(16).padStart(16, '0')))
    const entry = fc.tuple(fc.constantFrom(...authors), fc.integer({ min: 1, max: 9 }))
    const few = fc.array(entry, { maxLength: 30 })
    const gone = fc.array(fc.constantFrom(...authors), { maxLength: 5 })
    const common = authors.slice(0, 380).map((author): [AuthorId, number] => [author, 4])
    const made = fc.tuple(fc.array(entry, { maxLength: 80 }), gone, few).map(([other, without, raised]) => {
      const base = without.reduce((version, author) => version.without(author), Version.from([...common, ...other]))
      return raised.reduce((version, [author, seq]) => version.with(author, seq), base)
    })
    fc.assert(
      fc.property(made, made, (left, right) => {
        const above = (one: Version, other: Version): Record<string, number> =>
          Version.from([...one.entries()].filter(([author, seq]) => seq > other.get(author))).toJSON()
        // Twice, as the second time what differs is known.
        for (let time = 0; time < 2; time++) {
          for (const [one, other] of [
            [left, right],
            [right, left],
          ] as const) {
            const entries = one.above(other)
            expect(Version.from(entries).toJSON()).toEqual(above(one, other))
            expect(new Set(entries.map(([author]) => author)).size).toBe(entries.length)
            expect(one.covers(other)).toBe(other.above(one).length === 0)
            expect(one.covers(other)).toBe([...other.entries()].every(([author, seq]) => one.get(author) >= seq))
          }
          expect(left.merge(right).toJSON()).toEqual(Version.from([...left.entries(), ...right.entries()]).toJSON())
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[VE4] compares 1,000 times with a version of 20,000 authors that came from elsewhere, and goes through them once', () => {
    const entries = Array.from({ length: 20_000 }, (_, i): [AuthorId, number] => [
      authorIdFrom(i.toString(16).padStart(16, '0')),
      1,
    ])
    const theirs = Version.from(entries)
    let ours = Version.from([...entries].reverse())
    const gets = vi.spyOn(Map.prototype, 'get')
    for (let seq = 2; seq < 1002; seq++) {
      ours = ours.with(a, seq)
      expect(ours.above(theirs)).toEqual([[a, seq]])
      expect([theirs.above(ours).length, ours.covers(theirs), theirs.covers(ours)]).toEqual([0, true, false])
    }
    const { length } = gets.mock.calls
    gets.mockRestore()
    expect(length).toBeLessThan(150_000)
  })

  it('[VE4] is raised 10,000 times among 10,000 authors without a copy each', () => {
    const authors = Array.from({ length: 10_000 }, (_, i) => authorIdFrom(i.toString(16).padStart(16, '0')))
    let version = Version.from(authors.map((author) => [author, 1]))
    const all = authors.map((author) => {
      version = version.with(author, 2)
      return version
    })
    expect(all[4_999]?.get(authors[4_999] as AuthorId)).toBe(2)
    expect(all[4_999]?.get(authors[5_000] as AuthorId)).toBe(1)
    expect(version.size).toBe(10_000)
  })
})
