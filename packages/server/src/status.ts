/** `rejoin status` and `rejoin incidents`: what a running server says of where it stands. */
import { rejoinError } from '@rejoin/state'

/** The parts of a process that the commands write to. */
export interface Output {
  readonly stdout: { write(text: string): unknown }
}

const timeoutMs = 5_000

/** Prints where a server stands, in plain sentences. */
export async function printStatus(url: string, { stdout }: Output): Promise<number> {
  const [words, peers] = await Promise.all([ask(url, 'explain'), ask(url, 'peers')])
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
export async function printIncidents(url: string, name: string | undefined, { stdout }: Output): Promise<number> {
  if (name !== undefined) {
    stdout.write(await ask(url, `recoveries/${encodeURIComponent(name)}`))
    return 0
  }
  const { incidents } = JSON.parse(await ask(url, 'recoveries')) as {
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
export async function printOperation(url: string, name: string, request: object, { stdout }: Output): Promise<number> {
  const headers = { 'x-rejoin-operator': '1' }
  const answer = await ask(url, name, { method: 'POST', headers, body: JSON.stringify(request) })
  stdout.write(`${JSON.stringify(JSON.parse(answer), null, 2)}\n`)
  return 0
}

async function ask(url: string, name: string, init: RequestInit = {}): Promise<string> {
  const address = `${url.replace(/\/+$/, '')}/${init.method === 'POST' ? 'operate' : 'debug'}/${name}`
  const response = await fetch(address, { ...init, signal: AbortSignal.timeout(timeoutMs) }).catch((cause: unknown) => {
    throw rejoinError('address-unavailable', { reason: `No server answers at ${url}.`, cause })
  })
  const text = await response.text()
  if (response.ok) return text
  throw rejoinError(response.status === 403 ? 'forbidden' : 'config-invalid', {
    reason: response.status === 404 ? `${address}: there is nothing of that name.` : `${address}: ${text.trim()}`,
  })
}
