/**
 * The votes that one replica gives about leases, an acceptor for each document that somebody asked about.
 *
 * Invariants
 * 1. What an acceptor promised is on the disk before the answer is on its way.
 * 2. An acceptor of which nothing lives is let go of: its promises stand on the disk, and are read when somebody asks again. What
 *    is read then is as old as this table at least. Until then its document is in use here, as each answer says what it holds.
 */
import { Version } from '@rejoin/state'
import type { Later } from '../later.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { documentKeys } from '../rows.ts'
import type { StoredRow } from '../seams.ts'
import { DurableLine } from './durable-line.ts'
import type { VoteRecords } from './granted.ts'
import { jsonRow, readJson } from './json-row.ts'
import { type Acceptor, type AcceptorEffect, type AcceptorInput, createAcceptor } from './lease/acceptor.ts'
import { type AcceptorMemory, bootAcceptor, emptyMemory } from './lease/acceptor-state.ts'
import type { Reading } from './lease/clock.ts'
import type { LeaseMessage } from './lease/messages.ts'
import { readingOf } from './reading.ts'
import type { NodeId, Roster } from './roster.ts'
import { Sweep } from './sweep.ts'

/** How often it is looked which acceptors nobody needs. */
const restMs = 60_000
/** Where votes stand on the disk, by document. */
export const votesPrefix = 'p/l/'

/** Where this replica stands as a voter. */
export interface Standing {
  /** The one in force. */
  readonly roster: Roster
  readonly mayVote: boolean
  /** For how long no lease may be granted yet, milliseconds: what voters of an earlier roster granted may last until then. */
  readonly holdMs: number
}

/** What counted under the rosters before. */
export interface CountedBefore {
  /** What of a document did. Rejects where that is not known. */
  counted(document: string): Later<Version>
  /** The document holds that on the disk, and there is a row of its votes, by which it is told of in the next handover. */
  covered(document: string): void
}

/** What votes stand on. */
export interface VoteGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly maxTtlMs: number
  readonly standing: () => Standing | undefined
  readonly handover: CountedBefore
  readonly send: (to: NodeId, document: string, message: LeaseMessage<Version>) => void
}

type Received = Omit<Extract<AcceptorInput<Version>, { kind: 'receive' }>, 'version' | keyof Reading>

interface Seat {
  readonly acceptor: Acceptor<Version>
  /** Invariant 1. */
  readonly line: DurableLine<AcceptorEffect<Version>>
  /** Whether its document holds what counted before this roster. */
  hasCounted: boolean
  /** Whether there is a row of it, on the disk or on its way there. */
  hasRow: boolean
  /** Whether it keeps its document in use. */
  isUsing: boolean
}

export class VoteTable implements VoteRecords {
  readonly #ground: VoteGround
  /** By document: those in memory, as all are of votes that were given or renewed since the start and may count still. */
  readonly #seats = new Map<string, Seat>()
  observer: VoteRecords['observer']
  /** Who waits for a row that is being read. */
  readonly #reading = new Map<string, ((seat: Seat | undefined) => void)[]>()
  readonly #began: Reading
  /** Of those that wait for time to pass, as after a start. */
  readonly #sweep = new Sweep()
  #restAt = 0

  constructor(ground: VoteGround) {
    this.#ground = ground
    this.#began = readingOf(ground.core)
  }

  get seats(): ReadonlyMap<string, Seat> {
    return this.#seats
  }

