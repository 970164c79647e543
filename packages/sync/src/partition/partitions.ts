import type { Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { DetectorSettings, detectorPresets } from './detector/presets.ts'
import type { Lease, LeaseRequestOptions } from './leases.ts'
import type { Incident } from './recovery/incident.ts'
import type { NodeId, Roster } from './roster.ts'
import type { Verdict } from './verdict/verdict-machine.ts'
import type { Voting } from './voting.ts'

/** How the partition layer of a replica is set up. */
export interface PartitionOptions {
  /**
   * The voters to begin with, the same at each of them. A roster that is on the disk already counts instead. Without one a
   * server is the only voter of itself, and all others learn the roster of the server that they are connected to.
   */
  readonly roster?: Roster
  /**
   * Whether this replica has never voted, as all voters when they are set up together. Default: where it is the only voter. One
   * that may have lost its disk must not say so: it is readmitted by the others.
   */
  readonly isFounding?: boolean
  /**
   * What only voters need, `voting` of this entry: pages never vote and do not load it. Wanted of a server, and of whoever else the
   * roster names.
   */
  readonly voting?: Voting
  /** The pace at which others are watched. Default `lan`. */
  readonly preset?: keyof typeof detectorPresets
  /** Replaces single settings of the preset. */
  readonly settings?: Partial<DetectorSettings>
  /** The longest that a lease may last, milliseconds. Default 30 s. */
  readonly maxTtlMs?: number
}

/** Where a replica stands. */
export interface PartitionStatus {
  /** Undefined while no roster is known. */
  readonly verdict: Verdict | undefined
  readonly roster: Roster | undefined
  /** Who is connected with this replica, by the same names as in the roster. */
  readonly connected: readonly NodeId[]
  /** Whether this replica was paused, so that nobody is blamed for its silence. */
  readonly isPaused: boolean
  /** Incidents that are not closed. */
  readonly open: readonly Incident[]
}

/** Counters of a partition layer since it began. */
export interface PartitionMetrics {
  suspicions: number
  suspicionsRefuted: number
  unreachable: number
  pauses: number
  /** Times that the voters were found split. */
  splits: number
  incidentsOpened: number
  incidentsClosed: number
  redials: number
  malformed: number
}

/** The partition layer of a replica. */
export interface Partitions {
  /** What this replica is called among the voters. */
  readonly self: NodeId
  readonly status: PartitionStatus
  /** All incidents that are known, also from before a restart, the oldest first. */
  readonly incidents: readonly Incident[]
  /** Where this replica stands, in plain sentences. */
  explain(): readonly string[]
  metrics(): PartitionMetrics
  /** Calls back when the verdict is another. Returns the way to stop. */
  onVerdict(listener: (verdict: Verdict) => void): () => void
  /** Calls back when an incident opens, is classified, escalates, is verified, or is closed. */
  onIncident(listener: (incident: Incident, what: string) => void): () => void
  /**
   * Proposes another roster, of the epoch after the present: a quorum of both must agree.
   * @throws RejoinError `config-invalid` where it is no sound roster, or none is known here.
   */
  propose(roster: Omit<Roster, 'epoch'>): void
  /**
   * Asserts as an operator that voters are not coming back, or may not act any more: whoever hears of it has this roster.
   * @throws RejoinError `config-invalid`.
   */
  force(roster: Omit<Roster, 'epoch'>): void
  /**
   * Wants a lease of a document, for what must not happen on two sides: whoever holds it has a token that `fenced` fields of that
   * lease ask for. It is granted by a quorum of the voters, with whom this replica has to be connected itself, renewed by itself, and
   * lost here before anybody else can have it.
   * @throws RejoinError `config-invalid`.
   */
  lease(document: { readonly name: string }, name: string, options?: LeaseRequestOptions): Later<Lease>
  /**
   * Settles when a quorum of the voters has a change on their disks. For a fenced write there is `Lease.reached`. This replica has to be connected with that quorum itself. Rejects with RejoinError
   * `refused` when a server refused the change, `closed` when the partition layer is closed before.
   */
  reached(document: { readonly name: string }, receipt: Receipt): Later<void>
  /** Ends an incident, with why. */
  dismiss(reason: string): void
  close(): void
}
