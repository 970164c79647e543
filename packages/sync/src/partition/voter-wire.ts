/** The bytes of what voters tell each other of who is there and of the roster. */
import { choice, decoded, encoded, type Field, flag, list, optional, record, uint } from '../wire-fields.ts'
import type { SwimMessage } from './detector/swim-messages.ts'
import { mostVoters } from './roster.ts'
import {
  type Ballot,
  lostRosterLogState,
  type RosterLogState,
  type RosterMessage,
  type RosterPhase,
  type SeenProcess,
} from './roster-record.ts'
import { id, type PartitionShapes, type RosterRow, roster, rosterShapes, rumours, swimShapes, union } from './wire.ts'

const ballot = record<Ballot>({ round: uint, by: id })
type Accepted = NonNullable<RosterLogState['accepted']>
const accepted: Field<Accepted | undefined> = optional(record<Accepted>({ ballot, roster }))

const phase = choice<RosterPhase>(['query', 'prepare', 'accept'])

const swim = union<SwimMessage>({
  ...swimShapes,
  indirect: { seq: uint, subject: id, rumours },
  nack: { seq: uint, isNeighbour: flag },
  gossip: { rumours },
  table: { rumours, isAnswer: flag },
})

const rosterMessage = union<RosterMessage>({
  request: { phase, epoch: uint, ballot, roster: optional(roster) },
  answer: { phase, epoch: uint, ballot, accepted },
  refused: { epoch: uint, promised: ballot },
  ask: { nonce: uint },
  ...rosterShapes,
  readmit: { epoch: uint },
  admit: { roster, nonce: uint },
})

/** Among voters, and those that a roster makes one. */
export const voterShapes: Pick<PartitionShapes, 'swim' | 'roster'> = {
  swim: { message: swim },
  roster: { message: rosterMessage },
}

type Vote = Omit<RosterLogState, 'roster' | 'previous'>
const vote = record<Vote>({
  promised: ballot,
  accepted,
  votesFrom: uint,
  settled: uint,
  admitted: optional(list(record<SeenProcess>({ id, nonce: uint }), mostVoters)),
})

/** What a voter answered for, as its row has it. */
export function encodeVote(state: RosterLogState): Uint8Array {
  return encoded(vote, state)
}

/** What a row says of who votes; undefined where it is damaged. Where no voter wrote it, this replica never was one, or may have been. */
export function stateOf({ roster, previous, vote: bytes }: RosterRow): RosterLogState | undefined {
  if (bytes.length === 0) return { ...lostRosterLogState(roster), previous }
  const read = decoded(vote, bytes)
  return read.ok ? { ...read.value, roster, previous } : undefined
}
