// Time of one set against the number of live keys, from a thousand to a million: made and encoded at one replica, applied at
// another, random keys in changes of 100. The sizes take turns, and the median of the rounds counts. What the budget allows at
// more keys is told as a ratio to what it allows at ten thousand (120 ns, 200 at 100k, 600 at 1M, applied).
import { createChangeDecoder, createChangeEncoder } from '../../packages/state/dist/index.js'
import { drawing, median, open, spell } from './documents.mjs'

const SIZES = [1_000, 10_000, 100_000, 1_000_000]
const BUDGET = new Map([
  [1_000, 120],
  [10_000, 120],
  [100_000, 200],
  [1_000_000, 600],
])
/** The size to which the others are compared. */
const BASE = 10_000
const PER_CHANGE = 100
/** Changes between two readings of the clock. */
const BATCH = 100
const ROUNDS = 9

/** Two replicas with as many keys. @param {number} live */
function openPair(live) {
  const here = open()
  const there = open()
  const encoder = createChangeEncoder()
  const decoder = createChangeDecoder({}, () => there.store.tree)
  /** @param {import('../../packages/state/dist/index.js').Change} change */
  const encode = (change) => encoder.encode([change])
  /** @param {Uint8Array} bytes */
  const apply = (bytes) => {
    const changes = decoder.decode(bytes)
    if (!changes.ok) throw new Error(changes.error.message)
    for (const change of changes.value) there.store.applyChange(change)
  }
  const keys = Array.from({ length: live }, (_, at) => `key${at}`)
  for (let at = 0; at < live; ) {
    const change = here.change((draft) => {
      for (const end = at + 1_000; at < end; at++) draft.keys.get(/** @type {string} */ (keys[at])).set(at)
    })
    if (change !== undefined) apply(encode(change))
  }
  return { live, here, keys, encode, apply, local: /** @type {number[]} */ ([]), applied: /** @type {number[]} */ ([]) }
}

/** @param {ReturnType<typeof openPair>} pair @param {(below: number) => number} draw */
function measureRound(pair, draw) {
  const { live, here, keys, encode, apply, local, applied } = pair
  const inputs = Array.from({ length: BATCH }, () =>
    Array.from({ length: PER_CHANGE }, () => /** @type {string} */ (keys[draw(live)])),
  )
  const began = performance.now()
  const messages = inputs.map((names) => {
    const change = here.change((draft) => {
      for (let at = 0; at < names.length; at++) draft.keys.get(/** @type {string} */ (names[at])).set(at)
    })
    if (change === undefined) throw new Error('nothing was written')
    return encode(change)
  })
  const made = performance.now()
  for (const message of messages) apply(message)
  const operations = BATCH * PER_CHANGE
  local.push(((made - began) * 1e6) / operations)
  applied.push(((performance.now() - made) * 1e6) / operations)
}

export function measureLive() {
  const draw = drawing()
  const warm = openPair(BASE)
  for (let round = 0; round < ROUNDS; round++) measureRound(warm, draw)
  const pairs = SIZES.map(openPair)
  globalThis.gc?.()
  for (let round = 0; round < ROUNDS; round++) for (const pair of pairs) measureRound(pair, draw)
  const base = /** @type {ReturnType<typeof openPair>} */ (pairs.find(({ live }) => live === BASE))
  /** @param {number} live */
  const budget = (live) => /** @type {number} */ (BUDGET.get(live))
  console.log(
    '\ntime by live keys: sets of random keys in changes of 100\n\n| live keys | made and encoded ns | applied ns | to 10,000 keys | allowed | |\n|---:|---:|---:|---:|---:|---|',
  )
  for (const { live, local, applied } of pairs) {
    const ratio = median(applied) / median(base.applied)
    const allowed = budget(live) / budget(BASE)
    const verdict = ratio <= allowed * 1.1 ? 'within' : `over, ${(ratio / allowed).toFixed(2)} of it`
    console.log(
      `| ${spell(live)} | ${spell(median(local))} | ${spell(median(applied))} | ${ratio.toFixed(2)} | ${allowed.toFixed(2)} | ${verdict} |`,
    )
  }
}
