// w9, sets by string key: maps of 1k to 1M keys hold small integers; random keys of them are set in transactions of 100 and
// of 1, each encoded and applied at a second replica. Time and bytes are per set. The clock is read around a hundred
// transactions and not around each, as a reading costs a tenth of what a transaction of one set may: first they are all made
// and encoded, then all applied.

import { collect, now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

const SIZES = [
  ['1k', 1_000],
  ['10k', 10_000],
  ['100k', 100_000],
  ['1M', 1_000_000],
]
/** Sets in a transaction, and transactions of that kind. */
const KINDS = [
  [100, 500],
  [1, 5_000],
]
/** Transactions between two readings of the clock, whose inputs are made before the first. */
const BATCH = 100
const PER_BASE = 1_000
const PER_STEP = 200_000
/** The map that every engine warms up on, and the part of the transactions that it does there. */
const WARM_KEYS = 2_000
const WARM_PART = 0.6

export const name = 'w9'
export const title = 'Sets by string key: 1k to 1M keys, transactions of 100 and of 1, encoded and applied elsewhere'
/** Making a million keys takes most of the time, which says nothing of an engine. */
export const slowMs = 60_000
export const metrics = SIZES.flatMap(([label]) =>
  KINDS.flatMap(([size]) => [
    [`${label} tx${size} local+encode ns/op`, 'ns/op'],
    [`${label} tx${size} apply ns/op`, 'ns/op'],
    [`${label} tx${size} B/op`, 'B/op'],
    [`${label} tx${size} by handle ns/op`, 'ns/op'],
    [`${label} tx${size} by handle, encoded ns/op`, 'ns/op'],
  ]),
)

/** Two replicas of as many keys, and the values that both must hold. */
async function makePair(context, engine, random, count, label) {
  const keys = Array.from({ length: count }, (_, at) => `key${String(at).padStart(7, '0')}`)
  const expected = Int32Array.from(keys, () => random.below(10_000))
  const here = await engine.w9.create()
  const there = await engine.w9.open(here)
  for (let at = 0; at < count; at += PER_BASE) {
    if (at % PER_STEP === 0) context.aside(`${label} base from ${at}`)
    there.apply(here.set(keys.slice(at, at + PER_BASE), Array.from(expected.subarray(at, at + PER_BASE))))
  }
  return { keys, expected, here, there }
}

/** The inputs of some transactions of one kind, noted as done. Whoever is addressed by handle gets `targets` instead of keys. */
function makeBatch(random, { expected }, targets, size, count) {
  return Array.from({ length: count }, () => {
    const places = random.sample(targets.length, size)
    const values = places.map(() => random.below(10_000))
    places.forEach((place, at) => {
      expected[place] = values[at]
    })
    return [places.map((place) => targets[place]), values]
  })
}

/** What it takes to make something of every input of a batch. */
function timed(batch, make) {
  const made = new Array(batch.length)
  const began = now()
  for (let at = 0; at < batch.length; at++) made[at] = make(batch[at][0], batch[at][1])
  return [now() - began, made]
}

function timedApply(there, messages) {
  const began = now()
  for (let at = 0; at < messages.length; at++) there.apply(messages[at])
  return now() - began
}

/** All transactions of one kind, in batches. */
function* batches(random, pair, targets, size, transactions) {
  for (let left = transactions; left > 0; left -= BATCH) {
    yield makeBatch(random, pair, targets, size, Math.min(BATCH, left))
  }
}

/** Sets by key; `tell` hears after each batch what it took so far, for an engine that is stopped. */
function setByKey(random, pair, size, transactions, tell) {
  const { here, there, keys } = pair
  collect()
  let localMs = 0
  let applyMs = 0
  let bytes = 0
  let done = 0
  for (const batch of batches(random, pair, keys, size, transactions)) {
    const [spent, messages] = timed(batch, (chosen, values) => here.set(chosen, values))
    localMs += spent
    applyMs += timedApply(there, messages)
    for (const message of messages) bytes += message.byteLength
    done += batch.length * size
    tell('local+encode ns/op', perOp(localMs, done))
    tell('apply ns/op', perOp(applyMs, done))
    tell('B/op', bytes / done)
  }
}

/** Sets by handle, once without encoding, which is then done outside the clock, and once with. */
function setByHandle(random, pair, size, transactions, tell) {
  const { here, there, handles } = pair
  for (const [label, isEncoded] of [
    ['by handle ns/op', false],
    ['by handle, encoded ns/op', true],
  ]) {
    collect()
    let localMs = 0
    let done = 0
    const make = isEncoded
      ? (chosen, values) => here.send(here.setByHandle(chosen, values))
      : (chosen, values) => here.setByHandle(chosen, values)
    for (const batch of batches(random, pair, handles, size, transactions)) {
      const [spent, made] = timed(batch, make)
      localMs += spent
      for (const one of made) there.apply(isEncoded ? one : here.send(one))
      done += batch.length * size
      tell(label, perOp(localMs, done))
    }
  }
}

function checkPair(context, { keys, expected, here, there }, label) {
  const held = new Map(keys.map((key, at) => [key, expected[at]]))
  context.aside(`${label} check of the writer`)
  context.same(new Map(here.read()), held, `${label}: the writer holds every last value`)
  context.aside(`${label} check of the second replica`)
  context.same(new Map(there.read()), held, `${label}: the second replica holds every last value`)
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const measure = async (count, label, part, tell) => {
    const pair = await makePair(context, engine, random, count, label)
    const all = (way, run) => {
      for (const [size, full] of KINDS) {
        const transactions = Math.max(1, Math.floor(context.scaled(full) * part))
        context.step(`${label} tx${size} ${way}`)
        run(random, pair, size, transactions, (metric, value) => tell(`tx${size} ${metric}`, value))
      }
    }
    all('by key', setByKey)
    if (pair.here.handle !== undefined) {
      // Held from here on only: a million handles are no part of what it costs to do without.
      pair.handles = pair.keys.map((key) => pair.here.handle(key))
      all('by handle', setByHandle)
    }
    checkPair(context, pair, label)
  }
  // What an engine has compiled by then it has compiled for every size.
  await measure(WARM_KEYS, 'warm-up', WARM_PART, () => undefined)
  for (const [label, full] of SIZES) {
    const count = Math.max(200, context.scaled(full))
    await measure(count, label, 1, (metric, value) => context.metric(`${label} ${metric}`, value))
  }
}
