import { type AuthorId, createStore, fenced, openDocument, schema } from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkToken, compareBallots, mostGuardedLeases, type TokenGuard } from './token.ts'

const ballot = fc.record({ epoch: fc.nat(3), ballot: fc.nat(3) })

describe('a fencing token', () => {
  it('[LT1] has a total order, epochs first', () => {
    fc.assert(
      fc.property(ballot, ballot, ballot, (a, b, c) => {
        expect(Math.sign(compareBallots(a, b))).toBe(-Math.sign(compareBallots(b, a)) + 0)
        if (compareBallots(a, b) <= 0 && compareBallots(b, c) <= 0) expect(compareBallots(a, c)).toBeLessThanOrEqual(0)
        if (compareBallots(a, b) === 0) expect(a).toEqual(b)
      }),
    )
    expect(compareBallots({ epoch: 2, ballot: 1 }, { epoch: 1, ballot: 9 })).toBeGreaterThan(0)
  })

  it('[LT1] is ordered as a fenced field orders what was written under it', () => {
    const World = schema({ round: fenced(0, { lease: 'round' }) })
    fc.assert(
      fc.property(ballot, ballot, (first, second) => {
        const store = createStore({ newAuthor: () => 'a'.repeat(16) as AuthorId, now: () => 1_700_000_000_000 })
        const document = openDocument(World, store)
        const write = (token: typeof first): void => {
          document.change((draft) => draft.round.set(1), { token: { lease: 'round', ...token } })
        }
        write(first)
        if (compareBallots(second, first) < 0) expect(() => write(second)).toThrow(/token/)
        else write(second)
      }),
      { numRuns: 60 },
    )
  })

  it('[LT2] is refused by a resource that has seen a greater one of its lease, with a reason', () => {
    let guard: TokenGuard = []
    const use = (lease: string, epoch: number, number: number): string => {
      const check = checkToken(guard, { lease, epoch, ballot: number })
      if (check.kind === 'refused') return check.reason
      guard = check.guard
      return check.kind
    }
    expect(use('round', 1, 4)).toBe('passed')
    expect(use('round', 1, 4)).toBe('passed')
    expect(use('disk', 1, 1)).toBe('passed')
    expect(use('round', 2, 1)).toBe('passed')
    expect(use('round', 1, 9)).toBe('The lease "round" went to a later holder: token 1.9 is below 2.1.')
    expect(use('round', 2, -1)).toMatch(/whole numbers/)
    expect(guard).toEqual([
      { lease: 'round', epoch: 2, ballot: 1 },
      { lease: 'disk', epoch: 1, ballot: 1 },
    ])
    for (let at = 2; at < mostGuardedLeases; at++) use(`l${at}`, 1, 1)
    expect(use('one more', 1, 1)).toMatch(/256 leases/)
    expect(use('disk', 1, 2)).toBe('passed')
  })
})
