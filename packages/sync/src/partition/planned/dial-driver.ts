/**
 * Carries out the plan of one `connect`: steps the planner, runs its races, keeps its links, and stores its book.
 *
 * Invariants
 * 1. There is one planner, with one book, one breaker and one budget: nothing here dials without it.
 * 2. Each dial is answered by `up` or `failed`, and each link that was `up` by `down`, once.
 * 3. Only servers of the cluster count as connected without having been dialled: a client that calls itself like one would keep
 *    us from dialling it.
 */
import { Alarm } from '../../alarm.ts'
import type { Companion } from '../../companion.ts'
import { delayUntil } from '../../delay.ts'
import type { Attempt } from '../../dial-once.ts'
import type { ReplicaCore } from '../../replica-core.ts'
import type { Route, RouteWish } from '../../route.ts'
import type { StoredRow } from '../../seams.ts'
import { whenTrusted } from '../../servers/cluster.ts'
import type { Session, SessionEnd } from '../../session.ts'
import { type AddressRecord, addressKey, type PeerAddress } from '../dialing/address.ts'
import { type AddressBook, type AddressBookInput, createAddressBook } from '../dialing/address-book.ts'
import { type Breaker, type BreakerState, createBreaker } from '../dialing/breaker.ts'
import type { DialStage } from '../dialing/diagnosis-table.ts'
import { createDialBudget, type DialBudget } from '../dialing/dial-budget.ts'
import { paceOf } from '../dialing/dial-options.ts'
import { createDialPlanner } from '../dialing/dial-planner.ts'
import type { DialPlanner, DialPlannerEffect, DialPlannerInput } from '../dialing/dial-types.ts'
import { createRace, type Race, type RaceInput } from '../dialing/happy-eyeballs.ts'
import type { NodeId } from '../roster.ts'
import { AddressExchange } from './address-exchange.ts'
import { addressChannel } from './address-wire.ts'
import { addressPrefix, BookRows } from './book-rows.ts'
import { dialInStages } from './dial-attempt.ts'
import { type AddressView, type DialMetrics, noFailures } from './dial-metrics.ts'
import type { CheckedPlan } from './plan-options.ts'

type Untimed<T> = T extends unknown ? Omit<T, 'now' | 'wall'> : never
type PlannerStep = Untimed<DialPlannerInput>

interface RunningRace {
  readonly race: Race
  readonly records: ReadonlyMap<string, AddressRecord>
  readonly attempts: Map<string, Attempt>
  /** Whether an address turned us away for good. */
  isRefused: boolean
}

/** What runs once the book is read. */
interface Machines {
  readonly book: AddressBook
  readonly breaker: Breaker
  readonly budget: DialBudget
  readonly planner: DialPlanner
}

export class DialDriver implements Route, Companion {
  readonly channel: number = addressChannel
  readonly self: NodeId
  readonly #core: ReplicaCore
  readonly #plan: CheckedPlan
  readonly #exchange: AddressExchange
  readonly #rows: BookRows
  readonly #alarm: Alarm
  readonly #races = new Map<number, RunningRace>()
  readonly #links = new Map<number, Session>()
  readonly #linkOf = new Map<Session, number>()
  readonly #dialled = new WeakSet<Session>()
  readonly #waiting: PlannerStep[] = []
  readonly #stops: (() => void)[] = []
  readonly #failures = noFailures()
  #machines: Machines | undefined
  #lastEnd: SessionEnd | undefined
  #isStepping = false
  #isStopped = false
  #lastLink = 0
  #dials = 0
  #established = 0
  #duplicates = 0

