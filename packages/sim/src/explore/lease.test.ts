import { describe, expect, it } from 'vitest'
import type { LeaseMutant } from './lease-nodes.ts'
import { createLeaseWorld } from './lease-world.ts'
import { type SearchBounds, type SearchResult, search } from './search.ts'

const isLong = process.env.EXHAUSTIVE === '1'
const half = { voters: 3, quantumMs: 600 }

function explored(voters: number, faults: number, bounds: SearchBounds): SearchResult {
  const result = search(createLeaseWorld({ voters, faults, quantumMs: 600 }), bounds)
  const { states, steps, layers, broken } = result
  if (isLong) console.log(JSON.stringify({ voters, faults, ...bounds, states, steps, layers }))
  expect(broken).toBeUndefined()
  return result
}

describe('leases of three voters, whatever happens in whichever order', () => {
  it('[LT32] are never held by two at once, nor begin a round twice, nor send a lower token to a resource', () => {
    expect(explored(3, 0, { depth: 5 }).states).toBeGreaterThan(2000)
    expect(explored(3, 1, { depth: 3 }).states).toBeGreaterThan(4000)
    expect(explored(3, 3, { depth: 2 }).states).toBeGreaterThan(1000)
  })

  const mutants: [string, LeaseMutant, from: number, fault: RegExp][] = [
    ['a holder that lets go after the acceptors', { holderEpsilon: -0.5 }, 2, /Two/],
    ['an acceptor that waits too short', { acceptorEpsilon: -0.5 }, 2, /Two/],
    ['a holder that counts from the answer', { countsFromAnswer: true }, 5, /Two/],
    ['a lost disk that nobody notices', { forgets: true }, 3, /Two/],
    ['a grant that hands over no state', { handsOverNothing: true }, 2, /Round 1 counts twice/],
    ['a grant right after the roster changed', { grantsUnderNewRoster: true }, 4, /Two/],
    ['a vote that is persisted after the answer', { persistsLate: true }, 6, /Two/],
  ]
  it.each(mutants)('[LT32] are, with %s, and the search finds it', (_, mutant, from, fault) => {
    const { broken, states } = search(createLeaseWorld({ ...half, faults: 0, mutant, from }), { depth: 9 })
    if (isLong) console.log(JSON.stringify({ mutant, states, ...broken }, null, 1))
    expect(broken?.fault).toMatch(fault)
  })
})

describe.runIf(isLong)('in the long run', () => {
  const hour = 3_600_000
  it('[LT32] holds for three voters to depth 12', () => void explored(3, 0, { depth: 12 }), hour)
  it('[LT32] holds for three voters and one fault', () => void explored(3, 1, { depth: 12, mostStates: 1e7 }), hour)
  it('[LT32] holds for three voters and three faults', () => void explored(3, 3, { depth: 12, mostStates: 1e7 }), hour)
  it(
    '[LT32] holds for five voters',
    () => {
      expect(explored(5, 1, { depth: 30, mostStates: 1e7 }).states).toBeGreaterThanOrEqual(1e7)
    },
    hour,
  )
  it(
    '[LT32] finds a new voter that fetches nothing',
    () => {
      const mutant = { joinsEmpty: true }
      const { broken } = search(createLeaseWorld({ ...half, faults: 1, mutant }), { depth: 12, mostStates: 1e7 })
      console.log(JSON.stringify(broken, null, 1))
      expect(broken?.fault).toMatch(/counts twice/)
    },
    hour,
  )
})
