/** `rejoin status`, `rejoin incidents` and `rejoin diagnose`: what a running server says of where it stands. */
import type { Incident, PartitionStatus, Roster, Verdict } from '@rejoin/sync/partition'
import { type Asked, asking, fault, type Terminal } from './ask-server.ts'
import { columns } from './columns.ts'
import type { LeasesView } from './leases-view.ts'
import { leasesLine } from './leases-words.ts'
import type { RosterAsk } from './roster-asks.ts'

/** Many addresses, each of which may say nothing. */
const diagnosisPatienceMs = 150_000

/** What `/debug/partition` says, as far as the commands use it. */
export interface ToldStanding {
  readonly self: string
  readonly connected: readonly string[]
  /** Those of the connected that are servers; of an older server it is not known. */
  readonly servers?: readonly string[]
  readonly roster?: Roster
  readonly verdict?: Verdict
  readonly suspected: PartitionStatus['suspected']
  readonly isPaused: boolean
  readonly isSettled: boolean
  readonly mayAct: boolean
  readonly rosterAsk?: RosterAsk
  /** The first of them; an older server tells none. */
  readonly leases?: LeasesView
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
  const { explanation, mayAct } = standing
  if (json) printJson(standing, terminal)
  else {
    stdout.write(`${selfWords(standing)}\n`)
    stdout.write(`connected: ${connectedWords(standing)}\n`)
    for (const line of standing.leases === undefined ? [] : leasesLine(standing.leases)) stdout.write(`${line}\n`)
    stdout.write(`\n${explanation.join('\n')}\n`)
  }
  return check && !mayAct ? 1 : 0
}

function selfWords({ self, roster, isSettled }: ToldStanding): string {
  const voters = roster?.voters.map(({ id }) => id) ?? []
  const of = voters.join(', ') || 'nobody'
  if (!voters.includes(self)) return `${self}, no voter of ${of}`
  return `${self}, a voter of ${of}; ${isSettled ? 'it votes' : 'it does not vote yet'}`
}

const mostClientsNamed = 10

/** A connection may be there, and nothing come over it. */
function connectedWords({ self, connected, servers = connected, verdict, suspected, isPaused }: ToldStanding): string {
  const isServer = new Set(servers)
  const clients = connected.filter((id) => !isServer.has(id))
  const heard = new Set(verdict?.sides[0])
  for (const pair of verdict?.missingLinks ?? []) if (pair.includes(self)) for (const id of pair) heard.delete(id)
  for (const { peer } of suspected) heard.delete(peer)
  const voters = new Set(isPaused ? [] : verdict?.roster.voters.map(({ id }) => id))
  const words = [
    ...connected
      .filter((id) => isServer.has(id))
      .map((id) => (voters.has(id) && !heard.has(id) ? `${id} (silent)` : id)),
    ...clients.slice(0, mostClientsNamed).map((id) => `${id} (client)`),
    ...(clients.length > mostClientsNamed ? [`and ${clients.length - mostClientsNamed} more clients`] : []),
  ]
  return words.join(', ') || 'nobody'
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
    readonly incidents: readonly Incident[]
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
  else for (const line of columns([incidentColumns, ...incidents.map(incidentCells)])) stdout.write(`${line}\n`)
  return 0
}

const incidentColumns = ['incident', 'began', 'lasted', 'failure', 'state', 'about']

function incidentCells({ name, openedAt, closedAt, failure, phase, outcome, symptoms }: Incident): string[] {
  return [
    name,
    new Date(openedAt).toISOString(),
    closedAt === undefined ? 'open' : durationWords(closedAt - openedAt),
    failure ?? 'unclassified',
    outcome ?? phase,
    [...new Set([...symptoms.absent, ...symptoms.lossy, ...symptoms.slow])].join(', ') || '-',
  ]
}

function durationWords(ms: number): string {
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
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
