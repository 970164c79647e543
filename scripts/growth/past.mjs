// Bytes and memory against the number of operations, for documents of which nothing grows but the past: values overwritten,
// set elements and map entries that come and go. Removal records are freed on the way, as a server does once all anchors have
// them. Times are told beside.
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { encodeSnapshot, freeRemovals } from '../../packages/state/dist/index.js'
import { open, spell } from './documents.mjs'

const LIVE = 1_000
const PER_CHANGE = 100
/** Changes between two moves of the floor. */
const PER_FLOOR = 20
/** From here on everything is live that ever will be at once. */
const BASE = 10_000
/** Documents that go the same way, of which the mean counts: what the engine keeps beside them wanders by some 200 kB. */
const COPIES = 4
/** What may come on top: a twentieth, or this much. @param {number} bytes */
const slack = (bytes) => Math.max(bytes / 20, 256 * 1024)

/** @typedef {import('./documents.mjs').Draft} Draft */

/** By name: what is written, and a share of the operations that shows it in time. */
/** @type {readonly { name: string, share: number, write: (draft: Draft, at: number) => void }[]} */
const kinds = [
  {
    name: 'overwrites of 1,000 keys',
    share: 1,
    write: (draft, at) => {
      draft.keys.get(`key${at % LIVE}`).set(at)
    },
  },
  {
    name: 'adds and removes, 1,000 live elements',
    share: 1,
    write: (draft, at) => {
      draft.elements.add(`element${at}`)
      if (at >= LIVE) draft.elements.delete(`element${at - LIVE}`)
    },
  },
  {
    // Three writes an entry.
    name: 'map entries made and deleted, 1,000 live',
    share: 0.1,
    write: (draft, at) => {
      const unit = draft.units.get(`unit${at}`)
      unit.at.set(at)
      unit.name.set('scout')
      if (at >= LIVE) draft.units.delete(`unit${at - LIVE}`)
    },
  },
]

/**
 * What is held after two collections, each with the time that buffers take to be given back, but for what the engine has
 * compiled: that comes and goes by hundreds of kilobytes, whatever a document does.
 */
async function heldBytes() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  const code = getHeapSpaceStatistics().filter((space) => space.space_name.includes('code'))
  return heapUsed - code.reduce((bytes, space) => bytes + space.space_used_size, 0) + arrayBuffers
}

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

/** @param {string} what @param {number} before @param {number} after */
function hasGrown(what, before, after) {
  if (after - before <= slack(before)) return 0
  console.log(`GREW: ${what} from ${spell(before)} to ${spell(after)}, ${spell(slack(before))} are allowed`)
  return 1
}

/** @param {number} most @returns {Promise<number>} what grew */
export async function measurePast(most) {
  let grown = 0
  // What the engine compiles and keeps for good is there before anything is measured, and stays.
  setFlagsFromString('--no-flush-bytecode')
  for (const { write } of kinds) run(open(), write, 0, 200_000)
  for (const { name, share, write } of kinds) {
    console.log(`\n${name}\n\n| operations | snapshot B | memory B | ns per operation |\n|---:|---:|---:|---:|`)
    const empty = await heldBytes()
    const documents = Array.from({ length: COPIES }, () => open())
    /** @type {{ bytes: number, memory: number } | undefined} */
    let base
    let at = 0
    for (let next = 1_000; next <= most * share; next *= 10) {
      const from = at
      const began = performance.now()
      for (const document of documents) run(document, write, from, next)
      at = next
      const ns = ((performance.now() - began) * 1e6) / (at - from) / COPIES
      const bytes = Math.max(...documents.map(({ store }) => encodeSnapshot(store, { compact: true }).length))
      const memory = Math.round(((await heldBytes()) - empty) / COPIES)
      console.log(`| ${spell(at)} | ${spell(bytes)} | ${spell(memory)} | ${spell(ns)} |`)
      if (next === BASE) base = { bytes, memory }
      else if (base !== undefined) {
        grown += hasGrown(`${name}: snapshot`, base.bytes, bytes) + hasGrown(`${name}: memory`, base.memory, memory)
      }
    }
  }
  return grown
}
