// `npm run slices -- [--leaves 1000000] [--budget 2] [--runs 3]`: how long the slices are in which a page of Chromium loads
// a snapshot, after `npm run build`. Two shapes: one map of so many registers, and entities of four fields each. Every run has a
// page of its own; the median of each figure counts. Fails where a slice at the 99th percentile takes more than 12 ms, or
// any more than 50.

import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import {
  authorIdFrom,
  createStore,
  encodeSnapshot,
  map,
  openDocument,
  register,
  schema,
} from '../packages/state/dist/index.js'
import { chromiumArguments, findChromium } from './lib/find-chromium.mjs'

const { values: given } = parseArgs({
  options: {
    leaves: { type: 'string', default: '1000000' },
    budget: { type: 'string', default: '2' },
    runs: { type: 'string', default: '3' },
  },
})
const leaves = Number(given.leaves)
const budgetMs = Number(given.budget)
const runs = Number(given.runs)
if (!(leaves > 0 && budgetMs > 0 && runs > 0)) {
  console.error('--leaves, --budget and --runs are numbers above 0')
  process.exit(2)
}
const executablePath = findChromium()
if (executablePath === undefined) {
  console.error('no Chromium or Chrome found: install one or set CHROME_PATH')
  process.exit(2)
}

const allowed = { p99: 12, longest: 50 }
const FIELDS = 4
const PER_CHANGE = 1_000
const Flat = schema({ keys: map(register(0)) })
const Entities = schema({ units: map({ x: register(0), y: register(0), hp: register(0), name: register('') }) })
const options = {
  newAuthor: () => authorIdFrom(randomBytes(8).toString('hex')),
  now: Date.now,
  limits: { documentItems: leaves + PER_CHANGE },
}

/**
 * Calls back for so many places, in changes of a thousand.
 * @template Draft
 * @param {{ change(write: (draft: Draft) => void): unknown }} doc
 * @param {number} count
 * @param {(draft: Draft, at: number) => void} write
 */
function inChanges(doc, count, write) {
  for (let at = 0; at < count; at += PER_CHANGE) {
    doc.change((draft) => {
      for (let i = at; i < Math.min(count, at + PER_CHANGE); i++) write(draft, i)
    })
  }
}

/** @type {Readonly<Record<string, () => Uint8Array>>} */
const shapes = {
  flat: () => {
    const doc = openDocument(Flat, createStore(options))
    inChanges(doc, leaves, (draft, i) => draft.keys.get(`key${i}`).set(i))
    return encodeSnapshot(doc.store)
  },
  entities: () => {
    const doc = openDocument(Entities, createStore(options))
    inChanges(doc, Math.ceil(leaves / FIELDS), (draft, i) => {
      const unit = draft.units.get(`unit${i}`)
      unit.x.set(i / 7)
      unit.y.set(i / 11)
      unit.hp.set(100)
      unit.name.set('scout')
    })
    return encodeSnapshot(doc.store)
  },
}

const dist = new URL('../packages/state/dist/', import.meta.url)
/** @type {Map<string, Uint8Array>} */
const snapshots = new Map()
const server = createServer(async (request, response) => {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname.slice(1)
  const snapshot = snapshots.get(path)
  try {
    const body = snapshot ?? (path === '' ? '<!doctype html>' : await readFile(new URL(path, dist)))
    response.setHeader(
      'content-type',
      path === '' ? 'text/html' : snapshot ? 'application/octet-stream' : 'text/javascript',
    )
    response.end(body)
  } catch {
    response.statusCode = 404
    response.end()
  }
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('the server has no port')
const origin = `http://127.0.0.1:${address.port}`
const entry = '/index.js'

/**
 * Runs in the page.
 * @param {{ entry: string, name: string, budgetMs: number, leaves: number }} run
 */
async function load({ entry, name, budgetMs, leaves }) {
  /** @type {typeof import('../packages/state/dist/index.js')} */
  const { authorIdFrom, createStore, loadSnapshotInSlices } = await import(entry)
  const bytes = new Uint8Array(await (await fetch(`/${name}`)).arrayBuffer())
  const { port1, port2 } = new MessageChannel()
  let resume = () => {}
  port2.onmessage = () => resume()
  /** @type {number[]} */
  const slices = []
  let began = performance.now()
  const start = began
  const pause = () => {
    slices.push(performance.now() - began)
    return new Promise((resolve) => {
      resume = () => {
        began = performance.now()
        resolve(undefined)
      }
      port1.postMessage(undefined)
    })
  }
  const store = createStore({ newAuthor: () => authorIdFrom('f'.repeat(16)), now: Date.now })
  const loaded = await loadSnapshotInSlices(store, bytes, { now: () => performance.now(), pause, budgetMs })
  slices.push(performance.now() - began)
  if (!loaded.ok || store.stats.liveItems < leaves) throw new Error('the snapshot was not loaded')
  slices.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) =>
    slices[Math.min(slices.length - 1, Math.floor(slices.length * share))] ?? 0
  return { slices: slices.length, inAll: performance.now() - start, p50: at(0.5), p99: at(0.99), longest: at(1) }
}

/** @param {readonly number[]} numbers */
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0
const browser = await chromium.launch({ executablePath, args: [...chromiumArguments] })
let isMissed = false
console.log(`Chromium ${browser.version()}, ${leaves} leaves, slices of ${budgetMs} ms, median of ${runs} runs`)
console.log('what        slices   in all ms   p50 ms   p99 ms   longest ms')
for (const [name, make] of Object.entries(shapes)) {
  snapshots.set(name, make())
  const all = []
  for (let run = 0; run < runs; run++) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(origin)
    all.push(await page.evaluate(load, { entry, name, budgetMs, leaves }))
    await context.close()
  }
  snapshots.delete(name)
  const slices = median(all.map((run) => run.slices))
  const inAll = median(all.map((run) => run.inAll))
  const p50 = median(all.map((run) => run.p50))
  const p99 = median(all.map((run) => run.p99))
  const longest = median(all.map((run) => run.longest))
  const isMet = p99 <= allowed.p99 && longest <= allowed.longest
  isMissed ||= !isMet
  const columns = [
    name.padEnd(10),
    `${slices}`.padStart(7),
    inAll.toFixed(0).padStart(11),
    p50.toFixed(1).padStart(8),
    p99.toFixed(1).padStart(8),
    longest.toFixed(1).padStart(12),
  ]
  console.log(`${columns.join(' ')}   ${isMet ? 'met' : 'missed'}`)
}
await browser.close()
server.close()
process.exitCode = isMissed ? 1 : 0
