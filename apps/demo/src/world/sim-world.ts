/** The simulated sea behind the page: `@rejoin/sim` as it is, its events turned into frames and chart events. */
import {
  type Action,
  type ArchipelagoFrame,
  calmScenario,
  createArchipelago,
  decodeScenario,
  encodeScenario,
  forkScenario,
  type Lab,
  prologueMs,
  type Scenario,
  type WorldEvent,
  worldEpochMs,
} from '@rejoin/sim'
import type { ChartEvent, HealCard, WriteOp, WriteRecord } from '../events.ts'
import type { IslandFrame, LaneFrame, Load, PeerView, Seat, StormFrame, StormMode } from '../frame.ts'
import { seats } from '../frame.ts'
import type { Point } from '../sea/layout.ts'
import { lineFor } from '../sea/storm-line.ts'
import { sideNames, sidesOf } from '../sides.ts'
import { Baselines } from './baselines.ts'
import { type HealedStorm, type HeardReport, healCard } from './heal-cards.ts'
import { IslandStands, regattaEvent } from './island-stands.ts'
import { opOf, writeOf } from './ops.ts'
import { Rounds } from './rounds.ts'
import type { BareFrame, Deed, Shipyard, World } from './world.ts'
import { versionEntries, WriteLog } from './write-log.ts'

const cargoKinds = new Set(['changes', 'bundle'])
const beatKinds = new Set([
  'ping',
  'pong',
  'partition/swim',
  'partition/rows',
  'partition/roster',
  'partition/incidents',
])
/** As often as pings, and as small: they are not drawn. */
const unseenKinds = new Set(['partition/heartbeat'])
/** Seas of the simulator. */
export const shipyard: Shipyard = {
  calm: (seed) => new SimWorld(calmScenario(seed), new Map()),
  replay: (world, at) => {
    if (!(world instanceof SimWorld)) throw new Error('another shipyard built this world')
    const copy = new SimWorld(forkScenario(world.scenario(), at), world.lines)
    copy.advance(at)
    return copy
  },
}

/** A run from a link, ready to be sailed. */
export type OpenedRun =
  | { readonly ok: true; readonly world: World; readonly durationMs: number; readonly actions: number }
  | { readonly ok: false; readonly reason: string }

/** Longest run that a page sails before it shows anything. */
const longestRunMs = 20 * 60_000

/** Opens the run that a link spells. Anything else is refused with a reason. */
export function openRun(text: string): OpenedRun {
  const decoded = decodeScenario(text)
  if (!decoded.ok) return { ok: false, reason: decoded.error.message }
  const scenario = decoded.value
  if (scenario.world !== 'archipelago')
    return { ok: false, reason: `it is a run of the ${scenario.world} world, not of these islands` }
  if (scenario.nodes !== seats.length)
    return { ok: false, reason: `it has ${scenario.nodes} islands, not ${seats.length}` }
  if (scenario.durationMs > longestRunMs) return { ok: false, reason: 'it is longer than 20 minutes' }
  return {
    ok: true,
    world: new SimWorld(scenario, new Map()),
    durationMs: scenario.durationMs,
    actions: scenario.actions.length,
  }
}

interface CurrentStorm {
  readonly id: number
  readonly since: number
  readonly mode: StormMode
  readonly line: readonly Point[]
  readonly cut: readonly (readonly [Seat, Seat])[]
  readonly sides: readonly (readonly Seat[])[]
  liftedAt: number | undefined
  readonly heard: HeardReport[]
  conflicts: number
}

class SimWorld implements World {
  readonly seed: number
  /** Lines that visitors drew, by the time of their storm; a link does not carry them. */
  readonly lines: Map<number, readonly Point[]>
  readonly #lab: Lab
  readonly #log = new WriteLog()
  readonly #rounds = new Rounds()
  readonly #baselines = new Baselines()
  readonly #ops = new Map<number, WriteOp | undefined>()
  readonly #sails = new Map<number, { readonly from: Seat; readonly departMs: number }>()
  readonly #landed = new Map<number, { readonly from: Seat; readonly departMs: number }>()
  #events: ChartEvent[] = []
  #reports: HealCard[] = []
  #storm: CurrentStorm | undefined
  #lastStorm: CurrentStorm | undefined
  #drawn: readonly Point[] | undefined
  #storms = 0
  #told = 0
  readonly #stands = new IslandStands()
  #sights = new Map<string, { state: string; sinceMs: number }>()
  #frame: ArchipelagoFrame | undefined
  #view: { readonly revision: number; readonly frame: BareFrame } | undefined

