import { authorIdFrom } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { readWord, wordOf } from './word.ts'

describe('word that a holder leaves', () => {
  it('[LW5] names the last change of each author, and asks for nothing where it is something else', () => {
    const alice = authorIdFrom('00000000000000aa')
    const bob = authorIdFrom('00000000000000bb')
    const left = new Map([
      [alice, 3],
      [bob, 70_000],
    ])
    expect(readWord(wordOf(left))).toEqual([
      { author: alice, seq: 3 },
      { author: bob, seq: 70_000 },
    ])
    for (const rubbish of [
      undefined,
      '',
      'x',
      'x 3',
      '00000000000000aa',
      '00000000000000aa -3',
      '00000000000000aa 3 4',
    ])
      expect(readWord(rubbish), rubbish).toEqual([])
  })
})
