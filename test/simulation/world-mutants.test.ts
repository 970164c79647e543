import { type GenerateOptions, generateScenario, type PlayOptions, playScenario, type RunResult } from '@rejoin/sim'
import { soundRules } from '@rejoin/state/testing'
import { describe, expect, it } from 'vitest'

interface WorldMutant {
  readonly play: PlayOptions
  readonly generate: GenerateOptions
  /** What shows late is looked for near where it is. Default 1. */
  readonly from?: number
}

const brief = { nodes: 3, durationMs: 40_000 } as const
const crashes: GenerateOptions = { ...brief, troubles: ['crash'] }
const storms: GenerateOptions = { ...brief, troubles: ['storm', 'crash'] }
const refusals: GenerateOptions = { ...brief, world: 'hub', troubles: ['revoke', 'crash'] }
const carried: GenerateOptions = { ...brief, world: 'hub', troubles: ['carry'] }
const slowDisk = { flushMs: [50, 400] } as const

const mutants: Readonly<Record<string, WorldMutant>> = {
  'acknowledges before the flush': {
    play: { rules: { acknowledgeAfterFlush: false }, disk: slowDisk },
    generate: crashes,
  },
  'has a disk that lies about its flush': {
    play: { disk: { ...slowDisk, acknowledgesBeforeFlush: true } },
    generate: crashes,
  },
  'does not fall back when its work was refused': {
    play: { rules: { refusalFallsBack: false } },
    generate: refusals,
  },
  'merges what comes from somebody who may not write': {
    play: { rules: { writesNeedPermission: false } },
    generate: refusals,
  },
  'forgets with a restart what was refused': {
    play: { rules: { refusalIsRemembered: false } },
    generate: carried,
    from: 15,
  },
  'merges changes whose context it has not seen': {
    play: { rules: { state: { ...soundRules, contextCovered: () => true } } },
    generate: storms,
    from: 15,
  },
  'grants the first rights of a bounded counter at every node': {
    play: { everybodyGrants: true },
    generate: { ...brief, world: 'mesh', troubles: ['storm'] },
  },
  'heals without sending the bundle': { play: { rules: { healSendsBundle: false } }, generate: storms },
  'applies a bundle before all of it is there': { play: { rules: { bundlesAreWhole: false } }, generate: storms },
  'drops the losers of a merge': {
    play: {
      rules: {
        state: {
          ...soundRules,
          mergeLive: (ours, theirs, ourVersion, theirVersion) =>
            soundRules.mergeLive(ours, theirs, ourVersion, theirVersion).slice(0, 1),
        },
      },
    },
    generate: storms,
  },
}

const seeds = 60

function play({ play, generate }: WorldMutant, seed: number): RunResult {
  return playScenario(generateScenario(seed, generate), { ...play, patienceMs: 120_000 })
}

/** What the world of a seed shows to be wrong: a violation, or that it does not converge. */
function faultOf(mutant: WorldMutant, seed: number): string | undefined {
  const result = play(mutant, seed)
  const [violation] = result.violations
  if (violation !== undefined) return `${violation.kind}: ${violation.message}`
  return result.converged ? undefined : result.pending.join('; ')
}

describe('the simulator catches a replica that', () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    it(`[SM15] ${name}`, () => {
      let seed = mutant.from ?? 1
      let fault = faultOf(mutant, seed)
      while (fault === undefined && seed < seeds) {
        seed += 1
        fault = faultOf(mutant, seed)
      }
      expect(fault, `nothing seen in ${seeds} seeds`).toBeDefined()
      expect(faultOf({ play: {}, generate: mutant.generate }, seed), `seed ${seed} by sound rules`).toBeUndefined()
      if (process.env['SHOW'] !== undefined) console.log(`${name}: seed ${seed}: ${fault}`)
    })
  }
})
