import { expect, it, vi } from 'vitest'
import { deferred } from '../later.ts'
import { insideOf } from '../replica.ts'
import { Cluster, isAll } from './cluster.test-helper.ts'

it('[SY69] a vote under way lets go of nothing that was opened anew since its document was forgotten', () => {
  const cluster = new Cluster(['a', 'b', 'c'])
  cluster.until('full', () => isAll(cluster, 'full'), 30)
  const { participant } = cluster.node('b')
  const inside = insideOf(participant.replica)
  const { storage } = inside
  const read = storage.read.bind(storage)
  let late: (() => void) | undefined
  vi.spyOn(storage, 'read').mockImplementation((prefix) => {
    if (!prefix.startsWith('p/') || late !== undefined) return read(prefix)
    const pair = deferred<Awaited<ReturnType<typeof read>>>()
    late = () => read(prefix).then(pair.resolve, pair.reject)
    return pair.later
  })
  cluster.node('a').watch.lease({ name: 'match' }, 'turn')
  for (let step = 0; step < 2000 && late === undefined; step++) cluster.world.advance(1)
  expect(late).toBeDefined()
  participant.replica.forget('match')
  const handle = cluster.world.open(participant, 'match')
  late?.()
  cluster.world.advance(1000)
  cluster.between('b', 'ac', true)
  cluster.world.advance(600_000)
  expect(inside.shelf.names()).toEqual(['match'])
  handle.change((s) => s.potions.add(1))
})
