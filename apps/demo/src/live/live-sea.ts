/**
 * The live sea: this tab is one island, joined to the server it came from and to its sister tabs.
 *
 * Everything shown is this replica's own state, or what another replica shows of itself by presence. A boat is drawn
 * when a change has really crossed; its crossing is slowed down so that it can be seen, and the island that it sails
 * to shows the change when it lands.
 */
import { type ReadonlySignal, type Signal, signal } from '@preact/signals'
import { Archipelago, type ArchipelagoFields } from '@rejoin/sim'
import type { ChangeEvent, Schema } from '@rejoin/state'
import { connect, type DocumentHandle, type HealEvent, type LinkState, type Net, type Replica } from '@rejoin/sync'
import { broadcastChannel, indexedDb, openReplica, webSocket } from '@rejoin/web'
import type { ChartEvent, ConflictCard, HealCard, WriteOp, WriteRecord } from '../events.ts'
import { type Frame, type Seat, seatName, seats } from '../frame.ts'
import { type InkState, nextInks } from '../ink.ts'
import type { SeaModel } from '../model.ts'
import { selected } from '../ui.ts'
import { versionEntries, WriteLog } from '../world/write-log.ts'
import { buildLiveFrame, crossingMs, type LiveBoat, type Neighbour } from './live-frame.ts'
import { liveHealCard } from './live-report.ts'
import { freeSeat, presenceOf, readPresence, type Shown } from './presence.ts'

type Document = DocumentHandle<Schema<ArchipelagoFields>>

export interface LiveSea extends SeaModel {
  readonly kind: 'live'
  /** Page time, ten times a second. */
  readonly clock: ReadonlySignal<number>
  readonly own: ReadonlySignal<Seat>
  /** How many tabs are here beyond the five islands. */
  readonly guests: ReadonlySignal<number>
  readonly plugged: ReadonlySignal<boolean>
  readonly link: ReadonlySignal<LinkState | undefined>
  readonly unsaved: ReadonlySignal<{ readonly changes: number; readonly bytes: number }>
  /** Why the sea could not be opened, or what the disk says. */
  readonly trouble: ReadonlySignal<string | undefined>
  setPlugged(plugged: boolean): void
  reconnect(): void
  close(): void
}

const seatKey = 'archipelago-seat'
const plugKey = 'archipelago-unplugged'

/** Opens the live sea of a room. It shows what is on this disk at once, connected or not. */
export function openLive(room: string): LiveSea {
  return new LiveTab(room)
}

class LiveTab implements LiveSea {
  readonly kind = 'live'
  readonly frame: Signal<Frame>
  readonly events: Signal<readonly ChartEvent[]> = signal([])
  readonly report: Signal<HealCard | undefined> = signal(undefined)
  readonly clock: Signal<number> = signal(0)
  readonly own: Signal<Seat>
  readonly guests: Signal<number> = signal(0)
  readonly plugged: Signal<boolean>
  readonly link: Signal<LinkState | undefined> = signal(undefined)
  readonly unsaved: Signal<{ readonly changes: number; readonly bytes: number }> = signal({ changes: 0, bytes: 0 })
  readonly trouble: Signal<string | undefined> = signal(undefined)
  readonly #room: string
  readonly #startedAt = performance.now()
  readonly #wallAtStart = Date.now()
  readonly #log = new WriteLog()
  readonly #neighbours = new Map<string, Neighbour>()
  #shownOwn: Shown | undefined
  #inks: InkState | undefined
  #boats: LiveBoat[] = []
  #boatIds = 0
  #replica: Replica | undefined
  #document: Document | undefined
  #net: Net | undefined
  #closed = false
  #dirty = true
  #pendingOp: WriteOp | undefined
  #lastPresence = ''
  #lastClock = 0
  #wasOnline = false

