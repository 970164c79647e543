import { readReplayFile, type SimulatedApp, simulate } from '@rejoin/sim'
import { bounded, counter, fenced, register, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'

const small = { voters: 3, clients: 0, mode: 'safety' } as const

describe('an app of somebody else', () => {
  const Raffle = schema({ tickets: bounded({ initial: 50 }), drawn: fenced(0, { lease: 'draw' }) })
  const raffle: SimulatedApp<typeof Raffle> = {
    schema: Raffle,
    write: (draft) => {
      draft.tickets.ask({ spend: 5 })
      if (draft.tickets.spendable() > 0) draft.tickets.subtract(1)
    },
    exclusive: { lease: 'draw', write: (draft) => draft.drawn.set(draft.drawn.get() + 1), begun: ({ drawn }) => drawn },
    check: ({ tickets }) => (tickets < 0 ? `${tickets} tickets are left` : undefined),
  }

  it('[VW8] whose promises are kept is played without a failure, and its work alone is counted', () => {
    const report = simulate(raffle, { ...small, seeds: [1, 4], outageMs: 1_000 })
    expect(report).toMatchObject({ worlds: 4, failures: [] })
    expect(Math.min(report.merges, report.rounds, report.writes)).toBeGreaterThan(0)
  })

  it("[VW8] [VW7] whose bound is nobody's business is found out, and comes as a replay file that fails again", () => {
    const Hall = schema({ seats: counter(6) })
    const hall: SimulatedApp<typeof Hall> = {
      schema: Hall,
      write: (draft) => {
        if (draft.seats.get() > 0) draft.seats.add(-1)
      },
      check: ({ seats }) => (seats < 0 ? `${-seats} seats were sold twice` : undefined),
    }
    const { failures } = simulate(hall, { ...small, seeds: [1, 3], script: 'halves', outageMs: 31_000, shrinkRuns: 6 })
    expect(failures[0]?.wrong[0]).toContain('sold twice')
    const script = readReplayFile(failures[0]?.replay ?? '')
    if (typeof script === 'string') throw new Error(script)
    const again = simulate(hall, { first: [script], seeds: [1, 0], shrinkRuns: 0 })
    expect(again.failures.length).toBe(1)
  })

  it('[VW8] that begins something under a lease without fencing is seen to begin it twice', () => {
    const Careless = schema({ drawn: register(0), guard: fenced(0, { lease: 'draw' }) })
    const careless: SimulatedApp<typeof Careless> = {
      schema: Careless,
      write: (draft) => draft.drawn.set(draft.drawn.get()),
      // The round is always the first: whoever holds the lease next does the same again.
      exclusive: { lease: 'draw', write: (draft) => draft.guard.set(1), begun: () => 'the draw' },
    }
    const { failures } = simulate(careless, { ...small, seeds: [1, 2], outageMs: 1_000, shrinkRuns: 0 })
    expect(failures[0]?.wrong[0]).toContain('the draw was begun by')
  })
})
