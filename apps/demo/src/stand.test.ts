import { describe, expect, it } from 'vitest'
import {
  doubtLeft,
  doubtText,
  plainText,
  refusalText,
  type Stand,
  sideHeadline,
  sideSentence,
  sideText,
} from './stand.ts'

const stand = (side: Stand['side'], members: Stand['members']): Stand => ({
  side,
  members,
  since: 18_000,
  doubts: [],
  lease: undefined,
  incidents: [],
  explained: [],
})

describe('the words for where an island stands', () => {
  it('says what its side is of the five', () => {
    expect(sideText(stand('full', [0, 1, 2, 3, 4]))).toBe('whole')
    expect(sideText(stand('majority', [0, 3, 4]))).toBe('majority, 3 of 5')
    expect(sideText(stand('mixed', [0, 1, 2, 3, 4]))).toBe('linked by others')
    expect(sideText(stand('isolated', [1]))).toBe('cut off')
    expect(sideText(stand('unknown', [1]))).toBe('unknown')
    expect(sideHeadline(stand('minority', [1, 2]))).toBe('Minority, 2 of 5')
    expect(sideHeadline(stand('full', [0, 1, 2, 3, 4]))).toBe('Whole, 5 of 5')
  })

  it('says since when, and what is still possible', () => {
    expect(sideSentence(stand('minority', [1, 2]), 2, 44_000, 2)).toBe(
      'Apart for 26 s. Cinder keeps writing. Only what needs a majority has to wait.',
    )
    expect(sideSentence({ ...stand('full', []), since: -4_000 }, 2, 44_000, 5)).toBe(
      'All reach each other. Any island may start a regatta.',
    )
  })

  it('says of a ring of majorities that all are linked, and how many each reaches itself', () => {
    expect(sideSentence(stand('mixed', [0, 1, 2, 3, 4]), 2, 44_000, 3)).toBe(
      'All are linked for 26 s, some only through others. Cinder itself reaches 3 of 5.',
    )
  })

  it('counts a doubt down, in words and as a part of the ring', () => {
    const doubt = { seat: 3, since: 10_000, until: 22_000 } as const
    expect(doubtText(doubt, 19_000)).toBe('3 s left')
    expect(doubtLeft(doubt, 10_000)).toBe(1)
    expect(doubtLeft(doubt, 19_000)).toBe(0.25)
    expect(doubtLeft(doubt, 30_000)).toBe(0)
  })

  it('says what a refused regatta needs and what there is', () => {
    expect(refusalText(2, 'No quorum: lantern, halo, quern did not answer.', 2)).toBe(
      'It needs 3 of 5 islands, and Cinder reaches 2. Lantern, Halo and Quern did not answer.',
    )
    expect(
      refusalText(3, 'No quorum: halo keeps it for lantern for about 86357 ms; quern did not answer.', undefined),
    ).toBe('Halo keeps it for Lantern for about 1 min 26 s; Quern did not answer.')
  })

  it('spells moments by the clock of the page', () => {
    const start = Date.parse('2026-01-01T00:01:24.000Z')
    expect(plainText('The voters have been split since 2026-01-01T00:01:42.465Z.', start)).toBe(
      'The voters have been split since 0:18.',
    )
    expect(plainText('All 5 voters have reached each other since 2026-01-01T00:00:05.000Z.', start)).toBe(
      'All 5 voters have reached each other since before 0:00.',
    )
  })
})
