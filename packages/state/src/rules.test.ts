import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AuthorId } from './ids.ts'
import { type DottedItem, mergeLive } from './rules.ts'
import { Version } from './version.ts'

/** What one replica holds of one key. */
interface Side {
  readonly live: readonly DottedItem[]
  readonly version: Version
}

const authors = ['a', 'b', 'c'].map((digit) => digit.repeat(16) as AuthorId)

/** Three replicas after some writes, removals and merges of one key. */
const sides = fc
  .array(fc.record({ who: fc.nat(2), act: fc.constantFrom('write', 'remove', 'merge'), from: fc.nat(2) }), {
    maxLength: 20,
  })
  .map((steps) => {
    const all: Side[] = authors.map(() => ({ live: [], version: Version.empty }))
    for (const { who, act, from } of steps) {
      const author = authors[who] as AuthorId
      const side = all[who] as Side
      const seq = side.version.get(author) + 1
      const dot = { author, seq, hlc: seq }
      all[who] =
        act === 'merge'
          ? merge(side, all[from] as Side)
          : { live: act === 'write' ? [dot] : [], version: side.version.with(author, seq) }
    }
    return all as [Side, Side, Side]
  })

function merge(left: Side, right: Side): Side {
  return {
    live: mergeLive(left.live, right.live, left.version, right.version),
    version: left.version.merge(right.version),
  }
}

function describeSide({ live, version }: Side): unknown {
  return { live: live.map(({ author, seq }) => `${author[0]}${seq}`).sort(), version: version.describe() }
}

describe('the merge rule', () => {
  it('[ST1] keeps what both have, plus what the other had not seen', () => {
    const [a, b] = authors as [AuthorId, AuthorId]
    const dot = (author: AuthorId, seq: number): DottedItem => ({ author, seq, hlc: 0 })
    const ours = [dot(a, 1), dot(a, 3)]
    const theirs = [dot(a, 1), dot(b, 2)]
    const version = (left: number, right: number): Version =>
      Version.from([
        [a, left],
        [b, right],
      ])
    expect(mergeLive(ours, theirs, version(3, 1), version(2, 2))).toEqual([dot(a, 1), dot(a, 3), dot(b, 2)])
    expect(mergeLive(ours, theirs, version(3, 2), version(3, 2))).toEqual([dot(a, 1)])
    expect(mergeLive(ours, [], version(3, 0), version(1, 0))).toEqual([dot(a, 3)])
  })

  it('[ST1] is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(sides, ([a, b, c]) => {
        expect(describeSide(merge(a, b))).toEqual(describeSide(merge(b, a)))
        expect(describeSide(merge(merge(a, b), c))).toEqual(describeSide(merge(a, merge(b, c))))
        expect(describeSide(merge(a, a))).toEqual(describeSide(a))
        expect(describeSide(merge(merge(a, b), b))).toEqual(describeSide(merge(a, b)))
      }),
      { numRuns: 500 },
    )
  })
})
