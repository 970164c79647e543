import type { Bundle, Path, Value } from '@rejoin/state'
import type { Companions } from './companion.ts'
import type { Connection } from './connection.ts'
import type { DocumentCore } from './document-core.ts'
import type { ForkEvent } from './fork/forks.ts'
import type { Introduction, OpenFrame, Permission, Role } from './frame.ts'
import type { HealEvent } from './incidents.ts'
import type { Later } from './later.ts'
import type { Limits, Timing } from './limits.ts'
import type { Metrics } from './metrics.ts'
import type { Refusal } from './refusal.ts'
import type { Clock, Random, Storage, StoredRow, Timers } from './seams.ts'
import type { Session, SessionEnd } from './session.ts'
import type { SyncRules } from './sync-rules.ts'
import type { TransferCache } from './transfers.ts'
import type { WriteQueue } from './write-queue.ts'

/** Something worth a line in a log. Plain data; never a token. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly event: string
  readonly details: Readonly<Record<string, unknown>>
}

/** Who asks to take part in a document. */
export interface AuthorizeRequest {
  readonly token: string | undefined
  readonly document: string
  /** Address of the other side, for logs and rate limits. */
  readonly remote: string
  readonly origin: string | undefined
  readonly replica: string
}

/** Decides what a connection may do with a document. Asked at each open; a rejection counts as "ask again later". */
export type Authorize = (request: AuthorizeRequest) => Permission | PromiseLike<Permission>

/** Two replicas with equal versions and unequal states: a bug, a broken disk or a forger. Should never be seen. */
export interface DivergenceEvent {
  readonly document: string
  readonly peer: string
  readonly version: Readonly<Record<string, number>>
  /** Digests of the whole states. */
  readonly ours: string
  readonly theirs: string
  /** The subtrees that differ, at most 16; the root where it is not known more closely. */
  readonly paths: readonly Path[]
  /**
   * What this replica does about it. `adopting`: it takes over the server's state, own unsent work on top. `exhausted`: it
   * has done so as often as `limits.repairsPerHour` allows. `none`: it is a server, or the other side is none, so that
   * nobody is known to be right.
   */
  readonly repair: 'adopting' | 'exhausted' | 'none'
  /**
   * For whoever looks into it: three lines of JSON, at most some 300 kB, with what is said here and what both sides hold
   * in those subtrees, item by item. It has content of the document.
   */
  readonly trace: string
}

/** A refused write, described for people and programs. */
export interface RefusedWrite {
  readonly type: 'put' | 'remove' | 'insert' | 'erase'
  readonly path: readonly string[]
  readonly kind: string
  /** Element of a set; absent elsewhere. */
  readonly member?: string
  /** What was written, for `put`; the elements, for `insert`. */
  readonly value?: Value
}

/** What parts of a replica share. Only the replica makes one. */
export interface Hub {
  readonly id: string
  /** What it is called by others; another than `id` once it met a twin. */
  readonly speaksAs: string
  readonly role: Role
  readonly name: string
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly limits: Limits
  readonly timing: Timing
  readonly rules: SyncRules
  readonly metrics: Metrics
  readonly queue: WriteQueue
  readonly transfers: TransferCache
  readonly storage: Storage
  readonly forkListeners: ReadonlySet<(event: ForkEvent) => void>
  /** Items of the sketches that are kept for those who join. */
  sketchItems: number
  readonly authorize: Authorize | undefined
  readonly companions: Companions
  /** Whether outages are followed: not on servers, whose clients come and go. */
  readonly followsOutages: boolean
  /** Whether this replica hands out the rights of bounded counters. */
  readonly grantsRights: boolean
  /** When this replica was made, on the monotonic clock. */
  readonly startedAt: number
  /** Whether this replica is the one that begins epochs. */
  readonly beginsEpochs: boolean
  /** False where the storage keeps nothing. */
  readonly makesRows: boolean
  /** Whether somebody connects this replica to others. */
  readonly hasNet: boolean
  /** Wall clock, corrected by what servers told of theirs. */
  now(): number
  /** A server's wall clock is this far ahead of ours. */
  noteOffset(offsetMs: number): void
  /** 16 random hex digits. */
  newId(): string
  introduction(): Introduction
  isSameProfile(profiles: readonly string[]): boolean
  /** Runs `step`; what it caused (writes, frames, reports) sets out together when the outermost one ends. */
  batch<T>(step: () => T): T
  /** Runs when the outermost batch ends. */
  soon(run: () => void): void
  /**
   * Calls listeners of the application; what one throws is logged and harms nobody else. Whoever one of them takes out is
   * called no more, nor is anybody once one of them has closed the replica. What a listener causes for the same listeners is told when all
   * have heard what it was caused by, so that everybody hears things in order: not yet, then, when what caused it returns.
   */
  tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void
  /** Writes a line into the log of the application. */
  log(level: LogEntry['level'], event: string, details: LogEntry['details']): void
  healed(event: HealEvent): void
  /** Whether anybody listens to heals. */
  readonly hearsHeals: boolean
  diverged(event: DivergenceEvent): void
  /** The rows of a document on this disk, once everything queued is written. */
  readRows(core: DocumentCore): Later<readonly StoredRow[]>
  /** Rows or acknowledgements of a document changed. */
  touched(core: DocumentCore): void
  /** Something that `net.link` or a status may show has changed. */
  changed(): void
  /** Documents that take part in every connection. */
  documents(): Iterable<DocumentCore>
  /**
   * Somebody asks for a document that is not in `documents`. Servers load it; others answer by and by, if ever.
   * At most one of the callbacks is called, possibly at once.
   */
  provide(
    session: Session,
    frame: OpenFrame,
    found: (core: DocumentCore | undefined, given: Permission) => void,
    refused: (code: string, reason: string) => void,
  ): void
  /** Falls back to `state`, or without one to what the disk tells a server to have had; reads the disk first. */
  fallBack(core: DocumentCore, state: Bundle | undefined, refusal: Refusal, failed: () => void): void
  /** Whether input is to be held back because the disk is behind. */
  isHeldBack(): boolean
  /** Pump this connection when the batch ends. */
  wake(connection: Connection): void
  /** A handshake is done. */
  established(session: Session): void
  ended(connection: Connection, end: SessionEnd): void
}
