/** The bytes of what the partition layers of two replicas tell each other, in asides. */
import type { DecodeError, Result, Version } from '@rejoin/state'
import { frameLimits } from '../frame-limits.ts'
import { wholeVersion } from '../version-codec.ts'
import {
  choice,
  decoded,
  encoded,
  type Field,
  type Fields,
  flag,
  list,
  optional,
  record,
  rest,
  text,
  uint,
} from '../wire-fields.ts'
import {
  type MemberStatus,
  mostAccusers,
  mostMembers,
  type Rumour,
  type SwimMessage,
} from './detector/swim-messages.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { mostVoters, type NodeId, type Policy, type Roster, type Voter } from './roster.ts'
import type { RosterMessage } from './roster-record.ts'
import type { Contact, HeardRow, PeerLink, ReachabilityRow } from './verdict/reachability.ts'

/** What one partition layer tells another. */
export type PartitionMessage =
  /** It runs. */
  | { readonly kind: 'heartbeat'; readonly isHidden: boolean }
  | { readonly kind: 'swim'; readonly message: SwimMessage }
  | { readonly kind: 'rows'; readonly rows: readonly HeardRow[] }
  | { readonly kind: 'roster'; readonly message: RosterMessage }
  /** `key`: of who asks, told to nobody else; it says nothing in an answer. */
  | {
      readonly kind: 'lease'
      readonly document: string
      readonly key: string
      readonly message: LeaseMessage<Version>
    }
  /** What the open incidents about contact are called. */
  | { readonly kind: 'incidents'; readonly names: readonly string[] }
  /** What counted before the roster of `epoch`, of documents whose names come after this one? */
  | { readonly kind: 'handover'; readonly epoch: number; readonly after: string }
  /** The answer, by the names of documents. `settled`: for which roster the one who answers is. */
  | {
      readonly kind: 'handed'
      readonly epoch: number
      readonly after: string
      readonly settled: number
      readonly counted: readonly CountedVersion[]
      readonly isLast: boolean
    }
  /** From a client to its server: what it asks a voter that it is not connected with. The answer bears no key. */
  | {
      readonly kind: 'ask'
      readonly voter: NodeId
      readonly document: string
      readonly key: string
      readonly message: LeaseMessage<Version>
    }
  /** The same between the two servers. */
  | {
      readonly kind: 'relay'
      readonly asker: NodeId
      readonly document: string
      readonly message: LeaseMessage<Version>
    }
  /** A client waits until a quorum has so much. */
  | { readonly kind: 'awaits'; readonly document: string; readonly version: Version }
  /** A quorum has so much, says its server. */
  | { readonly kind: 'stored'; readonly document: string; readonly version: Version }

/** What of a document counted, and is to be held by whoever votes about its leases. */
export interface CountedVersion {
  readonly document: string
  readonly version: Version
}

/** Documents that one message tells of. */
export const mostCounted = 256

/** Names of incidents that one message tells. */
export const mostNames = 8

export const id: Field<string> = text(128)
export const documentName: Field<string> = text(frameLimits.documentNameBytes)

export type Shapes<T extends { readonly kind: string }> = {
  readonly [K in T['kind']]: Fields<Omit<Extract<T, { readonly kind: K }>, 'kind'>>
}

/** One of several shapes, told apart by `kind`: its place among them is its number. What has no shape is for others. */
export function union<T extends { readonly kind: string }>(
  shapes: {
    readonly [K in T['kind']]?: Shapes<T>[K] | undefined
  },
): Field<T> {
  const kinds = Object.keys(shapes) as T['kind'][]
  const fields = kinds.map((kind) => shapes[kind] && record<object>(shapes[kind]))
  return {
    write: (writer, value) => {
      const at = kinds.indexOf(value.kind as T['kind'])
      writer.u8(at)
      fields[at]?.write(writer, value)
    },
    read: (reader) => {
      const at = reader.u8()
      const field = fields[at]
      // One that is not learned here, or comes with a later version.
      if (field === undefined) return reader.fail('unsupported-version', `unknown kind ${at}`)
      return { kind: kinds[at], ...field.read(reader) } as unknown as T
    },
  }
}

const rumour = record<Rumour>({
  id,
  status: choice<MemberStatus>(['alive', 'suspect', 'unreachable', 'left']),
  incarnation: uint,
  by: list(id, mostAccusers),
})
export const rumours: Field<readonly Rumour[]> = list(rumour, mostMembers, 4)

