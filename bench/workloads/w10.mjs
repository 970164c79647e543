// w10, memory of what is alive: 100,000 string keys, and 25,000 entities of four fields, each field a small integer; fresh,
// and after every one was overwritten ten times. Bytes are per live key or field, after collection.

import { heldBytes } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

const KEYS = 100_000
const ENTITIES = 25_000
const FIELDS = 4
const OVERWRITES = 10
const PER_TRANSACTION = 1_000

export const name = 'w10'
export const title =
  'Memory: 100,000 string keys, 25,000 entities of four fields, fresh and after ten overwrites of each'
export const slowMs = 60_000
export const metrics = [
  ['key fresh B', 'B'],
  ['key overwritten B', 'B'],
  ['field fresh B', 'B'],
  ['field overwritten B', 'B'],
]

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const parts = (count, write) => {
    for (let at = 0; at < count; at += PER_TRANSACTION) write(at, Math.min(count, at + PER_TRANSACTION))
  }
  const measure = async (label, create, count, perLive, round, read) => {
    context.step(label)
    const expected = []
    const before = heldBytes()
    const replica = await create()
    for (let turn = 0; turn <= OVERWRITES; turn++) {
      round(replica, count, (at, value) => {
        expected[at] = value
      })
      if (turn === 0) context.metric(`${label} fresh B`, (heldBytes() - before) / (count * perLive))
    }
    context.metric(`${label} overwritten B`, (heldBytes() - before) / (count * perLive))
    context.check(read(replica, expected), `${label}: the last values are held`)
  }

  const keys = Array.from({ length: context.scaled(KEYS) }, (_, at) => `key${String(at).padStart(6, '0')}`)
  await measure(
    'key',
    () => engine.w10.keys(),
    keys.length,
    1,
    (replica, count, note) =>
      parts(count, (from, to) => {
        const values = Array.from({ length: to - from }, () => random.below(10_000))
        values.forEach((value, at) => {
          note(from + at, value)
        })
        replica.write(keys.slice(from, to), values)
      }),
    (replica, expected) => {
      const held = new Map(replica.read())
      return keys.every((key, at) => held.get(key) === expected[at])
    },
  )

  const ids = Array.from({ length: context.scaled(ENTITIES) }, (_, at) => `e${String(at).padStart(6, '0')}`)
  await measure(
    'field',
    () => engine.w10.rows(),
    ids.length,
    FIELDS,
    (replica, count, note) =>
      parts(count, (from, to) => {
        const rows = Array.from({ length: to - from }, () => Array.from({ length: FIELDS }, () => random.below(10_000)))
        rows.forEach((row, at) => {
          note(from + at, row)
        })
        replica.writeRows(ids.slice(from, to), rows)
      }),
    (replica, expected) =>
      ids.every((id, at) => replica.readRow(id).every((value, field) => value === expected[at][field])),
  )
}
