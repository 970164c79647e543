// w10, memory of what is alive: 100,000 string keys, and 25,000 entities of four fields, each field a small integer; fresh,
// and after every one was overwritten ten times. Bytes are per live key or field, after collection; the names and what the
// values should be are there before. The snapshot is of the keys, at the end.

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
  ['key fresh B', 'heap B'],
  ['key overwritten B', 'heap B'],
  ['key snapshot B', 'B'],
  ['field fresh B', 'heap B'],
  ['field overwritten B', 'heap B'],
]

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  /** Writes all places once more, `fields` values to each, and notes them. */
  const writeAll = (count, fields, expected, write) => {
    for (let from = 0; from < count; from += PER_TRANSACTION) {
      const until = Math.min(count, from + PER_TRANSACTION)
      for (let at = from * fields; at < until * fields; at++) expected[at] = random.below(10_000)
      write(from, until)
    }
  }
  const measure = async (label, create, count, fields, writeWith, read) => {
    context.step(label)
    const expected = new Int32Array(count * fields)
    const before = heldBytes()
    const replica = await create()
    const perLive = () => (heldBytes() - before) / (count * fields)
    const write = writeWith(replica, expected)
    writeAll(count, fields, expected, write)
    context.metric(`${label} fresh B`, perLive())
    for (let turn = 0; turn < OVERWRITES; turn++) writeAll(count, fields, expected, write)
    context.metric(`${label} overwritten B`, perLive())
    context.check(read(replica, expected), `${label}: the last values are held`)
    return replica
  }

  const keys = Array.from({ length: context.scaled(KEYS) }, (_, at) => `key${String(at).padStart(6, '0')}`)
  const written = await measure(
    'key',
    () => engine.w10.keys(),
    keys.length,
    1,
    (replica, expected) => (from, until) =>
      replica.write(keys.slice(from, until), Array.from(expected.subarray(from, until))),
    (replica, expected) => {
      const held = new Map(replica.read())
      return keys.every((key, at) => held.get(key) === expected[at])
    },
  )
  context.metric('key snapshot B', written.save().byteLength / keys.length)

  const ids = Array.from({ length: context.scaled(ENTITIES) }, (_, at) => `e${String(at).padStart(6, '0')}`)
  await measure(
    'field',
    () => engine.w10.rows(),
    ids.length,
    FIELDS,
    (replica, expected) => (from, until) => {
      const rowAt = (at) => Array.from(expected.subarray(at * FIELDS, (at + 1) * FIELDS))
      replica.writeRows(
        ids.slice(from, until),
        Array.from({ length: until - from }, (_, at) => rowAt(from + at)),
      )
    },
    (replica, expected) =>
      ids.every((id, at) => replica.readRow(id).every((value, field) => value === expected[at * FIELDS + field])),
  )
}
