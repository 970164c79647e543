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
import { lostRosterLogState, type RosterLogState, type RosterMessage } from './roster-record.ts'
import { decodeRosterRow, encodeRosterRow } from './wire.ts'

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
  /** This voter has begun or ceased to vote. */
  readonly votes: () => void
  /** What else a roster log wants told. */
  readonly tell: (effect: RosterLogEffect) => void
}

/** What follows on what is on its way to the disk. */
type DeskEffect = RosterLogEffect | { readonly kind: 'run'; readonly run: () => void }

/** The roster as one replica knows it: carries out what its roster log decides. What it answers for is on the disk before. */
export class RosterDesk {
  readonly #ground: RosterGround
  readonly #line: DurableLine<DeskEffect>
  /** Undefined while no roster is known. Set here alone, as the voters. */
  log: RosterLog | undefined
  voters: ReadonlySet<NodeId> = new Set()
  /** The one that is in force. */
  #inForceHere: Roster | undefined
  #didVote = false

  constructor(ground: RosterGround) {
    this.#ground = ground
    this.#line = new DurableLine(
      ground.core,
      (effect) =>
        effect.kind === 'persist' ? { key: rosterPrefix, spell: () => this.#spelled(effect.state) } : undefined,
      (effect) => this.#carryOut(effect),
    )
  }

  get roster(): Roster | undefined {
    return this.log?.roster
  }

  /**
   * Whether this voter votes. Until the roster of the log is in force, which is when it is on the disk, its acceptors go by the one before,
   * and under that one it has ceased to.
   */
  get mayVote(): boolean {
    return this.log?.mayVote === true && this.log.roster === this.#inForceHere
  }

  /** Whether this voter knows all that counted under earlier rosters. */
  get isSettled(): boolean {
    const log = this.log
    return log?.mayVote === true && log.state.settled >= log.roster.epoch
  }

  /** Begins with what is on the disk; `rows` is undefined where it could not be read. */
  begin(rows: readonly StoredRow[] | undefined): void {
    const { core, options } = this.#ground
    const row = rows?.find((stored) => stored.key === rosterPrefix)
    const bytes = row === undefined ? undefined : unsealRow(row.bytes)
    const decoded = bytes === undefined ? undefined : decodeRosterRow(bytes)
    const stored = decoded?.ok && rosterFault(decoded.value.roster) === undefined ? decoded.value : undefined
    if (options.voting === undefined) {
      const known = stored?.roster ?? options.roster
      if (known !== undefined) this.#open({ ...lostRosterLogState(known), previous: stored?.previous })
      return
    }
    const start = options.voting.start(this.#ground, { stored, hasRow: rows && row !== undefined })
    if (start === undefined) return
    if (start.isNew) core.queue.push([this.#rowOf(start.state)])
    this.#open(start.state)
  }

  /** Runs something once all that was decided so far is on the disk. */
  afterAll(run: () => void): void {
    this.#line.push([{ kind: 'run', run }])
  }

  receive(session: Session, message: RosterMessage): void {
    // Whoever has no vote takes the roster of the server that it is connected to.
    if (message.kind === 'roster' && session.isServer && rosterFault(message.roster) === undefined) {
      const { roster, previous } = message
      if (this.log === undefined) {
        const state = { ...lostRosterLogState(roster), previous }
        // Whoever votes answers for what it keeps, and keeps it when it does.
        if (this.#ground.options.voting === undefined) this.#ground.core.queue.push([this.#rowOf(state)])
        this.#open(state)
      } else this.step({ kind: 'learn', roster, previous })
    }
    const { neighbours } = this.#ground
    this.step({ kind: 'receive', from: neighbours.idOf(session), isOfServer: neighbours.isNamed(session), message })
  }

  step(input: UntimedInput): void {
    const now = this.#ground.core.clock.monotonic()
    if (this.log === undefined) return
    this.#line.push(this.log.step({ ...input, now } as Parameters<RosterLog['step']>[0]))
    const { mayVote } = this
    if (mayVote === this.#didVote) return
    this.#didVote = mayVote
    this.#ground.votes()
  }

  #open(stored: RosterLogState): void {
    const { core, self, options, maxTtlMs } = this.#ground
    const random = (): number => core.random.float()
    this.log = options.voting?.openLog({ self, stored, maxTtlMs, random }) ?? followRoster(stored)
    this.step({ kind: 'start' })
    this.#inForce(this.log.roster)
  }

  #carryOut(effect: DeskEffect): void {
    if (effect.kind === 'run') effect.run()
    else if (effect.kind === 'roster') {
      this.#ground.core.log('info', 'roster', { epoch: effect.roster.epoch, how: effect.how })
      this.#inForce(effect.roster)
    } else this.#ground.tell(effect)
  }

  #inForce(roster: Roster): void {
    const before = this.voters
    this.voters = new Set(roster.voters.map(({ id }) => id))
    this.#inForceHere = roster
    this.#ground.inForce(roster, before)
  }

  #rowOf(state: RosterLogState): StorageOp {
    return { kind: 'put', key: rosterPrefix, bytes: this.#spelled(state) }
  }

  #spelled(state: RosterLogState): Uint8Array {
    const vote = this.#ground.options.voting?.voteOf(state) ?? new Uint8Array()
    return sealRow(encodeRosterRow({ ...state, vote }))
  }
}

type Untimed<T> = T extends unknown ? Omit<T, 'now'> : never
type UntimedInput = Untimed<Parameters<RosterLog['step']>[0]>
