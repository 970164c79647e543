import { describe, expect, it } from 'vitest'
import { playClones } from './clones.ts'

const isSoak = process.env['SOAK'] !== undefined
const [seeds, steps] = isSoak
  ? [Number(process.env['SEEDS'] ?? 2000), 80]
  : [process.env['FULL_SIZES'] === '1' ? 40 : 20, 50]
const first = isSoak ? Number(process.env['SEED'] ?? 1) : 1

describe('machines cloned while they run', () => {
  it('[FK1] [FK2] [FK3] are found and told, lose nothing that was acknowledged, and hand over the rest', () => {
    const total: Record<string, number> = {}
    for (let seed = first; seed < first + seeds; seed++) {
      const { faults, done } = playClones(seed, steps)
      expect(faults, `seed ${seed}, ${steps} steps`).toEqual([])
      for (const [what, count] of Object.entries(done)) total[what] = (total[what] ?? 0) + count
    }
    for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(0)
    if (isSoak) console.info(`${seeds} seeds from ${first}: ${JSON.stringify(total)}`)
  }, 3_600_000)

  // The other one went on sending while the question was under way: what came after it was taken for common, up to the change
  // that the answer named beyond it.
  it('[FK2] hand over all that is not common where they did not before: seed 896', () => {
    expect(playClones(896, 80).faults).toEqual([])
  })

  it('[FK9] would show work that is lost although a server acknowledged it, if nobody compared', () => {
    const isCaught = (seed: number): boolean =>
      playClones(seed, steps, { forksAreFound: false }).faults.some((fault) =>
        fault.startsWith('acknowledged and lost'),
      )
    expect([1, 2, 3].some(isCaught)).toBe(true)
  })
})
