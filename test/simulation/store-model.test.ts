import { describe, expect, it } from 'vitest'
import { newTally, runStoreModel } from './store-model.ts'

const isSoak = process.env['SOAK'] === '1'
const seeds = isSoak ? 50_000 : 300
const first = isSoak ? Number(process.env['SEED'] ?? 1) : 1

describe('stores against the op log', () => {
  it(`[ST20] [ST22] [JO1] equal it after every step of ${seeds} schedules, three to eight of them, and each other at equal versions`, () => {
    const tally = newTally()
    for (let seed = first; seed < first + seeds; seed += 1) {
      const fault = runStoreModel(seed, { stores: 3 + (seed % 6), tally })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    expect(tally.joinsBySketch).toBeGreaterThan(150)
    expect(tally.joinsWhole).toBeGreaterThan(150)
    if (isSoak) console.info(`${seeds} schedules from ${first}, 0 faults: ${JSON.stringify(tally)}`)
  }, 3_600_000)

  it('[ST20] [EP8] equal it with epochs, late returns and restored copies in 400 schedules', () => {
    const tally = newTally()
    for (let seed = 1; seed <= 400; seed += 1) {
      const fault = runStoreModel(seed, { stores: 3 + (seed % 6), epochs: true, tally })
      expect(fault, `seed ${seed}: ${fault}`).toBeUndefined()
    }
    expect(tally.epochs).toBeGreaterThan(100)
  }, 400_000)
})
