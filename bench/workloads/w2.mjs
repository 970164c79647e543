// w2, growth by overwriting: 100 keys set again and again to random integers below 10,000, every transaction sets each key
// once in random order, nothing is encoded. Time of a step is per op since the step before; sizes are cumulative.

import { heldBytes, megabytes, now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

export const name = 'w2'
export const title = 'Growth by overwriting: 100 keys, 1,000,000 local sets in transactions of 100'
export const metrics = [
  ['10k snapshot B', 'B'],
  ['100k snapshot B', 'B'],
  ['1M snapshot B', 'B'],
  ['10k ns/op', 'ns/op'],
  ['100k ns/op', 'ns/op'],
  ['1M ns/op', 'ns/op'],
  ['1M live heap MB', 'MB'],
]

const KEYS = 100
const STEPS = [
  ['10k', 10_000],
  ['100k', 100_000],
  ['1M', 1_000_000],
]
/** Transactions whose inputs are made at a time, outside the clock. */
const BATCH = 100

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const keys = Array.from({ length: KEYS }, (_, at) => `key${String(at).padStart(2, '0')}`)
  const expected = {}
  const before = heldBytes()
  const replica = await engine.w2.create()
  let done = 0
  for (const [label, full] of STEPS) {
    const until = context.scaled(full)
    context.step(label)
    const from = done
    let spent = 0
    while (done < until) {
      const batch = []
      for (; batch.length < BATCH && done < until; done += KEYS) {
        const order = random.sample(KEYS, KEYS).map((place) => keys[place])
        const values = order.map(() => random.below(10_000))
        order.forEach((key, at) => {
          expected[key] = values[at]
        })
        batch.push([order, values])
      }
      const began = now()
      for (const [order, values] of batch) replica.write(order, values)
      spent += now() - began
      // Told on the way too, for an engine that is stopped.
      context.metric(`${label} ns/op`, perOp(spent, done - from))
    }
    if (label === '1M') context.metric('1M live heap MB', megabytes(before, heldBytes()))
    context.step(`${label} save`)
    context.metric(`${label} snapshot B`, replica.save().byteLength)
    for (const [note, value] of Object.entries(replica.extra?.() ?? {})) context.note(`${label} ${note}: ${value}`)
  }
  context.same(replica.read(), expected, 'every key holds its last value')
}
