// w9, sets by string key: maps of 1k to 1M keys hold small integers; random keys of them are set in transactions of 100 and
// of 1, each encoded and applied at a second replica. Time and bytes are per set.

import { now, perOp } from '../lib/measure.mjs'
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
/** Transactions whose inputs are made at a time, outside the clock. */
const BATCH = 100
const PER_BASE = 1_000

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

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  for (const [label, full] of SIZES) {
    const count = Math.max(200, context.scaled(full))
    const keys = Array.from({ length: count }, (_, at) => `key${String(at).padStart(7, '0')}`)
    const expected = new Map()
    context.step(`${label} base`)
    const here = await engine.w9.create()
    const there = await engine.w9.open(here)
    for (let at = 0; at < count; at += PER_BASE) {
      const part = keys.slice(at, at + PER_BASE)
      const values = part.map(() => random.below(10_000))
      part.forEach((key, place) => {
        expected.set(key, values[place])
      })
      there.apply(here.set(part, values))
    }
    for (const [size, transactions] of KINDS) {
      context.step(`${label} tx${size}`)
      let localMs = 0
      let applyMs = 0
      let bytes = 0
      let done = 0
      for (let left = Math.max(1, Math.min(context.scaled(transactions), transactions)); left > 0; left -= BATCH) {
        const batch = Array.from({ length: Math.min(BATCH, left) }, () => {
          const chosen = random.sample(count, size).map((place) => keys[place])
          return [chosen, chosen.map(() => random.below(10_000))]
        })
        for (const [chosen, values] of batch) {
          const began = now()
          const message = here.set(chosen, values)
          const sent = now()
          there.apply(message)
          applyMs += now() - sent
          localMs += sent - began
          bytes += message.byteLength
          done += size
          chosen.forEach((key, place) => {
            expected.set(key, values[place])
          })
        }
        // Told on the way too, for an engine that is stopped.
        context.metric(`${label} tx${size} local+encode ns/op`, perOp(localMs, done))
        context.metric(`${label} tx${size} apply ns/op`, perOp(applyMs, done))
        context.metric(`${label} tx${size} B/op`, bytes / done)
      }
    }
    if (here.handle !== undefined) {
      context.step(`${label} by handle`)
      const handles = keys.map((key) => here.handle(key))
      for (const [size, transactions] of KINDS) {
        const spent = [0, 0]
        let done = 0
        for (let left = transactions; left > 0; left--) {
          const places = random.sample(count, size)
          const chosen = places.map((place) => handles[place])
          const values = places.map(() => random.below(10_000))
          const began = now()
          const change = here.setByHandle(chosen, values)
          const made = now()
          const message = here.send(change)
          spent[1] += now() - began
          spent[0] += made - began
          there.apply(message)
          done += size
          places.forEach((place, at) => {
            expected.set(keys[place], values[at])
          })
        }
        context.metric(`${label} tx${size} by handle ns/op`, perOp(spent[0], done))
        context.metric(`${label} tx${size} by handle, encoded ns/op`, perOp(spent[1], done))
      }
    }
    context.step(`${label} check`)
    context.same(new Map(here.read()), expected, `${label}: the writer holds every last value`)
    context.same(new Map(there.read()), expected, `${label}: the second replica holds every last value`)
  }
}
