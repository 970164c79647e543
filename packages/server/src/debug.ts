/** What `/debug/...` shows of one server: nothing of any document, and no address of a client. */
import { healthOf, incidentReport, type Partitions, type PlannedDialing } from '@rejoin/sync/partition'
import { leasesView, mostWithStatus } from './leases-view.ts'
import type { RosterAsk } from './roster-asks.ts'
import { mayAct, standingWords } from './standing.ts'

/** What is shown. */
export interface Debugged {
  readonly partitions: Partitions
  readonly dialing: PlannedDialing
  readonly rosterAsk: RosterAsk | undefined
  /** Other servers that are connected. */
  readonly servers: readonly string[]
}

const index: readonly (readonly [name: string, described: string])[] = [
  ['explain', 'where this server stands, in plain sentences'],
  ['health', 'how well it does among the voters, and all reasons why not better'],
  ['partition', 'the same as data, with the verdict, the roster, and a change of it that was asked for'],
  ['peers', 'who is connected, and who votes'],
  ['leases', 'the leases that this server voted for, as a voter, and that may be held'],
  ['leases/DOCUMENT', 'those of one document'],
  ['addresses', 'where other servers are dialled, and how that went'],
  ['recoveries', 'the incidents that are known'],
  ['recoveries/NAME', 'the report of one'],
]

/** What there is, as a text. */
export function debugIndex(): string {
  return index.map(([name, described]) => `${`/debug/${name}`.padEnd(24)}${described}\n`).join('')
}

/** Plain data or words; undefined where there is nothing of the name. */
export function debugAnswer(
  { partitions, dialing, rosterAsk, servers }: Debugged,
  name: string,
): object | string | undefined {
  const { self, status } = partitions
  switch (name) {
    case '':
      return debugIndex()
    case 'partition':
      return {
        self,
        ...status,
        servers,
        mayAct: mayAct(status),
        rosterAsk,
        leases: leasesView(partitions, undefined, mostWithStatus),
        explanation: standingWords(partitions, rosterAsk),
      }
    case 'health':
      return healthOf(status)
    case 'peers':
      return {
        self,
        connected: status.connected,
        servers,
        voters: status.roster?.voters.map(({ id }) => id) ?? [],
        isPaused: status.isPaused,
      }
    case 'leases':
      return leasesView(partitions)
    case 'addresses':
      return { addresses: dialing.addresses }
    case 'recoveries':
      return { incidents: partitions.incidents }
    case 'explain':
      return `${standingWords(partitions, rosterAsk).join('\n')}\n`
    default: {
      const [, document] = /^leases\/(.+)$/.exec(name) ?? []
      if (document !== undefined) return leasesOf(partitions, document)
      const incident = partitions.incidents.find(
        (one) => name === `recoveries/${one.name}` || name === `recoveries/${one.id}`,
      )
      return incident === undefined ? undefined : incidentReport(incident)
    }
  }
}

/** `encoded` is a part of an address. */
function leasesOf(partitions: Partitions, encoded: string): object | undefined {
  try {
    return leasesView(partitions, decodeURIComponent(encoded))
  } catch {
    return undefined
  }
}
