// `npm run growth -- [--operations 10000000]`: bytes, memory and time against the number of operations, for documents of
// which nothing grows but the past: values overwritten, set elements and map entries that come and go. Removal records are
// freed on the way, as a server does once all anchors have them. Fails when memory or bytes grow; times are told only.

import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import {
  authorIdFrom,
  createStore,
  encodeSnapshot,
  freeRemovals,
  map,
  openDocument,
  register,
  schema,
  set,
} from '../packages/state/dist/index.js'

const { values } = parseArgs({ options: { operations: { type: 'string', default: '10000000' } } })
const most = Number(values.operations)
if (!Number.isSafeInteger(most) || most < 10_000) {
  console.error(`--operations ${values.operations} is not a whole number from 10000`)
  process.exit(2)
}
const { gc } = globalThis
if (gc === undefined) {
  console.error('run with node --expose-gc')
  process.exit(2)
}

const Doc = schema({
  keys: map(register(0)),
  elements: /** @type {import('../packages/state/dist/index.js').SetField<string>} */ (set()),
  units: map({ at: register(0), name: register('') }),
})
const LIVE = 1_000
const PER_CHANGE = 100
/** Changes between two moves of the floor. */
const PER_FLOOR = 20
/** What may come on top: a twentieth, or this much. @param {number} bytes */
const slack = (bytes) => Math.max(bytes / 20, 256 * 1024)

/** @typedef {import('../packages/state/dist/index.js').DraftOf<typeof Doc>} Draft */

/** @type {Readonly<Record<string, (draft: Draft, at: number) => void>>} */
const kinds = {
  'overwrites of 1,000 keys': (draft, at) => {
    draft.keys.get(`key${at % LIVE}`).set(at)
  },
  'adds and removes, 1,000 live elements': (draft, at) => {
    draft.elements.add(`element${at}`)
    if (at >= LIVE) draft.elements.delete(`element${at - LIVE}`)
  },
  'map entries made and deleted, 1,000 live': (draft, at) => {
    const unit = draft.units.get(`unit${at}`)
    unit.at.set(at)
    unit.name.set('scout')
    if (at >= LIVE) draft.units.delete(`unit${at - LIVE}`)
  },
}

/** What is held after two collections, each with the time that buffers take to be given back. @param {() => void} collect */
async function heldBytes(collect) {
  for (let i = 0; i < 2; i++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function open() {
  const store = createStore({ newAuthor: () => authorIdFrom(randomBytes(8).toString('hex')), now: () => Date.now() })
  return openDocument(Doc, store)
}

let grown = 0

/** @param {string} what @param {number} before @param {number} after */
function check(what, before, after) {
  if (after - before <= slack(before)) return
  grown++
  console.log(`GREW: ${what} from ${before} to ${after}`)
}

/** @param {number} number */
const spell = (number) => Math.round(number).toLocaleString('en-US')

/**
 * Writes from one operation to another, with the floor behind.
 * @param {ReturnType<typeof open>} document @param {(draft: Draft, at: number) => void} write @param {number} from @param {number} to
 */
function run(document, write, from, to) {
  const { store } = document
  let at = from
  for (let changes = 1; at < to; changes++) {
    document.change((draft) => {
      for (const end = Math.min(to, at + PER_CHANGE); at < end; at++) write(draft, at)
    })
    if (changes % PER_FLOOR === 0) freeRemovals(store, store.version)
  }
  freeRemovals(store, store.version)
}

// What the engine compiles and keeps for good is there before anything is measured.
for (const write of Object.values(kinds)) run(open(), write, 0, 50_000)

for (const [name, write] of Object.entries(kinds)) {
  console.log(`\n${name}\n\n| operations | snapshot B | memory B | ns per operation |\n|---:|---:|---:|---:|`)
  const empty = await heldBytes(gc)
  const document = open()
  const { store } = document
  /** @type {{ bytes: number, memory: number } | undefined} */
  let first
  let at = 0
  for (let next = 1_000; next <= most; next *= 10) {
    const from = at
    const began = performance.now()
    run(document, write, from, next)
    at = next
    const ns = ((performance.now() - began) * 1e6) / (at - from)
    const bytes = encodeSnapshot(store, { compact: true }).length
    const memory = (await heldBytes(gc)) - empty
    console.log(`| ${spell(at)} | ${spell(bytes)} | ${spell(memory)} | ${spell(ns)} |`)
    // From ten thousand on everything is live that ever will be at once.
    if (next === 10_000) first = { bytes, memory }
    else if (first !== undefined) {
      check(`${name}: snapshot`, first.bytes, bytes)
      check(`${name}: memory`, first.memory, memory)
    }
  }
}

console.log(
  '\ntime by live keys: overwrites of random keys in changes of 100\n\n| live keys | ns per operation |\n|---:|---:|',
)
for (let live = 1_000; live <= 1_000_000; live *= 10) {
  const document = open()
  for (let at = 0; at < live; ) {
    document.change((draft) => {
      for (const end = at + 1_000; at < end; at++) draft.keys.get(`key${at}`).set(at)
    })
  }
  const operations = 300_000
  let random = 1
  const began = performance.now()
  for (let at = 0; at < operations; ) {
    document.change((draft) => {
      for (const end = at + PER_CHANGE; at < end; at++) {
        random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0
        draft.keys.get(`key${Math.floor((random / 2 ** 32) * live)}`).set(at)
      }
    })
  }
  console.log(`| ${spell(live)} | ${spell(((performance.now() - began) * 1e6) / operations)} |`)
}

console.log(grown === 0 ? '\nnothing grew' : `\n${grown} GREW`)
process.exitCode = grown === 0 ? 0 : 1
