// w4, set churn: 500,000 adds of elements that were never there before, in transactions of 100; once 5,000 are live, each
// transaction also removes 100 live ones at random. One op is one add or one remove. Nothing is encoded.

import { now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

export const name = 'w4'
export const title = 'Set churn: 500,000 adds of new elements, about 5,000 live'
export const metrics = [
  ['50k snapshot B', 'B'],
  ['500k snapshot B', 'B'],
  ['50k ns/op', 'ns/op'],
  ['500k ns/op', 'ns/op'],
]

const LIVE = 5_000
const PER_TRANSACTION = 100
const STEPS = [
  ['50k', 50_000],
  ['500k', 500_000],
]
const BATCH = 50
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** Twelve characters of which no two elements share many: names do not compress away in anybody's snapshot. */
function element(random) {
  let text = ''
  for (let half = 0; half < 2; half++) {
    let bits = random.next()
    for (let at = 0; at < 6; at++, bits >>>= 5) text += ALPHABET[bits & 31]
  }
  return text
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const live = []
  const replica = await engine.w4.create()
  let added = 0
  for (const [label, full] of STEPS) {
    const until = context.scaled(full)
    context.step(label)
    let operations = 0
    let spent = 0
    while (added < until) {
      const batch = []
      for (; batch.length < BATCH && added < until; added += PER_TRANSACTION) {
        const removes = []
        while (live.length > 0 && live.length + PER_TRANSACTION > LIVE && removes.length < PER_TRANSACTION) {
          const place = random.below(live.length)
          removes.push(live[place])
          live[place] = live[live.length - 1]
          live.pop()
        }
        const adds = Array.from({ length: PER_TRANSACTION }, () => element(random))
        live.push(...adds)
        operations += adds.length + removes.length
        batch.push([adds, removes])
      }
      const began = now()
      for (const [adds, removes] of batch) replica.write(adds, removes)
      spent += now() - began
      // Told on the way too, for an engine that is stopped.
      context.metric(`${label} ns/op`, perOp(spent, operations))
    }
    context.step(`${label} save`)
    context.metric(`${label} snapshot B`, replica.save().byteLength)
    for (const [note, value] of Object.entries(replica.extra?.() ?? {})) context.note(`${label} ${note}: ${value}`)
  }
  context.same([...replica.read()].sort(), [...live].sort(), 'the live elements and no others')
}
