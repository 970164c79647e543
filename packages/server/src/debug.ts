/** What `/debug/...` shows of one server: nothing of any document, and no address of a client. */
import { explainPartition, incidentReport, type Partitions, type PlannedDialing } from '@rejoin/sync/partition'

/** Plain data or words; undefined where there is nothing of the name. */
export function debugAnswer(
  partitions: Partitions,
  { addresses }: PlannedDialing,
  name: string,
): object | string | undefined {
  const { status } = partitions
  switch (name) {
    case 'partition':
      return { self: partitions.self, ...status, explanation: explainPartition(status.verdict) }
    case 'peers':
      return {
        self: partitions.self,
        connected: status.connected,
        voters: status.roster?.voters.map(({ id }) => id) ?? [],
        isPaused: status.isPaused,
      }
    case 'addresses':
      return { addresses }
    case 'recoveries':
      return { incidents: partitions.incidents }
    case 'explain':
      return `${explainPartition(status.verdict).join('\n')}\n`
    default: {
      const incident = partitions.incidents.find(
        (one) => name === `recoveries/${one.name}` || name === `recoveries/${one.id}`,
      )
      return incident === undefined ? undefined : incidentReport(incident)
    }
  }
}
