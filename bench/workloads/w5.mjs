// w5, the heal: replicas loaded from one snapshot of 100,000 keys each change D keys (a tenth of D are the same keys
// everywhere; base and changes were both written in transactions of 100), then talk the library's own protocol until
// nobody has more to say. Two talk directly; five all talk through replica 0 (pairs 0-1 .. 0-4, then 0-1 .. 0-3 once more).
//
// Each D has replicas of its own, freshly loaded: that is somebody who opens what is on the disk, works apart and comes
// back, and it keeps one D from paying for another what an engine puts off at loading. At D = 1,000 the same replicas then
// go apart once more ("again"): that is somebody whose link breaks in the middle of work.

import { chunks, PER_TRANSACTION, startOf } from '../lib/keys.mjs'
import { collect, now } from '../lib/measure.mjs'

const SIZES = [2, 5]
const CHANGED = [10, 100, 1_000, 10_000]
const KEYS = 100_000
/** The D after which the replicas go apart and heal a second time. */
const TWICE = 1_000

export const name = 'w5'
export const title = 'Heal: 100,000 keys, n replicas change D keys each, sync by the own protocol'
/** Loading afresh for each D takes most of the time, which says nothing of an engine. */
export const slowMs = 60_000
export const metrics = SIZES.flatMap((n) =>
  CHANGED.flatMap((d) => [
    [`n${n} D${d} bytes`, 'B'],
    [`n${n} D${d} trips`, 'trips'],
    [`n${n} D${d} ms`, 'ms'],
    ...(d === TWICE ? [[`n${n} D${d} again ms`, 'ms', 'report only']] : []),
  ]),
)

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

/** Changes D keys at each replica. Returns by key what was written there. */
function write(context, random, replicas, keys, changed, label) {
  const writers = new Map()
  for (const [at, mine] of plan(random, keys, replicas.length, changed).entries()) {
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
  return writers
}

/** Lets all talk until nobody has more to say. */
async function heal(engine, replicas) {
  const total = { bytes: 0, trips: 0, ms: 0 }
  const others = replicas.slice(1)
  let idle = 0
  collect()
  const began = now()
  for (const other of [...others, ...others.slice(0, -1)]) {
    const work = await engine.w5.sync(replicas[0], other)
    total.bytes += work.bytes
    total.trips += work.trips
    if (work.close) {
      // An engine with live connections ends this one before the next; that is not part of the exchange.
      const paused = now()
      await work.close()
      idle += now() - paused
    }
  }
  total.ms = now() - began - idle
  return total
}

function check(context, replicas, writers, expected, label) {
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

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const { random, keys, base, snapshot } = await startOf(context, engine, KEYS)
  for (const n of SIZES) {
    for (const fullChanged of CHANGED) {
      const changed = Math.max(10, context.scaled(fullChanged))
      const label = `n${n} D${fullChanged}`
      context.step(`${label} load`)
      const replicas = []
      for (let at = 0; at < n; at++) replicas.push(await engine.w5.load(snapshot, at))
      const expected = new Map(base)
      for (const round of fullChanged === TWICE ? [label, `${label} again`] : [label]) {
        const writers = write(context, random, replicas, keys, changed, round)
        context.step(`${round} sync`)
        const work = await heal(engine, replicas)
        if (round === label) {
          context.metric(`${label} bytes`, work.bytes)
          context.metric(`${label} trips`, work.trips)
        }
        context.metric(`${round} ms`, work.ms)
        context.step(`${round} check`)
        check(context, replicas, writers, expected, round)
      }
      for (const replica of replicas) await replica.close?.()
    }
  }
}
