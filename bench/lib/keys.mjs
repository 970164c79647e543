// Maps of string keys as w5 and w8 begin with: made by one replica, in transactions of a hundred.

import { Random } from './random.mjs'

/** Writes of one transaction. */
export const PER_TRANSACTION = 100

/** A list cut into pieces of `size`. */
export const chunks = (list, size) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))

/** Names of as many keys, in order. */
const keyNames = (count) => Array.from({ length: count }, (_, at) => `key${String(at).padStart(6, '0')}`)

/** A random integer for each key. */
const randomValues = (random, keys) => new Map(keys.map((key) => [key, random.below(10_000)]))

/** The snapshot of a replica into which those were written. */
async function snapshotOf(engine, values) {
  const origin = await engine.w5.create()
  for (const part of chunks([...values], PER_TRANSACTION)) {
    origin.write(
      part.map(([key]) => key),
      part.map(([, value]) => value),
    )
  }
  return origin.save()
}

/** What replicas of a workload begin with: random values under so many keys, and how they are saved. */
export async function startOf(context, engine, count) {
  const random = new Random(context.seed)
  const keys = keyNames(context.scaled(count))
  const base = randomValues(random, keys)
  context.step('base')
  return { random, keys, base, snapshot: await snapshotOf(engine, base) }
}
