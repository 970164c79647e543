import { describe, expect, it } from 'vitest'
import { runStoreModel } from './store-model.ts'
import { storeMutants } from './store-mutants.ts'

const seeds = 400

/** The first seed that shows a fault, with its words. */
function firstFault(mutant: (typeof storeMutants)[string]): { seed: number; fault: string } | undefined {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const fault = runStoreModel(seed, { mutant: mutant() })
    if (fault !== undefined) return { seed, fault }
  }
  return undefined
}

describe('the store model catches a store that', () => {
  for (const [name, mutant] of Object.entries(storeMutants)) {
    it(`[ST21] ${name}`, () => {
      const found = firstFault(mutant)
      expect(found, `no violation in ${seeds} seeds`).toBeDefined()
      if (process.env['SHOW'] !== undefined) console.log(name, found)
    })
  }
})
