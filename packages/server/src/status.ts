/** `rejoin status`, `rejoin incidents` and `rejoin diagnose`: what a running server says of where it stands. */
import type { Roster } from '@rejoin/sync/partition'
import { type Asked, asking, fault, type Terminal } from './ask-server.ts'
import type { RosterAsk } from './roster-asks.ts'

/** Many addresses, each of which may say nothing. */
const diagnosisPatienceMs = 150_000

/** What `/debug/partition` says, as far as the commands use it. */
export interface ToldStanding {
  readonly self: string
  readonly connected: readonly string[]
  readonly roster?: Roster
  readonly mayAct: boolean
  readonly rosterAsk?: RosterAsk
  readonly explanation: readonly string[]
}

export interface PrintOptions {
  /** Print data and no words. */
  readonly json?: boolean
}

export async function lookAtStanding(server: Asked): Promise<ToldStanding> {
  return JSON.parse(await server.look('partition')) as ToldStanding
}

/** Prints where a server stands, in plain sentences. With `check`, answers 1 where it may not act for all. */
export async function printStatus(
  url: string,
  { json, check }: PrintOptions & { readonly check?: boolean },
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal
  const standing = await lookAtStanding(asking(url, terminal))
  const { self, connected, roster, explanation, mayAct } = standing
  if (json) printJson(standing, terminal)
  else {
    const voters = roster?.voters.map(({ id }) => id) ?? []
    stdout.write(`${self}, ${voters.includes(self) ? 'a voter' : 'no voter'} of ${voters.join(', ') || 'nobody'}\n`)
    stdout.write(`connected: ${connected.join(', ') || 'nobody'}\n\n${explanation.join('\n')}\n`)
  }
  return check && !mayAct ? 1 : 0
}

/** Prints the incidents that a server knows of, or the report of one. */
export async function printIncidents(
  url: string,
  name: string | undefined,
  { json }: PrintOptions,
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal
  const server = asking(url, terminal)
  const { incidents } = JSON.parse(await server.look('recoveries')) as {
    readonly incidents: readonly {
      readonly id: string
      readonly name: string
      readonly openedAt: number
      readonly failure?: string
      readonly phase: string
      readonly outcome?: string
    }[]
  }
  if (name !== undefined) {
    const incident = incidents.find((one) => one.name === name || one.id === name)
    if (incident === undefined)
      throw fault(
        'operation-refused',
        `The server at ${server.url} knows no incident of the name ${name}`,
        '`rejoin incidents` without a name lists those that it knows.',
      )
    if (json) printJson(incident, terminal)
    else stdout.write(await server.look(`recoveries/${encodeURIComponent(incident.name)}`))
    return 0
  }
  if (json) {
    printJson({ incidents }, terminal)
    return 0
  }
  if (incidents.length === 0) stdout.write('no incidents\n')
  for (const { name: called, openedAt, failure, phase, outcome } of incidents) {
    const when = new Date(openedAt).toISOString()
    stdout.write(`${called}  ${when}  ${(failure ?? 'not told yet').padEnd(18)} ${outcome ?? phase}\n`)
  }
  return 0
}

/** Has a server dial addresses on trial, and prints what stops each; answers 1 where one does not work. */
export async function printDiagnosis(
  url: string,
  addresses: readonly string[],
  { json }: PrintOptions,
  terminal: Terminal,
): Promise<number> {
  const { stdout } = terminal
  const answer = await asking(url, terminal).operate<{
    readonly addresses: readonly { readonly outcome: string; readonly text: string }[]
  }>('diagnose', { addresses }, diagnosisPatienceMs)
  const found = answer.addresses
  if (json) printJson(answer, terminal)
  else if (found.length === 0) stdout.write('no addresses of other servers are known\n')
  else for (const { text } of found) stdout.write(`${text}\n`)
  return found.every(({ outcome }) => outcome === 'works') ? 0 : 1
}

export function printJson(data: object, { stdout }: Terminal): void {
  stdout.write(`${JSON.stringify(data, null, 2)}\n`)
}
