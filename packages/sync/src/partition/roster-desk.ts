import { rejoinError } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import { sealRow, unsealRow } from '../rows.ts'
import type { StorageOp, StoredRow } from '../seams.ts'
import type { Session } from '../session.ts'
import { DurableLine } from './durable-line.ts'
import type { Neighbours } from './neighbours.ts'
import type { PartitionOptions } from './partitions.ts'
import { type NodeId, type Roster, rosterFault } from './roster.ts'
import { followRoster } from './roster-follower.ts'
import type { RosterLog, RosterLogEffect } from './roster-log-interface.ts'
import { initialRosterLogState, lostRosterLogState, type RosterLogState, type RosterMessage } from './roster-record.ts'
import { decodeRosterState, encodeRosterState } from './wire.ts'

/** Where the roster stands on the disk. */
export const rosterPrefix = 'p/roster'

/** What a roster desk stands on. */
export interface RosterGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly neighbours: Neighbours
  readonly options: Pick<PartitionOptions, 'roster' | 'isFounding' | 'voting'>
  readonly maxTtlMs: number
  /** Another roster is in force. `before`: the voters of the one before. */
  readonly inForce: (roster: Roster, before: ReadonlySet<NodeId>) => void
}

/** The roster as one replica knows it: carries out what its roster log decides. What it answers for is on the disk before. */
export class RosterDesk {
  readonly #ground: RosterGround
  readonly #line: DurableLine<RosterLogEffect>
  #log: RosterLog | undefined
  #voters: ReadonlySet<NodeId> = new Set()
  #isDiskWhole = false

  constructor(ground: RosterGround) {
    this.#ground = ground
    this.#line = new DurableLine(
      ground.core,
      (effect) => (effect.kind === 'persist' ? rowOf(effect.state) : undefined),
      (effect) => this.#carryOut(effect),
    )
  }

  /** Undefined while no roster is known. */
  get log(): RosterLog | undefined {
    return this.#log
  }

  get roster(): Roster | undefined {
    return this.#log?.roster
  }

  get voters(): ReadonlySet<NodeId> {
    return this.#voters
  }

  /** Whether all that this replica ever promised is on its disk. */
  get isDiskWhole(): boolean {
    return this.#isDiskWhole
  }

  /** Begins with what is on the disk; `rows` is undefined where it could not be read. */
  begin(rows: readonly StoredRow[] | undefined): void {
    const state = this.#stateFrom(rows)
    if (state !== undefined) this.#open(state)
  }

  /** @throws RejoinError `config-invalid` where it is no sound roster, or none is known here. */
  ask(kind: 'propose' | 'force', asked: Omit<Roster, 'epoch'>): void {
    const log = this.#log
    if (log === undefined) throw rejoinError('config-invalid', { reason: 'No roster is known here yet.' })
    const roster: Roster = { ...asked, epoch: log.roster.epoch + 1 }
    const fault = rosterFault(roster)
    if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
    this.step({ kind, roster })
  }

  contact(peer: NodeId): void {
    this.step({ kind: 'contact', peer })
  }

  tick(): void {
    this.step({ kind: 'tick' })
  }

  receive(session: Session, message: RosterMessage): void {
    // Whoever has no vote takes the roster of the server that it is connected to.
    if (message.kind === 'roster' && session.isServer && rosterFault(message.roster) === undefined) {
      if (this.#log === undefined) this.#open(initialRosterLogState(message.roster))
      else this.step({ kind: 'learn', roster: message.roster })
    }
    this.step({ kind: 'receive', from: this.#ground.neighbours.idOf(session), message })
  }

  /** Whoever has no vote is told what is in force. */
  tell(peer: NodeId): void {
    const log = this.#log
    if (log === undefined || this.#voters.has(peer)) return
    const message = { kind: 'roster', roster: log.roster, isPending: log.pending !== undefined } as const
    this.#ground.neighbours.send(peer, { kind: 'roster', message })
  }

  step(input: UntimedInput): void {
    const now = this.#ground.core.clock.monotonic()
    if (this.#log !== undefined) this.#line.push(this.#log.step({ ...input, now } as Parameters<RosterLog['step']>[0]))
  }

  /** What is on the disk, else what the options say. A client without either learns from its server. */
  #stateFrom(rows: readonly StoredRow[] | undefined): RosterLogState | undefined {
    const { core, self, options } = this.#ground
    const row = rows?.find((stored) => stored.key === rosterPrefix)
    const bytes = row === undefined ? undefined : unsealRow(row.bytes)
    const stored = bytes === undefined ? undefined : decodeRosterState(bytes)
    // Without a name it was another voter before: nobody else counts on it.
    const isOfOther = core.name === '' && options.roster === undefined && core.role === 'server'
    if (stored?.ok === true && !isOfOther && rosterFault(stored.value.roster) === undefined) {
      this.#isDiskWhole = true
      return stored.value
    }
    const roster = options.roster ?? this.#ownRoster()
    if (roster === undefined) return undefined
    const isAlone = roster.voters.length === 1 && roster.voters[0]?.id === self
    const isFounding = options.isFounding ?? isAlone
    // What could not be read may hold promises: it is left as it is, and the others readmit this replica.
    this.#isDiskWhole = rows !== undefined && (row === undefined || isOfOther) && isFounding
    if (!this.#isDiskWhole) return lostRosterLogState(roster)
    const state = initialRosterLogState(roster)
    // Without it the next start would not know that nothing was promised before.
    core.queue.push([rowOf(state)])
    return state
  }

  #ownRoster(): Roster | undefined {
    const { core, self } = this.#ground
    if (core.role !== 'server') return undefined
    return { epoch: 1, voters: [{ id: self, weight: 1 }], policy: { kind: 'keep-majority' } }
  }

  #open(stored: RosterLogState): void {
    const { core, self, options, maxTtlMs } = this.#ground
    const random = (): number => core.random.float()
    this.#log = options.voting?.openLog({ self, stored, maxTtlMs, random }) ?? followRoster(stored)
    this.step({ kind: 'start' })
    this.#inForce(this.#log.roster)
  }

  #carryOut(effect: RosterLogEffect): void {
    const { core, neighbours } = this.#ground
    switch (effect.kind) {
      case 'persist':
        break
      case 'send':
        neighbours.send(effect.to, { kind: 'roster', message: effect.message })
        break
      case 'roster':
        core.log('info', 'roster', { epoch: effect.roster.epoch, how: effect.how })
        this.#inForce(effect.roster)
        break
      case 'conflict':
        core.log('error', 'roster-conflict', { kept: effect.kept.epoch, dropped: effect.dropped.epoch })
        break
      case 'settled':
        core.log('info', 'roster-settled', { outcome: effect.outcome, reason: effect.reason })
        break
    }
  }

  #inForce(roster: Roster): void {
    const before = this.#voters
    this.#voters = new Set(roster.voters.map(({ id }) => id))
    this.#ground.inForce(roster, before)
    for (const peer of this.#ground.neighbours.ids) this.tell(peer)
  }
}

function rowOf(state: RosterLogState): StorageOp {
  return { kind: 'put', key: rosterPrefix, bytes: sealRow(encodeRosterState(state)) }
}

type Untimed<T> = T extends unknown ? Omit<T, 'now'> : never
type UntimedInput = Untimed<Parameters<RosterLog['step']>[0]>
