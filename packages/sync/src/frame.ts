import type { AuthorId, DigestPlace, PlaceDigests, Value, Version, VersionEntry, VersionName } from '@rejoin/state'
import type { StampsFrame } from './fork/stamps-frame.ts'
import type { JoinQuestion } from './join/join-codec.ts'

/** What a replica is to others. A server gives permissions and its durable acknowledgement counts for the ladder. */
export type Role = 'client' | 'peer' | 'server'

/** What a connection may do with a document. */
export type Permission = 'no' | 'read' | 'write' | 'admin'

/** A closed interval of version numbers. */
export interface VersionRange {
  readonly min: number
  readonly max: number
}

/**
 * Versions of the protocol that this build speaks. From 2 on, whoever is below a floor may join by sketch, and subtrees are
 * compared; from 3 on, stamps are told by which two who write as one author are told apart; from 5 on, asides are heard (those of 4
 * said less, and whoever speaks it ends the connection at what it does not know).
 */
export const protocolVersions: VersionRange = { min: 1, max: 5 }

/** Versions of the change, bundle and snapshot formats that this build reads. */
export const formatVersions: VersionRange = { min: 1, max: 4 }

/** The format from which on versions may be told by what differs from one that has a name. */
export const namesVersionsFrom = 2

/** The format from which on bundles tell epochs. */
export const crossesEpochsFrom = 3

/** The format from which on changes and bundles come packed. */
export const packsFrom = 4

/** Who speaks: the part of hello and welcome that both have. */
export interface Introduction {
  /** Identity of this opening of a replica: 16 hex digits. */
  readonly replica: string
  readonly role: Role
  /** A stable name where there is one; survives restarts. */
  readonly name: string
  /** Ids of the stored profile, so that tabs of one profile know each other. */
  readonly profiles: readonly string[]
  /** Wall clock at sending, milliseconds. */
  readonly wall: number
  /** Greatest frame that this side takes in. */
  readonly frameBytes: number
}

/** First frame of the side that speaks first. `introduction` is absent when the versions do not meet. */
export interface HelloFrame {
  readonly kind: 'hello'
  readonly protocol: VersionRange
  readonly format: VersionRange
  readonly introduction?: Introduction
  readonly token?: string
}

/** Accepts a hello with the versions chosen. */
export interface WelcomeFrame {
  readonly kind: 'welcome'
  readonly protocol: number
  readonly format: number
  readonly introduction: Introduction
  /** The wall clock of the hello, so that its sender can measure the offset. */
  readonly echo: number
}

/** Declines a hello. Readable by every version of the protocol, past and to come. */
export interface RejectFrame {
  readonly kind: 'reject'
  readonly code: string
  readonly reason: string
  readonly protocol: VersionRange
  /** Whether dialling again without a change on either side can help. */
  readonly retry: boolean
}

/** A transfer that the receiver holds in part. */
export interface Resume {
  readonly transfer: string
  readonly bytes: number
}

/** A version as it travels where it has many authors. */
export interface ToldVersion {
  /** A version that the other side holds, by its name; or one that it can keep for the next time, whole. */
  readonly base: VersionName | Version
  /** In what the version differs from that. */
  readonly entries: readonly VersionEntry[]
  /** Names that the sender would understand. */
  readonly names: readonly VersionName[]
}

/** Takes part in a document under a handle of the sender's choice; the other side addresses it by that handle. */
export interface OpenFrame {
  readonly kind: 'open'
  readonly handle: number
  readonly document: string
  readonly version: Version
  /** With it `version` is what the receiver makes of it, and is not on the wire. */
  readonly told?: ToldVersion
  readonly resume?: Resume
}

/** Answers `open`: what its sender may do here, and the version now. Sent again when the permission changes. */
export interface OpenedFrame {
  readonly kind: 'opened'
  readonly handle: number
  readonly permission: Permission
  readonly version: Version
  readonly told?: ToldVersion
}

/** The state digest at a version, to be compared by whoever is at the same one. */
export interface DigestFrame {
  readonly kind: 'digest'
  readonly handle: number
  readonly version: Version
  readonly told?: ToldVersion
  readonly digest: string
}

