import { describe, expect, it } from 'vitest'
import { newTally, runStoreModel } from './store-model.ts'

const isSoak = process.env['SOAK'] === '1'
const seeds = Number(process.env['SEEDS'] ?? (isSoak ? 50_000 : 300))
const first = Number(process.env['SEED'] ?? 1)

describe('documents of all kinds of leaves', () => {
  it(`[ST20] [ST23] [LE14] [EP8] [JO1] equal the op log after every step of ${seeds} schedules of three to eight stores with partitions, collection, eviction, late returns, retirement and epochs`, () => {
    const tally = newTally()
    for (let seed = first; seed < first + seeds; seed += 1) {
      const fault = runStoreModel(seed, { mixed: true, stores: 3 + (seed % 6), tally })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    if (isSoak || process.env['SHOW'] !== undefined)
      console.info(`${seeds} mixed schedules from ${first}, 0 faults: ${JSON.stringify(tally)}`)
    for (const [what, count] of Object.entries(tally)) expect(count, what).toBeGreaterThan(seeds / 20)
  }, 7_200_000)
})
