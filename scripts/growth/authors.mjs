// What 20,000 past authors cost whoever works today: a client and a server that both hold the document, over a link, by the
// real protocol and with rows on their disks. Bytes each way of hello, version exchange and a first change; then changes of one
// set, from writing one to the server's acknowledgement, beside the same with one past author. The two take turns.
import { randomBytes } from 'node:crypto'
import { authorIdFrom, createStore, encodeSnapshot, openDocument } from '../../packages/state/dist/index.js'
import { connect, createMemoryDisk, createReplica, memoryLink } from '../../packages/sync/dist/index.js'
import { documentKeys, sealRow } from '../../packages/sync/dist/rows.js'
import { Doc, median, spell } from './documents.mjs'

const AUTHORS = 20_000
/** Changes before the clock is read again. */
const BATCH = 200
const ROUNDS = 25
const WARM = 5

const clock = { now: () => Date.now(), monotonic: () => performance.now() }
const random = { bytes: (/** @type {number} */ count) => new Uint8Array(randomBytes(count)), float: Math.random }
const timers = {
  set: (/** @type {number} */ delayMs, /** @type {() => void} */ fire) => setTimeout(fire, delayMs),
  clear: (/** @type {unknown} */ handle) => clearTimeout(/** @type {NodeJS.Timeout} */ (handle)),
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A snapshot of a document that so many authors have written, with the floor at its end. @param {number} authors */
function pastOf(authors) {
  const newAuthor = () => authorIdFrom(randomBytes(8).toString('hex'))
  const document = openDocument(Doc, createStore({ newAuthor, now: () => Date.now() - 86_400_000 }))
  for (let at = 0; at < authors; at++) {
    document.store.renewAuthor()
    document.change((draft) => {
      draft.keys.get(`key${at % 100}`).set(at)
    })
  }
  return encodeSnapshot(document.store, { compact: true })
}

/** @param {Uint8Array} snapshot */
function diskWith(snapshot) {
  const disk = createMemoryDisk()
  const keys = documentKeys('doc')
  disk.open().write([
    { kind: 'put', key: keys.index, bytes: sealRow(new Uint8Array(0)) },
    { kind: 'put', key: keys.snapshot('past'), bytes: sealRow(snapshot) },
  ])
  return disk
}

/** A link that counts what goes over it. */
function countedLink() {
  const link = memoryLink()
  const bytes = { up: 0, down: 0 }
  /** @type {import('../../packages/sync/dist/index.js').DialTransport} */
  const dial = {
    ...link.dial,
    dial: (events) => {
      const end = link.dial.dial({
        ...events,
        frame: (frame) => {
          bytes.down += frame.length
          events.frame(frame)
        },
      })
      return {
        get bufferedBytes() {
          return end.bufferedBytes
        },
        send: (frame) => {
          bytes.up += frame.length
          end.send(frame)
        },
        close: (code, reason) => end.close(code, reason),
      }
    },
  }
  return { dial, listen: link.listen, bytes }
}

/** @param {number} authors */
async function openPair(authors) {
  const snapshot = pastOf(authors)
  const { dial, listen, bytes } = countedLink()
  const server = createReplica({ clock, timers, random, storage: diskWith(snapshot).open(), role: 'server' })
  const client = createReplica({ clock, timers, random, storage: diskWith(snapshot).open(), role: 'client' })
  const there = await server.open('doc', Doc)
  const here = await client.open('doc', Doc)
  const nets = [connect(server, { transports: [listen] }), connect(client, { transports: [dial] })]
  const set = async (/** @type {number} */ count) => {
    /** @type {PromiseLike<unknown> | undefined} */
    let last
    for (let at = 0; at < count; at++) {
      last = here
        .change((draft) => {
          const { keys } = /** @type {import('./documents.mjs').Draft} */ (draft)
          keys.get(`key${at % 100}`).set(at)
        })
        .reached('server')
    }
    await last
  }
  await set(1)
  const first = { ...bytes }
  const close = async () => {
    for (const net of nets) await net.close()
    for (const replica of [client, server]) await replica.close()
  }
  return { authors, set, first, bytes, here, there, close, times: /** @type {number[]} */ ([]) }
}

export async function measureAuthors() {
  const pairs = [await openPair(1), await openPair(AUTHORS)]
  for (let round = 0; round < WARM; round++) for (const { set } of pairs) await set(BATCH)
  for (const { bytes } of pairs) Object.assign(bytes, { up: 0, down: 0 })
  for (let round = 0; round < ROUNDS; round++) {
    for (const { set, times } of pairs) {
      await turn()
      const began = performance.now()
      await set(BATCH)
      times.push(((performance.now() - began) * 1e6) / BATCH)
    }
  }
  console.log(
    '\npast authors: changes of one set between a client and a server\n\n| past authors | up to the first change, B up | B down | ns per change | B up | B down |\n|---:|---:|---:|---:|---:|---:|',
  )
  const changes = ROUNDS * BATCH
  for (const { authors, first, times, bytes, here, there } of pairs) {
    if (here.digest() !== there.digest()) throw new Error(`${authors} authors: the server holds something else`)
    console.log(
      `| ${spell(authors)} | ${first.up} | ${first.down} | ${spell(median(times))} | ${(bytes.up / changes).toFixed(1)} | ${(bytes.down / changes).toFixed(1)} |`,
    )
  }
  const [one, many] = /** @type {[number, number]} */ (pairs.map(({ times }) => median(times)))
  console.log(`\n${spell(AUTHORS)} past authors add ${spell(many - one)} ns to a change; 1,000 are allowed`)
  for (const { close } of pairs) await close()
}
