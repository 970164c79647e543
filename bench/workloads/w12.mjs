// w12, opening what is on the disk: the snapshot of 100,000 string keys with small integers, written in transactions of a
// hundred, to a document of which one key has been read. Once in a process that has not run the engine before, and four times more
// in the same process, of which the median counts.

import { startOf } from '../lib/keys.mjs'
import { now } from '../lib/measure.mjs'

const KEYS = 100_000
const AGAIN = 4

export const name = 'w12'
export const title = 'Loading a snapshot of 100,000 string keys'
export const slowMs = 60_000
export const metrics = [
  ['snapshot B/key', 'B'],
  ['load ms', 'ms'],
  ['again ms', 'ms'],
]

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const { keys, base, snapshot } = await startOf(context, { w5: engine.w12 }, KEYS)
  context.metric('snapshot B/key', snapshot.byteLength / keys.length)
  context.keep('snapshot', snapshot)
  context.keep('expected', Buffer.from(JSON.stringify([...base])))
}

/** A fresh process: bytes to a document of which one key has been read. */
export async function runCold(context, engine) {
  const snapshot = context.kept('snapshot')
  const expected = new Map(JSON.parse(context.kept('expected').toString()))
  const [[key, value]] = expected
  const times = []
  for (let turn = 0; turn <= AGAIN; turn++) {
    context.step(`load ${turn}`)
    const began = now()
    const loaded = await engine.w12.load(snapshot, turn)
    const first = loaded.readKey(key)
    times.push(now() - began)
    context.same(first, value, 'the loaded replica answers for one key')
    if (turn === AGAIN) context.same(new Map(loaded.read()), expected, 'the loaded replica holds all')
  }
  const [cold, ...again] = times
  context.metric('load ms', cold)
  again.sort((a, b) => a - b)
  context.metric('again ms', (again[AGAIN / 2 - 1] + again[AGAIN / 2]) / 2)
}
