// The NATS server of the tests of leases in NATS: an installed one. Nothing is downloaded.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian puts it, which is not on everybody's PATH. */
const places = ['/usr/sbin/nats-server', '/usr/local/sbin/nats-server']

/**
 * The path of the server to use: `NATS_SERVER_PATH` when set, else the first `nats-server` found; `undefined` when there is
 * none. A `NATS_SERVER_PATH` that cannot be run is a mistake, not an absence.
 * @param {Record<string, string | undefined>} [env]
 * @returns {string | undefined}
 * @throws when `NATS_SERVER_PATH` names something that cannot be run
 */
export function findNatsServer(env = process.env) {
  const chosen = env['NATS_SERVER_PATH']
  if (chosen !== undefined && chosen !== '') {
    if (!isExecutable(chosen)) throw new Error(`NATS_SERVER_PATH is set to ${chosen}, which cannot be run`)
    return chosen
  }
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'))
  return [...onPath, ...places].find(isExecutable)
}

/**
 * Whether a missing server is a failure here: in CI, or when asked for by `REJOIN_REQUIRE_NATS_SERVER=1`.
 * @param {Record<string, string | undefined>} [env]
 */
export function natsServerIsRequired(env = process.env) {
  const { CI, REJOIN_REQUIRE_NATS_SERVER } = env
  return REJOIN_REQUIRE_NATS_SERVER === '1' || (CI !== undefined && CI !== '' && CI !== 'false')
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
