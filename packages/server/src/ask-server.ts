/** How the commands for operators ask a running server, and what they say where it does not answer as it should. */
import { type ErrorCode, errorCodes, RejoinError } from '@rejoin/state'
import { sentence } from './sentence.ts'

/** The parts of a process that the commands read and write. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown }
  /** `OPERATOR_TOKEN` goes along with what is asked. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Asks one server. */
export interface Asked {
  /** Where it answers, as given. */
  readonly url: string
  /** What `/debug/NAME` says. */
  look(name: string): Promise<string>
  /** Has it carry out a request, and answers what it tells of that. */
  operate<T>(name: string, request: object, patienceMs?: number): Promise<T>
}

const patienceMs = 5_000

/** @throws RejoinError `config-invalid` where `url` is no address of a server. */
export function asking(url: string, { env }: Pick<Terminal, 'env'>): Asked {
  const base = baseOf(url)
  const ask = async (path: string, forMs: number, body?: string): Promise<string> => {
    const token = env['OPERATOR_TOKEN']
    const response = await fetch(`${base}/${path}`, {
      headers: { 'x-rejoin-operator': '1', ...(token ? { authorization: `Bearer ${token}` } : {}) },
      ...(body === undefined ? {} : { method: 'POST', body }),
      signal: AbortSignal.timeout(forMs),
    }).catch((cause: unknown) => {
      throw silence(base, cause, forMs)
    })
    const text = await response.text()
    if (response.ok) return text
    throw refusal(base, response.status, text, Boolean(token))
  }
  return {
    url: base,
    look: (name) => ask(`debug/${name}`, patienceMs),
    operate: async <T>(name: string, request: object, forMs = patienceMs) =>
      JSON.parse(await ask(`operate/${name}`, forMs, JSON.stringify(request))) as T,
  }
}

/** An address with its scheme, which may be left out, and without a slash at its end. */
function baseOf(url: string): string {
  // A number alone is an address of IPv4 to a parser: 5100 is 0.0.19.236.
  if (/^\d+$/.test(url))
    throw fault(
      'config-invalid',
      `--url: ${url} is a number without a host`,
      `Give an HTTP address, such as http://127.0.0.1:${Number(url) < 65_536 ? url : 4000}.`,
    )
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `http://${url}`
  if (URL.canParse(whole)) {
    const { protocol, origin, pathname } = new URL(whole)
    if (protocol === 'http:' || protocol === 'https:') return origin + pathname.replace(/\/+$/, '')
  }
  throw fault(
    'config-invalid',
    `--url: ${url} is not where a server answers operators`,
    'Give its HTTP address, such as http://127.0.0.1:4000.',
  )
}

function silence(base: string, cause: unknown, forMs: number): RejoinError {
  if (cause instanceof DOMException && cause.name === 'TimeoutError')
    return fault(
      'server-unreachable',
      `What listens at ${base} has not answered within ${forMs / 1_000} s`,
      'See in its log whether it is overloaded, and whether it is a server of Rejoin.',
    )
  return new RejoinError(
    { code: 'server-unreachable', ...errorCodes['server-unreachable'] },
    { reason: `No server answers at ${base}.`, cause },
  )
}

function refusal(base: string, status: number, text: string, hasToken: boolean): RejoinError {
  switch (status) {
    case 401:
      return fault(
        'forbidden',
        `The server at ${base} answers operators only, ${hasToken ? 'and does not take the token for that of one' : 'and no token was given'}`,
        'The command takes it from OPERATOR_TOKEN: one for which the authorize hook answers admin for @cluster.',
      )
    case 403:
      return fault(
        'forbidden',
        `The server at ${base} does not answer operators from here`,
        'Ask on its own machine and not through a proxy, or at its admin port (--admin-port).',
      )
    case 404:
      return fault(
        'operation-refused',
        `What answers at ${base} knows nothing of this: another program, another version, or a server whose admin port is to be asked`,
        'Give the address of its admin port with --url, where it has one.',
      )
    default:
      if (status < 500) return fault('operation-refused', text, errorCodes['operation-refused'].remedy)
      return fault('server-failed', `The server at ${base} failed: ${text}`, 'See its log for why.')
  }
}

/** An error with a way out of its own. */
export function fault(code: ErrorCode, reason: string, remedy: string): RejoinError {
  return new RejoinError({ code, reason: sentence(reason), remedy })
}
