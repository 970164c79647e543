// w1, a game tick: 1,000 entities {x, y, hp, name}; every tick is one transaction that sets the floats x and y of 200
// random entities, is encoded, and is applied at a second replica. One op is one field set, so a tick is 400 ops.

import { heldBytes, megabytes, now, perOp } from '../lib/measure.mjs'
import { Random } from '../lib/random.mjs'

export const name = 'w1'
export const title = 'Game tick: 1,000 entities, 600 transactions of 400 field sets, encoded and applied elsewhere'
export const metrics = [
  ['wire B/op', 'B/op'],
  ['snapshot B', 'B'],
  ['local+encode ns/op', 'ns/op'],
  ['apply ns/op', 'ns/op'],
  ['load ms', 'ms'],
  ['loaded heap MB', 'MB'],
]

const ENTITIES = 1_000
const MOVED = 200
const TICKS = 600
const REPORTED = 50

/** The entities before the first tick, as every replica starts. */
function baseEntities(random) {
  const entities = {}
  for (let at = 0; at < ENTITIES; at++) {
    const id = `e${String(at).padStart(4, '0')}`
    entities[id] = { x: random.float() * 1000, y: random.float() * 1000, hp: 100, name: `unit ${at}` }
  }
  return entities
}

/** All ticks, made before any clock runs. */
function makeTicks(random, ids, count) {
  return Array.from({ length: count }, () => {
    const moved = random.sample(ids.length, MOVED).map((place) => ids[place])
    return { ids: moved, xs: moved.map(() => random.float() * 1000), ys: moved.map(() => random.float() * 1000) }
  })
}

/** @param {import('../lib/child.mjs').Context} context */
export async function run(context, engine) {
  const random = new Random(context.seed)
  const entities = baseEntities(random)
  const ticks = makeTicks(random, Object.keys(entities), context.scaled(TICKS))
  const expected = structuredClone(entities)
  for (const { ids, xs, ys } of ticks) {
    ids.forEach((id, at) => {
      expected[id].x = xs[at]
      expected[id].y = ys[at]
    })
  }

  context.step('base')
  const here = await engine.w1.create(entities)
  const there = await engine.w1.load(here.save())

  context.step('ticks')
  let localMs = 0
  let applyMs = 0
  let bytes = 0
  let done = 0
  for (const { ids, xs, ys } of ticks) {
    const began = now()
    const message = here.tick(ids, xs, ys)
    const sent = now()
    there.apply(message)
    applyMs += now() - sent
    localMs += sent - began
    bytes += message.byteLength
    done++
    // Told on the way too: an engine that is stopped for its slowness has told what it took so far.
    if (done % REPORTED === 0 || done === ticks.length) {
      const operations = done * MOVED * 2
      context.metric('wire B/op', bytes / operations)
      context.metric('local+encode ns/op', perOp(localMs, operations))
      context.metric('apply ns/op', perOp(applyMs, operations))
    }
  }
  context.same(here.read(), expected, 'the writer holds the last tick')
  context.same(there.read(), expected, 'the second replica holds the last tick')

  context.step('save')
  const snapshot = here.save()
  context.metric('snapshot B', snapshot.byteLength)
  for (const [label, value] of Object.entries(here.extra?.() ?? {})) context.note(`${label}: ${value}`)
  context.keep('snapshot', snapshot)
  context.keep('expected', Buffer.from(JSON.stringify(expected)))
}

/** A fresh process: bytes to a document of which one entity has been read. */
export async function runCold(context, engine) {
  const snapshot = context.kept('snapshot')
  const expected = JSON.parse(context.kept('expected').toString())
  context.step('load')
  const before = heldBytes()
  const began = now()
  const loaded = await engine.w1.load(snapshot)
  const first = loaded.readOne('e0000')
  context.metric('load ms', now() - began)
  context.metric('loaded heap MB', megabytes(before, heldBytes()))
  context.same(first, expected.e0000, 'the loaded replica answers for one entity')
  context.same(loaded.read(), expected, 'the loaded replica holds the last tick')
}
