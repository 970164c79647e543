import {
  type GenerateVoterOptions,
  generateVoterScript,
  type PlayVoterOptions,
  playVoters,
  shrinkVoterScript,
  type VoterScript,
} from '@rejoin/sim'
import { describe, expect, it, vi } from 'vitest'
import { replayFile } from './voter-scripts.ts'

type HolderModule = typeof import('../../packages/sync/src/partition/lease/holder.ts')
type AcceptorModule = typeof import('../../packages/sync/src/partition/lease/acceptor.ts')
type GuardModule = typeof import('../../packages/sync/src/partition/detector/pause-guard.ts')
type VerdictModule = typeof import('../../packages/sync/src/partition/verdict/verdict.ts')
type EpochModule = typeof import('../../packages/sync/src/partition/forced-epoch.ts')
type RecordModule = typeof import('../../packages/sync/src/partition/roster-record.ts')
type SharedModule = typeof import('../../packages/sync/src/partition/shared-leases.ts')
type IncidentModule = typeof import('../../packages/sync/src/partition/recovery/recovery.ts')

/** The machine that is broken now. Real ones run in every world, with one wrong decision in one of them. */
const broken = vi.hoisted(() => ({ what: '' }))

vi.mock('../../packages/sync/src/partition/lease/holder.ts', async (original) => {
  const real = await original<HolderModule>()
  return {
    ...real,
    createHolder: ((options, state) => {
      const lets = broken.what === 'holder lets go late'
      return real.createHolder(lets ? { ...options, epsilon: -0.9 } : options, state)
    }) as HolderModule['createHolder'],
  }
})
vi.mock('../../packages/sync/src/partition/lease/acceptor.ts', async (original) => {
  const real = await original<AcceptorModule>()
  return {
    ...real,
    createAcceptor: ((options, state) => {
      if (broken.what === 'acceptor waits too short') return real.createAcceptor({ ...options, epsilon: -0.9 }, state)
      return real.createAcceptor(options, state)
    }) as AcceptorModule['createAcceptor'],
  }
})
vi.mock('../../packages/sync/src/partition/detector/pause-guard.ts', async (original) => {
  const real = await original<GuardModule>()
  return {
    ...real,
    createPauseGuard: ((options) => {
      const guard = real.createPauseGuard(options)
      if (broken.what !== 'no pause guard') return guard
      return {
        isArmed: false,
        get wakeAt() {
          return guard.wakeAt
        },
        step: (input) => {
          guard.step(input)
          return []
        },
      }
    }) as GuardModule['createPauseGuard'],
  }
})
vi.mock('../../packages/sync/src/partition/verdict/verdict.ts', async (original) => {
  const real = await original<VerdictModule>()
  return {
    ...real,
    judgePartition: ((circumstances) => {
      const { roster, rows } = circumstances
      if (broken.what === 'counts who has ceased to vote')
        return real.judgePartition({
          ...circumstances,
          rows: rows.map(({ row, isFresh }) => ({ isFresh, row: { ...row, mayVote: true } })),
        })
      if (broken.what !== 'verdict ignores rows') return real.judgePartition(circumstances)
      const all = roster.voters.map(({ id }) => id)
      const links = (observer: string) =>
        all.filter((peer) => peer !== observer).map((peer) => ({ peer, kind: 'direct' as const, since: 0 }))
      return real.judgePartition({
        ...circumstances,
        rows: rows.map(({ row }) => ({ isFresh: true, row: { ...row, links: links(row.observer) } })),
      })
    }) as VerdictModule['judgePartition'],
  }
})
vi.mock('../../packages/sync/src/partition/roster-record.ts', async (original) => {
  const real = await original<RecordModule>()
  return {
    ...real,
    isVoidUnder: (granted, roster) => broken.what !== 'holds on through a force' && real.isVoidUnder(granted, roster),
  } satisfies RecordModule
})
vi.mock('../../packages/sync/src/partition/forced-epoch.ts', async (original) => {
  const real = await original<EpochModule>()
  return {
    ...real,
    forcedEpochAfter: (epoch, draw, wall) =>
      real.forcedEpochAfter(epoch, draw, broken.what === 'forces by chance' ? 0 : wall),
  } satisfies EpochModule
})
vi.mock('../../packages/sync/src/partition/shared-leases.ts', async (original) => {
  const real = await original<SharedModule>()
  type SharedLeases = InstanceType<SharedModule['SharedLeases']>
  type Begun = ConstructorParameters<SharedModule['SharedLeases']>
  return {
    SharedLeases: class extends real.SharedLeases {
      readonly begun: Begun

      constructor(...begun: Begun) {
        super(...begun)
        this.begun = begun
      }

      override open(...wanted: Parameters<SharedLeases['open']>): ReturnType<SharedLeases['open']> {
        if (broken.what !== 'shares no lease') return super.open(...wanted)
        return new real.SharedLeases(...this.begun).open(...wanted)
      }
    },
  }
})
vi.mock('../../packages/sync/src/partition/recovery/recovery.ts', async (original) => {
  const real = await original<IncidentModule>()
  return {
    ...real,
    createRecovery: ((options) => {
      const recovery = real.createRecovery(options)
      if (broken.what !== 'incidents are never verified') return recovery
      return {
        get incidents() {
          return recovery.incidents
        },
        get open() {
          return recovery.open
        },
        get wakeAt() {
          return recovery.wakeAt
        },
        step: (input) => (input.kind === 'covered' ? [] : recovery.step(input)),
      }
    }) as IncidentModule['createRecovery'],
  }
})

