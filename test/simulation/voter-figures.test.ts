import {
  measureFlappingHeal,
  measureSplit,
  patientPace,
  percentile,
  playLongOutage,
  type SplitFigures,
} from '@rejoin/sim'
import { describe, expect, it } from 'vitest'

// For long runs: SOAK=1 [SEED=1] [SPLITS=200] [OUTAGES=20] npx vitest run --project simulation test/simulation/voter-figures.test.ts
const isSoak = process.env['SOAK'] !== undefined
const firstSeed = Number(process.env['SEED'] ?? 1)
const splits = Number(process.env['SPLITS'] ?? (isSoak ? 200 : 1))
const outages = Number(process.env['OUTAGES'] ?? (isSoak ? 20 : 1))
const say = (...words: unknown[]): void => {
  if (isSoak) console.log(...words)
}
const seedsOf = (count: number): number[] => Array.from({ length: count }, (_, at) => firstSeed + at)

describe('ten servers that vote', () => {
  it.each([
    ['unaided', false, 65_000],
    ['with a hint', true, 3_000],
  ])(
    '[VW9] cut into halves suspect in 5 s, know it in 25 s, and are whole again %s in bounds',
    (name, isHinted, mostMs) => {
      const figures = seedsOf(splits).map((seed) => measureSplit(seed, { isHinted }))
      const of = (what: keyof SplitFigures): readonly [number, number] => {
        const all = figures.map((figure) => figure[what])
        say(name, what, 'p50, p99, most:', percentile(all, 0.5), percentile(all, 0.99), Math.max(...all), 'of', splits)
        return [percentile(all, 0.5), percentile(all, 0.99)]
      }
      const [suspicion, verdict, heal] = [of('firstSuspicionMs'), of('verdictMs'), of('healMs')]
      expect(suspicion[0]).toBeLessThanOrEqual(5_000)
      expect(suspicion[1]).toBeLessThanOrEqual(8_000)
      expect(verdict[1]).toBeLessThanOrEqual(25_000)
      expect(heal[1]).toBeLessThanOrEqual(mostMs)
    },
    36_000_000,
  )
})

describe('three servers that vote', () => {
  it('[VW10] bring 20 MB together over links that flap every 100 ms', () => {
    const megabytes = isSoak ? 20 : 2
    for (const patienceMs of isSoak ? [900_000, 0] : [900_000]) {
      const { bytes, healMs } = measureFlappingHeal(firstSeed, { megabytes, patienceMs })
      say(`flapping, patience ${patienceMs} ms:`, bytes, 'bytes in', healMs, 'ms')
      expect(healMs).toBeLessThan(600_000)
    }
  }, 36_000_000)

  const day = 86_400_000
  const lengths: [string, number][] = isSoak
    ? [
        ['a day and a second', day + 1_000],
        ['thirty days', 30 * day],
      ]
    : [['ten minutes', 600_000]]
  it.each(lengths)(
    '[VW11] are whole and alike again after %s',
    (name, outageMs) => {
      for (const seed of seedsOf(outages)) {
        const { wrong, healMs, simulatedMs } = playLongOutage(seed, outageMs, {}, patientPace)
        say(name, 'seed', seed, 'healed after', healMs, 'ms', simulatedMs)
        expect(wrong, `seed ${seed}`).toEqual([])
        expect(healMs).toBeLessThanOrEqual(65_000)
      }
    },
    36_000_000,
  )
})