  constructor(core: ReplicaCore, plan: CheckedPlan) {
    this.#core = core
    this.#plan = plan
    this.self = core.role === 'server' ? core.name || core.id : core.id
    this.#alarm = new Alarm(core.timers)
    this.#rows = new BookRows(() => core.newId())
    this.#exchange = new AddressExchange(core, this.self, (from, addresses, remote) => {
      const taken = addresses.flatMap((at) => plan.transports.accept(at, remote) ?? [])
      this.learn(from, taken)
    })
  }

  get isDialing(): boolean {
    return (this.#machines?.planner.dials ?? 0) > 0
  }

  get wakeAt(): number | undefined {
    return this.#machines?.planner.wakeAt
  }

  get lastEnd(): SessionEnd | undefined {
    return this.#lastEnd
  }

  get addresses(): readonly AddressView[] {
    const machines = this.#machines
    if (machines === undefined) return []
    const { book, breaker, planner } = machines
    const now = this.#core.clock.monotonic()
    return [...book.records].map(([key, record]) => ({
      ...record,
      breaker: breaker.stateOf(key, now),
      isConnected: record.peer !== undefined && planner.connected.has(record.peer),
    }))
  }

  metrics(): DialMetrics {
    const breakers: Record<BreakerState, number> = { closed: 0, open: 0, 'half-open': 0 }
    const addresses = { anchor: 0, bootstrap: 0, voter: 0, known: 0 }
    for (const { breaker, tier } of this.addresses) {
      breakers[breaker] += 1
      addresses[tier] += 1
    }
    return {
      dials: this.#dials,
      failures: { ...this.#failures },
      established: this.#established,
      duplicates: this.#duplicates,
      breakers,
      addresses,
      connected: this.#machines?.planner.connected.size ?? 0,
      skippedRows: this.#machines?.book.skippedRows ?? 0,
    }
  }

  on(wish: RouteWish): void {
    switch (wish) {
      case 'start':
        this.#start()
        break
      case 'hint':
        this.#probe()
        this.#step({ kind: 'hint' })
        break
      case 'probe':
        this.#probe()
        break
      case 'reconnect':
        for (const session of this.#ownSessions()) session.close('peer-closed', 'Dialling anew.')
        this.#step({ kind: 'hint' })
        break
      case 'stop':
        this.#stop()
        break
    }
  }

  learn(source: string, addresses: readonly PeerAddress[]): void {
    this.#tellBook({ kind: 'learn', source, addresses, wall: this.#core.clock.now() })
  }

  configure(tier: 'bootstrap' | 'anchor', addresses: readonly PeerAddress[]): void {
    this.#tellBook({ kind: 'configure', tier, addresses, wall: this.#core.clock.now() })
  }

  advertise(addresses: readonly { readonly transport: string; readonly address: string }[]): void {
    this.#exchange.advertise(addresses)
  }

  established(session: Session): void {
    if (this.#isStopped || session.peer?.role !== 'server') return
    // Invariant 3. Later, as whoever answers where we dialled is up by its attempt first.
    whenTrusted(this.#core, session, () => this.#core.soon(() => this.#admit(session)))
  }

  ended(session: Session): void {
    this.#exchange.drop(session)
    // An attempt tells more of its end.
    if (!this.#dialled.has(session)) this.#down(session, session.isProductive)
  }

  receive(session: Session, bytes: Uint8Array): void {
    this.#exchange.receive(session, bytes)
  }

  #admit(session: Session): void {
    if (session.phase !== 'established' || this.#isStopped) return
    this.#up(session)
    // It may be one too many.
    if (session.phase === 'established') this.#exchange.admit(session)
  }

  #start(): void {
    const core = this.#core
    core.storage.read(addressPrefix).then(
      (rows) => core.batch(() => this.#begin(rows)),
      (error: unknown) => {
        core.log('error', 'address-rows-unread', { error: String(error) })
        core.batch(() => this.#begin([]))
      },
    )
  }

  #begin(stored: readonly StoredRow[]): void {
    if (this.#isStopped) return
    const core = this.#core
    const { transports, bookOptions, breakerOptions, links, pace, bootstrap, anchors, partitions } = this.#plan
    const random = (): number => core.random.float()
    const wall = core.clock.now()
    // What was taken once may not be dialled from here any more.
    const read = BookRows.read(stored).map((row) =>
      typeof row === 'object' && row !== null ? transports.accept(row as AddressRecord) : undefined,
    )
    const book = createAddressBook({ ...bookOptions, self: this.self, rows: read, wall })
    core.queue.push(this.#rows.adopt(stored, read, book))
    const breaker = createBreaker({ ...breakerOptions, random })
    const budget = createDialBudget(paceOf(pace).perSecond)
    const planner = createDialPlanner({ self: this.self, book, breaker, budget, links, pace, random })
    this.#machines = { book, breaker, budget, planner }
    const early = this.#waiting.splice(0)
    this.configure('bootstrap', bootstrap)
    this.configure('anchor', anchors)
    for (const step of early) this.#step(step)
    if (partitions !== undefined) {
      this.#stops.push(partitions.onVerdict(() => this.#followRoster()))
      this.#followRoster()
    }
    if (core.role === 'server') {
      core.companions.set(addressChannel, this)
      for (const { session } of core.connections) if (session.phase === 'established') this.established(session)
    }
    this.#step({ kind: 'start' })
  }

  /** The roster says who is a voter, and the verdict who is reached by way of others. */
  #followRoster(): void {
    const { verdict, roster } = this.#plan.partitions?.status ?? {}
    if (roster !== undefined) this.#tellBook({ kind: 'roster', roster })
    if (verdict !== undefined && verdict.mode !== 'unknown')
      this.#step({ kind: 'side', reachable: new Set(verdict.sides[0] ?? []) })
  }

  #stop(): void {
    this.#isStopped = true
    for (const stop of this.#stops.splice(0)) stop()
    this.#step({ kind: 'stop' })
    for (const session of this.#ownSessions()) session.close('peer-closed', 'The other side closed its connections.')
    this.#alarm.clear()
    this.#exchange.close()
    if (this.#core.companions.get(addressChannel) === this) this.#core.companions.delete(addressChannel)
  }

  #ownSessions(): Session[] {
    return [...this.#links.values()].filter(({ isInitiator }) => isInitiator)
  }

  #probe(): void {
    const now = this.#core.clock.monotonic()
    for (const session of this.#links.values()) session.probe(now)
  }

  #tellBook(input: AddressBookInput): void {
    this.#step({ kind: 'book', input })
  }

  /** Steps come one after the other, also those that come of carrying one out. */
  #step(input: PlannerStep): void {
    const machines = this.#machines
    // What the book is told before it is read is kept for it.
    if (machines !== undefined || input.kind === 'book') this.#waiting.push(input)
    if (machines === undefined || this.#isStepping) return
    this.#isStepping = true
    try {
      this.#core.batch(() => this.#stepAll(machines))
    } finally {
      this.#isStepping = false
    }
    this.#arm(machines)
    this.#core.changed()
  }

  #stepAll(machines: Machines): void {
    const { clock } = this.#core
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const timed = { ...next, now: clock.monotonic(), wall: clock.now() } as DialPlannerInput
      for (const effect of machines.planner.step(timed)) this.#carryOut(effect, machines)
    }
  }

  #carryOut(effect: DialPlannerEffect, { budget }: Machines): void {
    switch (effect.kind) {
      case 'dial': {
        const { dial, addresses } = effect
        const records = new Map(addresses.map((record) => [addressKey(record), record]))
        const race = createRace({ addresses, budget })
        this.#races.set(dial, { race, records, attempts: new Map(), isRefused: false })
        this.#stepRace(dial, { kind: 'start', now: this.#core.clock.monotonic() })
        break
      }
      case 'give-up':
        this.#stepRace(effect.dial, { kind: 'stop' })
        this.#races.delete(effect.dial)
        break
      case 'close':
        this.#close(effect.link, effect.reason)
        break
      case 'persist':
      case 'forget': {
        const op = this.#rows.opFor(effect)
        if (op !== undefined) this.#core.queue.push([op])
        break
      }
    }
  }

  #close(link: number, reason: 'duplicate' | 'full' | 'self' | 'feeler'): void {
    const session = this.#links.get(link)
    if (session === undefined) return
    this.#links.delete(link)
    this.#linkOf.delete(session)
    if (reason === 'duplicate') this.#duplicates += 1
    if (reason === 'self') this.#core.log('warn', 'name-of-another', { peer: this.self, remote: session.remote })
    session.close(reason === 'full' ? fullCode : 'peer-closed', words[reason])
  }

  #stepRace(dial: number, input: RaceInput): void {
    const running = this.#races.get(dial)
    if (running === undefined) return
    for (const effect of running.race.step(input)) {
      switch (effect.kind) {
        case 'attempt':
          this.#attempt(dial, running, effect.key)
          break
        case 'hangUp':
          running.attempts.get(effect.key)?.giveUp()
          running.attempts.delete(effect.key)
          break
        case 'won':
          break
        case 'lost':
          this.#races.delete(dial)
          this.#step({ kind: 'failed', dial, refused: running.isRefused })
          break
      }
    }
  }

  #attempt(dial: number, running: RunningRace, key: string): void {
    const record = running.records.get(key) as AddressRecord
    const transport = this.#plan.transports.get(record.transport)
    if (transport === undefined) return
    let session: Session | undefined
    this.#dials += 1
    const attempt = dialInStages(this.#core, transport.dial(record.address), {
      established: (connection) => {
        session = connection.session
        this.#won(dial, running, key, session)
      },
      ended: (end, productive, stage) => {
        this.#lastEnd = end
        const refused = end.refused || end.code === fullCode
        if (session !== undefined) this.#down(session, productive, refused)
        else this.#failed(dial, running, key, refused, stage, end)
      },
    })
    if (running.race.outcome === undefined) running.attempts.set(key, attempt)
  }

  #won(dial: number, running: RunningRace, key: string, session: Session): void {
    running.attempts.delete(key)
    this.#stepRace(dial, { kind: 'succeeded', key, now: this.#core.clock.monotonic() })
    this.#races.delete(dial)
    this.#dialled.add(session)
    this.#established += 1
    this.#lastEnd = undefined
    this.#up(session, { dial, key })
  }

  #failed(
    dial: number,
    running: RunningRace,
    key: string,
    refused: boolean,
    stage: DialStage,
    { code, reason }: SessionEnd,
  ): void {
    this.#failures[stage] += 1
    this.#core.log('debug', 'dial-failed', { key, stage, code, reason })
    running.attempts.delete(key)
    running.isRefused ||= refused
    this.#step({ kind: 'attempt-failed', dial, key })
    this.#stepRace(dial, { kind: 'failed', key, now: this.#core.clock.monotonic() })
    if (this.#machines !== undefined) this.#arm(this.#machines)
  }

  #up(session: Session, dialled: { readonly dial?: number; readonly key?: string } = {}): void {
    if (this.#linkOf.has(session)) return
    this.#lastLink += 1
    this.#links.set(this.#lastLink, session)
    this.#linkOf.set(session, this.#lastLink)
    this.#step({ kind: 'up', link: this.#lastLink, peer: peerOf(session), ...dialled })
  }

  #down(session: Session, productive: boolean, refused = false): void {
    const link = this.#linkOf.get(session)
    if (link === undefined) return
    this.#links.delete(link)
    this.#linkOf.delete(session)
    this.#step({ kind: 'down', link, productive, refused })
  }

  #arm({ planner }: Machines): void {
    const wakes = [planner.wakeAt, ...[...this.#races.values()].map(({ race }) => race.wakeAt)]
    const at = Math.min(...wakes.map((wake) => wake ?? Number.POSITIVE_INFINITY))
    if (this.#isStopped || at === Number.POSITIVE_INFINITY) this.#alarm.clear()
    else this.#alarm.set(delayUntil(at, this.#core.clock.monotonic()), () => this.#tick())
  }

  #tick(): void {
    const now = this.#core.clock.monotonic()
    for (const [dial, { race }] of [...this.#races])
      if (race.wakeAt !== undefined && race.wakeAt <= now) this.#stepRace(dial, { kind: 'tick', now })
    this.#step({ kind: 'tick' })
  }
}

/** Only servers have a name that others go by. */
const peerOf = ({ peer, peerName, peerReplica }: Session): NodeId => (peer?.role === 'server' ? peerName : peerReplica)

/** The other side has all the links that it takes. */
const fullCode = 'full'

const words = {
  duplicate: 'There is another connection to this replica.',
  full: 'This replica has all the connections that it takes.',
  self: 'A replica does not connect to itself.',
  feeler: 'It was only to be seen whether somebody answers.',
} as const
