import { seededRandom } from '../world.test-helper.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Policy, Roster, Voter } from './roster.ts'
import { createRosterLog } from './roster-log.ts'
import type { RosterLog, RosterLogEffect, RosterLogInput } from './roster-log-interface.ts'
import {
  initialRosterLogState,
  lostRosterLogState,
  mayHandOver,
  type RosterLogState,
  type RosterMessage,
  type RosterPhase,
  rosterText,
} from './roster-record.ts'

export interface Parcel {
  readonly from: NodeId
  readonly to: NodeId
  readonly message: RosterMessage
}

export interface GroupOptions {
  readonly genesis: Roster
  readonly ids: readonly NodeId[]
  readonly random: () => number
  /** A broken replica: what it starts with after its disk was lost. */
  readonly afterLoss?: (group: Group, id: NodeId) => RosterLogState
  /** Who is, at first and after its disk was lost, the only voter of itself. */
  readonly alone?: readonly NodeId[]
  /** A broken driver: what it makes of effects. */
  readonly reorder?: (effects: RosterLogEffect[]) => RosterLogEffect[]
  /** A broken handover: who takes part in it. */
  readonly mayHandOver?: typeof mayHandOver
  /** A broken handover: whether one is enough that is only one of the voters before. */
  readonly asksOne?: boolean
}

/** Voters with disks, and messages on their way, which go, come twice or never, as a test likes. */
export class Group {
  readonly logs = new Map<NodeId, RosterLog>()
  readonly disks = new Map<NodeId, RosterLogState>()
  readonly told: { readonly id: NodeId; readonly effect: RosterLogEffect }[] = []
  parcels: Parcel[] = []
  now = 0
  /** Whether voters take over what counted as soon as they can. */
  isHandedOver = true
  /** What each has written, or knows on its disk to be missing there. */
  readonly #written = new Map<NodeId, Set<number>>()
  /** What counted: votes of a quorum covered it. */
  readonly #counted: { readonly write: number; readonly epoch: number }[] = []
  #writes = 0
  readonly #options: GroupOptions
  readonly #textOf = new Map<number, Roster>()

  constructor(options: GroupOptions) {
    this.#options = options
    const { alone = [], genesis: first } = options
    for (const id of options.ids)
      this.start(
        id,
        initialRosterLogState(
          alone.includes(id) && !first.voters.some((voter) => voter.id === id) ? aloneAt(id) : first,
        ),
      )
  }

  /** Whether it is a group of its own yet, or goes by one that is. */
  isAlone(id: NodeId): boolean {
    const roster = this.logs.get(id)?.roster
    return this.#options.alone !== undefined && roster?.epoch === 1 && roster.voters.length === 1
  }

  start(id: NodeId, stored: RosterLogState): void {
    this.disks.set(id, stored)
    const { random } = this.#options
    this.logs.set(id, createRosterLog({ self: id, stored, maxTtlMs: 10_000, answerTimeoutMs: 1000, random }))
    this.step(id, { kind: 'start', now: this.now })
  }

  log(id: NodeId): RosterLog {
    return this.logs.get(id) as RosterLog
  }

  /** Carries out what a step gives, of which a crash leaves the first `survives` effects. */
  step(id: NodeId, input: RosterLogInput, survives = Number.POSITIVE_INFINITY): void {
    const effects = this.#options.reorder?.(this.log(id).step(input)) ?? this.log(id).step(input)
    for (const effect of effects.slice(0, survives)) {
      if (effect.kind === 'persist') this.disks.set(id, effect.state)
      else if (effect.kind === 'send') this.parcels.push({ from: id, to: effect.to, message: effect.message })
      this.told.push({ id, effect })
    }
    if (survives < effects.length) this.restart(id)
    if (this.isHandedOver && input.kind !== 'settle') for (const one of this.logs.keys()) this.handOver(one)
    this.check()
  }

  /** How many writes counted. */
  get counted(): number {
    return this.#counted.length
  }

