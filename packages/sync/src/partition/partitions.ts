import type { HealEvent } from '../incidents.ts'
import type { Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { Divergence, HealingProgress } from './apart.ts'
import type { Suspicion } from './detector/beliefs.ts'
import type { DetectorSettings, detectorPresets } from './detector/presets.ts'
import type { VoteRecords } from './granted.ts'
import type { Lease, LeaseRequestOptions, LeaseSource } from './leases.ts'
import type { OtherGroup } from './other-groups.ts'
import type { Incident } from './recovery/incident.ts'
import type { NodeId, Roster } from './roster.ts'
import type { Mode } from './verdict/verdict.ts'
import type { Verdict } from './verdict/verdict-machine.ts'
import type { Voting } from './voting.ts'

/** How the partition layer of a replica is set up. */
export interface PartitionOptions {
  /**
   * The voters to begin with, the same at each of them. A roster that is on the disk already counts instead. Without one a
   * server is the only voter of itself, or with `isFounding: false` learns the roster of the first server that it reaches, as all others do.
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
  /**
   * Where leases come from, for who wants some: `votedLeases` of this entry, from the voters, or `leasesFrom(...)`. Default: with
   * `voting` the voters, otherwise none, so that pages that only look at where they stand load nothing of it. All replicas of a document use
   * the same, or two of them hold one lease.
   */
  readonly leases?: LeaseSource
}

/** Where a replica stands with the other sides. */
export type PartitionSituation =
  /** No roster is known, or nothing recent of the others: this replica has just begun, or was paused. */
  | { readonly state: 'unknown' }
  /** All voters are connected, directly or through others. `since` is Unix milliseconds, here and below. */
  | { readonly state: 'whole'; readonly since: number }
  | {
      readonly state: 'split'
      readonly since: number
      /** Voters that are not on this side. */
      readonly absent: readonly NodeId[]
      /** What this side wrote since the last contact, in documents that this replica has had in use. Counted when it is read. */
      readonly ours: Divergence
      /** Nobody can know before there is contact. */
      readonly theirs: 'unknown'
    }
  /** All are connected again, and a side still lacks something of what the other had. */
  | {
      readonly state: 'healing'
      /** Of the split. */
      readonly since: number
      /** As of the moment of contact. */
      readonly ours: Divergence
      readonly progress: HealingProgress
    }

/** What only who has `voting` knows; nothing of it elsewhere. */
export interface VotingStatus {
  /**
   * Servers that are connected and go by another roster for more than a moment: a group of its own, so that each of the two may grant
   * the same lease.
   */
  readonly otherGroups?: readonly OtherGroup[]
  /**
   * Until then this voter renews the leases that are held and grants no other, as it began, or its roster was changed: what was granted before
   * may not be known here. Under the first roster it grants, of documents of which it never voted. Unix milliseconds.
   */
  readonly renewsOnlyUntil?: number | undefined
  /**
   * The last roster that was met, since this replica began, which excludes the one that is kept: as two that were forced on two sides of a
   * split. What was granted under it counts no more.
   */
  readonly dropped?: { readonly roster: Roster; readonly kept: Roster; readonly at: number } | undefined
}

/** Where a replica stands. */
export type PartitionStatus = PartitionSituation &
  VotingStatus & {
    /** What the own side is of the roster. */
    readonly side: Mode
    /** The voters of the own side. */
    readonly members: readonly NodeId[]
    /** What goes from `from` reaches `to`, and nothing comes back. */
    readonly oneWay: readonly { readonly from: NodeId; readonly to: NodeId }[]
    /** Undefined while no roster is known. */
    readonly verdict: Verdict | undefined
    readonly roster: Roster | undefined
    /**
     * Whether this voter knows all that counted under earlier rosters. Until it does it grants no lease, and once all voters do, those
     * that left the roster may be switched off. False at who has no vote.
     */
    readonly isSettled: boolean
    /** Who is connected with this replica, by the same names as in the roster; a client by its id and a number. */
    readonly connected: readonly NodeId[]
    /** Whether this replica was paused, so that nobody is blamed for its silence. */
    readonly isPaused: boolean
    /**
     * Voters that may be gone: since when, and when they count as gone unless they are heard. Unix milliseconds. A verdict counts on none of
     * them: whom nobody else reaches either it shows on another side already, and whether that one is only late is known by then.
     */
    readonly suspected: readonly Suspicion[]
    /** Incidents that are not closed. */
    readonly open: readonly Incident[]
  }

/** What a partition layer tells of, next to verdicts and incidents. */
export interface PartitionEvents {
  /** A voter is suspected of being gone. */
  readonly suspected: { readonly peer: NodeId }
  /** Contact with some voters is lost. */
  readonly split: { readonly verdict: Verdict; readonly absent: readonly NodeId[] }
  /** All are connected again; told as it goes on, and at its end, when `done` is 1. */
  readonly healing: HealingProgress
  /** Each side has what the other had; who has no vote goes by the voters for that. */
  readonly healed: HealedSplit
}

/** A split that is over. */
export interface HealedSplit {
  /** Unix milliseconds. */
  readonly since: number
  /** How long it lasted, with the heal, milliseconds. */
  readonly forMs: number
  /** What this side wrote before any of its voters met one of the other. */
  readonly ours: Divergence
  /** What each side did and how conflicts were settled, a report for each document and connection that was lost and came back: what came in
   * meanwhile over one that held is in none. None on servers, which follow no outages. */
  readonly reports: readonly HealEvent[]
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
  /**
   * What `grantedLeases` reads, at a voter.
   * @internal
   */
  readonly votes: VoteRecords | undefined
  metrics(): PartitionMetrics
  /** Calls back when the verdict is another. Returns the way to stop. */
  onVerdict(listener: (verdict: Verdict) => void): () => void
  /** Calls back with one kind of event. Returns the way to stop. */
  on<K extends keyof PartitionEvents>(kind: K, listener: (event: PartitionEvents[K]) => void): () => void
  /** Calls back when an incident opens, is classified, escalates, is verified, or is closed. */
  onIncident(listener: (incident: Incident, what: string) => void): () => void
  /**
   * Proposes another roster, of the epoch after the present: a quorum of both must agree. Its voters then ask those before what counted
   * there, and grant no lease before they know: let voters that leave run until each says `isSettled` of its status. Until then no
   * further change is possible but by `force`.
   * @throws RejoinError `config-invalid` where it is no sound roster, none is known here, or this replica has no `voting`.
   */
  propose(roster: Omit<Roster, 'epoch'>): void
  /**
   * Asserts as an operator that voters are not coming back, or may not act any more: whoever hears of it has this roster.
   * @throws RejoinError `config-invalid` as `propose`.
   */
  force(roster: Omit<Roster, 'epoch'>): void
  /**
   * Wants a lease of a document, for what must not happen on two sides: whoever holds it has a token that `fenced` fields of that
   * lease ask for. It is granted by a quorum of the voters, who are asked over connections with them and through servers, renewed by itself, and
   * lost here before anybody else can have it. Rejects with RejoinError `config-invalid` where the options cannot be kept, or this replica has
   * no `leases`.
   */
  lease(document: { readonly name: string }, name: string, options?: LeaseRequestOptions): Later<Lease>
  /**
   * Settles when a quorum of the voters has a change on their disks. For a fenced write there is `Lease.reached`. Where this replica
   * is connected with less than a quorum its servers tell. Rejects with RejoinError
   * `refused` when a server refused the change, `closed` when the partition layer is closed before.
   */
  reached(document: { readonly name: string }, receipt: Receipt): Later<void>
  /**
   * Ends incidents that are open, with why: that of this id or name, all of them where none is given. Another begins only once something else
   * is wrong than was, or the same again after it was well; or after a restart.
   */
  dismiss(reason: string, which?: string): void
  close(): void
}
