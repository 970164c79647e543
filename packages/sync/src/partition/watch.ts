/**
 * The partition layer of one replica: carries out what its machines decide, over the connections that there are, and says
 * where the replica stands.
 *
 * Invariants
 * 1. What a voter answers for is on the disk before the answer is on its way.
 * 2. Whom a message is from the connection says, never the message.
 * 3. Nothing here stops reading or writing.
 */
import { type AuthorId, lastSeq, rejoinError, type Version } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import type { Companion } from '../companion.ts'
import { delayUntil } from '../delay.ts'
import { type Deferred, deferred, type Later, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import { insideOf, type Replica } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { StoredRow } from '../seams.ts'
import type { Session } from '../session.ts'
import { createDetector, type Detector, type DetectorEffect } from './detector/detector.ts'
import { type DetectorSettings, detectorPresets, detectorSettingsFault } from './detector/presets.ts'
import { DurableLine } from './durable-line.ts'
import { putJson, readJson } from './json-row.ts'
import { type Lease, type LeaseRequestOptions, LeaseTable } from './leases.ts'
import { Neighbours, nodeIdOf, partitionChannel } from './neighbours.ts'
import type { PartitionMetrics, PartitionOptions, PartitionStatus, Partitions } from './partitions.ts'
import { isQuorum } from './policy.ts'
import { type Incident, noSymptoms, type Symptoms } from './recovery/incident.ts'
import { createRecovery, type Recovery } from './recovery/recovery.ts'
import { type NodeId, type Roster, rosterFault } from './roster.ts'
import { createRosterLog } from './roster-log.ts'
import type { RosterLog, RosterLogEffect } from './roster-log-interface.ts'
import { initialRosterLogState, lostRosterLogState, type RosterLogState, type RosterMessage } from './roster-record.ts'
import { explainPartition } from './verdict/explain.ts'
import {
  createReachability,
  type PeerLink,
  type Reachability,
  type ReachabilityEffect,
} from './verdict/reachability.ts'
import {
  createVerdictMachine,
  stableAfterMs,
  type Verdict,
  type VerdictInput,
  type VerdictMachine,
} from './verdict/verdict-machine.ts'
import { decodeRosterState, encodeRosterState } from './wire.ts'

const defaultTtlMs = 30_000
/** What `authorize` is asked for when another server dials: who may vote with this one is answered `admin`. */
export const clusterDocument = '@cluster'
const rosterKey = 'p/roster'
const incidentPrefix = 'p/i/'
const lookMs = 1000
/** How often it is looked whether a quorum has what somebody waits for. */
const waitingLookMs = 50

interface WaitingChange {
  readonly document: string
  readonly author: AuthorId
  readonly seq: number
  readonly pair: Deferred<void>
}

/** Begins to watch over the partitions of a replica. It answers at once, and goes on from what is on the disk once that is read. */
export function watchPartitions(replica: Replica, options: PartitionOptions = {}): Partitions {
  const settings = { ...detectorPresets[options.preset ?? 'lan'], ...options.settings }
  const fault =
    detectorSettingsFault(settings) ?? (options.roster === undefined ? undefined : rosterFault(options.roster))
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  const watch = new PartitionWatch(replica, insideOf(replica), options, settings)
  watch.start()
  return watch
}

class PartitionWatch implements Companion, Partitions {
  readonly channel: number = partitionChannel
  readonly self: NodeId
  readonly #replica: Replica
  readonly #core: ReplicaCore
  readonly #options: PartitionOptions
  readonly #settings: DetectorSettings
  readonly #neighbours = new Neighbours()
  readonly #detector: Detector
  readonly #reachability: Reachability
  readonly #verdicts: VerdictMachine
  readonly #recovery: { machine: Recovery }
  readonly #leases: LeaseTable
  readonly #diverged = new Map<string, number>()
  readonly #alarm: Alarm
  /** Since when links seem to work one way only. */
  readonly #oneWay = new Map<string, number>()
  readonly #staleAfterMs: number
  readonly #verdictListeners = new Set<(verdict: Verdict) => void>()
  readonly #incidentListeners = new Set<(event: { readonly incident: Incident; readonly what: string }) => void>()
  readonly #counts: PartitionMetrics = {
    suspicions: 0,
    suspicionsRefuted: 0,
    unreachable: 0,
    pauses: 0,
    splits: 0,
    incidentsOpened: 0,
    incidentsClosed: 0,
    redials: 0,
    malformed: 0,
  }
  readonly #waiting = new Set<WaitingChange>()
  #rosterLog: RosterLog | undefined
  /** Invariant 1. */
  readonly #rosterLine: DurableLine<RosterLogEffect>
  /** Whether all that this replica ever promised is on its disk. */
  #isDiskWhole = false
  #voters: ReadonlySet<NodeId> = new Set()
  #linkSince = new Map<NodeId, readonly [string, number]>()
  #heartbeatAt = 0
  #lookAt = 0
  #isOffline = false
  #isHidden = false
  #isStarted = false
  #isClosed = false
  readonly #stops: (() => void)[] = []

  constructor(replica: Replica, core: ReplicaCore, options: PartitionOptions, settings: DetectorSettings) {
    this.#replica = replica
    this.#core = core
    this.#options = options
    this.#settings = settings
    this.self = core.name || core.id
    this.#alarm = new Alarm(core.timers)
    this.#rosterLine = new DurableLine(
      core,
      (effect) =>
        effect.kind === 'persist' ? { kind: 'put', key: rosterKey, bytes: encodeRosterState(effect.state) } : undefined,
      (effect) => this.#carryOutOfRoster(effect),
    )
    const suspicionMinMs = settings.suspicionMult * settings.probeIntervalMs
    const gossipIntervalMs = 2 * settings.probeIntervalMs
    this.#staleAfterMs = 3 * gossipIntervalMs + settings.suspicionMaxMult * suspicionMinMs
    this.#detector = createDetector({ self: this.self, settings, random: () => core.random.float() })
    this.#reachability = createReachability({
      self: this.self,
      gossipIntervalMs,
      suspicionMaxMs: settings.suspicionMaxMult * suspicionMinMs,
    })
    this.#verdicts = createVerdictMachine({ gossipIntervalMs, suspicionMinMs })
    this.#recovery = { machine: this.#newRecovery([]) }
    this.#leases = new LeaseTable({
      core,
      self: this.self,
      neighbours: this.#neighbours,
      maxTtlMs: options.maxTtlMs ?? defaultTtlMs,
      stored: (document, receipt) => this.reached(document, receipt),
      standing: () => {
        const log = this.#rosterLog
        return log === undefined
          ? undefined
          : {
              roster: log.roster,
              mayVote: log.mayVote,
              isDiskWhole: this.#isDiskWhole,
              holdMs: Math.max(0, Math.ceil(log.grantsHeldUntil - this.#time().now)),
            }
      },
    })
  }

  get status(): PartitionStatus {
    return {
      verdict: this.#verdict,
      roster: this.#rosterLog?.roster,
      connected: this.#neighbours.ids,
      isPaused: this.#detector.isArmed,
      open: this.incidents.filter(({ phase }) => phase !== 'closed'),
    }
  }

  get incidents(): readonly Incident[] {
    return this.#recovery.machine.incidents
  }

  explain(): readonly string[] {
    const verdict = this.#verdict
    return verdict === undefined ? [`${this.self} knows of no voters yet.`] : explainPartition(verdict)
  }

  metrics(): PartitionMetrics {
    return { ...this.#counts }
  }

  onVerdict(listener: (verdict: Verdict) => void): () => void {
    return listen(this.#verdictListeners, listener)
  }

  onIncident(listener: (incident: Incident, what: string) => void): () => void {
    return listen(this.#incidentListeners, ({ incident, what }) => listener(incident, what))
  }

  propose(roster: Omit<Roster, 'epoch'>): void {
    const { log, now } = this.#changeable()
    const next: Roster = { ...roster, epoch: log.roster.epoch + 1 }
    this.#check(next)
    this.#core.batch(() => this.#carryOutRoster(log.step({ kind: 'propose', roster: next, now })))
  }

  force(roster: Omit<Roster, 'epoch'>): void {
    const { log, now } = this.#changeable()
    this.#check({ ...roster, epoch: log.roster.epoch + 1 })
    this.#core.batch(() => this.#carryOutRoster(log.step({ kind: 'force', roster, now })))
  }

  lease(document: { readonly name: string }, name: string, options: LeaseRequestOptions = {}): Later<Lease> {
    const { shelf } = this.#core
    return shelf.acquire(document.name).then((core) => {
      const release = (): void => {
        shelf.release(document.name)
      }
      try {
        const lease = this.#leases.want(core, name, options, release)
        this.#arm()
        return lease
      } catch (error) {
        release()
        throw error
      }
    })
  }

  reached(document: { readonly name: string }, receipt: Receipt): Later<void> {
    const { change } = receipt
    if (change === undefined) return resolved(undefined)
    const waiting = { document: document.name, author: change.author, seq: lastSeq(change), pair: deferred<void>() }
    this.#waiting.add(waiting)
    receipt.reached('disk').then(undefined, (error: unknown) => this.#settle(waiting, error))
    receipt.reached('server').then(undefined, (error: unknown) => this.#settle(waiting, error))
    this.#core.batch(() => this.#lookAtWaiting())
    this.#arm()
    return waiting.pair.later
  }

  #settle(waiting: WaitingChange, error: unknown): void {
    if (this.#waiting.delete(waiting)) waiting.pair.reject(error)
  }

  #lookAtWaiting(): void {
    const roster = this.#rosterLog?.roster
    if (roster === undefined) return
    for (const waiting of this.#waiting) {
      const { document, author, seq, pair } = waiting
      const stored = this.#storedBy(document).filter(([, version]) => version.get(author) >= seq)
      if (!isQuorum(roster, new Set(stored.map(([id]) => id)))) continue
      this.#waiting.delete(waiting)
      pair.resolve(undefined)
    }
  }

  /** What each of those that are reached, this replica too, has of a document on its disk. */
  #storedBy(document: string): (readonly [NodeId, Version])[] {
    const stored: [NodeId, Version][] = []
    const own = this.#core.shelf.cores().find(({ name }) => name === document)
    if (own !== undefined) stored.push([this.self, own.durable])
    for (const peer of this.#neighbours.ids) {
      for (const { streams } of this.#neighbours.sessionsOf(peer)) {
        const stream = streams.get(document)
        if (stream !== undefined) stored.push([peer, stream.durableThere])
      }
    }
    return stored
  }

  dismiss(reason: string): void {
    this.#core.batch(() => this.#stepRecovery({ kind: 'dismissed', reason, ...this.#time() }))
  }

  start(): void {
    const core = this.#core
    core.storage.read('p/').then(
      (rows) => core.batch(() => this.#begin(rows)),
      (error: unknown) => {
        core.log('error', 'partition-rows-unread', { error: String(error) })
        core.batch(() => this.#begin(undefined))
      },
    )
  }

  close(): void {
    this.#isClosed = true
    for (const waiting of this.#waiting) waiting.pair.reject(rejoinError('closed'))
    this.#waiting.clear()
    this.#alarm.clear()
    for (const stop of this.#stops.splice(0)) stop()
    this.#core.companions.delete(partitionChannel)
  }

  established(session: Session): void {
    if (!session.hearsAsides || this.#isClosed) return
    const core = this.#core
    // Who dials a server and says to be another one shows by its token that it is of the same cluster.
    const isDoubtful = session.peer?.role === 'server' && !session.isInitiator && core.authorize !== undefined
    if (!isDoubtful) {
      this.#admit(session)
      return
    }
    core.ask(session, clusterDocument).then(
      (given) => {
        if (given === 'admin') core.batch(() => this.#admit(session))
        else core.log('warn', 'not-of-the-cluster', { peer: nodeIdOf(session), remote: session.remote })
      },
      (error: unknown) => core.log('error', 'authorize-failed', { document: clusterDocument, error: String(error) }),
    )
  }

  #admit(session: Session): void {
    if (session.phase !== 'established' || this.#isClosed) return
    const peer = nodeIdOf(session)
    if (this.#isTaken(session)) {
      this.#core.log('warn', 'name-of-another', { peer, remote: session.remote })
      return
    }
    const isFirst = this.#neighbours.add(session)
    if (!isFirst) return
    const { now } = this.#time()
    this.#carryOut(this.#detector.step({ kind: 'opened', peer, now }))
    this.#tellRows([peer])
    const names = this.status.open.filter(({ symptoms }) => symptoms.absent.length > 0).map(({ name }) => name)
    if (names.length > 0) this.#neighbours.send(peer, { kind: 'incidents', names: names.slice(0, 8) })
    if (this.#rosterLog !== undefined) this.#carryOutRoster(this.#rosterLog.step({ kind: 'contact', peer, now }))
    this.#linksChanged()
  }

  /** Whether it calls itself like this replica, or a client like a voter. */
  #isTaken(session: Session): boolean {
    const peer = nodeIdOf(session)
    return peer === this.self || (session.peer?.role !== 'server' && this.#voters.has(peer))
  }

  ended(session: Session): void {
    const peer = nodeIdOf(session)
    if (!this.#neighbours.remove(session) || this.#isClosed) return
    this.#carryOut(this.#detector.step({ kind: 'closed', peer, isLost: true, now: this.#time().now }))
    this.#linksChanged()
  }

  receive(session: Session, bytes: Uint8Array, now: number): void {
    // Voters change, and with them whose name it is.
    if (!this.#neighbours.has(session) || !this.#isStarted || this.#isTaken(session)) return
    const told = this.#neighbours.read(session, bytes)
    const from = nodeIdOf(session)
    const isOfVoters = this.#voters.has(from) || session.isServer
    if (told === undefined) {
      this.#counts.malformed += 1
      return
    }
    // Of voters only voters tell, and to a client its server: anybody who writes could say that one is gone.
    if (!isOfVoters && (told.kind === 'rows' || told.kind === 'incidents')) return
    switch (told.kind) {
      case 'heartbeat':
        this.#carryOut(this.#detector.step({ kind: 'heartbeat', peer: from, isHidden: told.isHidden, now }))
        break
      case 'swim':
        this.#carryOut(this.#detector.step({ kind: 'message', from, message: told.message, now }))
        break
      case 'rows':
        this.#carryOutRows(this.#reachability.step({ kind: 'hear', from, rows: told.rows, now }))
        break
      case 'roster':
        this.#heardOfRoster(session, told.message, now)
        break
      case 'lease':
        this.#leases.receive(session, told.document, told.message)
        break
      case 'incidents':
        for (const name of told.names) this.#stepRecovery({ kind: 'met', name, ...this.#time() })
        break
    }
    this.#arm()
  }

  #time(): { readonly now: number; readonly wall: number } {
    return { now: this.#core.clock.monotonic(), wall: this.#core.clock.now() }
  }

  #newRecovery(known: readonly Incident[]): Recovery {
    const suspicionMinMs = this.#settings.suspicionMult * this.#settings.probeIntervalMs
    const stableMs = stableAfterMs(3, { gossipIntervalMs: this.#settings.probeIntervalMs, suspicionMinMs })
    return createRecovery({ stableMs, newId: () => this.#core.newId(), known })
  }

  /** `stored` is undefined where it could not be read. */
  #begin(stored: readonly StoredRow[] | undefined): void {
    if (this.#isClosed) return
    const core = this.#core
    const rows = stored ?? []
    this.#recovery.machine = this.#newRecovery(incidentsOf(rows))
    this.#leases.read(rows)
    const state = this.#stateFrom(stored)
    if (state !== undefined) this.#openLog(state)
    this.#isStarted = true
    core.companions.set(partitionChannel, this)
    core.closers.add(() => this.close())
    this.#stops.push(
      this.#replica.onDivergence(({ document }) => this.#diverged.set(document, this.#time().now + 60_000)),
    )
    if (core.environment !== undefined) {
      this.#stops.push(
        core.environment.onHint((hint) => {
          if (hint === 'online' || hint === 'offline') this.#isOffline = hint === 'offline'
          if (hint === 'visible' || hint === 'hidden') {
            this.#isHidden = hint === 'hidden'
            core.batch(() => this.#carryOut(this.#detector.step({ kind: 'hint', hint, ...this.#time() })))
          }
          core.batch(() => this.#observe())
        }),
      )
    }
    for (const { session } of core.connections) if (session.phase === 'established') this.established(session)
    this.#tick()
  }

  /** What is on the disk, else what the options say. A client without either learns from its server. */
  #stateFrom(rows: readonly StoredRow[] | undefined): RosterLogState | undefined {
    const row = rows?.find(({ key }) => key === rosterKey)
    const stored = row === undefined ? undefined : decodeRosterState(row.bytes)
    // Without a name it was another voter before: nobody else counts on it.
    const isOfOther = this.#core.name === '' && this.#options.roster === undefined && this.#core.role === 'server'
    if (stored?.ok === true && !isOfOther && rosterFault(stored.value.roster) === undefined) {
      this.#isDiskWhole = true
      return stored.value
    }
    const roster = this.#options.roster ?? this.#ownRoster()
    if (roster === undefined) return undefined
    const isAlone = roster.voters.length === 1 && roster.voters[0]?.id === this.self
    const isFounding = this.#options.isFounding ?? isAlone
    // What could not be read may hold promises: it is left as it is, and the others readmit this replica.
    this.#isDiskWhole = rows !== undefined && (row === undefined || isOfOther) && isFounding
    if (!this.#isDiskWhole) return lostRosterLogState(roster)
    const state = initialRosterLogState(roster)
    // Without it the next start would not know that nothing was promised before.
    this.#core.queue.push([{ kind: 'put', key: rosterKey, bytes: encodeRosterState(state) }])
    return state
  }

  #ownRoster(): Roster | undefined {
    if (this.#core.role !== 'server') return undefined
    return { epoch: 1, voters: [{ id: this.self, weight: 1 }], policy: { kind: 'keep-majority' } }
  }

  #openLog(stored: RosterLogState): void {
    const { now } = this.#time()
    this.#rosterLog = createRosterLog({
      self: this.self,
      stored,
      maxTtlMs: this.#options.maxTtlMs ?? defaultTtlMs,
      random: () => this.#core.random.float(),
    })
    this.#carryOutRoster(this.#rosterLog.step({ kind: 'start', now }))
    this.#inForce(this.#rosterLog.roster, now)
  }

  #heardOfRoster(session: Session, message: RosterMessage, now: number): void {
    const from = nodeIdOf(session)
    // Whoever has no vote takes the roster of the server that it is connected to.
    if (message.kind === 'roster' && session.isServer && rosterFault(message.roster) === undefined) {
      if (this.#rosterLog === undefined) this.#openLog(initialRosterLogState(message.roster))
      else this.#carryOutRoster(this.#rosterLog.step({ kind: 'learn', roster: message.roster, now }))
    }
    if (this.#rosterLog !== undefined)
      this.#carryOutRoster(this.#rosterLog.step({ kind: 'receive', from, message, now }))
  }

  #carryOutRoster(effects: readonly RosterLogEffect[]): void {
    this.#rosterLine.push(effects)
    this.#arm()
  }

  #carryOutOfRoster(effect: RosterLogEffect): void {
    const core = this.#core
    switch (effect.kind) {
      case 'persist':
        break
      case 'send':
        this.#neighbours.send(effect.to, { kind: 'roster', message: effect.message })
        break
      case 'roster':
        core.log('info', 'roster', { epoch: effect.roster.epoch, how: effect.how })
        this.#inForce(effect.roster, this.#time().now)
        this.#arm()
        break
      case 'conflict':
        core.log('error', 'roster-conflict', { kept: effect.kept.epoch, dropped: effect.dropped.epoch })
        break
      case 'settled':
        core.log('info', 'roster-settled', { outcome: effect.outcome, reason: effect.reason })
        break
    }
  }

  #inForce(roster: Roster, now: number): void {
    const before = this.#voters
    this.#voters = new Set(roster.voters.map(({ id }) => id))
    for (const peer of before)
      if (!this.#voters.has(peer)) this.#carryOut(this.#detector.step({ kind: 'removed', peer, now }))
    for (const peer of this.#voters) {
      if (peer !== this.self && !before.has(peer)) this.#carryOut(this.#detector.step({ kind: 'join', peer, now }))
    }
    this.#carryOutRows(this.#reachability.step({ kind: 'roster', roster, now }))
    this.#linksChanged()
    this.#leases.roster(roster)
    for (const peer of this.#neighbours.ids) this.#tellRoster(peer)
  }

  /** Whoever has no vote is told what is in force. */
  #tellRoster(peer: NodeId): void {
    const log = this.#rosterLog
    if (log === undefined || this.#voters.has(peer)) return
    const message = { kind: 'roster', roster: log.roster, isPending: log.pending !== undefined } as const
    this.#neighbours.send(peer, { kind: 'roster', message })
  }

  #carryOut(effects: readonly DetectorEffect[]): void {
    let isOther = false
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#neighbours.send(effect.to, { kind: 'swim', message: effect.message })
          break
        case 'stateChanged':
          this.#count(effect.from, effect.to)
          this.#core.log('info', 'member', { peer: effect.peer, from: effect.from, to: effect.to })
          isOther = true
          break
        case 'reachChanged':
          isOther = true
          break
        case 'paused':
          this.#counts.pauses += 1
          this.#core.log('warn', 'paused', { forMs: effect.forMs, cause: effect.cause })
          this.#leases.paused()
          this.#observe()
          break
      }
    }
    if (isOther) this.#linksChanged()
  }

  #count(from: string, to: string): void {
    if (to === 'suspect') this.#counts.suspicions += 1
    if (to === 'unreachable') this.#counts.unreachable += 1
    if (from === 'suspect' && to === 'alive') this.#counts.suspicionsRefuted += 1
  }

  #linksChanged(): void {
    const { now } = this.#time()
    const links = [...this.#voters].filter((id) => id !== this.self).map((peer) => this.#linkTo(peer))
    this.#carryOutRows(this.#reachability.step({ kind: 'links', links, now }))
  }

  #linkTo(peer: NodeId): PeerLink {
    const member = this.#detector.swim.memberOf(peer)
    const isThere = member !== undefined && (member.status === 'alive' || member.status === 'suspect')
    const reach = isThere ? member.reach : { via: 'none' as const }
    const kind = reach.via === 'none' ? 'unreachable' : reach.via
    const known = this.#linkSince.get(peer)
    const since = known?.[0] === kind ? known[1] : this.#time().wall
    this.#linkSince.set(peer, [kind, since])
    return reach.via === 'relayed'
      ? { peer, kind: 'relayed', by: reach.by, since }
      : { peer, kind: kind as 'direct', since }
  }

  #carryOutRows(effects: readonly ReachabilityEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === 'publish') this.#tellRows(this.#neighbours.ids)
      else this.#observe()
    }
  }

  #tellRows(to: readonly NodeId[]): void {
    const own = this.#reachability.rows.find(({ row }) => row.observer === this.self)
    const others = this.#reachability.gossip(this.#time().now)
    const rows = own === undefined || !this.#voters.has(this.self) ? others : [{ row: own.row, ageMs: 0 }, ...others]
    if (rows.length > 0) for (const peer of to) this.#neighbours.send(peer, { kind: 'rows', rows })
  }

  #observe(): void {
    const log = this.#rosterLog
    if (log === undefined) return
    const circumstances = {
      self: this.self,
      roster: log.roster,
      next: log.pending,
      rows: this.#reachability.rows,
      isPaused: this.#detector.isArmed,
      isOffline: this.#isOffline,
    }
    this.#judge({ kind: 'observe', circumstances, ...this.#time() })
  }

  #judge(input: VerdictInput): void {
    const before = this.#verdicts.verdict
    for (const { verdict } of this.#verdicts.step(input)) this.#newVerdict(before, verdict)
  }

  #newVerdict(before: Verdict | undefined, verdict: Verdict): void {
    const { mode, sides } = verdict
    const isSplit = (one: Verdict | undefined): boolean =>
      one !== undefined && one.mode !== 'unknown' && (one.sides[0]?.length ?? 0) < one.roster.voters.length
    // What it finds when it begins is no news.
    if (before !== undefined && before.mode !== 'unknown' && isSplit(verdict) && !isSplit(before))
      this.#counts.splits += 1
    this.#core.log('info', 'verdict', { mode, sides })
    this.#core.tell(this.#verdictListeners, this.#verdict as Verdict)
    this.#seen()
  }

  /** The verdict, without one-way links that are not proved yet: a row of somebody who is gone says that all is well until it is stale. */
  get #verdict(): Verdict | undefined {
    const { verdict } = this.#verdicts
    if (verdict === undefined) return undefined
    const { now } = this.#time()
    const named = new Map(verdict.oneWay.map(({ from, to }) => [`${from}\n${to}`, { from, to }]))
    for (const key of this.#oneWay.keys()) if (!named.has(key)) this.#oneWay.delete(key)
    for (const key of named.keys()) if (!this.#oneWay.has(key)) this.#oneWay.set(key, now)
    const oneWay = [...named]
      .filter(([key]) => now - (this.#oneWay.get(key) ?? now) > this.#staleAfterMs)
      .map(([, pair]) => pair)
    return { ...verdict, oneWay }
  }

  #seen(): void {
    this.#stepRecovery({ kind: 'seen', symptoms: this.#symptoms(), ...this.#time() })
  }

  #symptoms(): Symptoms {
    const verdict = this.#verdict
    const { now } = this.#time()
    for (const [document, until] of this.#diverged) if (now > until) this.#diverged.delete(document)
    const diverged = [...this.#diverged.keys()]
    // Who was paused, or has just begun, knows nothing of the others.
    if (verdict === undefined || verdict.powerless === 'paused') return { ...noSymptoms, diverged }
    const here = verdict.sides[0] ?? []
    const absent = verdict.roster.voters.map(({ id }) => id).filter((id) => !here.includes(id))
    const oneWay = verdict.oneWay.map(({ from, to }) => [from, to] as const)
    return { ...noSymptoms, here, absent, missing: [...verdict.missingLinks, ...oneWay], diverged }
  }

  #stepRecovery(input: Parameters<Recovery['step']>[0]): void {
    const core = this.#core
    for (const effect of this.#recovery.machine.step(input)) {
      switch (effect.kind) {
        case 'dial': {
          this.#counts.redials += 1
          const hadAny = [...core.redialers].map((redial) => redial()).some((had) => had)
          // Where nothing can be dialled from here, that is all that can be done.
          core.soon(() => this.#stepRecovery({ kind: 'acted', ...this.#time() }))
          core.log('info', 'redial', { rung: effect.rung, hadAny })
          break
        }
        case 'compare':
          for (const peer of this.#neighbours.ids)
            for (const session of this.#neighbours.sessionsOf(peer)) session.probe(this.#time().now)
          break
        case 'persist': {
          core.queue.push([putJson(incidentPrefix + effect.incident.id, effect.incident)])
          break
        }
        case 'forget':
          core.queue.push([{ kind: 'delete', key: incidentPrefix + effect.id }])
          break
        case 'told':
          this.#tellIncident(effect.incident, effect.what)
          break
        case 'operator':
          core.log('error', 'operator-wanted', { incident: effect.incident.name, failure: effect.incident.failure })
          this.#tellIncident(effect.incident, 'operator')
          break
      }
    }
  }

  #tellIncident(incident: Incident, what: string): void {
    if (what === 'opened') this.#counts.incidentsOpened += 1
    if (what === 'closed') this.#counts.incidentsClosed += 1
    this.#core.log('info', 'incident', { what, name: incident.name, failure: incident.failure })
    this.#core.tell(this.#incidentListeners, { incident, what })
  }

  /** Each side has what the other had: every document is in sync with every voter that is connected. */
  #isCovered(): boolean {
    for (const peer of this.#neighbours.ids) {
      if (!this.#voters.has(peer)) continue
      for (const session of this.#neighbours.sessionsOf(peer)) {
        for (const stream of session.streams.values()) if (!stream.isSynced) return false
      }
    }
    return true
  }

  #tick(): void {
    if (this.#isClosed) return
    const { now, wall } = this.#time()
    this.#carryOut(this.#detector.step({ kind: 'tick', now, wall }))
    if (now >= this.#heartbeatAt) {
      const { heartbeatMs, hiddenHeartbeatMs } = this.#settings
      this.#heartbeatAt = now + (this.#isHidden ? hiddenHeartbeatMs : heartbeatMs)
      for (const peer of this.#neighbours.ids)
        if (this.#voters.has(peer)) this.#neighbours.send(peer, { kind: 'heartbeat', isHidden: this.#isHidden })
    }
    this.#carryOutRows(this.#reachability.step({ kind: 'tick', now }))
    if (this.#rosterLog !== undefined) this.#carryOutRoster(this.#rosterLog.step({ kind: 'tick', now }))
    if (now >= this.#lookAt) {
      this.#lookAt = now + lookMs
      this.#observe()
      this.#seen()
      if (this.status.open.some(({ phase }) => phase === 'verify'))
        this.#stepRecovery({ kind: 'covered', isCovered: this.#isCovered(), now, wall })
      for (const peer of this.#neighbours.ids) this.#tellRoster(peer)
    }
    this.#lookAtWaiting()
    this.#leases.tick()
    this.#judge({ kind: 'tick', now, wall })
    this.#stepRecovery({ kind: 'tick', now, wall })
    this.#arm()
  }

  #arm(): void {
    if (this.#isClosed || !this.#isStarted) return
    const wakes = [
      this.#heartbeatAt,
      this.#lookAt,
      this.#detector.wakeAt,
      this.#reachability.wakeAt,
      this.#verdicts.wakeAt,
      this.#rosterLog?.wakeAt,
      this.#recovery.machine.wakeAt,
      this.#leases.wakeAt,
      this.#waiting.size > 0 ? this.#time().now + waitingLookMs : undefined,
    ]
    const at = Math.min(...wakes.map((wake) => wake ?? Number.POSITIVE_INFINITY))
    this.#alarm.set(delayUntil(at, this.#time().now), () => this.#core.batch(() => this.#tick()))
  }

  #changeable(): { readonly log: RosterLog; readonly now: number } {
    if (this.#rosterLog === undefined) throw rejoinError('config-invalid', { reason: 'No roster is known here yet.' })
    return { log: this.#rosterLog, now: this.#time().now }
  }

  #check(roster: Roster): void {
    const fault = rosterFault(roster)
    if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  }
}

function incidentsOf(rows: readonly StoredRow[]): Incident[] {
  const incidents: Incident[] = []
  for (const { key, bytes } of rows) {
    if (!key.startsWith(incidentPrefix)) continue
    const incident = readJson(bytes) as Partial<Incident> | null | undefined
    // A damaged record is a record less.
    if (typeof incident?.id === 'string' && Array.isArray(incident.timeline)) incidents.push(incident as Incident)
  }
  return incidents.sort((a, b) => a.openedAt - b.openedAt)
}
