/**
 * Asks the authorize hook, and turns everything it may do wrong into a failure with a code.
 *
 * A `no` of the hook is a decision: the client gives up what it wrote. A hook that fails has decided nothing: nothing
 * is granted, and the client keeps its changes and asks again later, so that an outage of an identity service costs nobody
 * their work.
 *
 * Without a hook everybody who reaches the port may write; `createServer` refuses to bind beyond loopback then, unless
 * told `insecure`.
 */
import { isRejoinError, rejoinError } from '@rejoin/state'
import type { Authorize, AuthorizeRequest, Permission } from '@rejoin/sync'
import { clusterDocument } from '@rejoin/sync/partition'

/** What the authorizer needs besides the hook. */
export interface AuthorizerOptions {
  readonly timeoutMs: number
  readonly tokenBytes: number
  /** Told every answer, with how long it took. */
  readonly onAnswer: (answer: string, tookMs: number) => void
  /** Told why the hook failed, without the token. */
  readonly onTrouble: (document: string, problem: string) => void
}

/**
 * Wraps `hook`. The returned function answers a permission, or rejects with a RejoinError `authorize-failed`,
 * `authorize-timeout` or `token-too-long`.
 */
export function createAuthorizer(
  hook: Authorize | undefined,
  options: AuthorizerOptions,
): (request: AuthorizeRequest) => Promise<Permission> {
  // Whoever may do everything may vote.
  if (hook === undefined) return async ({ document }) => (document === clusterDocument ? 'admin' : 'write')
  return async (request) => {
    const startedAt = performance.now()
    let answer = 'authorize-failed'
    try {
      const permission = await ask(hook, request, options)
      answer = permission
      return permission
    } catch (error) {
      if (isRejoinError(error)) answer = error.code
      throw error
    } finally {
      options.onAnswer(answer, performance.now() - startedAt)
    }
  }
}

async function ask(hook: Authorize, request: AuthorizeRequest, options: AuthorizerOptions): Promise<Permission> {
  const tokenBytes = Buffer.byteLength(request.token ?? '')
  if (tokenBytes > options.tokenBytes) {
    throw rejoinError('token-too-long', {
      reason: `The token has ${tokenBytes} bytes, at most ${options.tokenBytes} are taken.`,
    })
  }
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), options.timeoutMs)
  })
  try {
    // In a promise, so that a hook that throws at once reads like one that rejects.
    const answer: unknown = await Promise.race([Promise.resolve(request).then(hook).then(wrapped), silence])
    if (answer === undefined) {
      options.onTrouble(request.document, `no answer within ${options.timeoutMs} ms`)
      throw rejoinError('authorize-timeout')
    }
    const { permission } = answer as { permission: unknown }
    if (isPermission(permission)) return permission
    options.onTrouble(request.document, `answered ${typeof permission}, not read, write, admin or no`)
  } catch (error) {
    if (isRejoinError(error) && error.code === 'authorize-timeout') throw error
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : typeof error
    options.onTrouble(request.document, withoutToken(problem, request.token))
  } finally {
    clearTimeout(timer)
  }
  throw rejoinError('authorize-failed')
}

function wrapped(permission: unknown): { permission: unknown } {
  return { permission }
}

function isPermission(value: unknown): value is Permission {
  return value === 'no' || value === 'read' || value === 'write' || value === 'admin'
}

/** Libraries like to quote the token they could not parse; a log must not. */
function withoutToken(text: string, token: string | undefined): string {
  return token === undefined || token === '' ? text : text.replaceAll(token, '[token]')
}
