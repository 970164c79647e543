// Takes a lease in NATS whenever it can, renews it for a while, gives it back or not, and says for how long it may act.
// Usage: lease-taker.mjs NAME SERVER BUCKET TTL_MS. Instants are of the machine's monotonic clock, the same for all processes.
import { connect } from '@nats-io/transport-node'
import { natsLeases } from '@rejoin/node/nats'

const [name = '', servers = '', bucket = '', ttl = ''] = process.argv.slice(2)
const ttlMs = Number(ttl)
const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 50 })
const leases = natsLeases({ connection, bucket, name, maxTtlMs: ttlMs }).of('match')
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const now = () => Number(process.hrtime.bigint()) / 1e6
/** @param {object} entry */
const say = (entry) => process.stdout.write(`${JSON.stringify({ name, ...entry })}\n`)

/** @type {import('@rejoin/state').FencingToken | undefined} */
let held
leases.watch('round', (token) => {
  if (token === undefined && held !== undefined) say({ kind: 'ended', at: now(), token: held })
  held = token
})
for (;;) {
  const askedAt = now()
  const outcome = held === undefined ? await leases.acquire('round', ttlMs) : await leases.renew(held, ttlMs)
  // From when it is known here until it ends by itself.
  if (outcome.kind === 'granted')
    say({ kind: 'granted', from: now(), until: askedAt + outcome.validMs, token: outcome.token })
  await sleep(held === undefined ? 20 + Math.random() * 60 : ttlMs / 4)
  if (held !== undefined && Math.random() < 0.25) {
    const token = held
    // What it is doing under the lease it has stopped before.
    say({ kind: 'ended', at: now(), token })
    held = undefined
    await leases.release(token)
  }
}