  constructor(room: string) {
    this.#room = room
    this.own = signal(keptSeat() ?? 0)
    selected.value = this.own.peek()
    this.plugged = signal(sessionStorageGet(plugKey) !== 'yes')
    this.frame = signal(this.#build())
    this.#open().catch((error: unknown) => {
      this.trouble.value = error instanceof Error ? error.message : String(error)
    })
  }

  now(): number {
    return performance.now() - this.#startedAt
  }

  boats(): Frame['boats'] {
    return this.frame.peek().boats
  }

  tick(): void {
    const now = this.now()
    if (now - this.#lastClock >= 200) {
      this.#lastClock = now
      this.clock.value = now
      this.#poll()
    }
    const before = this.#boats.length
    this.#boats = this.#boats.filter((boat) => boat.dueAt > now - 1_500)
    const landed = this.#boats.some((boat) => !boat.told && boat.dueAt <= now)
    if (landed) for (const boat of this.#boats) if (boat.dueAt <= now) boat.told = true
    if (!this.#dirty && !landed && before === this.#boats.length) return
    this.#dirty = false
    this.#show()
  }

  mayWrite(seat: Seat): boolean {
    return this.#document !== undefined && seat === this.own.peek()
  }

  write(seat: Seat, op: WriteOp): void {
    if (!this.mayWrite(seat)) return
    this.#pendingOp = op
    this.#document?.change((draft) => {
      if (op.leaf === 'flag') draft.flag.set(op.value)
      else if (op.leaf === 'chest' && op.way === 'add') draft.chest.add(op.item)
      else if (op.leaf === 'chest') draft.chest.delete(op.item)
      else if (op.leaf === 'tally') draft.tally.add(op.by)
      else draft.log.push(op.text)
    })
  }

  reapply(card: ConflictCard): void {
    if (card.leaf === 'flag' && card.other.value !== undefined)
      this.write(this.own.peek(), { leaf: 'flag', value: card.other.value })
    if (card.leaf !== 'chest') return
    this.write(this.own.peek(), {
      leaf: 'chest',
      item: card.item,
      way: card.other.value === undefined ? 'remove' : 'add',
    })
  }

  record(key: string): WriteRecord | undefined {
    return this.#log.get(key)
  }

  setPlugged(plugged: boolean): void {
    if (this.plugged.peek() === plugged) return
    this.plugged.value = plugged
    sessionStorageSet(plugKey, plugged ? 'no' : 'yes')
    const at = this.now()
    if (plugged) {
      this.#tell({ kind: 'lift', at, id: 1, since: this.#unpluggedAt })
      this.#connect()
    } else {
      this.#unpluggedAt = at
      this.#tell({ kind: 'storm', at, id: 1, mode: 'isolate-one', lanes: this.#connectedSeats().length, sides: [] })
      this.#net?.close()
      this.#net = undefined
      this.link.value = undefined
      this.#lostAll(at)
    }
    this.#dirty = true
  }

  reconnect(): void {
    this.#net?.reconnect()
  }

  close(): void {
    this.#closed = true
    this.#net?.close()
    this.#document?.close()
    this.#replica?.close()
  }

  #unpluggedAt = 0

  async #open(): Promise<void> {
    const replica = await openReplica({ storage: indexedDb(`archipelago-${this.#room}`), name: 'archipelago' })
    const document = await replica.open(`archipelago-${this.#room}`, Archipelago)
    if (this.#closed) {
      replica.close()
      return
    }
    this.#replica = replica
    this.#document = document
    document.subscribe((event) => this.#changed(event))
    document.presence.subscribe((others) => this.#seen(others))
    document.onRefused((content) =>
      this.#tell({
        kind: 'refused',
        at: this.now(),
        seat: this.own.peek(),
        what: 'a change',
        reason: content.reason,
      }),
    )
    replica.onStorageStatus((status) => {
      this.trouble.value = status.state === 'ok' ? undefined : `The disk does not take writes (${status.code}).`
    })
    replica.onHealed((event) => this.#healed(event))
    this.#shownOwn = this.#ownNow()
    if (this.plugged.peek()) this.#connect()
    this.#showPresence()
    this.#dirty = true
  }

  #connect(): void {
    if (this.#replica === undefined) return
    const net = connect(this.#replica, {
      transports: [broadcastChannel(`archipelago-${this.#room}`), webSocket('/sync')],
    })
    this.#net = net
    this.link.value = net.link
    net.onLink((link) => {
      if (net === this.#net) this.link.value = link
      this.#dirty = true
    })
  }

  /** A change of this replica, or one that came in. */
  #changed(event: ChangeEvent): void {
    const at = this.now()
    const seat = this.own.peek()
    if (event.origin === 'local' && event.change !== undefined) {
      const op = this.#pendingOp
      this.#pendingOp = undefined
      const record = this.#log.add(event.change, seat, at, op)
      if (op !== undefined) this.#tell({ kind: 'write', at, seat, op, key: record.key })
      for (const to of this.#connectedSeats()) this.#sail(seat, to, at)
      this.#shownOwn = this.#ownNow()
    } else {
      const from = event.change === undefined ? undefined : this.#seatOfAuthor(event.change.author)
      if (event.change !== undefined && from !== undefined) this.#log.add(event.change, from, at, undefined)
      if (from === undefined || from === seat) this.#shownOwn = this.#ownNow()
      else {
        this.#sail(from, seat, at)
        this.#tell({ kind: 'merge', at, seat, from, sentAt: at, changes: 1 })
        // The news is here; the picture of it lands with its boat.
        const due = this.#ownNow()
        setTimeout(() => {
          this.#shownOwn = due
          this.#dirty = true
        }, crossingMs)
      }
    }
    this.#dirty = true
    this.#showPresence()
  }

  #seen(others: ReadonlyMap<string, unknown>): void {
    const at = this.now()
    const here = new Set<string>()
    const taken = new Set<number>()
    let guests = 0
    for (const [replica, value] of others) {
      const shown = readPresence(value)
      if (shown === undefined) continue
      here.add(replica)
      const clash = [...this.#neighbours].some(
        ([id, other]) => id !== replica && other.here && other.shown.seat === shown.seat,
      )
      if (clash) guests += 1
      else this.#meet(replica, shown, at)
      taken.add(shown.seat)
      // Two tabs on one seat: whoever came first stays.
      if (shown.seat !== this.own.peek() || this.#replica === undefined) continue
      const first = shown.since < this.#wallAtStart || (shown.since === this.#wallAtStart && replica < this.#replica.id)
      if (first) this.#moveFrom(taken)
    }
    for (const [replica, neighbour] of this.#neighbours) {
      if (here.has(replica) || !neighbour.here) continue
      neighbour.here = false
      neighbour.since = at
      this.#tell({ kind: 'silent', at, seat: this.own.peek(), about: neighbour.shown.seat })
      // While we are online, whoever shows nothing any more has left.
      if (this.#isOnline()) this.#neighbours.delete(replica)
    }
    this.guests.value = guests
    this.#dirty = true
  }

  #meet(replica: string, shown: Shown, at: number): void {
    const before = this.#neighbours.get(replica)
    if (before === undefined || !before.here) {
      // A tab that was reloaded comes back as another replica on the same seat.
      for (const [id, other] of this.#neighbours)
        if (!other.here && other.shown.seat === shown.seat) this.#neighbours.delete(id)
      this.#tell({
        kind: 'contact',
        at,
        seat: this.own.peek(),
        about: shown.seat,
        silentMs: before === undefined ? 0 : at - before.since,
      })
    }
    const boat = this.#boats.findLast((sailing) => sailing.to === shown.seat && sailing.dueAt > at)
    this.#neighbours.set(replica, {
      here: true,
      since: at,
      heardAt: at,
      shown: boat === undefined || before === undefined ? shown : before.shown,
      next: boat === undefined || before === undefined ? undefined : { shown, at: boat.dueAt },
    })
  }

  #moveFrom(taken: Set<number>): void {
    for (const neighbour of this.#neighbours.values()) if (neighbour.here) taken.add(neighbour.shown.seat)
    const seat = freeSeat(taken, undefined)
    if (seat === undefined) return
    this.own.value = seat
    selected.value = seat
    sessionStorageSet(seatKey, String(seat))
    this.#shownOwn = this.#ownNow()
    this.#showPresence()
  }

  #lostAll(at: number): void {
    for (const neighbour of this.#neighbours.values()) {
      if (!neighbour.here) continue
      neighbour.here = false
      neighbour.since = at
    }
  }

  #healed(event: HealEvent): void {
    const at = this.now()
    const since = Math.max(0, event.since - this.#wallAtStart)
    const card = liveHealCard({
      event,
      log: this.#log,
      own: this.own.peek(),
      at,
      cutAt: since,
      digest: this.#document?.digest() ?? '',
      ink: this.frame.peek().inks[this.own.peek()]?.ink ?? 'fern',
      nameOf: (author) => this.#nameOf(author),
    })
    this.report.value = card
    const keys = card.conflicts.flatMap(({ kept, other }) => [kept.record.key, other.record.key])
    this.#tell({ kind: 'healed', at, seat: this.own.peek(), conflicts: card.conflicts.length, report: card.id, keys })
  }

  /** What only polling tells: unsaved work and whether the link came or went. */
  #poll(): void {
    const unsaved = this.#document?.unsaved
    const shown = this.unsaved.peek()
    if (unsaved !== undefined && (unsaved.changes !== shown.changes || unsaved.bytes !== shown.bytes)) {
      this.unsaved.value = { changes: unsaved.changes, bytes: unsaved.bytes }
    }
    const online = this.#isOnline()
    if (this.#wasOnline && !online) this.#lostAll(this.now())
    if (online !== this.#wasOnline) this.#dirty = true
    this.#wasOnline = online
  }

  #isOnline(): boolean {
    if (!this.plugged.peek() || this.#net === undefined) return false
    const { state } = this.#net.link
    return state === 'synced' || state === 'syncing' || this.#net.peers.length > 0
  }

  #sail(from: Seat, to: Seat, at: number): void {
    this.#boatIds += 1
    const ink = this.frame.peek().inks[from] ?? { ink: 'fern', tone: 'full' }
    this.#boats.push({ id: this.#boatIds, from, to, sentAt: at, dueAt: at + crossingMs, told: false, ...ink })
  }

  #connectedSeats(): Seat[] {
    return [...this.#neighbours.values()].filter((neighbour) => neighbour.here).map((neighbour) => neighbour.shown.seat)
  }

  #seatOfAuthor(author: string): Seat | undefined {
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.shown.author === author || neighbour.next?.shown.author === author) return neighbour.shown.seat
    }
    return this.#log.seatOf(author)
  }

  #nameOf(author: string): { readonly name: string; readonly seat: Seat | undefined } {
    if (author === this.#document?.store.author) return { name: 'This tab', seat: this.own.peek() }
    const seat = this.#log.seatOf(author) ?? this.#seatOfAuthor(author)
    return { name: seat === undefined ? `author ${author.slice(0, 6)}` : seatName(seat), seat }
  }

  #ownNow(): Shown | undefined {
    const document = this.#document
    if (document === undefined) return undefined
    const { flag, chest, tally } = document.snapshot
    return {
      seat: this.own.peek(),
      author: document.store.author ?? '',
      digest: document.digest(),
      flag,
      chest,
      tally,
      version: versionEntries(document.version),
      since: this.#wallAtStart,
    }
  }

  #showPresence(): void {
    const own = this.#ownNow()
    if (own === undefined) return
    const value = presenceOf(own)
    const text = JSON.stringify(value)
    if (text === this.#lastPresence) return
    this.#lastPresence = text
    this.#document?.presence.set(value)
  }

  #tell(event: ChartEvent): void {
    this.events.value = [...this.events.peek(), event].slice(-2_000)
  }

  #show(): void {
    const now = this.now()
    for (const neighbour of this.#neighbours.values()) {
      if (neighbour.next !== undefined && neighbour.next.at <= now) {
        neighbour.shown = neighbour.next.shown
        neighbour.next = undefined
      }
    }
    this.frame.value = this.#build()
  }

  #build(): Frame {
    const bare = buildLiveFrame({
      at: this.now(),
      own: this.#shownOwn === undefined ? undefined : { ...this.#shownOwn, seat: this.own.peek() },
      ownSeat: this.own.peek(),
      neighbours: [...this.#neighbours.values()],
      boats: this.#boats,
      plugged: this.plugged.peek(),
    })
    this.#inks = nextInks(this.#inks, bare.islands)
    return { ...bare, inks: this.#inks.islands }
  }
}

function keptSeat(): Seat | undefined {
  const kept = Number(sessionStorageGet(seatKey) ?? Number.NaN)
  return seats.find((seat) => seat === kept)
}

function sessionStorageGet(key: string): string | null {
  try {
    return sessionStorage.getItem(key)
  } catch {
    return null
  }
}

function sessionStorageSet(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value)
  } catch {
    // Only the comfort of coming back to the same seat is lost.
  }
}