interface Mutant {
  readonly generate: GenerateVoterOptions
  /** Makes the drawn script one that leads there. */
  readonly steer?: (script: VoterScript) => VoterScript
  readonly play?: PlayVoterOptions
  readonly found: RegExp
}

const small = { voters: 3, clients: 0, mode: 'safety' } as const

/** Leases that are over soon, without loss: who holds on for too long is soon in somebody's way. */
function quickly(script: VoterScript): VoterScript {
  const weather = { latencyMs: [0.2, 5], loss: 0, duplicate: 0, reorder: 0 } as const
  return { ...script, policy: { kind: 'keep-majority' }, ttlMs: 3_000, weather, isReliable: true }
}

const mutants: Readonly<Record<string, Mutant>> = {
  'holder lets go late': {
    generate: { ...small, script: 'one-node', outageMs: 31_000 },
    steer: quickly,
    found: /held by/,
  },
  'acceptor waits too short': {
    generate: { ...small, script: 'one-node', outageMs: 31_000 },
    found: /held by|token fell/,
  },
  'no pause guard': { generate: { ...small, script: 'sleep', outageMs: 31_000 }, found: /awake again|held by/ },
  'verdict ignores rows': { generate: { ...small, script: 'one-node', outageMs: 91_000 }, found: /cut off from all/ },
  'counts who has ceased to vote': {
    generate: {},
    steer: () => replayFile('counted-though-it-votes-no-more.json'),
    found: /powers on two sides/,
  },
  'incidents are never verified': {
    generate: { ...small, script: 'one-node', outageMs: 31_000 },
    found: /incident in phase/,
  },
  'holds on through a force': { generate: { ...small, script: 'operators', outageMs: 31_000 }, found: /held by/ },
  'forces by chance': {
    generate: { ...small, script: 'operators' },
    steer: ({ seed }) => ({ ...replayFile('forced-again-after-a-lost-disk.json'), seed }),
    found: /nobody holds the lease/,
  },
  'shares no lease': { generate: { ...small, script: 'operators', outageMs: 31_000 }, found: /held by|token fell/ },
  'never dials again': {
    generate: { ...small, script: 'rolling-restart', outageMs: 31_000 },
    play: { dialsOnce: true },
    found: /not so after/,
  },
}
const seeds = 40

const scriptOf = ({ generate, steer = (script) => script }: Mutant, seed: number): VoterScript =>
  steer(generateVoterScript(seed, generate))

function faultOf(name: string, mutant: Mutant, seed: number): string | undefined {
  broken.what = name
  try {
    return playVoters(scriptOf(mutant, seed), mutant.play).wrong[0]
  } finally {
    broken.what = ''
  }
}

describe('worlds of voters notice a partition layer of which', () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    it(`[VW6] ${name}`, () => {
      let seed = 1
      let fault = faultOf(name, mutant, seed)
      while (fault === undefined && seed < seeds) {
        seed += 1
        fault = faultOf(name, mutant, seed)
      }
      expect(fault, `nothing seen in ${seeds} seeds`).toMatch(mutant.found)
      expect(playVoters(scriptOf(mutant, seed)).wrong, `seed ${seed} by sound rules`).toEqual([])
      if (process.env['SHOW'] !== undefined) console.log(`${name}: seed ${seed}: ${fault}`)
    }, 120_000)
  }

  it('[VW7] and what fails is made smaller', () => {
    const name = 'verdict ignores rows'
    const mutant = mutants[name] as Mutant
    const script = generateVoterScript(21, {
      script: 'one-node',
      voters: 4,
      clients: 1,
      outageMs: 91_000,
      mode: 'safety',
    })
    broken.what = name
    try {
      const fails = (candidate: typeof script): boolean => mutant.found.test(playVoters(candidate).wrong[0] ?? '')
      expect(fails(script)).toBe(true)
      const shrunk = shrinkVoterScript(script, fails, 40)
      expect(shrunk.script.voters + shrunk.script.clients).toBeLessThan(5)
      expect(shrunk.script.faults.length).toBe(1)
      expect(fails(shrunk.script)).toBe(true)
    } finally {
      broken.what = ''
    }
  }, 120_000)
})