  get reading(): Reading {
    return readingOf(this.#ground.core)
  }

  /** Acceptors in memory. */
  get size(): number {
    return this.#seats.size
  }

  get wakeAt(): number | undefined {
    return this.#sweep.wakeAt
  }

  tick(): void {
    const reading = readingOf(this.#ground.core)
    const { now } = reading
    const isRest = now >= this.#restAt
    if (!isRest && now < (this.#sweep.wakeAt ?? Number.POSITIVE_INFINITY)) return
    if (this.#sweep.begin(this.#seats.size, now))
      for (const seat of this.#seats.values()) this.#step(seat, { kind: 'tick', ...reading })
    if (!isRest) return
    this.#restAt = now + restMs
    const isVoting = this.#voting() !== undefined
    for (const [document, seat] of this.#seats) {
      const isAtRest = seat.acceptor.isAtRest && seat.line.isIdle
      if (isAtRest) this.#seats.delete(document)
      if ((isVoting && !isAtRest) || !seat.isUsing) continue
      seat.isUsing = false
      this.#ground.core.shelf.release(document)
    }
  }

  roster(roster: Roster): void {
    const reading = readingOf(this.#ground.core)
    for (const seat of this.#seats.values()) {
      seat.hasCounted = false
      this.#step(seat, { kind: 'roster', roster, ...reading })
    }
  }

  #step(seat: Seat, input: AcceptorInput<Version>): void {
    const { acceptor, line } = seat
    const before = acceptor.state
    const effects = acceptor.step(input)
    this.observer?.({ input, before, after: acceptor.state, effects })
    seat.hasRow ||= effects.some(({ kind }) => kind === 'persist')
    line.push(effects)
    this.#sweep.wants(acceptor)
  }

  /** A document goes out of memory, whoever used it. */
  dropped(document: string): void {
    const seat = this.#seats.get(document)
    if (seat !== undefined) seat.isUsing = false
  }

  /** What came of a question of the acceptor itself. */
  answered(document: string, from: NodeId, message: LeaseMessage<Version>): void {
    const seat = this.#seats.get(document)
    if (seat !== undefined) this.#vote(document, seat, { kind: 'receive', from, message })
  }

  ask(document: string, from: NodeId, message: LeaseMessage<Version>): void {
    const { core, self, send, standing } = this.#ground
    if (this.#voting() === undefined) {
      const isVoter = standing()?.roster.voters.some(({ id }) => id === self) === true
      // So that whoever asks does not take it to be gone.
      if (isVoter && (message.kind === 'prepare' || message.kind === 'accept'))
        send(from, document, {
          kind: 'refused',
          epoch: message.epoch,
          request: message.request,
          why: { kind: 'recovering' },
        })
      return
    }
    const vote = (seat: Seat): void => this.#vote(document, seat, { kind: 'receive', from, message })
    const known = this.#seats.get(document)
    if (known?.isUsing === true) {
      vote(known)
      return
    }
    // The answer says what the document here holds: it has to be read for that.
    core.shelf.acquire(document).then(
      (held) =>
        this.#seat(document, (seat) => {
          if (seat === undefined || seat.isUsing || held.isClosed) core.shelf.release(document, held)
          else seat.isUsing = true
          if (seat !== undefined) vote(seat)
        }),
      () => undefined,
    )
  }

  /** Where this replica may vote. */
  #voting(): Standing | undefined {
    const standing = this.#ground.standing()
    if (standing?.mayVote !== true) return undefined
    return standing.roster.voters.some(({ id }) => id === this.#ground.self) ? standing : undefined
  }

  /** The acceptor of a document, with what the disk holds of its promises; none where that cannot be read. */
  #seat(document: string, found: (seat: Seat | undefined) => void): void {
    const { core } = this.#ground
    const known = this.#seats.get(document)
    const others = this.#reading.get(document)
    if (known !== undefined) found(known)
    else if (others !== undefined) others.push(found)
    if (known !== undefined || others !== undefined) return
    const waiting = [found]
    this.#reading.set(document, waiting)
    const tell = (seat: Seat | undefined): void => {
      this.#reading.delete(document)
      for (const one of waiting) one(seat)
    }
    core.storage.read(keyOf(document)).then(
      ([row]) => tell(this.#sit(document, row)),
      (error: unknown) => {
        core.log('error', 'partition-rows-unread', { document, error: String(error) })
        tell(undefined)
      },
    )
  }

  #sit(document: string, row: StoredRow | undefined): Seat | undefined {
    const { core, self, maxTtlMs, send } = this.#ground
    const standing = this.#voting()
    if (standing === undefined) return undefined
    const { roster } = standing
    const options = { self, maxTtlMs, random: () => core.random.float() }
    // A damaged record is a lost one: the acceptor has to be taught.
    const acceptor = createAcceptor<Version>(
      options,
      row === undefined
        ? bootAcceptor(freshMemory(standing), readingOf(core))
        : bootAcceptor(readJson(row.bytes) as AcceptorMemory | undefined, this.#began),
    )
    const line = new DurableLine<AcceptorEffect<Version>>(
      core,
      (effect) =>
        effect.kind === 'persist' ? { key: keyOf(document), spell: () => jsonRow(effect.memory) } : undefined,
      (effect) => {
        if (effect.kind === 'send') send(effect.to, document, effect.message)
      },
    )
    const seat = { acceptor, line, hasCounted: false, hasRow: row !== undefined, isUsing: false }
    this.#seats.set(document, seat)
    this.#step(seat, { kind: 'roster', roster, ...readingOf(core) })
    return seat
  }

  #vote(document: string, seat: Seat, input: Received): void {
    const { core, handover } = this.#ground
    const vote = (known?: Version): void =>
      core.batch(() => {
        const held = core.shelf.loaded(document)
        // Of a document that could not be read nobody knows what this disk holds.
        if (held === undefined || core.shelf.needsReading(document)) return
        // Meanwhile it may have ceased to vote, and let go of the acceptor.
        if (this.#voting() === undefined || this.#seats.get(document) !== seat) return
        const version = held.durable
        const isBehind = known === undefined || !version.covers(known)
        if (!isBehind && seat.hasRow && seat.line.isIdle) {
          seat.hasCounted = true
          if (known.size > 0) handover.covered(document)
        }
        this.#step(seat, { ...input, version, isBehind, ...readingOf(core) })
      })
    if (seat.hasCounted) vote(Version.empty)
    else handover.counted(document).then(vote, () => vote())
  }
}

function keyOf(document: string): string {
  // What is read is all that begins so: no other document.
  return `${votesPrefix}${documentKeys(document).index.slice(2)}/`
}

/**
 * Of a voter that gave no vote about a document: where it lost a disk, it votes from a later epoch on than those of which it may have
 * forgotten something. Under a first roster nobody granted anything before.
 */
function freshMemory({ roster: { epoch }, holdMs }: Standing): AcceptorMemory {
  return { ...emptyMemory(epoch), newRosterMs: epoch > 1 ? holdMs : 0 }
}
