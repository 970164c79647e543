import type { StorageOp } from '@rejoin/sync'
import { describe, expect, it } from 'vitest'
import { createDisk, type DiskOptions } from './disk.ts'
import { createRandom } from './random.ts'
import { createScheduler } from './scheduler.ts'

const batch = (i: number): StorageOp[] => [
  { kind: 'put', key: `a${i}`, bytes: Uint8Array.of(i) },
  { kind: 'put', key: `b${i}`, bytes: Uint8Array.of(i) },
]

function disk(seed: number, options: DiskOptions = { flushMs: [10, 10] }) {
  const scheduler = createScheduler()
  return { scheduler, disk: createDisk(scheduler, createRandom(seed, 'disk'), options) }
}

describe('the simulated disk', () => {
  it('[SM5] answers a write when it is durable, not before', () => {
    const { scheduler, disk: medium } = disk(1)
    const storage = medium.open()
    const answers: string[] = []
    storage.write(batch(1)).then(() => answers.push(`1 at ${scheduler.nowMs} with ${medium.durableRows} rows`))
    scheduler.advanceTo(9)
    expect([answers, medium.durableRows, medium.unsyncedBatches]).toEqual([[], 0, 1])
    while (scheduler.step());
    expect(answers).toEqual(['1 at 10 with 2 rows'])
    medium.setMode('slow')
    storage.write(batch(2)).then(() => answers.push(`2 at ${scheduler.nowMs}`))
    while (scheduler.step());
    expect(answers[1]).toBe('2 at 510')
    medium.setMode('stalled')
    storage.write(batch(3)).then(() => answers.push(`3 at ${scheduler.nowMs} with ${medium.durableRows} rows`))
    while (scheduler.step());
    scheduler.advanceTo(9_000)
    expect([answers.length, medium.durableRows]).toEqual([2, 4])
    medium.setMode('ok')
    expect(answers[2]).toBe('3 at 9000 with 6 rows')
  })

  it('[SM5] keeps at a crash what was durable and some prefix of the rest, in whole batches', () => {
    const survivors = new Set<number>()
    for (let seed = 1; seed <= 60; seed += 1) {
      const { scheduler, disk: medium } = disk(seed)
      const storage = medium.open()
      let answered = 0
      const count = (): void => {
        answered += 1
      }
      storage.write(batch(0)).then(count)
      while (scheduler.step());
      for (let i = 1; i <= 4; i += 1) storage.write(batch(i)).then(count)
      medium.crash()
      while (scheduler.step());
      expect(answered).toBe(1)
      const keys: string[] = []
      medium
        .open()
        .read('')
        .then((rows) => keys.push(...rows.map(({ key }) => key)))
      while (scheduler.step());
      const kept = keys.length / 2
      const wanted = Array.from({ length: kept }, (_, i) => i)
      expect(keys).toEqual([...wanted.map((i) => `a${i}`), ...wanted.map((i) => `b${i}`)])
      expect(kept).toBeGreaterThan(0)
      survivors.add(kept)
    }
    expect([...survivors].sort()).toEqual([1, 2, 3, 4, 5])
  })

  it('[SM5] says nothing more to an opening that crashed', () => {
    const { scheduler, disk: medium } = disk(3)
    const storage = medium.open()
    const answers: string[] = []
    medium.crash()
    storage.write(batch(1)).then(
      () => answers.push('written'),
      (error: { code?: string }) => answers.push(error.code ?? 'failed'),
    )
    while (scheduler.step());
    expect(answers).toEqual(['storage-closed'])
    expect(medium.durableRows).toBe(0)
  })
})
