import type { Version } from '@rejoin/state'
import type { Session } from '../session.ts'
import { Duties, type DutiesGround } from './duties.ts'
import { earliest } from './earliest.ts'
import type { VoteRecords } from './granted.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { type DoorGround, LeaseDoor } from './lease-door.ts'
import type { VotingStatus } from './partitions.ts'
import type { QuorumWaits } from './quorum-waits.ts'
import type { NodeId, Roster } from './roster.ts'
import type { RosterLogEffect } from './roster-log-interface.ts'
import type { RosterMessage } from './roster-record.ts'
import { StoredNews } from './stored-news.ts'
import type { PartitionMessage } from './wire.ts'

/** What a voter stands on. */
export interface VoterGround extends DutiesGround, Omit<DoorGround, 'desk'> {
  readonly waits: QuorumWaits
}

/** What only a voter does: its votes, what it tells those around it, and what it tells clients that a quorum has. */
export class Voter {
  readonly #door: LeaseDoor
  readonly #duties: Duties
  readonly #news: StoredNews

  constructor(ground: VoterGround) {
    this.#news = new StoredNews(ground.core, ground.neighbours, ground.waits)
    this.#door = new LeaseDoor({ ...ground, desk: ground.roster })
    this.#duties = new Duties(ground)
  }

  get wakeAt(): number | undefined {
    return earliest([this.#door, this.#duties])
  }

  get status(): VotingStatus {
    return this.#duties.status
  }

  get votes(): VoteRecords {
    return this.#door.votes
  }

  tick(now: number, isHidden: boolean): void {
    this.#duties.tick(now, isHidden)
    this.#door.tick()
  }

  /** Calls back where a connection leads to whom it says. */
  admit(session: Session, admitted: () => void): void {
    this.#duties.admit(session, admitted)
  }

  /** Whether all connections with somebody of that name are with one that was let in under it. */
  isOfServers(name: string): boolean {
    return this.#duties.isOfServers(name)
  }

  /** Somebody is connected. */
  met(peer: NodeId): void {
    this.#duties.met(peer)
  }

  /** How somebody calls incidents. */
  named(peer: NodeId, names: readonly string[]): void {
    this.#duties.named(peer, names)
  }

  /** A connection has ended. */
  ended(session: Session): void {
    this.#door.ended(session)
    this.#news.ended(session)
  }

  /** What is told to voters alone. */
  told(session: Session, from: NodeId, told: PartitionMessage): void {
    if (told.kind === 'awaits') this.#news.awaits(session, told.document, told.version)
    else this.#door.told(session, from, told)
  }

  /** Somebody tells which roster it goes by, or asks for another. */
  heard(session: Session, message: RosterMessage): void {
    this.#duties.heard(session, message)
  }

  /** Another roster is in force. */
  roster(roster: Roster): void {
    this.#door.roster(roster)
    this.#duties.roster()
  }

  /** @throws RejoinError `config-invalid` where it is no sound roster, or none is known here. */
  askFor(kind: 'propose' | 'force', roster: Omit<Roster, 'epoch'>): void {
    this.#duties.ask(kind, roster)
  }

  /** A lease that is wanted here asks the own vote. */
  ask(document: string, message: LeaseMessage<Version>): void {
    this.#door.ask(document, message)
  }

  /** More of a document is on somebody's disk. */
  stored(document: string): void {
    this.#news.stored(document)
  }

  /** A document goes out of memory. */
  dropped(document: string): void {
    this.#door.dropped(document)
  }

  /** What the roster log wants told, but for the roster itself. */
  carryOut(effect: RosterLogEffect): void {
    this.#duties.carryOut(effect)
  }

  /** The rows of the matrix may be other than before. */
  publish(to: readonly NodeId[]): void {
    this.#duties.publish(to)
  }
}
