// What the parts of `npm run growth` share.
import { randomBytes } from 'node:crypto'
import { authorIdFrom, createStore, map, openDocument, register, schema, set } from '../../packages/state/dist/index.js'

export const Doc = schema({
  keys: map(register(0)),
  elements: /** @type {import('../../packages/state/dist/index.js').SetField<string>} */ (set()),
  units: map({ at: register(0), name: register('') }),
})

/** @typedef {import('../../packages/state/dist/index.js').DraftOf<typeof Doc>} Draft */

export function open() {
  const store = createStore({ newAuthor: () => authorIdFrom(randomBytes(8).toString('hex')), now: () => Date.now() })
  const document = openDocument(Doc, store)
  // As an application has one.
  document.subscribe(() => undefined)
  return document
}

/** @param {number} number */
export const spell = (number) => Math.round(number).toLocaleString('en-US')

/** Whole numbers below another, the same ones each time. */
export function drawing() {
  let state = 1
  /** @param {number} below */
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return /** @type {number} */ (sorted[sorted.length >> 1])
}
