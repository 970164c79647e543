/** The bytes of what is asked and answered about leases, which replicas that only watch neither tell nor are told. */
import type { Version } from '@rejoin/state'
import { wholeVersion } from '../version-codec.ts'
import { flag, list, record, text, uint } from '../wire-fields.ts'
import type { LeaseMessage, LeaseRefusal } from './lease/messages.ts'
import { mostLeaseName } from './lease/options.ts'
import type { Ballot as LeaseBallot } from './lease/token.ts'
import { type CountedVersion, documentName, id, mostCounted, type PartitionShapes, time, union } from './wire.ts'

const lease = text(4 * mostLeaseName)
const token = record<LeaseBallot>({ epoch: uint, ballot: uint })
const why = union<LeaseRefusal>({
  held: { holder: id, forMs: time },
  outbid: {},
  epoch: {},
  newRoster: { forMs: time },
  recovering: {},
  full: {},
  behind: {},
})

const leaseMessage = union<LeaseMessage<Version>>({
  prepare: { lease, epoch: uint, request: uint, ballot: uint, preVote: flag },
  accept: { lease, epoch: uint, request: uint, token, ttlMs: time, renewal: flag },
  release: { lease, token },
  learn: { epoch: uint, request: uint },
  promised: { epoch: uint, request: uint, ballot: uint },
  learnt: { epoch: uint, request: uint, ballot: uint },
  accepted: { epoch: uint, request: uint, version: wholeVersion },
  refused: { epoch: uint, request: uint, why },
})

/** Between whoever wants a lease and the voters. */
export const leaseShapes: Pick<PartitionShapes, 'lease' | 'ask' | 'relay'> = {
  lease: { document: documentName, key: text(32), message: leaseMessage },
  ask: { voter: id, document: documentName, key: text(32), message: leaseMessage },
  relay: { asker: id, document: documentName, message: leaseMessage },
}

/** Between voters of rosters that follow each other. */
export const handoverShapes: Pick<PartitionShapes, 'handover' | 'handed'> = {
  handover: { epoch: uint, after: documentName },
  handed: {
    epoch: uint,
    after: documentName,
    settled: uint,
    counted: list(record<CountedVersion>({ document: documentName, version: wholeVersion }), mostCounted, 3),
    isLast: flag,
  },
}
