/** `rejoin serve`: one server for the life of the process. */

import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type ErrorCode, isRejoinError, RejoinError, rejoinError } from '@rejoin/state'
import type { Authorize } from '@rejoin/sync'
import { pino } from 'pino'
import type { ResolvedConfig } from './config.ts'
import { createServer } from './create-server.ts'
import { policyToText } from './policy-text.ts'

/** The parts of `process` that the command uses. */
export interface ServeProcess {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown
  exit(status: number): unknown
}

/**
 * Serves until SIGTERM or SIGINT, then drains; a second signal exits at once. Answers the exit status.
 * One log line per event goes to standard output as JSON.
 */
export async function serve(config: ResolvedConfig, io: ServeProcess): Promise<number> {
  const logger = pino({ name: 'rejoin', level: config.logLevel }, io.stdout as { write(text: string): void })
  const authorize = config.authorize === undefined ? undefined : await loadAuthorize(config.authorize)
  const server = createServer({
    dataDir: config.data,
    traceDir: join(config.data, 'traces'),
    port: config.port,
    host: config.host,
    insecure: config.insecure,
    origins: config.origins,
    limits: config.limits,
    logger,
    adminHost: config.adminHost,
    ...(config.adminPort === undefined ? {} : { adminPort: config.adminPort }),
    ...(config.static === undefined ? {} : { staticDir: config.static }),
    join: config.join,
    ...(config.advertise === undefined ? {} : { advertise: config.advertise }),
    voters: config.voters,
    ...(config.policy === undefined ? {} : { policy: policyToText(config.policy) }),
    preset: config.preset,
    ...(config.founding === undefined ? {} : { founding: config.founding }),
    ...(config.node === undefined ? {} : { node: config.node }),
    ...(config.grantsRights === undefined ? {} : { grantsRights: config.grantsRights }),
    ...(io.env['JOIN_TOKEN'] ? { joinToken: () => io.env['JOIN_TOKEN'] } : {}),
    ...(authorize === undefined ? {} : { authorize }),
  })
  const stopped = untilSignalled(io, logger)
  await server.listen().catch((error: unknown) => {
    throw startTrouble(error, config.data)
  })
  const signal = await stopped.first
  logger.info({ signal }, 'stopping')
  await server.close()
  stopped.dispose()
  return 0
}

/** Loads the module named by `--authorize`: its export `authorize`, or its default export. */
export async function loadAuthorize(path: string): Promise<Authorize> {
  const url = pathToFileURL(resolve(path)).href
  const module = (await import(url).catch((cause: Error) => {
    throw rejoinError('config-invalid', { reason: `authorize: ${path} cannot be loaded: ${cause.message}`, cause })
  })) as { readonly authorize?: unknown; readonly default?: unknown }
  const hook = module.authorize ?? module.default
  if (typeof hook !== 'function') {
    throw rejoinError('config-invalid', { reason: `authorize: ${path} exports no function named authorize` })
  }
  return hook as Authorize
}

/** What to do is another thing here than while a replica goes on writing: nothing has begun. */
function startTrouble(error: unknown, directory: string): unknown {
  if (!isRejoinError(error)) return error
  const remedy = remedies[error.code]
  if (remedy === undefined) return error
  const reason = `The data cannot be opened in ${directory}: ${error.reason}`
  return new RejoinError({ code: error.code, reason, remedy }, { cause: error })
}

const remedies: { readonly [code in ErrorCode]?: string } = {
  'storage-unavailable':
    'Name a directory that this user may make and write, with --data or DATA_DIR. Nothing was started.',
  'storage-full':
    'Free space on that disk, or name a directory on another with --data or DATA_DIR. Nothing was started.',
  'storage-corrupt':
    'Move the files away and start anew: other servers and clients bring back what they have. Or name another directory with --data or DATA_DIR. Nothing was started.',
}

function untilSignalled(
  io: ServeProcess,
  logger: { warn(text: string): void },
): { readonly first: Promise<string>; readonly dispose: () => void } {
  let count = 0
  let settle: (signal: string) => void = () => undefined
  const first = new Promise<string>((resolveFirst) => {
    settle = resolveFirst
  })
  const on = (signal: 'SIGTERM' | 'SIGINT') => (): void => {
    count += 1
    if (count === 1) settle(signal)
    else {
      logger.warn('second signal: exiting without waiting')
      io.exit(130)
    }
  }
  const terminate = on('SIGTERM')
  const interrupt = on('SIGINT')
  io.on('SIGTERM', terminate)
  io.on('SIGINT', interrupt)
  return {
    first,
    dispose: () => {
      io.off('SIGTERM', terminate)
      io.off('SIGINT', interrupt)
    },
  }
}