  #writtenAt(id: NodeId): Set<number> {
    const written = this.#written.get(id) ?? new Set()
    this.#written.set(id, written)
    return written
  }

  /** Some voters write something down, and it counts where they are a quorum that votes. */
  write(roster: Roster, isReached: (id: NodeId) => boolean): void {
    this.#writes += 1
    const { epoch } = roster
    const able = [...this.logs]
      .filter(([id, log]) => log.roster.epoch === epoch && log.mayVote && !this.isAlone(id))
      .map(([id]) => id)
    const reached = able.filter(isReached)
    for (const id of reached) this.#writtenAt(id).add(this.#writes)
    if (isQuorum(roster, new Set(reached))) this.#counted.push({ write: this.#writes, epoch })
  }

  /** A voter takes over what counted, where enough of those that `isReached` says are there can tell it. */
  handOver(id: NodeId, isReached: (id: NodeId) => boolean = () => true): void {
    const { roster, previous, settled } = this.log(id).state
    if (settled >= roster.epoch) return
    const may = this.#options.mayHandOver ?? mayHandOver
    const givers = [...this.logs].filter(
      ([one, { state }]) => (one === id || isReached(one)) && !this.isAlone(one) && may(state, roster.epoch),
    )
    const ids = new Set(givers.map(([one]) => one))
    const isOne = givers.some(
      ([one, { state }]) => state.settled >= roster.epoch || (this.#options.asksOne && one !== id),
    )
    if (!isOne && !(previous !== undefined && isQuorum(previous, ids))) return
    for (const one of ids) for (const write of this.#writtenAt(one)) this.#writtenAt(id).add(write)
    this.step(id, { kind: 'settle', epoch: roster.epoch, now: this.now })
  }

  restart(id: NodeId): void {
    this.start(id, this.disks.get(id) as RosterLogState)
  }

  loseDisk(id: NodeId): void {
    this.#written.delete(id)
    const isAlone = this.#options.alone?.includes(id) === true
    const lost = isAlone ? initialRosterLogState(aloneAt(id)) : lostRosterLogState(this.#options.genesis)
    this.start(id, this.#options.afterLoss?.(this, id) ?? lost)
  }

  deliver(parcel: Parcel, survives?: number): void {
    const { from, to, message } = parcel
    // All of the group are servers of one cluster; anybody else is a stranger.
    const isOfServer = this.logs.has(from)
    if (this.logs.has(to)) this.step(to, { kind: 'receive', from, isOfServer, message, now: this.now }, survives)
  }

  /** Delivers all, and what follows from it, in order. */
  flush(passes: (parcel: Parcel) => boolean = () => true): void {
    for (let many = 0; this.parcels.length > 0 && many < 10_000; many++) {
      const parcel = this.parcels.shift() as Parcel
      if (passes(parcel)) this.deliver(parcel)
    }
  }

  tick(id: NodeId): void {
    const { wakeAt } = this.log(id)
    if (wakeAt !== undefined && wakeAt <= this.now) this.step(id, { kind: 'tick', now: this.now })
  }

  /** Lets time pass with everybody in reach of everybody, until nobody wants anything or it has been too long. */
  settle(forMs = 120_000, passes?: (parcel: Parcel) => boolean): void {
    for (const from of this.logs.keys())
      for (const to of this.logs.keys()) this.step(from, { kind: 'contact', peer: to, now: this.now })
    const until = this.now + forMs
    while (this.now < until) {
      this.flush(passes)
      const wakes = [...this.logs.values()].flatMap(({ wakeAt }) => wakeAt ?? [])
      if (wakes.length === 0) return
      this.now = Math.max(this.now, Math.min(...wakes))
      for (const id of this.logs.keys()) this.tick(id)
    }
  }

  /** One roster for each epoch, nobody left who could act under an earlier one, and nobody to grant leases without what counted. */
  check(): void {
    for (const [id, { roster }] of this.disks) {
      if (this.isAlone(id)) continue
      const known = this.#textOf.get(roster.epoch)
      if (known === undefined) this.#textOf.set(roster.epoch, roster)
      else if (rosterText(known) !== rosterText(roster))
        throw new Error(`two rosters: ${rosterText(known)} and, of ${id}, ${rosterText(roster)}`)
    }
    for (const [id, { roster, mayVote, state }] of this.logs) {
      if (this.isAlone(id)) continue
      const written = this.#writtenAt(id)
      const lacks = this.#counted.find(({ write, epoch }) => epoch < roster.epoch && !written.has(write))
      if (mayVote && state.settled >= roster.epoch && lacks !== undefined)
        throw new Error(`${id} lacks under ${roster.epoch} what counted under ${lacks.epoch}`)
    }
    const latest = Math.max(...this.#textOf.keys())
    for (const [epoch, roster] of this.#textOf) {
      if (epoch >= latest) continue
      const able = [...this.logs]
        .filter(([id, log]) => log.roster.epoch === epoch && log.mayVote && !this.isAlone(id))
        .map(([id]) => id)
      if (isQuorum(roster, new Set(able)))
        throw new Error(`${able.join()} can act under epoch ${epoch} beside ${latest}`)
    }
  }

  get latest(): Roster {
    return this.#textOf.get(Math.max(...this.#textOf.keys())) as Roster
  }
}

const aloneAt = (id: NodeId): Roster => ({ epoch: 1, voters: votersOf(id), policy: { kind: 'keep-majority' } })

export function votersOf(ids: string): Voter[] {
  return [...ids].map((id) => ({ id, weight: 1 }))
}

/**
 * A run of everything at once, until `steps` are done; throws where a rule is broken. Each replica's clock goes as it likes, so that
 * some give up waiting while others have hardly begun.
 */
export function chaos(group: Group, ids: readonly NodeId[], random: () => number, steps: number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const crash = (): number | undefined => (random() < 0.05 ? Math.floor(random() * 3) : undefined)
  const losesDisks = random() < 0.5
  group.isHandedOver = false
  const loss = random() * 0.3
  // Where hardly anybody is told what was decided, more is found out by voting.
  const silence = random() < 0.5 ? 0.95 : loss
  const clocks = new Map(ids.map((id) => [id, 0]))
  const at = (id: NodeId, passed = 0): void => {
    group.now = (clocks.get(id) ?? 0) + passed
    clocks.set(id, group.now)
  }
  for (let step = 0; step < steps; step++) {
    const writer = random() < 0.1 ? pick(ids) : undefined
    if (writer !== undefined && !group.isAlone(writer)) group.write(group.log(writer).roster, () => random() < 0.7)
    if (random() < 0.15) group.handOver(pick(ids), () => random() < 0.7)
    const id = pick(ids)
    const dice = random()
    at(id)
    if (dice < 0.7 && group.parcels.length > 0) {
      const index = Math.floor(random() * group.parcels.length)
      const parcel = group.parcels[index] as Parcel
      if (random() > 0.05) group.parcels.splice(index, 1)
      at(parcel.to)
      if (random() > (parcel.message.kind === 'roster' ? silence : loss)) group.deliver(parcel, crash())
    } else if (dice < 0.85) {
      at(id, random() * 1500)
      group.tick(id)
    } else if (dice < 0.97) {
      const { roster } = group.log(id)
      // Mostly without one, so that there is a quorum to go on with.
      const without = random() < 0.8 ? pick(ids) : pick(ids) + pick(ids)
      const voters = votersOf(ids.filter((voter) => !without.includes(voter)).join(''))
      if (voters.length > 0 && group.log(id).pending === undefined && !group.isAlone(id))
        group.step(
          id,
          { kind: 'propose', roster: { ...roster, epoch: roster.epoch + 1, voters }, now: group.now },
          crash(),
        )
    } else if (dice < 0.985) group.restart(id)
    else if (losesDisks && dice < 0.99) group.loseDisk(id)
    if (group.parcels.length > 60) group.parcels.splice(0, 20)
  }
}

export const majority: Policy = { kind: 'keep-majority' }
export const genesis: Roster = { epoch: 1, voters: votersOf('abc'), policy: majority }
export const next = (ids: string, epoch = 2, rest: Partial<Roster> = {}): Roster => ({
  epoch,
  voters: votersOf(ids),
  policy: majority,
  ...rest,
})
export const groupOf = (ids: string, rest: Partial<GroupOptions> = {}): Group =>
  new Group({ genesis, ids: [...ids], random: seededRandom(7).float, ...rest })
export const outcomes = (group: Group) =>
  group.told.flatMap(({ effect }) => (effect.kind === 'settled' ? [effect.outcome] : []))
export const propose = (group: Group, id: NodeId, roster: Roster): void =>
  group.step(id, { kind: 'propose', roster, now: group.now })
export const rosters = (group: Group): string[] =>
  [...group.logs.values()].map(({ roster }) => `${roster.epoch}${roster.voters.map(({ id }) => id).join('')}`)

export const isOf = (message: RosterMessage, kind: 'request' | 'answer', phase: RosterPhase): boolean =>
  message.kind === kind && message.phase === phase
