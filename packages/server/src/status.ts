/** `rejoin status` and `rejoin incidents`: what a running server says of where it stands. */
import { rejoinError } from '@rejoin/state'

/** The parts of a process that the commands read and write. */
export interface Terminal {
  readonly stdout: { write(text: string): unknown }
  /** `OPERATOR_TOKEN` goes along with what is asked. */
  readonly env: Readonly<Record<string, string | undefined>>
}

const timeoutMs = 5_000
/** Many addresses, each of which may say nothing. */
const diagnosisTimeoutMs = 150_000

/** Prints where a server stands, in plain sentences. */
export async function printStatus(url: string, { stdout, env }: Terminal): Promise<number> {
  const [words, peers] = await Promise.all([ask(env, url, 'explain'), ask(env, url, 'peers')])
  const { self, connected, voters } = JSON.parse(peers) as {
    readonly self: string
    readonly connected: readonly string[]
    readonly voters: readonly string[]
  }
  stdout.write(`${self}, ${voters.includes(self) ? 'a voter' : 'no voter'} of ${voters.join(', ') || 'nobody'}\n`)
  stdout.write(`connected: ${connected.join(', ') || 'nobody'}\n\n${words}`)
  return 0
}

/** Prints the incidents that a server knows of, or the report of one. */
export async function printIncidents(
  url: string,
  name: string | undefined,
  { stdout, env }: Terminal,
): Promise<number> {
  if (name !== undefined) {
    stdout.write(await ask(env, url, `recoveries/${encodeURIComponent(name)}`))
    return 0
  }
  const { incidents } = JSON.parse(await ask(env, url, 'recoveries')) as {
    readonly incidents: readonly {
      readonly name: string
      readonly openedAt: number
      readonly failure?: string
      readonly phase: string
      readonly outcome?: string
    }[]
  }
  if (incidents.length === 0) stdout.write('no incidents\n')
  for (const { name: called, openedAt, failure, phase, outcome } of incidents) {
    const when = new Date(openedAt).toISOString()
    stdout.write(`${called}  ${when}  ${(failure ?? 'not told yet').padEnd(18)} ${outcome ?? phase}\n`)
  }
  return 0
}

/** Has a server do something, and prints what it answers. */
export async function printOperation(
  url: string,
  name: string,
  request: object,
  { stdout, env }: Terminal,
): Promise<number> {
  const answer = await ask(env, url, name, JSON.stringify(request))
  stdout.write(`${JSON.stringify(JSON.parse(answer), null, 2)}\n`)
  return 0
}

/** Has a server dial addresses on trial, and prints what stops each; answers 1 where one does not work. */
export async function printDiagnosis(
  url: string,
  addresses: readonly string[],
  { stdout, env }: Terminal,
): Promise<number> {
  const answer = await ask(env, url, 'diagnose', JSON.stringify({ addresses }), diagnosisTimeoutMs)
  const { addresses: found } = JSON.parse(answer) as {
    readonly addresses: readonly { readonly outcome: string; readonly text: string }[]
  }
  if (found.length === 0) stdout.write('no addresses of other servers are known\n')
  for (const { text } of found) stdout.write(`${text}\n`)
  return found.every(({ outcome }) => outcome === 'works') ? 0 : 1
}

/** Asks a server; with `body`, to do something. */
async function ask(
  { OPERATOR_TOKEN: token }: Terminal['env'],
  url: string,
  name: string,
  body?: string,
  patienceMs = timeoutMs,
): Promise<string> {
  const address = `${url.replace(/\/+$/, '')}/${body === undefined ? 'debug' : 'operate'}/${name}`
  const response = await fetch(address, {
    headers: { 'x-rejoin-operator': '1', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body === undefined ? {} : { method: 'POST', body }),
    signal: AbortSignal.timeout(patienceMs),
  }).catch((cause: unknown) => {
    throw rejoinError('address-unavailable', { reason: `No server answers at ${url}.`, cause })
  })
  const text = await response.text()
  if (response.ok) return text
  const hint = response.status === 401 ? ' The command takes it from OPERATOR_TOKEN.' : ''
  throw rejoinError(response.status === 401 || response.status === 403 ? 'forbidden' : 'config-invalid', {
    reason:
      response.status === 404 ? `${address}: there is nothing of that name.` : `${address}: ${text.trim()}.${hint}`,
  })
}
