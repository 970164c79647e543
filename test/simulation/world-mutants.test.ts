import { type GenerateOptions, generateScenario, type PlayOptions, playScenario, type RunResult } from '@rejoin/sim'
import { soundRules } from '@rejoin/state/testing'
import { describe, expect, it } from 'vitest'

interface WorldMutant {
  readonly play: PlayOptions
  readonly generate: GenerateOptions
}

const brief = { nodes: 3, durationMs: 40_000 } as const
const crashes: GenerateOptions = { ...brief, troubles: ['crash'] }
const storms: GenerateOptions = { ...brief, troubles: ['storm', 'crash'] }
const refusals: GenerateOptions = { ...brief, world: 'hub', troubles: ['revoke', 'crash'] }
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

/** The first seed whose world shows that something is wrong: a violation, or that it does not converge. */
function firstFault(mutant: WorldMutant): string | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = play(mutant, seed)
    const [violation] = result.violations
    if (violation !== undefined) return `seed ${seed}: ${violation.kind}: ${violation.message}`
    if (!result.converged) return `seed ${seed}: ${result.pending.join('; ')}`
  }
  return undefined
}

describe('the simulator catches a replica that', () => {
  for (const [name, mutant] of Object.entries(mutants)) {
    it(`[SM15] ${name}`, () => {
      const fault = firstFault(mutant)
      expect(fault, `nothing seen in ${seeds} seeds`).toBeDefined()
      if (process.env['SHOW'] !== undefined) console.log(`${name}: ${fault}`)
    })
  }
})
