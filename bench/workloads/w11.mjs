// w11, past authors: 20,000 sessions wrote once and are gone. What a version costs on the wire, a snapshot, and a transaction
// of one set, encoded and applied, beside the same with one author.

import { now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

const AUTHORS = 20_000
const KEYS = 100
const SETS = 2_000

export const name = 'w11'
export const title = '20,000 past authors: version, snapshot, and single sets beside those with one author'
export const slowMs = 60_000
export const metrics = [
  ['version B', 'B'],
  ['snapshot B', 'B'],
  ['1 author local+encode ns/op', 'ns/op'],
  ['20k authors local+encode ns/op', 'ns/op'],
  ['1 author apply ns/op', 'ns/op'],
  ['20k authors apply ns/op', 'ns/op'],
]

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const keys = Array.from({ length: KEYS }, (_, at) => `key${String(at).padStart(2, '0')}`)
  const expected = new Map()
  for (const [label, full] of [
    ['1 author', 1],
    ['20k authors', AUTHORS],
  ]) {
    context.step(`${label} past`)
    const here = await engine.w11.create()
    const authors = full === 1 ? 1 : context.scaled(full)
    expected.clear()
    for (let at = 0; at < authors; at++) {
      here.becomeAnother()
      const [key, value] = [keys[at % KEYS], random.below(10_000)]
      here.set([key], [value])
      expected.set(key, value)
    }
    here.becomeAnother()
    const there = await engine.w11.load(here.save())
    // The first change of a stream names what the later ones refer to.
    for (const key of keys) {
      const value = random.below(10_000)
      there.apply(here.set([key], [value]))
      expected.set(key, value)
    }
    context.step(`${label} sets`)
    let localMs = 0
    let applyMs = 0
    for (let done = 0; done < SETS; done++) {
      const [key, value] = [keys[random.below(KEYS)], random.below(10_000)]
      const began = now()
      const message = here.set([key], [value])
      const sent = now()
      there.apply(message)
      applyMs += now() - sent
      localMs += sent - began
      expected.set(key, value)
      context.metric(`${label} local+encode ns/op`, perOp(localMs, done + 1))
      context.metric(`${label} apply ns/op`, perOp(applyMs, done + 1))
    }
    context.same(new Map(there.read()), expected, `${label}: the second replica holds every last value`)
    if (full === 1) continue
    context.metric('version B', here.version().byteLength)
    context.metric('snapshot B', here.save().byteLength)
  }
}
