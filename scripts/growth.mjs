// `npm run growth -- [--operations 10000000] [--only past,live,authors]`: what a document costs as it ages and as it grows.
//
// past: bytes and memory against the number of operations, where nothing grows but the past. Fails when either grows.
// live: time of one set against the number of live keys. authors: of one change, with many past authors. Both are only told:
// times are judged on a quiet machine. All of it takes some five minutes.
import { parseArgs } from 'node:util'
import { measureAuthors } from './growth/authors.mjs'
import { measureLive } from './growth/live.mjs'
import { measurePast } from './growth/past.mjs'

const parts = ['past', 'live', 'authors']
const { values } = parseArgs({
  options: { operations: { type: 'string', default: '10000000' }, only: { type: 'string', default: parts.join() } },
})
const operations = Number(values.operations)
const chosen = values.only.split(',')
const unknown = chosen.find((part) => !parts.includes(part))
if (!Number.isSafeInteger(operations) || operations < 10_000) {
  fail(`--operations ${values.operations} is not a whole number from 10000`)
}
if (unknown !== undefined) fail(`--only ${unknown}: there are ${parts.join(', ')}`)
if (globalThis.gc === undefined) fail('run with node --expose-gc')

let grown = 0
if (chosen.includes('past')) grown += await measurePast(operations)
if (chosen.includes('live')) measureLive()
if (chosen.includes('authors')) await measureAuthors()
console.log(grown === 0 ? '\nnothing grew' : `\n${grown} GREW`)
process.exit(grown === 0 ? 0 : 1)

/** @param {string} reason @returns {never} */
function fail(reason) {
  console.error(reason)
  process.exit(2)
}
