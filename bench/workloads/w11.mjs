// w11, past authors: 20,000 sessions wrote once and are gone. What a version costs on the wire, a snapshot, and a transaction
// of one set, encoded and applied, beside the same with one author: the two take turns, a hundred transactions each.

import { collect, now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

const AUTHORS = 20_000
const KEYS = 100
const SETS = 10_000
/** Sets between two readings of the clock. */
const BATCH = 100
/** Whoever is slow does fewer. */
const ENOUGH_MS = 10_000
/** Sets before anything is measured. */
const WARM = 1_000

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

/** Two replicas of a document of which so many authors wrote and are gone. */
async function makePair(engine, random, keys, authors) {
  const here = await engine.w11.create()
  const expected = new Map()
  const past = Array.from({ length: authors }, (_, at) => [keys[at % keys.length], random.below(10_000)])
  // Some take minutes to do that as it was, and have a way of their own to what came of it.
  if (here.writePast !== undefined) here.writePast(past)
  else {
    for (const [key, value] of past) {
      here.becomeAnother()
      here.set([key], [value])
    }
  }
  here.becomeAnother()
  const there = await engine.w11.load(here.save())
  // The first change of a stream names what the later ones refer to.
  for (const key of keys) {
    const value = random.below(10_000)
    there.apply(here.set([key], [value]))
    expected.set(key, value)
  }
  return { here, there, expected, localMs: 0, applyMs: 0, done: 0 }
}

/** A hundred sets, made and encoded, then applied. */
function setBatch(random, keys, pair) {
  const { here, there, expected } = pair
  const inputs = Array.from({ length: BATCH }, () => [[keys[random.below(keys.length)]], [random.below(10_000)]])
  for (const [[key], [value]] of inputs) expected.set(key, value)
  const messages = new Array(BATCH)
  const began = now()
  for (let at = 0; at < BATCH; at++) messages[at] = here.set(inputs[at][0], inputs[at][1])
  const sent = now()
  for (let at = 0; at < BATCH; at++) there.apply(messages[at])
  pair.applyMs += now() - sent
  pair.localMs += sent - began
  pair.done += BATCH
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const keys = Array.from({ length: KEYS }, (_, at) => `key${String(at).padStart(2, '0')}`)
  const pairs = new Map()
  for (const [label, full] of [
    ['1 author', 1],
    ['20k authors', AUTHORS],
  ]) {
    context.aside(`${label} past`)
    pairs.set(label, await makePair(engine, random, keys, full === 1 ? 1 : context.scaled(full)))
  }
  const spent = (pair) => pair.localMs + pair.applyMs
  const rounds = (sets, after) => {
    for (let left = context.scaled(sets); left > 0; left -= BATCH) {
      for (const pair of pairs.values()) if (spent(pair) < ENOUGH_MS) setBatch(random, keys, pair)
      after()
    }
  }
  context.step('warm-up')
  rounds(WARM, () => undefined)
  for (const pair of pairs.values()) Object.assign(pair, { localMs: 0, applyMs: 0, done: 0 })
  collect()
  context.step('sets')
  rounds(SETS, () => {
    for (const [label, { localMs, applyMs, done }] of pairs) {
      context.metric(`${label} local+encode ns/op`, perOp(localMs, done))
      context.metric(`${label} apply ns/op`, perOp(applyMs, done))
    }
  })
  for (const [label, { here, there, expected }] of pairs) {
    context.same(new Map(there.read()), expected, `${label}: the second replica holds every last value`)
    if (label !== '20k authors') continue
    context.metric('version B', here.version().byteLength)
    context.metric('snapshot B', here.save().byteLength)
  }
}
