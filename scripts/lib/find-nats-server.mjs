// The NATS server of the tests of leases in NATS: an installed one. Nothing is downloaded.
import { findProgram, isRequired } from './find-program.mjs'

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
  return findProgram({
    env,
    variable: 'NATS_SERVER_PATH',
    names: [process.platform === 'win32' ? 'nats-server.exe' : 'nats-server'],
    places,
  })
}

/**
 * Whether a missing server is a failure here: in CI, or when asked for by `REJOIN_REQUIRE_NATS_SERVER=1`.
 * @param {Record<string, string | undefined>} [env]
 */
export function natsServerIsRequired(env = process.env) {
  return isRequired(env, 'REJOIN_REQUIRE_NATS_SERVER')
}
