/**
 * A voyage over a simulated sea: it records every frame, so that the past can be looked at again, and it forks when
 * somebody acts in the past. The world itself only sails forwards.
 *
 * 1. What has been recorded never changes: scrubbing shows the frames that were, inks included.
 * 2. A fork keeps its past: the new road shares the frames up to the fork, the old one stays whole beside it.
 */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import type { ChartEvent, ConflictCard, HealCard, WriteOp, WriteRecord } from '../events.ts'
import type { BoatFrame, Frame, Seat, StormMode } from '../frame.ts'
import { type InkState, nextInks } from '../ink.ts'
import type { Point } from '../sea/layout.ts'
import { type ForkTrack, marksOf, SpanRecorder, type TimelineModel } from '../time/timeline-model.ts'
import type { Sailing } from './sailing.ts'
import type { Deed, Shipyard, World } from './world.ts'

/** One road: a world and everything recorded of it. */
interface Road {
  world: World
  frames: Frame[]
  /** The ink state after each frame, to go on from. */
  inks: InkState[]
  events: ChartEvent[]
  reports: HealCard[]
}

interface Fork extends ForkTrack {
  readonly road: Road
}

/** How long a sunk or landed boat stays in the frames, ms of page time. */
const wreckMs = 1_500
const clockMs = 100
const stepMs = 50
const traceMs = 20_000

export class Voyage implements Sailing {
  readonly kind = 'simulated'
  readonly frame: Signal<Frame>
  readonly events: Signal<readonly ChartEvent[]> = signal([])
  readonly report: Signal<HealCard | undefined> = signal(undefined)
  readonly head: Signal<number> = signal(0)
  readonly edge: Signal<number> = signal(0)
  readonly playing: Signal<boolean> = signal(true)
  readonly speed: Signal<number> = signal(1)
  readonly seed: Signal<number>
  readonly timeline: Signal<TimelineModel> = signal({ spans: [], marks: [], merges: [], storms: [] })
  readonly forks: Signal<readonly ForkTrack[]> = signal([])
  readonly checks: Signal<number> = signal(0)
  readonly disagreements: Signal<number> = signal(0)
  readonly trace: ReadonlySignal<{ readonly line: readonly Point[]; readonly liftedAt: number } | undefined>
  readonly #trace: Signal<{ readonly line: readonly Point[]; readonly liftedAt: number } | undefined> =
    signal(undefined)
  readonly #yard: Shipyard
  readonly #onChange: () => void
  readonly #onDeed: () => void
  #road: Road
  #roads: Fork[] = []
  #names = 0
  #now = 0
  #lastCheck = 0

