import { type AuthorId, type Change, createChangeEncoder, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { cutIntoFrames, type KeptChange } from './change-log.ts'
import { weighed } from './wire-weight.ts'

const authorOf = (number: number): AuthorId => number.toString(16).padStart(16, '0') as AuthorId
const crowd = (from: number, count: number): Version =>
  Version.from(Array.from({ length: count }, (_, i) => [authorOf(from + i), 1] as const))

/** A change of a new author, whose row is small. */
const kept = (author: number, context: Version): KeptChange => {
  const change: Change = { author: authorOf(author), seq: 1, span: 1, context, hlc: 2 ** 45, ops: [] }
  return { change, bytes: 60, isFromServer: false }
}

const largest = (entries: readonly KeptChange[], known: Version | undefined): number => {
  const encoder = createChangeEncoder(known === undefined ? undefined : () => [known])
  const frames = cutIntoFrames(weighed(entries, known, 48_000), 48_000)
  return Math.max(...frames.map((frame) => encoder.encode(frame.map(({ change }) => change)).length))
}

describe('what changes take on the wire', () => {
  it('[SY53] is reckoned by their contexts, whole for a peer of an earlier format, and frames keep within their size', () => {
    const past = crowd(1, 20_000)
    const entries = Array.from({ length: 40 }, (_, i) => kept(100_000 + i, past))
    expect(largest(entries, undefined)).toBeLessThan(300_000)
    expect(largest(entries, past)).toBeLessThan(48_000)
  })

  it('[SY53] is reckoned by how far contexts are apart, also where they take turns', () => {
    const [left, right] = [crowd(1, 4000), crowd(50_000, 4000)]
    const entries = Array.from({ length: 60 }, (_, i) => kept(100_000 + i, i % 2 === 0 ? left : right))
    expect(largest(entries, left)).toBeLessThan(150_000)
  })

  it('[SY53] is what the rows take where there are few authors', () => {
    const entries = Array.from({ length: 40 }, (_, i) => kept(100_000 + i, crowd(1, 3)))
    expect(weighed(entries, undefined, 48_000)).toBe(entries)
  })
})
