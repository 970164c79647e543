import { describe, expect, it } from 'vitest'
import { OtherGroups } from './other-groups.ts'
import type { Roster } from './roster.ts'

const rosterOf = (id: string): Roster => ({ epoch: 1, voters: [{ id, weight: 1 }], policy: { kind: 'keep-majority' } })
const other = { peer: 'b', roster: rosterOf('b') }

describe('other groups', () => {
  it('are those that tell of another roster for more than a moment, and go on to', () => {
    const groups = new OtherGroups()
    const heard = [0, 1_000, 2_000, 3_000, 4_000].map((now) => groups.heard(other, rosterOf('a'), now))
    expect(heard).toEqual([false, false, false, true, false])
    expect(groups.at(4_000)).toEqual([other])
    expect(groups.at(8_000)).toEqual([])
    expect(groups.heard(other, rosterOf('a'), 9_000)).toBe(false)
    expect(groups.at(9_000)).toEqual([])
  })

  it('are none who came to the roster here, or were told of under another', () => {
    const ends: ((groups: OtherGroups) => void)[] = [
      (groups) => groups.heard({ peer: 'b', roster: rosterOf('a') }, rosterOf('a'), 3_500),
      (groups) => groups.clear(),
    ]
    for (const end of ends) {
      const groups = new OtherGroups()
      for (const now of [0, 1_500, 3_000]) groups.heard(other, rosterOf('a'), now)
      expect(groups.at(3_000)).toEqual([other])
      end(groups)
      expect(groups.at(3_500)).toEqual([])
    }
  })

  it('[SY67] are remembered while they tell of another roster, whatever they call themselves', () => {
    const groups = new OtherGroups()
    for (let at = 0; at < 100; at++) groups.heard({ peer: `${at}`, roster: rosterOf('b') }, rosterOf('a'), at * 1_000)
    expect(groups.size).toBeLessThanOrEqual(4)
  })
})