  constructor(scenario: Scenario, lines: ReadonlyMap<number, readonly Point[]>) {
    this.seed = scenario.seed
    this.lines = new Map(lines)
    let early = true
    this.#lab = createArchipelago(scenario, {
      onEvent: (event) => {
        // What the islands shared before time 0 is in their logs, and is no event of this voyage.
        if (early) this.#noteWrite(event, event.atMs - prologueMs)
      },
    })
    early = false
    this.#rounds.start(this.#fresh().islands[0]?.digest ?? '')
    this.#seeSights(false)
    this.#stands.look(this.#fresh().islands, this.at)
  }

  get at(): number {
    return this.#lab.timeMs
  }

  get revision(): number {
    return this.#lab.events.length + this.#storms
  }

  scenario(): Scenario {
    return this.#lab.scenario()
  }

  link(): string {
    return encodeScenario(this.#lab.scenario())
  }

  record(key: string): WriteRecord | undefined {
    return this.#log.get(key)
  }

  advance(at: number): void {
    this.#lab.step(at)
    this.#hear()
  }

  act(deed: Deed): void {
    switch (deed.kind) {
      case 'write':
        this.#lab.act({ kind: 'write', node: deed.seat, write: writeOf(deed.op) })
        break
      case 'regatta':
        this.#lab.act({ kind: 'regatta', node: deed.seat })
        break
      case 'storm':
        this.#lab.act({ kind: 'storm', preset: deed.mode, node: deed.seat })
        break
      case 'cut':
        this.#drawn = deed.line
        for (const [from, to] of deed.lanes) {
          this.#lab.act({ kind: 'cut', from, to })
          this.#lab.act({ kind: 'cut', from: to, to: from })
        }
        break
      case 'lift':
        this.#lab.act({ kind: 'restore-all' })
        break
    }
    this.#hear()
  }

  take(): { readonly events: readonly ChartEvent[]; readonly reports: readonly HealCard[] } {
    const taken = { events: this.#events, reports: this.#reports }
    this.#events = []
    this.#reports = []
    return taken
  }

  view(): BareFrame {
    if (this.#view?.revision === this.revision && this.#view.frame.at === this.at) return this.#view.frame
    const lab = this.#fresh()
    const lanes = lanesOf(lab)
    const view: BareFrame = {
      at: this.at,
      islands: lab.islands.map((island): IslandFrame => {
        const seat = island.index as Seat
        const flag = this.#log.flagAt(island.version)
        return {
          seat,
          digest: island.digest,
          version: versionEntries(island.version),
          flag: island.snapshot.flag,
          flagBy: flag?.seat === undefined ? undefined : { seat: flag.seat, at: flag.at },
          chest: island.snapshot.chest,
          tally: island.snapshot.tally,
          regatta: island.snapshot.regatta,
          peers: island.sees.map(
            (sight): PeerView =>
              sight.state === 'connected'
                ? { seat: sight.peer as Seat, state: 'connected', heardAt: sight.heardMs }
                : { seat: sight.peer as Seat, state: 'silent', since: sight.heardMs ?? sight.sinceMs },
          ),
          apart: this.#isCutOff(seat)
            ? this.#baselines.divergence(seat, island.version, this.#lab, this.#log)
            : undefined,
          stand: this.#stands.pageOf(island.stand),
          present: true,
        }
      }),
      lanes,
      boats: lab.boats
        .filter(({ kind }) => !unseenKinds.has(kind))
        .map((boat) => ({
          id: boat.id,
          from: boat.from as Seat,
          to: boat.to as Seat,
          sentAt: boat.departMs,
          dueAt: boat.arriveMs,
          lostAt: boat.sankMs,
          bytes: boat.bytes,
          load: loadOf(boat.kind),
        })),
      storm: this.#stormFrame(lab, lanes),
      seal: this.#rounds.seal,
    }
    this.#view = { revision: this.revision, frame: view }
    return view
  }

  #fresh(): ArchipelagoFrame {
    if (
      this.#frame === undefined ||
      this.#frame.timeMs !== this.at ||
      this.#frame.eventCount !== this.#lab.events.length
    ) {
      this.#frame = this.#lab.frame()
    }
    return this.#frame
  }

  /** Turns what has happened since the last time into events of the chart. */
  #hear(): void {
    const { events } = this.#lab
    if (this.#told === events.length) return
    // Boats first: what a landed boat carried is known only while it sails.
    for (const boat of this.#fresh().boats) {
      if (cargoKinds.has(boat.kind)) this.#sails.set(boat.id, { from: boat.from as Seat, departMs: boat.departMs })
    }
    while (this.#told < events.length) {
      const heard = events[this.#told]
      this.#told += 1
      if (heard !== undefined) this.#turn(heard.event, heard.atMs)
    }
    this.#seeSights(true)
    this.#events.push(...this.#stands.look(this.#fresh().islands, this.at))
  }

  #turn(event: WorldEvent, at: number): void {
    this.#noteWrite(event, at)
    switch (event.kind) {
      case 'acted':
        this.#acted(event.action, at)
        return
      case 'frame-sent':
        this.#rounds.sent(event.frame.id, event.frame.from)
        return
      case 'frame-arrived': {
        const { id, from, to, bytes, departMs } = event.frame
        this.#landed.set(to, { from: from as Seat, departMs: departMs - prologueMs })
        if (this.#carries(id)) this.#rounds.arrived(id, to, bytes)
        else this.#rounds.sunk(id)
        return
      }
      case 'frame-sunk': {
        const { id, from, to, bytes } = event.frame
        const carried = this.#carries(id)
        this.#rounds.sunk(id)
        this.#events.push({ kind: 'sunk', at, from: from as Seat, to: to as Seat, bytes, carried })
        return
      }
      case 'merge': {
        const boat = this.#landed.get(event.node)
        if (boat === undefined) return
        const seat = event.node as Seat
        const last = this.#events.at(-1)
        if (last?.kind === 'merge' && last.at === at && last.seat === seat) return
        this.#events.push({ kind: 'merge', at, seat, from: boat.from, sentAt: boat.departMs, changes: 1 })
        return
      }
      case 'digest': {
        const agreed = this.#rounds.state(event.node, event.digest, at)
        if (agreed === undefined) return
        const { rounds, messages, bytes } = agreed
        this.#events.push({
          kind: 'converged',
          at,
          rounds,
          messages,
          bytes,
          digest: event.digest,
          tookMs: at - this.#rounds.startedAt,
        })
        this.#report(at)
        return
      }
      case 'healed': {
        const storm = this.#storm ?? this.#lastStorm
        // Contacts that were lost before this storm (the very first one of an opening is such a case) are not its heal.
        if (storm === undefined || event.report.since - worldEpochMs - prologueMs < storm.since) return
        const peer = this.#seatNamed(event.report.peer)
        storm.heard.push({ seat: event.node as Seat, peer, at, report: event.report })
        this.#report(at, event.node as Seat)
        return
      }
      case 'refused':
        this.#events.push({
          kind: 'refused',
          at,
          seat: event.node as Seat,
          what: 'a change',
          reason: event.content.reason,
        })
        return
      case 'lease':
        this.#events.push(regattaEvent(event.node as Seat, event.step, at))
        return
    }
  }

  #carries(id: number): boolean {
    return this.#sails.delete(id)
  }

  #seatNamed(name: string): Seat | undefined {
    const at = this.#fresh().islands.find((island) => island.name === name)?.index
    return at as Seat | undefined
  }

  #noteWrite(event: WorldEvent, at: number): void {
    if (event.kind === 'acted' && event.action.kind === 'write')
      this.#ops.set(event.action.node, opOf(event.action.write))
    if (event.kind !== 'write') return
    const op = this.#ops.get(event.node)
    this.#ops.delete(event.node)
    const record = this.#log.add(event.change, event.node as Seat, at, op)
    if (at >= 0 && op !== undefined)
      this.#events.push({ kind: 'write', at, seat: event.node as Seat, op, key: record.key })
  }

  #acted(action: Action, at: number): void {
    if (action.kind === 'storm') {
      this.#end(at)
      this.#begin(action.preset, at)
    } else if (action.kind === 'cut') {
      // Lanes cut at one moment are one storm.
      if (this.#storm !== undefined && this.#storm.since === at) {
        this.#events = this.#events.filter((event) => event.kind !== 'storm' || event.id !== this.#storm?.id)
        this.#storm = undefined
      }
      if (this.#storm === undefined) this.#begin('brush', at)
    } else if (action.kind === 'restore-all') {
      this.#end(at)
    } else if (action.kind === 'restore' && this.#fresh().storm === undefined) this.#end(at)
  }

  #begin(mode: StormMode, at: number): void {
    const lab = this.#fresh()
    const lanes = lanesOf(lab)
    const closed = lab.lanes.filter((lane) => !(lane.openAToB && lane.openBToA))
    const cut = closed.map((lane) => [lane.a as Seat, lane.b as Seat] as const)
    if (mode === 'brush' && this.#drawn !== undefined) this.lines.set(at, this.#drawn)
    this.#drawn = undefined
    const line = this.lines.get(at) ?? lineFor(cut)
    const sides = sidesOf(lanes)
    this.#storms += 1
    this.#storm = { id: this.#storms, since: at, mode, line, cut, sides, liftedAt: undefined, heard: [], conflicts: -1 }
    this.#baselines.mark(at, lab.islands)
    this.#events.push({ kind: 'storm', at, id: this.#storms, mode, lanes: cut.length, sides })
  }

  #end(at: number): void {
    const storm = this.#storm
    if (storm === undefined) return
    storm.liftedAt = at
    this.#lastStorm = storm
    this.#storm = undefined
    this.#rounds.lifted(at)
    this.#events.push({ kind: 'lift', at, id: storm.id, since: storm.since })
  }

  #isCutOff(seat: Seat): boolean {
    return this.#storm?.cut.some(([a, b]) => a === seat || b === seat) ?? false
  }

  /** The page's report of the last storm, as far as islands have reported. */
  #report(at: number, reporter?: Seat): void {
    const storm = this.#storm ?? this.#lastStorm
    if (storm === undefined || storm.heard.length === 0) return
    const names = sideNames(storm.sides)
    const healed: HealedStorm = {
      id: storm.id,
      cutAt: storm.since,
      liftedAt: storm.liftedAt ?? at,
      sides: storm.sides.map((group, index) => ({ seats: group, ink: '', name: names[index] ?? '' })),
    }
    const seat = reporter ?? storm.heard.at(-1)?.seat ?? 0
    const card = healCard(healed, storm.heard, this.#log, {
      digest: this.#fresh().islands[seat]?.digest ?? '',
      ink: '',
    })
    if (card === undefined) return
    this.#reports.push({ ...card, at, reporter: seat })
    if (reporter === undefined || card.conflicts.length === storm.conflicts) return
    storm.conflicts = card.conflicts.length
    const keys = card.conflicts.flatMap(({ kept, other }) => [kept.record.key, other.record.key])
    this.#events.push({ kind: 'healed', at, seat, conflicts: card.conflicts.length, report: card.id, keys })
  }

  #seeSights(tell: boolean): void {
    for (const island of this.#fresh().islands) {
      for (const sight of island.sees) {
        const key = `${island.index}<${sight.peer}`
        const before = this.#sights.get(key)
        if (before?.state === sight.state) continue
        this.#sights.set(key, { state: sight.state, sinceMs: this.at })
        if (!tell || before === undefined) continue
        const about = { at: this.at, seat: island.index as Seat, about: sight.peer as Seat }
        if (sight.state === 'silent') this.#events.push({ kind: 'silent', ...about })
        else this.#events.push({ kind: 'contact', ...about, silentMs: this.at - before.sinceMs })
      }
    }
  }

  #stormFrame(lab: ArchipelagoFrame, lanes: readonly LaneFrame[]): StormFrame | undefined {
    const storm = this.#storm
    if (storm === undefined) return undefined
    return {
      id: storm.id,
      since: storm.since,
      mode: storm.mode,
      line: storm.line,
      cut: storm.cut,
      shut: lanes.some((lane) => !lane.open),
      turnsAt: lab.storm?.nextTurnMs,
    }
  }
}

function loadOf(kind: string): Load {
  return cargoKinds.has(kind) ? 'changes' : beatKinds.has(kind) ? 'beat' : 'talk'
}

function lanesOf(lab: ArchipelagoFrame): LaneFrame[] {
  return lab.lanes.flatMap((lane) => [
    { from: lane.a as Seat, to: lane.b as Seat, open: lane.openAToB },
    { from: lane.b as Seat, to: lane.a as Seat, open: lane.openBToA },
  ])
}
