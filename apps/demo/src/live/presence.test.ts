import { describe, expect, it } from 'vitest'
import { freeSeat, presenceOf, readPresence, type Shown } from './presence.ts'

const shown: Shown = {
  seat: 3,
  author: '00112233445566aa',
  digest: '7c1e90b200000000',
  flag: 'whale',
  chest: ['bell', 'pearl'],
  tally: 41,
  since: 1_700_000_000_000,
  version: [{ author: '00112233445566aa', count: 4 }],
}

describe('presence of a tab', () => {
  it('reads back what it shows', () => {
    expect(readPresence(JSON.parse(JSON.stringify(presenceOf(shown))))).toEqual(shown)
  })

  it.each([
    undefined,
    null,
    'seat',
    {},
    { ...presenceOf(shown), seat: 5 },
    { ...presenceOf(shown), seat: 1.5 },
    { ...presenceOf(shown), digest: '<b>' },
    { ...presenceOf(shown), tally: Number.NaN },
    { ...presenceOf(shown), chest: 'all of it' },
  ])('takes nothing for an island that is none: %j', (value) => {
    expect(readPresence(value)).toBeUndefined()
  })

  it('bounds what it shows and what it reads', () => {
    const long = { ...shown, chest: Array.from({ length: 500 }, (_, at) => `thing ${at}`), flag: 'x'.repeat(900) }
    expect(JSON.stringify(presenceOf(long)).length).toBeLessThan(4_000)
    expect(
      readPresence({ ...presenceOf(shown), chest: Array.from({ length: 999 }, () => 'x') })?.chest.length,
    ).toBeLessThan(20)
  })

  it('gives each tab a seat of its own while there are any', () => {
    expect(freeSeat(new Set(), undefined)).toBe(0)
    expect(freeSeat(new Set([0, 1]), 1)).toBe(2)
    expect(freeSeat(new Set([0]), 4)).toBe(4)
    expect(freeSeat(new Set([0, 1, 2, 3, 4]), undefined)).toBeUndefined()
  })
})
