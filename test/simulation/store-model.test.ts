import { describe, expect, it } from 'vitest'
import { runStoreModel } from './store-model.ts'

describe('stores against the op log', () => {
  it('[ST20] [ST22] [JO1] equal it after every step of 2,500 schedules, and each other at equal versions', () => {
    const joins = { bySketch: 0, whole: 0 }
    for (let seed = 1; seed <= 2_500; seed += 1) {
      const fault = runStoreModel(seed, { onJoin: (isSketch) => joins[isSketch ? 'bySketch' : 'whole']++ })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    expect(joins.bySketch).toBeGreaterThan(1_000)
    expect(joins.whole).toBeGreaterThan(1_000)
  }, 400_000)
})
