import { describe, expect, it } from 'vitest'
import { runStoreModel } from './store-model.ts'

describe('stores against the op log', () => {
  it('[ST20] equal it after every step of 2,500 schedules, and each other at equal versions', () => {
    for (let seed = 1; seed <= 2_500; seed += 1) {
      const fault = runStoreModel(seed)
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
  }, 400_000)
})
