import {
  generateVoterScript,
  readReplayFile,
  runCommand,
  type SimulatedApp,
  type SimulationOptions,
  simulate,
  type VoterScript,
  writeReplayFile,
} from '@rejoin/sim'
import { bounded, counter, type DraftOf, fenced, register, schema } from '@rejoin/state'
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

  it('[VW13] that is not let write says in which world, with which code and why', () => {
    const Sealed = schema({ sealed: fenced(0, { lease: 'seal' }), free: counter(0) })
    const sealed: SimulatedApp<typeof Sealed> = { schema: Sealed, write: (draft) => draft.sealed.set(1) }
    const { failures } = simulate(sealed, { ...small, mode: 'liveness', seeds: [1, 1], outageMs: 1_000, shrinkRuns: 0 })
    expect(failures.length).toBe(2)
    expect(failures[0]?.wrong[0]).toMatch(/^r\d cannot write: fencing-token-required: The fenced field "sealed"/)
    // Where all faults end, nobody waits for a write; that nothing was proved is told all the same.
    const safe = simulate(sealed, { ...small, seeds: [1, 2], outageMs: 1_000 })
    expect(safe).toMatchObject({ writes: 0, failures: [{ seed: 1 }] })
    expect(safe.failures[0]?.wrong[0]).toMatch(/^nothing was proved: write .*fencing-token-required/)
    // Some refusals are part of an app's life.
    const some: SimulatedApp<typeof Sealed> = {
      schema: Sealed,
      write: (draft, random) => (random.chance(0.5) ? draft.sealed.set(1) : draft.free.add(1)),
    }
    expect(simulate(some, { ...small, seeds: [1, 2], outageMs: 1_000 }).failures).toEqual([])
  })

  it('[VW13] that never does what only one may do has proved nothing', () => {
    const play = (exclusive: SimulatedApp<typeof Raffle>['exclusive'], first: readonly VoterScript[] = []) =>
      simulate({ ...raffle, ...(exclusive && { exclusive }) }, { ...small, first, seeds: [1, 2], outageMs: 1_000 })
    const drawn = raffle.exclusive
    if (drawn === undefined) throw new Error('nothing exclusive')
    const misnamed = play({ ...drawn, lease: 'draws' })
    expect(misnamed).toMatchObject({ rounds: 0, failures: [{ seed: 1 }] })
    expect(misnamed.failures[0]?.wrong).toEqual([
      expect.stringMatching(/nothing was proved: exclusive.write .*fencing-token-required.*'draws'/),
    ])
    const script = readReplayFile(misnamed.failures[0]?.replay ?? '')
    expect(script).toMatchObject({ seed: 1, voters: 3 })
    expect(play({ ...drawn, write: () => undefined }).failures[0]?.wrong[0]).toContain('never wrote anything')
    // Without `begun` no rounds are counted, but work is.
    expect(play({ lease: drawn.lease, write: drawn.write })).toMatchObject({ rounds: 0, failures: [] })
  })

  it('[VW14] [VW7] whose assertions fail has a seed, and comes as a replay file that fails again', () => {
    const Votes = schema({ yes: counter(0) })
    const options = { ...small, seeds: [1, 1], outageMs: 1_000, shrinkRuns: 3 } as const
    const write: SimulatedApp<typeof Votes>['write'] = (draft) => draft.yes.add(1)
    const apps: readonly [string, SimulatedApp<typeof Votes>][] = [
      [
        'write',
        {
          schema: Votes,
          write: (draft) => {
            expect(draft.yes.get()).toBeLessThan(1)
            draft.yes.add(1)
          },
        },
      ],
      ['check', { schema: Votes, write, check: ({ yes }) => void expect(yes).toBeLessThan(1) }],
    ]
    for (const [what, app] of apps) {
      const { failures, worlds } = simulate(app, options)
      expect([worlds, failures.length, failures[0]?.seed], what).toEqual([1, 1, 1])
      expect(failures[0]?.wrong[0]).toMatch(new RegExp(`ms: r\\d: ${what} threw .*expected \\d to be less than 1`))
      const script = readReplayFile(failures[0]?.replay ?? '')
      if (typeof script === 'string') throw new Error(script)
      expect(script.faults.length).toBe(0)
      const again = simulate(app, { first: [script], seeds: [1, 0], shrinkRuns: 0 })
      expect(again.failures[0]?.wrong[0], what).toContain('threw')
    }
  })

  it('[VW14] whose functions return promises is refused at their first call, and its promises end no process', async () => {
    const Draw = schema({ votes: counter(0), drawn: fenced(0, { lease: 'draw' }) })
    const sound: SimulatedApp<typeof Draw> = { schema: Draw, write: (draft) => draft.votes.add(1) }
    const draw = (draft: DraftOf<typeof Draw>): void => draft.drawn.set(draft.drawn.get() + 1)
    // What compilers let pass, as `write` may return anything, and what only they keep out.
    const late = async (): Promise<never> => {
      throw new Error('too late')
    }
    const apps: readonly [string, SimulatedApp<typeof Draw>][] = [
      ['write', { ...sound, write: late }],
      ['check', { ...sound, check: late as unknown as () => undefined }],
      ['exclusive.write', { ...sound, exclusive: { lease: 'draw', write: late } }],
      ['exclusive.begun', { ...sound, exclusive: { lease: 'draw', write: draw, begun: late as unknown as () => 0 } }],
    ]
    let unhandled = 0
    const count = (): void => {
      unhandled += 1
    }
    process.on('unhandledRejection', count)
    for (const [what, app] of apps) {
      expect(() => simulate(app, { ...small, seeds: [1, 3], outageMs: 1_000 }), what).toThrow(
        expect.objectContaining({ code: 'invalid-scenario', reason: expect.stringContaining(`${what} must be synch`) }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
    process.off('unhandledRejection', count)
    expect(unhandled).toBe(0)
  })
})

describe('the options of a simulation', () => {
  const Votes = schema({ yes: counter(0) })
  const votes: SimulatedApp<typeof Votes> = { schema: Votes, write: (draft) => draft.yes.add(1) }

  it('[VW15] are looked at before a world is played, and what is taken is said', () => {
    const wrong: readonly [Record<string, unknown>, string][] = [
      [{ script: 'nope' }, 'script is "nope", and takes one of halves, '],
      [{ mode: 'chaos' }, 'mode is "chaos", and takes one of safety, liveness'],
      [{ seeds: [5, 2] }, 'seeds[1] is 2, and takes a whole number from 5 to 4294967295'],
      [{ seeds: [1, 0] }, 'seeds[1] is 0'],
      [{ seeds: [-1, 2] }, 'seeds[0] is -1, and takes a whole number from 0 to 4294967295'],
      [{ seeds: 5 }, 'seeds is 5'],
      [{ outageMs: -1 }, 'outageMs is -1, and takes a number from 1 to 8640000000'],
      [{ outageMs: Number.NaN }, 'outageMs is NaN'],
      [{ voters: 40 }, 'voters is 40, and takes a whole number from 1 to 16'],
      [{ voters: 2.5 }, 'voters is 2.5'],
      [{ voters: 15, clients: 2 }, 'clients is 2, and takes at most 1 beside 15 voters'],
      [{ shrinkRuns: -1 }, 'shrinkRuns is -1'],
      [{ play: { stepMs: 0 } }, 'play.stepMs is 0, and takes a number from 1 to '],
      [{ first: ['not JSON'] }, 'first[0] is "not JSON", and takes a script'],
      [
        { first: [{ ...generateVoterScript(1), voters: 17 }] },
        'first[0] is no script: voters is a number from 1 to 16',
      ],
    ]
    for (const [options, reason] of wrong) {
      expect(() => simulate(votes, options as SimulationOptions), reason).toThrow(
        expect.objectContaining({ code: 'invalid-scenario', reason: expect.stringContaining(reason) }),
      )
    }
    expect(() => simulate({ schema: Votes } as unknown as typeof votes)).toThrow('write is undefined')
  })

  it('[VW15] are those of the commands, too', () => {
    const run = (...args: string[]): { status: number; text: string } => {
      const lines: string[] = []
      const host = { line: (text: string) => lines.push(text), elapsedMs: () => 0, read: () => '' }
      return {
        status: runCommand(args[0] ?? '', [...args.slice(1), '--world', 'voters'], host),
        text: lines.join('\n'),
      }
    }
    for (const [args, text] of [
      [['sim', '--script', 'nope'], 'script is "nope", and takes one of halves'],
      [['sim', '--mode', 'chaos'], 'mode is "chaos"'],
      [['sim', '--seeds', '5..2'], 'seeds[1] is 2'],
      [['sim', '--nodes', '40'], '16'],
      [['replay', '4294967296'], 'seeds[0] is 4294967296'],
    ] as const) {
      const { status, text: said } = run(...args)
      expect([status, said]).toEqual([1, expect.stringContaining(text)])
      expect(said).toContain('usage:')
    }
    expect(run('replay', '3', '--nodes', '1', '--script', 'sleep')).toMatchObject({ status: 0 })
  })

  it('[VW15] [VW5] draw no world that a replay file cannot hold', () => {
    for (let seed = 0; seed < 40; seed += 1) {
      for (const voters of [15, 16]) {
        const script = generateVoterScript(seed, { voters, outageMs: 8_640_000_000 })
        expect(readReplayFile(writeReplayFile(script))).toEqual(script)
      }
    }
  })
})