  /** `onDeed` is called after whatever is done to the sea, and after a fork. */
  constructor(yard: Shipyard, world: World, onChange: () => void, onDeed: () => void = () => undefined) {
    this.#yard = yard
    this.#onChange = onChange
    this.#onDeed = onDeed
    this.trace = this.#trace
    this.seed = signal(world.seed)
    this.#road = { world, frames: [], inks: [], events: [], reports: [] }
    this.#record(true)
    this.frame = signal(this.#frameAt(0))
    this.#now = world.at
    this.#publish(true)
  }

  now(): number {
    return this.#now
  }

  boats(): readonly BoatFrame[] {
    return this.#frameAt(this.#now).boats
  }

  tick(elapsedMs: number): void {
    if (!this.playing.peek()) return
    // A frame is stamped with its beginning, which can lie before the moment its loop began: no time has passed then.
    this.#sail(this.#now + Math.max(0, elapsedMs) * this.speed.peek())
  }

  toggle(): void {
    if (this.playing.peek()) this.pause()
    else this.play()
  }

  play(): void {
    this.playing.value = true
  }

  pause(): void {
    this.playing.value = false
    this.#publish(true)
  }

  setSpeed(speed: number): void {
    this.speed.value = speed
  }

  /** Sails a recorded run to its end at once, recording all of it; the playhead stands there. */
  sailTo(at: number): void {
    this.#sailInSteps(at)
    this.#publish(true)
  }

  seek(at: number): void {
    this.#now = Math.min(this.#edge(), Math.max(0, at))
    this.#publish(true)
  }

  stepTime(byMs: number): void {
    if (this.#now + byMs <= this.#edge()) {
      this.seek(this.#now + byMs)
      return
    }
    this.#sailInSteps(this.#now + byMs)
    this.#publish(true)
  }

  stepEvent(way: 1 | -1): void {
    this.pause()
    const times = this.#road.events.map((event) => event.at)
    if (way < 0) {
      this.seek(times.findLast((at) => at < this.#now - 1) ?? 0)
      return
    }
    const next = times.find((at) => at > this.#now + 1)
    if (next !== undefined) {
      this.seek(next)
      return
    }
    // At the edge: sail until something happens.
    const known = this.#road.events.length
    const limit = this.#edge() + 10_000
    while (this.#road.events.length === known && this.#edge() < limit) this.#sail(this.#edge() + 100)
    this.seek(this.#road.events.at(known)?.at ?? this.#edge())
  }

  forkHere(): void {
    if (this.#now >= this.#edge() - 1) return
    this.#fork()
    this.#publish(true)
    this.#onDeed()
  }

  openFork(id: number): void {
    const fork = this.#roads.find((road) => road.id === id)
    if (fork === undefined) return
    const track = this.#trackOf(this.#road, fork.from)
    this.#roads = [...this.#roads.filter((road) => road !== fork), track]
    this.#road = fork.road
    this.#now = this.#edge()
    this.#publish(true)
    this.#onDeed()
  }

  mayWrite(): boolean {
    return true
  }

  write(seat: Seat, op: WriteOp): void {
    this.#act({ kind: 'write', seat, op })
  }

  reapply(card: ConflictCard): void {
    const seat = card.other.record.seat ?? 0
    if (card.leaf === 'flag' && card.other.value !== undefined)
      this.write(seat, { leaf: 'flag', value: card.other.value })
    if (card.leaf === 'chest')
      this.write(seat, { leaf: 'chest', item: card.item, way: card.other.value === undefined ? 'remove' : 'add' })
  }

  record(key: string): WriteRecord | undefined {
    return this.#road.world.record(key)
  }

  regatta(seat: Seat): void {
    this.#act({ kind: 'regatta', seat })
  }

  storm(mode: Exclude<StormMode, 'brush'>, seat: Seat): void {
    this.#clear()
    this.#act({ kind: 'storm', mode, seat })
  }

  raise(line: readonly Point[] | undefined, lanes: readonly (readonly [Seat, Seat])[]): void {
    this.#clear()
    this.#act({ kind: 'cut', line, lanes })
  }

  lift(): void {
    if (this.#frameAt(this.#now).storm !== undefined) this.#act({ kind: 'lift' })
  }

  fragment(): string {
    return this.#road.world.link()
  }

  /** One storm at a time: the one there is lifts first. */
  #clear(): void {
    if (this.#frameAt(this.#now).storm !== undefined) this.#act({ kind: 'lift' })
  }

  #act(deed: Deed): void {
    if (this.#now < this.#edge() - 1) this.#fork()
    this.#road.world.act(deed)
    this.#record(false)
    this.#now = this.#edge()
    this.#publish(true)
    this.#onDeed()
  }

  /** The past up to now goes on; what had been sailed beyond stays as a road of its own. */
  #fork(): void {
    const at = this.#now
    const old = this.#road
    this.#roads = [...this.#roads, this.#trackOf(old, at)]
    const kept = old.frames.findLastIndex((frame) => frame.at <= at) + 1
    this.#road = {
      world: this.#yard.replay(old.world, at),
      frames: old.frames.slice(0, Math.max(1, kept)),
      inks: old.inks.slice(0, Math.max(1, kept)),
      events: old.events.filter((event) => event.at <= at),
      reports: old.reports.filter((report) => report.at <= at),
    }
    // The replayed world tells again what is recorded already.
    this.#road.world.take()
    this.#record(true)
  }

  #trackOf(road: Road, from: number): Fork {
    this.#names += 1
    const name = `Fork ${String.fromCharCode(64 + ((this.#names - 1) % 26) + 1)}`
    return { id: this.#names, name, from, to: road.world.at, road }
  }

  #sail(to: number): void {
    const edge = this.#edge()
    if (to <= edge) {
      this.#now = to
      this.#publish(false)
      return
    }
    this.#road.world.advance(to)
    this.#record(false)
    this.#now = this.#edge()
    this.#check()
    this.#publish(false)
  }

  /** Beyond the edge in small steps, so that every frame on the way is recorded. */
  #sailInSteps(to: number): void {
    const from = this.#edge()
    for (let next = from + stepMs; next < to; next += stepMs) this.#sail(next)
    if (to > from) this.#sail(to)
  }

  #record(force: boolean): void {
    const road = this.#road
    const { events, reports } = road.world.take()
    road.events.push(...events)
    const last = road.frames.at(-1)
    if (!force && events.length === 0 && reports.length === 0 && road.world.revision === this.#revision) return
    this.#revision = road.world.revision
    const bare = road.world.view()
    const inks = nextInks(road.inks.at(-1), bare.islands)
    const known = new Map(last?.boats.map((boat) => [boat.id, boat]))
    const boats = bare.boats.map((boat) => {
      const before = known.get(boat.id)
      const ink = before ?? inks.islands[boat.from] ?? { ink: 'fern', tone: 'full' }
      return { ...boat, ink: ink.ink, tone: ink.tone }
    })
    // Landed and sunk boats stay for a moment, so that they can land and sink.
    const here = new Set(boats.map((boat) => boat.id))
    const leaving = (last?.boats ?? []).filter(
      (boat) => !here.has(boat.id) && (boat.lostAt ?? boat.dueAt) > bare.at - wreckMs,
    )
    const frame: Frame = { ...bare, boats: [...leaving, ...boats], inks: inks.islands }
    if (last !== undefined && last.at === frame.at) {
      road.frames.pop()
      road.inks.pop()
    }
    road.frames.push(frame)
    road.inks.push(inks)
    for (const report of reports) road.reports.push(inked(report, road.frames))
  }

  #revision = -1

  /** The dare: a calm sea with no news under way has to agree, once a second, for ever. */
  #check(): void {
    const frame = this.#frameAt(this.#now)
    if (frame.storm !== undefined || this.#now - this.#lastCheck < 1_000) return
    if (frame.boats.some((boat) => boat.load === 'changes' && boat.lostAt === undefined && boat.dueAt > this.#now))
      return
    this.#lastCheck = this.#now
    if (frame.seal.converged) this.checks.value += 1
  }

  #edge(): number {
    return this.#road.world.at
  }

  #frameAt(at: number): Frame {
    const { frames } = this.#road
    let low = 0
    let high = frames.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((frames[middle] as Frame).at <= at) low = middle
      else high = middle - 1
    }
    return frames[low] as Frame
  }

  #lastPublished = Number.NEGATIVE_INFINITY
  #known = { events: -1, road: undefined as Road | undefined, head: -1 }

  /** Shows the instant at the playhead: frames at once, clock and timeline ten times a second. */
  #publish(force: boolean): void {
    const frame = this.#frameAt(this.#now)
    const shown = this.frame.peek()
    const due = force || Math.abs(this.#now - this.#lastPublished) >= clockMs * Math.max(1, this.speed.peek())
    // A frame in which only boats moved can wait: the boats are drawn from it anyway.
    if (frame !== shown && (due || isNews(frame, shown))) this.frame.value = frame
    if (!due) return
    this.#lastPublished = this.#now
    this.head.value = this.#now
    this.edge.value = this.#edge()
    this.#publishPast()
    this.#onChange()
  }

  #publishPast(): void {
    const road = this.#road
    const shown = road.events.findLastIndex((event) => event.at <= this.#now) + 1
    if (this.#known.events !== shown || this.#known.road !== road) {
      this.events.value = road.events.slice(0, shown)
      this.report.value = road.reports.findLast((report) => report.at <= this.#now)
    }
    this.#known = { events: shown, road, head: this.#now }
    this.timeline.value = { spans: this.#spans(), ...marksOf(road.events, this.#now) }
    this.forks.value = this.#roads
    const lift = this.events.peek().findLast((event) => event.kind === 'lift')
    const lifted = lift !== undefined && this.#now - lift.at < traceMs ? lift.at : undefined
    if (lifted === undefined) this.#trace.value = undefined
    else if (this.#trace.peek()?.liftedAt !== lifted) {
      const storm = road.frames.findLast((frame) => frame.at < lifted && frame.storm !== undefined)?.storm
      this.#trace.value = storm === undefined ? undefined : { line: storm.line, liftedAt: lifted }
    }
  }

  #spanCache: { road: Road; count: number; recorder: SpanRecorder } | undefined

  #spans(): TimelineModel['spans'] {
    const road = this.#road
    let cache = this.#spanCache
    if (cache === undefined || cache.road !== road || cache.count > road.frames.length) {
      cache = { road, count: 0, recorder: new SpanRecorder() }
      this.#spanCache = cache
    }
    for (const frame of road.frames.slice(cache.count)) cache.recorder.add(frame.at, frame.inks)
    cache.count = road.frames.length
    return cache.recorder.spans(this.#edge())
  }
}

/** Whether anything but boats and hearsay is different. */
function isNews(frame: Frame, shown: Frame): boolean {
  return (
    frame.at < shown.at ||
    frame.storm?.id !== shown.storm?.id ||
    frame.storm?.shut !== shown.storm?.shut ||
    frame.seal !== shown.seal ||
    frame.islands.some(
      (island, at) => island.digest !== shown.islands[at]?.digest || island.stand !== shown.islands[at]?.stand,
    ) ||
    frame.inks.some((ink, at) => ink.ink !== shown.inks[at]?.ink || ink.tone !== shown.inks[at]?.tone)
  )
}

/** A report in the colours that its sides had when the storm lifted, and that its reporter has now. */
function inked(report: HealCard, frames: readonly Frame[]): HealCard {
  const parted = frames.findLast((frame) => frame.at <= report.liftedAt) ?? frames[0]
  return {
    ...report,
    ink: frames.at(-1)?.inks[report.reporter ?? 0]?.ink ?? 'fern',
    sides: report.sides.map((side) => ({ ...side, ink: parted?.inks[side.seats[0] ?? 0]?.ink ?? 'fern' })),
  }
}
