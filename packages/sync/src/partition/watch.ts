/**
 * The partition layer of one replica: carries out what its machines decide, over the connections that there are, and says
 * where the replica stands.
 *
 * Invariants
 * 1. What a voter answers for is on the disk before the answer is on its way.
 * 2. Whom a message is from the connection says, never the message, but for what a server passes on of a client and for one.
 * 3. Nothing here stops reading or writing.
 */
import { rejoinError } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import type { Companion } from '../companion.ts'
import { delayUntil } from '../delay.ts'
import type { DocumentCore } from '../document-core.ts'
import { type Later, rejected } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import { insideOf, type Replica } from '../replica.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { StoredRow } from '../seams.ts'
import type { Session } from '../session.ts'
import { ContactDesk } from './contact-desk.ts'
import type { Detector } from './detector/detector.ts'
import { createLinkDetector } from './detector/link-detector.ts'
import { type LinkSettings, linkTable, presetOf, settingsFault } from './detector/link-presets.ts'
import type { DetectorSettings } from './detector/presets.ts'
import { earliest } from './earliest.ts'
import type { VoteRecords } from './granted.ts'
import { IncidentDesk, incidentPrefix } from './incident-desk.ts'
import type { Reading } from './lease/clock.ts'
import type { Lease, LeaseDesk, LeaseRequestOptions } from './leases.ts'
import { Membership } from './membership.ts'
import { Neighbours, partitionChannel } from './neighbours.ts'
import { Outlook } from './outlook.ts'
import type { PartitionEvents, PartitionMetrics, PartitionOptions, PartitionStatus, Partitions } from './partitions.ts'
import { QuorumWaits } from './quorum-waits.ts'
import { readingOf } from './reading.ts'
import type { Incident } from './recovery/incident.ts'
import { type NodeId, type Roster, rosterFault } from './roster.ts'
import { RosterDesk, rosterPrefix } from './roster-desk.ts'
import { createReachability, type Reachability } from './verdict/reachability.ts'
import { stableAfterMs, type Verdict } from './verdict/verdict-machine.ts'
import type { Voter } from './voter.ts'

const defaultTtlMs = 30_000
const needsLeases = { reason: 'Leases need the option `leases`.' }
const watchedAlready = { reason: 'Close the other watch first.' }
const needsVoting = { reason: 'Voters need the option `voting`.' }

/**
 * Begins to watch over the partitions of a replica. It answers at once, and goes on from what is on the disk once that is read. It ends with
 * `close()`, or with the replica.
 * @throws RejoinError `config-invalid` where an option cannot be kept, or the replica is watched already.
 */
export function watchPartitions(replica: Replica, options: PartitionOptions = {}): Partitions {
  const { voting, preset = 'lan' } = options
  const own = options.settings
  const whole = voting && { ...voting.presets[preset], ...own }
  const settings = whole ?? { ...presetOf(linkTable, preset), ...own }
  const fault =
    (whole === undefined ? settingsFault(linkTable, settings) : voting?.settingsFault(whole)) ??
    (options.roster === undefined ? undefined : rosterFault(options.roster))
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  const core = insideOf(replica)
  const isVoter =
    core.role === 'server' || options.roster?.voters.some(({ id }) => id === (core.name || core.id)) === true
  if (isVoter && voting === undefined) throw rejoinError('config-invalid', needsVoting)
  if (core.companions.has(partitionChannel)) throw rejoinError('config-invalid', watchedAlready)
  const watch = new PartitionWatch(replica, core, options, settings)
  watch.start()
  return watch
}

class PartitionWatch implements Companion, Partitions {
  readonly channel: number = partitionChannel
  readonly self: NodeId
  readonly #replica: Replica
  readonly #core: ReplicaCore
  readonly #neighbours: Neighbours
  readonly #detector: Detector
  readonly #reachability: Reachability
  readonly #roster: RosterDesk
  readonly #incidents: IncidentDesk
  readonly #voter: Voter | undefined
  readonly #leases: LeaseDesk | undefined
  readonly #waits: QuorumWaits
  readonly #contact: ContactDesk
  readonly #alarm: Alarm
  readonly #outlook: Outlook
  readonly #members: Membership
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
  #wakeAt = 0
  #isHidden = false
  /** From the begin to the end. */
  #isRunning = false
  #isClosed = false
  readonly #stops: (() => void)[] = []
  /** Over these a roster was told. */
  readonly #heard = new WeakSet<Session>()