/** Asks for everything after `version`; with `full`, for the whole state as one bundle. */
export interface NeedFrame {
  readonly kind: 'need'
  readonly handle: number
  readonly version: Version
  readonly told?: ToldVersion
  readonly full: boolean
}

/** Asks for a join, which comes as a transfer in the pieces of a bundle. */
export interface JoinFrame {
  readonly kind: 'join'
  readonly handle: number
  readonly version: Version
  readonly told?: ToldVersion
  readonly question: JoinQuestion
}

/** Frames that tell a version with all of its authors. */
export type VersionFrame = OpenFrame | OpenedFrame | DigestFrame | NeedFrame | JoinFrame

/** What one sees of another replica's presence. `value` is absent when it has left. */
export interface PresenceEntry {
  readonly replica: string
  readonly clock: number
  readonly value?: Value
}

/** Asks for the digests of places in a state with this digest; with `content`, for what stands there in words. */
export interface InspectFrame {
  readonly kind: 'inspect'
  readonly handle: number
  readonly digest: string
  readonly content: boolean
  readonly places: readonly DigestPlace[]
}

/** Answers `inspect`, for the first of its places, as far as there is room. Empty where the state is another one by now. */
export interface InspectedFrame {
  readonly kind: 'inspected'
  readonly handle: number
  /** Of the state that is described. */
  readonly digest: string
  readonly answers: readonly PlaceDigests[]
  /** Lines of JSON for people; nothing reads them. */
  readonly content: string
}

/** Everything that can be on the wire. `handle` is always the *receiver's*, except in `open`. */
export type Frame =
  | HelloFrame
  | WelcomeFrame
  | RejectFrame
  | OpenFrame
  | OpenedFrame
  /** The last `open` named a version that is not held here; these of those that it offered are. It is to be told again. */
  | { readonly kind: 'recall'; readonly handle: number; readonly names: readonly VersionName[] }
  /** Changes in causal order, as the stream's change encoder wrote them. A change and its undo are in one frame. */
  | { readonly kind: 'changes'; readonly handle: number; readonly bytes: Uint8Array }
  /** A piece of an encoded bundle. Only the whole is ever applied. */
  | {
      readonly kind: 'bundle'
      readonly handle: number
      readonly transfer: string
      readonly totalBytes: number
      readonly offset: number
      readonly chunk: Uint8Array
    }
  /** This is on the sender's disk. Only what rose since the last one. */
  | { readonly kind: 'ack'; readonly handle: number; readonly version: Version }
  | DigestFrame
  | InspectFrame
  | InspectedFrame
  | NeedFrame
  /** The receiver is below the sender's floor: it may ask for a join, after what it has to tell itself. */
  | { readonly kind: 'below'; readonly handle: number }
  | JoinFrame
  /** Asks for more symbols of a join; for none when it has what it needs. */
  | { readonly kind: 'more'; readonly handle: number; readonly from: number; readonly count: number }
  | { readonly kind: 'presence'; readonly handle: number; readonly entries: readonly PresenceEntry[] }
  /** Something the receiver sent for this document was dropped. */
  | { readonly kind: 'refused'; readonly handle: number; readonly code: string; readonly reason: string }
  /** To tabs of the same profile: incarnations of the profile, whose work counts as unsaved. */
  | { readonly kind: 'own'; readonly handle: number; readonly authors: readonly AuthorId[] }
  /** To tabs of the same profile: from which seq on the work of an incarnation was refused. */
  | {
      readonly kind: 'refusals'
      readonly handle: number
      readonly code: string
      readonly reason: string
      readonly entries: readonly (readonly [AuthorId, number])[]
    }
  | StampsFrame
  /** The sender no longer takes part in the document with this handle of the receiver. */
  | { readonly kind: 'leave'; readonly handle: number }
  /** For the companions of the two replicas, if they have one: what rides on a connection beside the documents. */
  | { readonly kind: 'aside'; readonly channel: number; readonly bytes: Uint8Array }
  | { readonly kind: 'ping'; readonly id: number; readonly wall: number }
  | { readonly kind: 'pong'; readonly id: number; readonly echo: number; readonly wall: number }
  | { readonly kind: 'close'; readonly code: string; readonly reason: string }
