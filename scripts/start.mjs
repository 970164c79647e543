// `npm start`: builds what is not built, then serves the demo and sync on one port.
// PORT (4000) and DATA_DIR (.rejoin/data) may be set; HOST beyond this machine needs INSECURE=1, as there is no sign-in.
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildQuietly } from './lib/build.mjs'
import { root } from './lib/steps.mjs'

const env = process.env
const port = Number(env['PORT'] || 4000)
const dataDir = resolve(root, env['DATA_DIR'] || '.rejoin/data')

if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`PORT is ${env['PORT']}, which is not a port`)
console.log('building what changed ...')
buildQuietly('demo')

mkdirSync(dataDir, { recursive: true })
const { createServer } = await import('@rejoin/server')
const server = createServer({
  port,
  host: env['HOST'] || '127.0.0.1',
  insecure: env['INSECURE'] === '1',
  dataDir,
  staticDir: join(root, 'apps/demo/dist'),
  logger: problemsOnly(),
})
const address = await server.listen().catch((error) => fail(error.message))

console.log(`\nArchipelago is at ${address.url}`)
console.log(`  sync       ${address.syncUrl}`)
console.log(`  documents  ${dataDir}`)
console.log('Ctrl+C stops it; nothing acknowledged is lost.')

let stopping = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    // A second signal means: now.
    if (stopping) process.exit(130)
    stopping = true
    server.close().then(
      () => process.exit(0),
      (error) => fail(error.message),
    )
  })
}

/** Somebody who tries the demo wants to see the address, and what went wrong. */
function problemsOnly() {
  const quiet = () => undefined
  const loud = (/** @type {object} */ fields, /** @type {string} */ message) => console.error(message, fields)
  return { debug: quiet, info: quiet, warn: loud, error: loud }
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message)
  process.exit(1)
}
