import { describe, expect, it } from 'vitest'
import { isQuorum, twoThirdsOf } from './policy.ts'
import { type Policy, type Roster, rosterFault, type Voter } from './roster.ts'

const named = (count: number, weightOf: (at: number) => number = () => 1): Voter[] =>
  Array.from({ length: count }, (_, at) => ({ id: `v${at}`, weight: weightOf(at) }))

const policiesFor = (count: number): Policy[] => [
  { kind: 'keep-majority' },
  ...Array.from({ length: count }, (_, at) => at + 1)
    .filter((least) => 2 * least > count)
    .map((voters): Policy => ({ kind: 'static-quorum', voters })),
  { kind: 'two-thirds' },
  { kind: 'keep-oldest' },
  { kind: 'lease' },
  { kind: 'none' },
]

function* rosters(count: number): Generator<Roster> {
  const weights: ((at: number) => number)[] = [
    () => 1,
    (at) => at + 1,
    (at) => (at === 0 ? 3 : 1),
    (at) => 1 + (at % 2),
  ]
  for (const policy of policiesFor(count)) {
    for (const weight of weights) {
      const voters = named(count, weight)
      yield { epoch: 1, voters, policy }
      for (const { id } of voters) yield { epoch: 1, voters, policy, arbiter: id }
    }
  }
}

const sets = (count: number): ReadonlySet<string>[] =>
  Array.from(
    { length: 1 << count },
    (_, bits) => new Set(Array.from({ length: count }, (__, at) => `v${at}`).filter((___, at) => (bits >> at) & 1)),
  )

describe('quorums', () => {
  it('[RO1] of one roster have a voter in common, whatever the policy, the weights and the arbiter: all of up to seven', () => {
    for (let count = 1; count <= 7; count++) {
      const all = sets(count)
      for (const roster of rosters(count)) {
        expect(rosterFault(roster)).toBeUndefined()
        const quorums = all.map((ids) => isQuorum(roster, ids))
        // Two sets have nobody in common where no bit is.
        for (let left = 0; left < all.length; left++) {
          if (!quorums[left]) continue
          const rest = (all.length - 1) & ~left
          for (let right = rest; ; right = (right - 1) & rest) {
            if (quorums[right]) throw new Error(`${JSON.stringify(roster)}: ${left} and ${right} are both quorums`)
            if (right === 0) break
          }
        }
      }
    }
  })

  it('[RO2] stay quorums with a voter more, and nobody who is no voter makes one', () => {
    for (let count = 1; count <= 6; count++) {
      const all = sets(count)
      for (const roster of rosters(count)) {
        for (const [bits, ids] of all.entries()) {
          const is = isQuorum(roster, ids)
          expect(isQuorum(roster, new Set([...ids, 'stranger', 'another']))).toBe(is)
          if (is) for (let at = 0; at < count; at++) expect(isQuorum(roster, all[bits | (1 << at)] ?? ids)).toBe(true)
        }
      }
    }
  })

  it('[RO3] count oneself: two of three are a majority, three of five, four of seven', () => {
    for (const count of [3, 5, 7, 9]) {
      const roster: Roster = { epoch: 1, voters: named(count), policy: { kind: 'keep-majority' } }
      const half = new Set(roster.voters.slice(0, (count + 1) / 2).map(({ id }) => id))
      const rest = new Set(roster.voters.slice((count + 1) / 2).map(({ id }) => id))
      expect([isQuorum(roster, half), isQuorum(roster, rest)]).toEqual([true, false])
    }
  })

  it('[RO4] of an even split are nobody, or the half with the arbiter', () => {
    const roster: Roster = { epoch: 1, voters: named(4), policy: { kind: 'keep-majority' } }
    const halves = [new Set(['v0', 'v1']), new Set(['v2', 'v3'])]
    expect(halves.map((half) => isQuorum(roster, half))).toEqual([false, false])
    expect(halves.map((half) => isQuorum({ ...roster, arbiter: 'v2' }, half))).toEqual([false, true])
  })

  it('[RO5] of more than two thirds are exact whole numbers, that 67 % of up to a thousand never exceed', () => {
    for (let voters = 1; voters <= 1000; voters++) {
      const least = twoThirdsOf(voters)
      expect(3 * least > 2 * voters && 3 * (least - 1) <= 2 * voters).toBe(true)
      if (voters % 3 === 1) expect(least).toBe(2 * ((voters - 1) / 3) + 1)
    }
  })
})

describe('a roster', () => {
  const sound: Roster = { epoch: 1, voters: named(3), policy: { kind: 'keep-majority' } }

  it('[RO6] is refused with what is wrong with it', () => {
    const faults: [Roster, RegExp][] = [
      [{ ...sound, epoch: 0 }, /epoch/],
      [{ ...sound, epoch: 1.5 }, /epoch/],
      [{ ...sound, voters: [] }, /voters/],
      [{ ...sound, voters: named(256) }, /voters/],
      [{ ...sound, voters: [...named(2), { id: 'v0', weight: 1 }] }, /twice/],
      [{ ...sound, voters: named(3, () => 0) }, /weight/],
      [{ ...sound, voters: named(3, () => 1.5) }, /weight/],
      [{ ...sound, voters: [{ id: '', weight: 1 }] }, /id/],
      [{ ...sound, arbiter: 'stranger' }, /arbiter/],
      [{ ...sound, policy: { kind: 'static-quorum', voters: 1 } }, /static quorum/],
      [{ ...sound, policy: { kind: 'static-quorum', voters: 4 } }, /static quorum/],
    ]
    expect(rosterFault(sound)).toBeUndefined()
    for (const [roster, said] of faults) expect(rosterFault(roster)).toMatch(said)
  })
})