  constructor(replica: Replica, core: ReplicaCore, options: PartitionOptions, link: LinkSettings) {
    // Those of who votes are whole.
    const settings = link as DetectorSettings
    this.#replica = replica
    this.#core = core
    this.#neighbours = new Neighbours(core)
    const self = core.name || core.id
    this.self = self
    const neighbours = this.#neighbours
    this.#alarm = new Alarm(core.timers)
    const suspicionMinMs = settings.suspicionMult * settings.probeIntervalMs
    const gossipIntervalMs = 2 * settings.probeIntervalMs
    const suspicionMaxMs = settings.suspicionMaxMult * suspicionMinMs
    const staleAfterMs = 3 * gossipIntervalMs + suspicionMaxMs
    const isVoter = options.voting !== undefined
    this.#detector =
      options.voting?.detector({ self, settings, random: () => core.random.float() }) ?? createLinkDetector(settings)
    this.#reachability = createReachability({ self, gossipIntervalMs, suspicionMaxMs })
    const stableMs = stableAfterMs(3, { gossipIntervalMs: settings.probeIntervalMs, suspicionMinMs })
    const desk = [core, neighbours, this.#counts, stableMs] as const
    this.#incidents = options.voting?.incidents(this.#detector, settings, ...desk) ?? new IncidentDesk(...desk)
    const maxTtlMs = options.maxTtlMs ?? defaultTtlMs
    const base = { core, self, neighbours, maxTtlMs }
    const roster = (): Roster | undefined => this.#roster.roster
    const says = (): void => this.#members.linksChanged()
    this.#roster = new RosterDesk({
      ...base,
      options,
      inForce: (inForce, before) => this.#inForce(inForce, before),
      tell: (effect) => this.#voter?.carryOut(effect),
      votes: says,
    })
    this.#contact = new ContactDesk(replica, core, neighbours)
    /** What most stand on. */
    const ground = {
      ...base,
      isVoter,
      detector: this.#detector,
      reachability: this.#reachability,
      roster: this.#roster,
      contact: this.#contact,
      incidents: this.#incidents,
      counts: this.#counts,
    }
    this.#outlook = new Outlook({
      ...ground,
      verdicts: { gossipIntervalMs, suspicionMinMs },
      staleAfterMs,
      warmAfterMs: isVoter ? staleAfterMs : 3 * gossipIntervalMs + suspicionMinMs,
      says,
    })
    this.#members = new Membership({
      ...ground,
      outlook: this.#outlook,
      paused: () => this.#leases?.paused(),
      publish: () => this.#voter?.publish(neighbours.ids),
    })
    this.#waits = new QuorumWaits(core, self, neighbours, roster)
    this.#voter = options.voting?.voter({
      ...ground,
      settings,
      waits: this.#waits,
      answered: (document, from, message) => this.#leases?.answered?.(document, from, message),
    })
    this.#leases = (options.leases ?? options.voting?.leases)?.({
      ...base,
      isHeard: (voter) => this.#detector.memberOf(voter)?.status === 'alive',
      votes: this.#voter,
      stored: (document, receipt) => this.reached(document, receipt),
      roster,
    })
  }

  get status(): PartitionStatus {
    const { verdict, warmVerdict } = this.#outlook
    const core = this.#core
    return Object.assign(this.#contact.situation(warmVerdict), this.#voter?.status, {
      side: warmVerdict?.mode ?? ('unknown' as const),
      members: verdict?.sides[0] ?? [],
      oneWay: verdict?.oneWay ?? [],
      verdict,
      roster: this.#roster.roster,
      isSettled: this.#roster.isSettled,
      connected: this.#neighbours.ids,
      isPaused: this.#detector.isArmed,
      suspected: this.#detector.suspicions.map(({ peer, since, until }) => ({
        peer,
        since: core.onWall(since),
        until: core.onWall(until),
      })),
      open: this.#incidents.recovery.open,
    })
  }

  get incidents(): readonly Incident[] {
    return this.#incidents.recovery.incidents
  }

  get votes(): VoteRecords | undefined {
    return this.#voter?.votes
  }

  metrics(): PartitionMetrics {
    return { ...this.#counts }
  }

  onVerdict(listener: (verdict: Verdict) => void): () => void {
    return listen(this.#outlook.listeners, listener)
  }

  on<K extends keyof PartitionEvents>(kind: K, listener: (event: PartitionEvents[K]) => void): () => void {
    return this.#contact.on(kind, listener)
  }

  onIncident(listener: (incident: Incident, what: string) => void): () => void {
    return listen(this.#incidents.listeners, ({ incident, what }) => listener(incident, what))
  }

  propose(roster: Omit<Roster, 'epoch'>): void {
    this.#ask('propose', roster)
  }

  force(roster: Omit<Roster, 'epoch'>): void {
    this.#ask('force', roster)
  }

  #ask(kind: 'propose' | 'force', roster: Omit<Roster, 'epoch'>): void {
    if (this.#voter === undefined) throw rejoinError('config-invalid', needsVoting)
    this.#voter.askFor(kind, roster)
    this.#arm()
  }

  lease(document: { readonly name: string }, name: string, options: LeaseRequestOptions = {}): Later<Lease> {
    const leases = this.#leases
    if (this.#isClosed) return rejected(rejoinError('closed'))
    if (leases === undefined) return rejected(rejoinError('config-invalid', needsLeases))
    return leases.open(document.name, name, options).then((lease) => {
      this.#arm()
      return lease
    })
  }

  reached(document: { readonly name: string }, receipt: Receipt): Later<void> {
    if (this.#isClosed) return rejected(rejoinError('closed'))
    return this.#waits.reached(document.name, receipt)
  }

  dismiss(reason: string, which?: string): void {
    this.#core.batch(() => this.#incidents.step({ kind: 'dismissed', reason, which }))
  }

  start(): void {
    const core = this.#core
    core.companions.set(partitionChannel, this)
    const read = (prefix: string, done: (rows?: readonly StoredRow[]) => void): void => {
      core.storage.read(prefix).then(done, (error: unknown) => {
        core.log('error', 'partition-rows-unread', { error: String(error) })
        done()
      })
    }
    read(rosterPrefix, (roster) =>
      read(incidentPrefix, (incidents) => core.batch(() => this.#begin(roster, incidents))),
    )
  }

  close(): void {
    if (this.#isClosed) return
    this.#waits.close()
    this.#contact.close()
    // While it is heard.
    this.#leases?.close()
    this.#members.step({ kind: 'leave', ...this.#time() })
    this.#isClosed = true
    this.#isRunning = false
    this.#outlook.listeners.clear()
    this.#incidents.listeners.clear()
    this.#alarm.clear()
    for (const stop of this.#stops.splice(0)) stop()
    this.#core.companions.delete(partitionChannel)
  }

  established(session: Session): void {
    if (!session.hearsAsides || !this.#isRunning) return
    if (this.#voter === undefined) this.#admit(session)
    else this.#voter.admit(session, () => this.#admit(session))
  }

  #admit(session: Session): void {
    if (session.phase !== 'established' || !this.#isRunning) return
    const peer = this.#neighbours.idOf(session)
    if (this.#isTaken(session)) {
      this.#core.log('warn', 'name-of-another', { peer, remote: session.remote })
      return
    }
    this.#contact.ledger.returned(peer)
    const isFirst = this.#neighbours.add(session)
    this.#waits.votersChanged()
    if (!isFirst) return
    const { now } = this.#time()
    this.#members.step({ kind: 'opened', peer, now })
    this.#voter?.met(peer)
    this.#roster.step({ kind: 'contact', peer })
    this.#members.linksChanged()
    this.#arm()
  }

  /** Whether it calls itself like this replica, or a client like a voter. */
  #isTaken(session: Session): boolean {
    const peer = this.#neighbours.idOf(session)
    return peer === this.self || (!this.#neighbours.isNamed(session) && this.#roster.voters.has(peer))
  }

  ending(session: Session): void {
    const peer = this.#neighbours.idOf(session)
    if (this.#neighbours.has(session) && this.#roster.voters.has(peer)) this.#contact.ledger.leaving(peer, session)
  }

  used(document: DocumentCore): void {
    this.#contact.ledger.used(document)
  }

  stored({ name }: DocumentCore): void {
    this.#waits.stored(name)
    this.#voter?.stored(name)
  }

  dropped(document: DocumentCore): void {
    this.#contact.ledger.dropped(document)
    this.#leases?.dropped(document.name)
    this.#voter?.dropped(document.name)
  }

  ended(session: Session): void {
    const peer = this.#neighbours.idOf(session)
    this.#voter?.ended(session)
    const isLast = this.#neighbours.remove(session)
    if (!this.#isRunning) return
    this.#waits.votersChanged()
    if (!isLast) return
    this.#members.left(peer, this.#time().now)
    // Whoever was met again for a moment, and is lost, begins what was written apart anew.
    if (this.#contact.ledger.isApart) this.#outlook.look()
    this.#arm()
  }

  receive(session: Session, bytes: Uint8Array, now: number): void {
    // Voters change, and with them whose name it is.
    if (!this.#neighbours.has(session) || this.#isTaken(session)) return
    const told = this.#neighbours.read(session, bytes)
    const from = this.#neighbours.idOf(session)
    const isOfVoters = this.#roster.voters.has(from) || session.isServer
    if (told === undefined) {
      if (session.phase !== 'established') this.#counts.malformed += 1
      return
    }
    // Of voters only voters tell, and to a client its server: anybody who writes could say that one is gone. The detector leaves
    // aside what strangers say of others.
    if (!isOfVoters && (told.kind === 'rows' || told.kind === 'incidents')) return
    switch (told.kind) {
      case 'heartbeat':
        this.#members.step({ ...told, peer: from, now })
        break
      case 'swim':
        this.#members.step({ ...told, kind: 'message', from, now })
        break
      case 'rows':
        // It goes by another roster, which it may have missed, or this replica.
        if (told.rows.some(({ row }) => row.observer === from && row.rosterEpoch !== this.#roster.roster?.epoch))
          this.#roster.step({ kind: 'contact', peer: from })
        this.#members.hear(from, told.rows, now)
        break
      case 'roster':
        // The first that a layer tells: what it was asked before it had begun it did not hear.
        if (!this.#heard.has(session)) this.#waits.votersChanged()
        this.#heard.add(session)
        this.#roster.receive(session, told.message)
        this.#voter?.heard(session, told.message)
        this.#outlook.observe()
        break
      case 'stored':
        if (session.isServer) this.#waits.told(told.document, told.version)
        break
      case 'incidents':
        for (const name of told.names) this.#incidents.step({ kind: 'met', name })
        this.#voter?.named(from, told.names)
        break
      default:
        this.#leases?.told?.(session, from, told)
        this.#voter?.told(session, from, told)
    }
    this.#arm()
  }

  #time(): Reading {
    return readingOf(this.#core)
  }

  /** Undefined where it could not be read. */
  #begin(roster: readonly StoredRow[] | undefined, incidents: readonly StoredRow[] | undefined): void {
    if (this.#isClosed) return
    const core = this.#core
    this.#incidents.read(incidents ?? [])
    this.#outlook.begin()
    this.#roster.begin(roster)
    this.#isRunning = true
    this.#stops.push(
      this.#replica.onDivergence(({ document, peer }) => {
        // Whoever may read could make a server keep incidents.
        if (this.#voter?.isOfServers(peer) === false) return
        this.#incidents.diverged(document)
        core.batch(() => this.#outlook.look())
        this.#arm()
      }),
    )
    const stop = core.environment?.onHint((hint) =>
      core.batch(() => {
        if (hint === 'online' || hint === 'offline') this.#outlook.isOffline = hint === 'offline'
        if (hint === 'visible' || hint === 'hidden') {
          this.#isHidden = hint === 'hidden'
          this.#members.step({ kind: 'hint', hint, ...this.#time() })
        }
        this.#outlook.observe()
        this.#arm()
      }),
    )
    if (stop !== undefined) this.#stops.push(stop)
    for (const { session } of core.connections) if (session.phase === 'established') this.established(session)
    this.#tick()
  }

  #inForce(roster: Roster, before: ReadonlySet<NodeId>): void {
    this.#members.inForce(roster, before)
    this.#voter?.roster(roster)
    this.#leases?.roster?.(roster)
    this.#waits.votersChanged()
    this.#arm()
  }

  #tick(): void {
    if (!this.#isRunning) return
    const { now, wall } = this.#time()
    this.#members.step({ kind: 'tick', now, wall })
    this.#voter?.tick(now, this.#isHidden)
    this.#members.stepRows({ kind: 'tick', now })
    this.#roster.step({ kind: 'tick' })
    this.#outlook.tick()
    this.#leases?.tick?.()
    this.#incidents.step({ kind: 'tick' })
    this.#arm()
  }

  #arm(): void {
    if (!this.#isRunning) return
    const at =
      earliest([
        this.#outlook,
        this.#detector,
        this.#reachability,
        this.#incidents.recovery,
        this.#voter,
        this.#roster.log,
        this.#leases,
      ]) ?? Number.POSITIVE_INFINITY
    // One that fires too early finds nothing due and is set again.
    if (this.#alarm.isSet && this.#wakeAt <= at) return
    this.#wakeAt = at
    this.#alarm.set(delayUntil(at, this.#time().now), () => this.#core.batch(() => this.#tick()))
  }
}
