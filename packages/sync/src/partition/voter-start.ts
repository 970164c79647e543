import type { ReplicaCore } from '../replica-core.ts'
import type { PartitionOptions } from './partitions.ts'
import type { NodeId } from './roster.ts'
import { initialRosterLogState, lostRosterLogState, type RosterLogState } from './roster-record.ts'
import { stateOf } from './voter-wire.ts'
import type { RosterRow } from './wire.ts'

/** What a replica begins with. */
export interface RosterStart {
  readonly state: RosterLogState
  /** Whether it is to be written: without it the next start would not know that nothing was promised before. */
  readonly isNew: boolean
}

/** What stands on the disk about the roster. */
export interface FoundRoster {
  /** Whether there is a row; undefined where the disk could not be read. */
  readonly hasRow: boolean | undefined
  /** What that says; undefined where it is damaged. */
  readonly stored: RosterRow | undefined
}

/** A voter begins with what is on the disk, else with what the options say; without either it is the only voter of itself. */
export function startVoter(
  {
    core,
    self,
    options,
  }: {
    readonly core: ReplicaCore
    readonly self: NodeId
    readonly options: Pick<PartitionOptions, 'roster' | 'isFounding'>
  },
  { stored, hasRow }: FoundRoster,
): RosterStart | undefined {
  const isServer = core.role === 'server'
  // Without a name it was another voter before: nobody else counts on it.
  const isOfOther = core.name === '' && options.roster === undefined && isServer
  const state = stored && stateOf(stored)
  if (state !== undefined && !isOfOther) return { state, isNew: false }
  const own = { epoch: 1, voters: [{ id: self, weight: 1 }], policy: { kind: 'keep-majority' } } as const
  const roster = options.roster ?? (isServer ? own : undefined)
  if (roster === undefined) return undefined
  const isAlone = roster.voters.length === 1 && roster.voters[0]?.id === self
  // What could not be read may hold promises: it is left as it is, and the others readmit this replica.
  const isNew = hasRow !== undefined && (!hasRow || isOfOther) && (options.isFounding ?? isAlone)
  return { state: isNew ? initialRosterLogState(roster) : lostRosterLogState(roster), isNew }
}