/** What whoever has no vote asks, and is answered. */
export const swimShapes: Pick<Shapes<SwimMessage>, 'probe' | 'ack'> = {
  probe: { seq: uint, rumours },
  ack: { seq: uint, incarnation: uint, rumours },
}
const swim = union<SwimMessage>({
  ...swimShapes,
  indirect: undefined,
  nack: undefined,
  gossip: undefined,
  table: undefined,
})

export const time: Field<number> = {
  write: (writer, ms) => writer.varUint(Math.max(0, Math.round(ms))),
  read: (reader) => reader.varUint(),
}

const link = record<PeerLink>({
  peer: id,
  kind: choice<PeerLink['kind']>(['direct', 'relayed', 'unreachable']),
  by: optional(id),
  since: time,
})

const row = record<HeardRow>({
  row: record<ReachabilityRow>({
    observer: id,
    rosterEpoch: uint,
    version: uint,
    mayVote: flag,
    contact: choice<Contact>(['kept', 'lost', 'met']),
    links: list(link, mostVoters, 4),
  }),
  ageMs: time,
})

const voter = record<Voter>({
  id,
  weight: uint,
  role: optional(id) as Field<string>,
  isCritical: optional(flag) as Field<boolean>,
})

const policy = union<Policy>({
  'keep-majority': {},
  'static-quorum': { voters: uint },
  'two-thirds': {},
  'keep-oldest': {},
  lease: {},
  none: {},
})

/** Whether it is a sound one `rosterFault` says: that is for who takes it in. */
export const roster: Field<Roster> = record<Roster>({
  epoch: uint,
  voters: list(voter, mostVoters, 4),
  policy,
  arbiter: optional(id) as Field<string>,
})

/** What whoever has no vote is told. */
export const rosterShapes: Pick<Shapes<RosterMessage>, 'roster'> = {
  roster: { roster, answers: optional(uint), isPending: flag, previous: optional(roster) },
}
const rosterMessage = union<RosterMessage>({
  request: undefined,
  answer: undefined,
  refused: undefined,
  ask: undefined,
  ...rosterShapes,
})

/** How each message is spelled. */
export type PartitionShapes = Shapes<PartitionMessage>
type KnownShapes = { readonly [K in keyof PartitionShapes]: PartitionShapes[K] | undefined }

/** What everybody tells or is told. The place is the number of a kind, for ever. */
const common: KnownShapes = {
  heartbeat: { isHidden: flag },
  swim: { message: swim },
  rows: { rows: list(row, mostVoters, 6) },
  roster: { message: rosterMessage },
  lease: undefined,
  incidents: { names: list(id, mostNames) },
  handover: undefined,
  handed: undefined,
  ask: undefined,
  relay: undefined,
  awaits: { document: documentName, version: wholeVersion },
  stored: { document: documentName, version: wholeVersion },
}

/** The bytes of messages. It knows those of all, and learns those of leases where somebody wants or votes about some, and those of voters. */
export class PartitionWire {
  #shapes = common
  #message: Field<PartitionMessage> = union(common)

  learn(shapes: Partial<PartitionShapes>): void {
    this.#shapes = { ...this.#shapes, ...shapes }
    this.#message = union(this.#shapes)
  }

  encode(told: PartitionMessage): Uint8Array {
    return encoded(this.#message, told)
  }

  /** The message that bytes spell, or why they spell none. Never throws, whatever the bytes. */
  decode(bytes: Uint8Array): Result<PartitionMessage, DecodeError> {
    return decoded(this.#message, bytes)
  }
}

/** The roster as it stands on the disk. */
export interface RosterRow {
  readonly roster: Roster
  readonly previous?: Roster | undefined
  /** What a voter answered for, which only voters spell and read; nothing where no voter wrote it. */
  readonly vote: Uint8Array
}

const rosterRow = record<RosterRow>({ roster, previous: optional(roster), vote: rest })

export function encodeRosterRow(row: RosterRow): Uint8Array {
  return encoded(rosterRow, row)
}

/** What such a row spells; an error where it was damaged. */
export function decodeRosterRow(bytes: Uint8Array): Result<RosterRow, DecodeError> {
  return decoded(rosterRow, bytes)
}
