import { describe, expect, it } from 'vitest'
import type { Policy, Roster } from '../roster.ts'
import { fresh, rosterOf, rowOf, rowsOfSides, seenBy, splitOf } from './rows.test-helper.ts'
import { type Judgement, judgePartition } from './verdict.ts'

const judge = (split: string, self: string, rest: Partial<Roster> = {}): Judgement =>
  judgePartition(splitOf(split, rest).seen(self))
const stale = (observer: string, direct: readonly string[]) => ({ row: rowOf(observer, direct), isFresh: false })

describe('a verdict', () => {
  it('[VD1] counts itself, out of the roster and never out of whoever was heard of', () => {
    const modes = ['ab|c', 'abc|de', 'abcd|efg', 'ab|cde', 'a|bc', 'ab|cd', 'a|b'].map((split) => judge(split, 'alice'))
    expect(modes.map(({ mode, powerless }) => [mode, powerless])).toEqual([
      ['majority', undefined],
      ['majority', undefined],
      ['majority', undefined],
      ['minority', 'no-quorum'],
      ['isolated', 'no-quorum'],
      ['even', 'no-quorum'],
      ['even', 'no-quorum'],
    ])
    const alone = judgePartition(seenBy('alice', rosterOf(['alice', 'bob', 'carol']), []))
    expect([alone.mode, alone.powerless]).toEqual(['isolated', 'no-quorum'])
    expect(judgePartition(seenBy('alice', rosterOf(['alice']), [])).mode).toBe('full')
  })

  it('[VD1] names the members of every side, the own first, and the rows that it rests on', () => {
    const judgement = judge('ad|bc|e', 'bob')
    expect([judgement.sides, judgement.unheard]).toEqual([[['bob', 'carol']], ['alice', 'dave', 'erin']])
    expect(judgement.evidence).toContainEqual({ observer: 'carol', version: 1, isFresh: true })
    expect(judgement.evidence).toContainEqual({ observer: 'alice', version: 1, isFresh: false })
  })

  it('[VD1] tells the far sides apart as long as their rows are fresh', () => {
    const apart = [
      fresh('alice', ['dave']),
      fresh('bob', ['carol']),
      fresh('carol', ['bob']),
      fresh('dave', ['alice']),
      fresh('erin', []),
    ]
    const judgement = judgePartition({ ...splitOf('ad|bc|e').seen('bob'), rows: apart })
    expect([judgement.sides, judgement.unheard]).toEqual([[['bob', 'carol'], ['alice', 'dave'], ['erin']], []])
  })

  it('[VD2] says full only where every row is fresh and every pair direct', () => {
    const roster = rosterOf(['alice', 'bob', 'carol'])
    const all = [fresh('alice', ['bob', 'carol']), fresh('bob', ['alice', 'carol']), fresh('carol', ['alice', 'bob'])]
    expect(judgePartition(seenBy('alice', roster, all)).mode).toBe('full')
    expect(judgePartition(seenBy('alice', roster, all.slice(0, 2))).mode).toBe('unknown')
  })

  it('[VD2] says mixed where some reach each other through others only, as over a bridge or a ring, and excludes nobody', () => {
    const bridge = judgePartition(
      seenBy('alice', rosterOf(['alice', 'bob', 'carol']), [
        fresh('alice', ['bob']),
        fresh('bob', ['alice', 'carol']),
        fresh('carol', ['bob']),
      ]),
    )
    expect([bridge.mode, bridge.powerless, bridge.missingLinks]).toEqual(['mixed', undefined, [['alice', 'carol']]])
    const ids = ['r1', 'r2', 'r3', 'r4', 'r5']
    const ring = ids.map((id, at) => fresh(id, [ids[(at + 1) % 5] as string, ids[(at + 4) % 5] as string]))
    for (const self of ids) {
      const judgement = judgePartition(seenBy(self, rosterOf(ids), ring))
      expect([judgement.mode, judgement.powerless, judgement.missingLinks.length]).toEqual(['mixed', undefined, 5])
    }
  })

  it('[VD3] takes a link that one end only asserts as none, and names both ends of it', () => {
    const roster = rosterOf(['alice', 'bob'])
    const judged = (alice: string[], bob: string[]) =>
      judgePartition(seenBy('alice', roster, [fresh('alice', alice), fresh('bob', bob)]))
    const sides = [['alice'], ['bob']]
    expect(judged(['bob'], [])).toMatchObject({ sides, oneWay: [{ from: 'bob', to: 'alice' }] })
    expect(judged([], ['alice'])).toMatchObject({ sides, oneWay: [{ from: 'alice', to: 'bob' }] })
  })

  it('[VD3] takes the word of one end where nothing fresh is known of the other, for a link and not for power', () => {
    const roster = rosterOf(['alice', 'bob', 'carol'])
    const judgement = judgePartition(
      seenBy('alice', roster, [fresh('alice', ['bob']), stale('bob', []), stale('carol', [])]),
    )
    expect(judgement.sides[0]).toEqual(['alice', 'bob'])
    expect([judgement.mode, judgement.confirmed, judgement.powerless]).toEqual(['unknown', ['alice'], 'no-quorum'])
  })

  it('[VD3] takes nothing from a stale row', () => {
    const roster = rosterOf(['alice', 'bob', 'carol'])
    const rows = [fresh('alice', ['bob']), fresh('bob', ['alice']), stale('carol', ['alice', 'bob'])]
    expect(judgePartition(seenBy('alice', roster, rows)).sides).toEqual([['alice', 'bob']])
  })

  it('[VD4] names critical voters and whole roles that are missing here', () => {
    const voters = [
      { id: 'alice', weight: 1, role: 'zone-a' },
      { id: 'bob', weight: 1, role: 'zone-a' },
      { id: 'carol', weight: 1, role: 'zone-b', isCritical: true },
    ]
    expect(judge('ab|c', 'alice', { voters })).toMatchObject({ missingCritical: ['carol'], missingRoles: ['zone-b'] })
    expect(judge('ac|b', 'alice', { voters })).toMatchObject({ missingCritical: [], missingRoles: [] })
  })

  it('[VD5] gives power by the quorums of the policy, whatever the numbers', () => {
    const power = (split: string, policy: Policy, rest: Partial<Roster> = {}): string =>
      split
        .split('|')
        .map((side) => judge(split, names[side[0] as string] as string, { policy, ...rest }))
        .map(({ mode, powerless }) => `${mode}${powerless ? '' : '!'}`)
        .join(' ')
    const majority: Policy = { kind: 'keep-majority' }
    expect(power('ab|cd', majority)).toBe('even even')
    expect(power('ab|cd', majority, { arbiter: 'carol' })).toBe('even even!')
    const weights = [3, 1, 1].map((weight, at) => ({ id: ['alice', 'bob', 'carol'][at] as string, weight }))
    expect(power('a|bc', majority, { voters: weights })).toBe('majority! minority')
    expect(power('abc|de', { kind: 'static-quorum', voters: 4 })).toBe('majority minority')
    expect(power('abcd|e', { kind: 'static-quorum', voters: 4 })).toBe('majority! isolated')
    expect(power('abc|de', { kind: 'two-thirds' })).toBe('majority minority')
    expect(power('ab|cde', { kind: 'keep-oldest' })).toBe('minority! majority')
    expect(power('a|bcd', { kind: 'keep-oldest' })).toBe('isolated majority!')
    expect(power('abc', { kind: 'lease' })).toBe('full')
    expect(power('abc', { kind: 'none' })).toBe('full')
  })

  it('[VD6] gives no power while a change of the roster would have it otherwise', () => {
    const { roster, seen } = splitOf('ab|c')
    const judgeNext = (ids: readonly string[], split = seen): unknown =>
      judgePartition({ ...split('alice'), next: rosterOf(ids, { epoch: 2 }) }).powerless
    expect(judgeNext(['alice', 'bob', 'carol'])).toBeUndefined()
    // Who joins may be on the far side, and who leaves may not be counted here.
    expect(judgeNext(['alice', 'bob', 'carol', 'dave'])).toBe('roster-change')
    expect(judgeNext(['alice', 'carol'])).toBe('roster-change')
    expect(judgeNext(['alice', 'bob'])).toBeUndefined()
    const all = seenBy('alice', roster, rowsOfSides([['alice', 'bob', 'carol']], 'alice'))
    expect(judgeNext(['alice', 'bob', 'carol', 'dave'], () => all)).toBeUndefined()
  })

  it('[VD7] knows nothing while it was paused, and is isolated by itself without a network', () => {
    const seen = splitOf('abc').seen('alice')
    const paused = judgePartition({ ...seen, isPaused: true, isOffline: true })
    expect([paused.mode, paused.powerless, paused.sides]).toEqual(['unknown', 'paused', [['alice']]])
    const offline = judgePartition({ ...seen, isOffline: true })
    expect([offline.mode, offline.powerless, offline.sides]).toEqual(['isolated', 'offline', [['alice']]])
  })

  it('[VD8] tells a replica that is no voter on which side it is, and gives it no power', () => {
    const { roster, seen } = splitOf('ab|c')
    const guest = (peer: string) =>
      judgePartition({ ...seen('alice'), self: 'guest', rows: [...seen(peer).rows, fresh('guest', [peer])] })
    expect(guest('alice')).toMatchObject({
      mode: 'majority',
      powerless: 'not-a-voter',
      sides: [['alice', 'bob']],
    })
    expect(guest('carol').mode).toBe('isolated')
    expect(judgePartition(seenBy('guest', roster, [])).sides[0]).toEqual([])
  })
})

const names: Record<string, string> = { a: 'alice', b: 'bob', c: 'carol', d: 'dave', e: 'erin' }
