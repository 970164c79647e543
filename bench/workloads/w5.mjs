// w5, the heal: replicas loaded from one snapshot of 100,000 keys each change D keys (a tenth of D are the same keys
// everywhere; base and changes were both written in transactions of 100), then talk the library's own protocol until nobody has more to say. Two talk directly;
// five all talk through replica 0 (pairs 0-1 .. 0-4, then 0-1 .. 0-3 once more). All D run one after the other.

import { now } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

const SIZES = [2, 5]
const CHANGED = [10, 100, 1_000, 10_000]
const KEYS = 100_000
const PER_TRANSACTION = 100

export const name = 'w5'
export const title = 'Heal: 100,000 keys, n replicas change D keys each, sync by the own protocol'
export const metrics = SIZES.flatMap((n) =>
  CHANGED.flatMap((d) => [
    [`n${n} D${d} bytes`, 'B'],
    [`n${n} D${d} trips`, 'trips'],
    [`n${n} D${d} ms`, 'ms'],
  ]),
)

const chunks = (list, size) =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))

/** Which keys each replica changes: the same tenth everywhere, the rest its own. */
function plan(random, keys, replicas, changed) {
  const shared = Math.floor(changed / 10)
  const own = changed - shared
  const places = random.sample(keys.length, shared + own * replicas)
  return Array.from({ length: replicas }, (_, at) =>
    [...places.slice(0, shared), ...places.slice(shared + at * own, shared + (at + 1) * own)].map(
      (place) => keys[place],
    ),
  )
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const keys = Array.from({ length: context.scaled(KEYS) }, (_, at) => `key${String(at).padStart(6, '0')}`)
  const base = new Map(keys.map((key) => [key, random.below(10_000)]))

  context.step('base')
  const origin = await engine.w5.create()
  for (const part of chunks(keys, PER_TRANSACTION)) {
    origin.write(
      part,
      part.map((key) => base.get(key)),
    )
  }
  const snapshot = origin.save()
  for (const n of SIZES) {
    context.step(`n${n} load`)
    const replicas = []
    for (let at = 0; at < n; at++) {
      replicas.push(await engine.w5.load(snapshot, at))
    }
    const expected = new Map(base)
    for (const fullChanged of CHANGED) {
      const changed = Math.max(10, context.scaled(fullChanged))
      const label = `n${n} D${fullChanged}`
      const writers = new Map()
      for (const [at, mine] of plan(random, keys, n, changed).entries()) {
        context.step(`${label} writes of replica ${at}`)
        for (const part of chunks(mine, PER_TRANSACTION)) {
          const values = part.map(() => random.below(10_000))
          replicas[at].write(part, values)
          part.forEach((key, place) => {
            const written = writers.get(key)
            if (written) written.push(values[place])
            else writers.set(key, [values[place]])
          })
        }
      }

      context.step(`${label} sync`)
      const total = { bytes: 0, messages: 0, trips: 0 }
      const others = replicas.slice(1)
      let idle = 0
      const began = now()
      for (const other of [...others, ...others.slice(0, -1)]) {
        const work = await engine.w5.sync(replicas[0], other)
        total.bytes += work.bytes
        total.messages += work.messages
        total.trips += work.trips
        if (work.close) {
          // An engine with live connections ends this one before the next; that is not part of the exchange.
          const paused = now()
          await work.close()
          idle += now() - paused
        }
      }
      const spent = now() - began - idle
      context.metric(`${label} bytes`, total.bytes)
      context.metric(`${label} trips`, total.trips)
      context.metric(`${label} ms`, spent)

      context.step(`${label} check`)
      const agreed = replicas[0].read()
      for (const [key, written] of writers) {
        const value = agreed.get(key)
        context.check(written.includes(value), `${label}: ${key} holds a value that somebody wrote`)
        expected.set(key, value)
      }
      replicas.forEach((replica, at) => {
        context.same(at === 0 ? agreed : replica.read(), expected, `${label}: replica ${at} agrees`)
      })
    }
    for (const replica of replicas) await replica.close?.()
  }
}
