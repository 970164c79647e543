import { type GenerateOptions, generateScenario, type PlayOptions, playScenario } from '@rejoin/sim'
import { soundRules } from '@rejoin/state/testing'
import { describe, expect, it } from 'vitest'

interface WorldMutant {
  readonly play: PlayOptions
  readonly generate?: GenerateOptions
}

const mutants: Readonly<Record<string, WorldMutant>> = {
  'acknowledges before the flush': { play: { rules: { acknowledgeAfterFlush: false } } },
  'has a disk that lies about its flush': { play: { disk: { acknowledgesBeforeFlush: true, flushMs: [5, 60] } } },
  'merges a change before what it depends on': {
    play: { rules: { state: { ...soundRules, contextCovered: () => true } } },
  },
  'does not fall back when its work was refused': {
    play: { rules: { refusalFallsBack: false } },
    generate: { world: 'hub' },
  },
  'heals without sending the bundle': { play: { rules: { healSendsBundle: false } } },
  'forgets at the next opening what was refused': {
    play: { rules: { refusalIsRemembered: false } },
    generate: { world: 'hub' },
  },
  'applies a bundle before all of it is there': { play: { rules: { bundlesAreWhole: false } } },
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
  },
}

const seeds = 150

/** The first seed whose world shows that something is wrong: a violation, or that it does not converge. */
function firstFault({ play, generate }: WorldMutant): string | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = playScenario(generateScenario(seed, generate), { ...play, patienceMs: 240_000 })
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
