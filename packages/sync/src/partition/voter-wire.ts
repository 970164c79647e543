/** The bytes of what voters tell each other of who is there and of the roster. */
import { choice, flag, optional, uint } from '../wire-fields.ts'
import type { SwimMessage } from './detector/swim-messages.ts'
import type { RosterMessage, RosterPhase } from './roster-record.ts'
import { accepted, ballot, id, type PartitionShapes, roster, rosterShapes, rumours, swimShapes, union } from './wire.ts'

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
