// w13, a late return: of 200,000 keys others wrote 90,000 and removed 10,000 while one replica wrote 10,000 that nobody has
// heard of, some of them the same; what the removals left behind is gone before it comes back, where an engine can let go of
// it. Then the two sync with the library's own protocol. The snapshot is what the return would take as a whole.

import { chunks, PER_TRANSACTION, startOf } from '../lib/keys.mjs'
import { collect, now } from '../lib/measure.mjs'

const KEYS = 200_000
const OWN = 10_000
const OTHERS = 100_000

export const name = 'w13'
export const title = 'Late return: 10,000 own unsent changes against 100,000 others, of 200,000 keys'
/** Loading and writing take most of the time, which says nothing of an engine. */
export const slowMs = 90_000
export const metrics = [
  ['bytes', 'B'],
  ['snapshot B', 'B'],
  ['trips', 'trips'],
  ['ms', 'ms'],
]

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const parts = engine.w13 ?? engine.w5
  const { random, keys, base, snapshot } = await startOf(context, { w5: parts }, KEYS)
  const [own, others] = [context.scaled(OWN), context.scaled(OTHERS)]
  context.aside('load')
  const replicas = [await parts.load(snapshot, 0), await parts.load(snapshot, 1)]
  const written = new Map()
  const write = (at, names) => {
    for (const part of chunks(names, PER_TRANSACTION)) {
      // Each side its own range, so that no two agree by chance.
      const values = part.map(() => at * 10_000 + random.below(10_000))
      replicas[at].write(part, values)
      part.forEach((key, place) => {
        written.set(key, [...(written.get(key) ?? []), values[place]])
      })
    }
  }
  const fresh = (count, prefix) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)
  const places = random.sample(keys.length, others * 0.8)
  const overwritten = places.slice(0, others * 0.7).map((place) => keys[place])
  const removed = places.slice(others * 0.7).map((place) => keys[place])
  context.aside('others')
  write(0, overwritten)
  for (const part of chunks(removed, PER_TRANSACTION)) replicas[0].remove(part)
  write(0, fresh(others * 0.2, 'new'))
  replicas[0].letGo?.()
  context.aside('own')
  const mine = random.sample(keys.length, own * 0.8).map((place) => keys[place])
  write(1, mine)
  write(1, fresh(own * 0.2, 'own'))

  context.step('return')
  collect()
  const began = now()
  const work = await parts.sync(replicas[0], replicas[1])
  context.metric('ms', now() - began)
  await work.close?.()
  context.metric('bytes', work.bytes)
  context.metric('trips', work.trips)
  context.metric('snapshot B', replicas[0].save().byteLength)
  if (replicas[0].told !== undefined) context.note(replicas[0].told())

  context.aside('check')
  const [left, right] = replicas.map((replica) => new Map(replica.read()))
  context.same(left, right, 'both hold the same')
  const gone = new Set(removed)
  for (const [key, values] of written) {
    // What one side removed while the other wrote it engines decide one way or the other.
    if (!gone.has(key)) context.check(values.includes(left.get(key)), `${key} holds a value that somebody wrote`)
  }
  for (const key of removed) {
    if (!written.has(key)) context.check(!left.has(key), `${key} was removed and is back`)
  }
  for (const key of keys) {
    if (!written.has(key) && !gone.has(key)) context.check(left.get(key) === base.get(key), `${key} is as it was`)
  }
  for (const replica of replicas) await replica.close?.()
}
