import { createMemoryDisk, memoryStorage } from '@rejoin/sync'
import { afterEach, expect, it } from 'vitest'
import { createServer } from './create-server.ts'
import type { ServerOptions } from './options.ts'

const stops: (() => PromiseLike<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`still not so: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

it('[SV52] a server that is shut down and started again is an incident of no other', async () => {
  const disk = createMemoryDisk()
  const join: string[] = []
  const start = async (node: string, options: Partial<ServerOptions> = {}) => {
    const server = createServer({
      node,
      voters: [...'abc'],
      founding: true,
      join: [...join],
      port: 0,
      storage: memoryStorage(),
      ...options,
    })
    stops.push(() => server.close())
    join.push((await server.listen()).syncUrl)
    return server
  }
  const others = [await start('a'), await start('b')]
  const third = await start('c', { storage: disk.open() })
  const isFull = (): boolean => others.every((server) => server.partitions?.status.side === 'full')
  await until('all are there', isFull)
  const told: string[] = []
  for (const { partitions } of others) partitions?.onIncident((_, what) => told.push(what))
  await third.close()
  await until('it is missing', () => others.every((server) => server.partitions?.status.side === 'majority'))
  await start('c', { storage: disk.open(), founding: false, join: join.slice(0, 2) })
  await until('all are there again', isFull)
  expect([told, others.flatMap((server) => server.partitions?.incidents)]).toEqual([[], []])
}, 60_000)
