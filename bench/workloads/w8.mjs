// w8, a heal with many conflicts: two replicas of 100,000 keys make 10,000 changes of one key each, apart, 1,000 of them to the
// same keys, then sync with the library's own protocol. Where an engine reports what a heal brings, once without anybody
// who listens and once with: the report must name every conflict. Everything is done twice, by replicas loaded afresh, and
// the second time counts: else whichever heal is first would pay for what the engine compiles in it.

import { startOf } from '../lib/keys.mjs'
import { collect, now } from '../lib/measure.mjs'

const KEYS = 100_000
const CHANGES = 10_000
const CONFLICTS = 1_000
const ROUNDS = ['warm-up', 'measured']

export const name = 'w8'
export const title = 'Heal of 2 x 10,000 changes with 1,000 conflicts, with and without a report'
/** Loading takes most of the time, which says nothing of an engine. */
export const slowMs = 90_000
export const metrics = [
  ['heal ms', 'ms'],
  ['heal bytes', 'B'],
  ['heal and report ms', 'ms'],
]

/** The changes of both sides. Returns by key what was written there. */
function writeApart(random, replicas, keys, shared, own) {
  const places = random.sample(keys.length, shared + 2 * own)
  const written = new Map()
  for (const [at, replica] of replicas.entries()) {
    for (const place of [...places.slice(0, shared), ...places.slice(shared + at * own, shared + (at + 1) * own)]) {
      // Each side its own range, so that no two agree by chance.
      const value = at * 10_000 + random.below(10_000)
      replica.write([keys[place]], [value])
      written.set(keys[place], [...(written.get(keys[place]) ?? []), value])
    }
  }
  return written
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const { random, keys, base, snapshot } = await startOf(context, engine, KEYS)
  const shared = context.scaled(CONFLICTS)
  const own = context.scaled(CHANGES) - shared

  const healOnce = async (reports, isMeasured) => {
    const replicas = [await engine.w5.load(snapshot, 0), await engine.w5.load(snapshot, 1)]
    // The side that dials: it lost contact when the link over which it joined ended.
    const listened = reports ? engine.w8.listen(replicas[1]) : undefined
    const written = writeApart(random, replicas, keys, shared, own)
    collect()
    const began = now()
    const work = await engine.w5.sync(replicas[0], replicas[1])
    const conflicts = listened?.()
    const spent = now() - began
    await work.close?.()
    if (isMeasured) context.metric(reports ? 'heal and report ms' : 'heal ms', spent)
    if (isMeasured && !reports) context.metric('heal bytes', work.bytes)
    if (reports) context.check(conflicts === shared, `the report names ${conflicts} of ${shared} conflicts`)
    const [left, right] = replicas.map((replica) => new Map(replica.read()))
    context.same(left, right, 'both hold the same')
    for (const [key, value] of left) {
      const allowed = written.get(key) ?? [base.get(key)]
      if (!allowed.includes(value)) context.check(false, `${key} holds a value that nobody wrote`)
    }
    for (const replica of replicas) await replica.close?.()
  }

  for (const round of ROUNDS) {
    for (const reports of engine.w8.reports ? [false, true] : [false]) {
      context.step(`${round} ${reports ? 'report' : 'heal'}`)
      await healOnce(reports, round === 'measured')
    }
  }
}
