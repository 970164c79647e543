import type { Partitions } from '@rejoin/sync/partition'
import { Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { registerPartitionMetrics } from './partition-metrics.ts'

it('[SV44] numbers say how long a split lasts and what was written apart, which is counted in a split alone', async () => {
  let counted = 0
  const status = {
    state: 'whole',
    since: Date.now() - 60_000,
    get ours() {
      counted += 1
      return { documents: 1, changes: 3, keys: 2, bytes: 120 }
    },
    open: [{}],
    absent: ['b'],
    suspected: [{}, {}],
    oneWay: [],
    progress: { documents: 1, changes: 3, done: 0.5 },
  }
  const registry = new Registry()
  let layer: Partial<Partitions> | undefined
  registerPartitionMetrics(registry, () => layer as Partitions | undefined)
  const numbers = async (): Promise<number[]> => {
    const text = await registry.metrics()
    const names = ['split_seconds', 'apart_changes', 'apart_bytes', 'incidents_open', 'suspected_voters']
    return names.map((name) => Number(new RegExp(`^rejoin_${name} (.*)$`, 'm').exec(text)?.[1]))
  }
  expect(await numbers()).toEqual([0, 0, 0, 0, 0])
  layer = { status, metrics: () => ({}) } as unknown as Partitions
  for (const state of ['unknown', 'whole', 'healing']) {
    Object.assign(status, { state })
    expect(await numbers(), state).toEqual([0, 0, 0, 1, 2])
  }
  expect(counted).toBe(0)
  Object.assign(status, { state: 'split' })
  const [seconds = 0, ...others] = await numbers()
  expect(others).toEqual([3, 120, 1, 2])
  expect(seconds).toBeGreaterThanOrEqual(60)
  expect(seconds).toBeLessThan(70)
})
