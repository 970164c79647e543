// w3, counters: three replicas of one document with 100 counters do 100,000 increments each, in encoded transactions of
// 100; then everybody applies what the two others sent (600,000 increments in all).

import { now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

export const name = 'w3'
export const title = 'Counters: 100 counters, 300,000 increments from 3 replicas, merged at the end'
export const metrics = [
  ['snapshot B', 'B'],
  ['inc+encode ns/op', 'ns/op'],
  ['merge ms', 'ms'],
]

const COUNTERS = 100
const REPLICAS = 3
const TRANSACTIONS = 1_000
const PER_TRANSACTION = 100
const REPORTED = 100

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const names = Array.from({ length: COUNTERS }, (_, at) => `counter${String(at).padStart(2, '0')}`)
  const expected = Object.fromEntries(names.map((counter) => [counter, 0]))
  const count = context.scaled(TRANSACTIONS)
  const plans = Array.from({ length: REPLICAS }, () =>
    Array.from({ length: count }, () => {
      const order = Array.from({ length: PER_TRANSACTION }, () => names[random.below(COUNTERS)])
      const deltas = order.map(() => 1 + random.below(9))
      order.forEach((counter, at) => {
        expected[counter] += deltas[at]
      })
      return [order, deltas]
    }),
  )

  context.step('base')
  const first = await engine.w3.create(names)
  const base = first.save()
  const replicas = [first]
  for (let at = 1; at < REPLICAS; at++) replicas.push(await engine.w3.load(base, at))

  context.step('increments')
  let spent = 0
  let done = 0
  const sent = replicas.map((replica, at) => {
    const messages = []
    for (let from = 0; from < count; from += REPORTED) {
      const part = plans[at].slice(from, from + REPORTED)
      const began = now()
      for (const [order, deltas] of part) messages.push(replica.increment(order, deltas))
      spent += now() - began
      // Told on the way too, for an engine that is stopped.
      done += part.length
      context.metric('inc+encode ns/op', perOp(spent, done * PER_TRANSACTION))
    }
    return messages
  })

  context.step('merge')
  const began = now()
  replicas.forEach((replica, at) => {
    sent.forEach((messages, from) => {
      if (from !== at) for (const message of messages) replica.apply(message)
    })
  })
  context.metric('merge ms', now() - began)
  context.metric('snapshot B', first.save().byteLength)
  replicas.forEach((replica, at) => {
    context.same(replica.read(), expected, `replica ${at} holds the sums`)
  })
}
