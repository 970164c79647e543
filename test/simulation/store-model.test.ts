import { describe, expect, it } from 'vitest'
import { runStoreModel } from './store-model.ts'

const isSoak = process.env['SOAK'] === '1'
const seeds = isSoak ? 50_000 : 1_000
const first = isSoak ? Number(process.env['SEED'] ?? 1) : 1

describe('stores against the op log', () => {
  it(`[ST20] [ST22] [JO1] equal it after every step of ${seeds} schedules, three to eight of them, and each other at equal versions`, () => {
    const joins = { bySketch: 0, whole: 0 }
    for (let seed = first; seed < first + seeds; seed += 1) {
      const onJoin = (isSketch: boolean): void => void joins[isSketch ? 'bySketch' : 'whole']++
      const fault = runStoreModel(seed, { stores: 3 + (seed % 6), onJoin })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    expect(joins.bySketch).toBeGreaterThan(500)
    expect(joins.whole).toBeGreaterThan(500)
    if (isSoak) console.info(`${seeds} schedules from ${first}, 0 faults: ${JSON.stringify(joins)}`)
  }, 3_600_000)

  it('[ST20] [EP8] equal it with epochs, late returns and restored copies in 1,500 schedules', () => {
    let epochs = 0
    for (let seed = 1; seed <= 1_500; seed += 1) {
      const fault = runStoreModel(seed, { stores: 3 + (seed % 6), epochs: true, onEpoch: () => epochs++ })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    expect(epochs).toBeGreaterThan(400)
  }, 400_000)
})
