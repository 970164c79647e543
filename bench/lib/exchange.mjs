// A pair of ends joined by a counted link that delivers in lock step: everything on its way, in both directions, is one
// flight. A trip is two flights (there and back), rounded up, so an engine that starts from both ends is not charged twice.

/**
 * One end of a synchronisation: `start` says the first messages, `receive` takes one and may say more.
 * @typedef {{ start(send: (bytes: Uint8Array) => void): void, receive(bytes: Uint8Array, send: (bytes: Uint8Array) => void): void }} End
 * @typedef {{ bytes: number, messages: number, trips: number }} Work
 */

/** Far beyond any protocol here: a pair that is still talking after so many flights does not end. */
const MAX_FLIGHTS = 10_000

/**
 * Runs two ends until neither has anything more to say, and counts what went over the link.
 * @param {End} left
 * @param {End} right
 * @param {() => Promise<void>} [settle] lets an engine with promises finish its turn before the link is looked at
 * @returns {Promise<Work>}
 */
export async function exchange(left, right, settle) {
  /** @type {Work} */
  const work = { bytes: 0, messages: 0, trips: 0 }
  let toRight = []
  let toLeft = []
  const carry = (queue) => (bytes) => {
    work.bytes += bytes.byteLength
    work.messages++
    queue().push(bytes)
  }
  const sendRight = carry(() => toRight)
  const sendLeft = carry(() => toLeft)
  left.start(sendRight)
  right.start(sendLeft)
  if (settle) await settle()
  let flights = 0
  while (toRight.length > 0 || toLeft.length > 0) {
    if (++flights > MAX_FLIGHTS) throw new Error(`no end after ${MAX_FLIGHTS} flights`)
    const arrivedRight = toRight
    const arrivedLeft = toLeft
    toRight = []
    toLeft = []
    for (const bytes of arrivedRight) right.receive(bytes, sendLeft)
    for (const bytes of arrivedLeft) left.receive(bytes, sendRight)
    if (settle) await settle()
  }
  work.trips = Math.ceil(flights / 2)
  return work
}
