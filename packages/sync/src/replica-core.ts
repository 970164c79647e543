import type { Bundle } from '@rejoin/state'
import { Alarm } from './alarm.ts'
import type { Companions } from './companion.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import type { DocumentCore } from './document-core.ts'
import { DocumentShelf } from './document-shelf.ts'
import { storeAgain } from './eviction.ts'
import type { ForkEvent } from './fork/forks.ts'
import type { Introduction, OpenFrame, Permission, Role } from './frame.ts'
import { frameLimits } from './frame-limits.ts'
import type { Authorize, DivergenceEvent, Hub, LogEntry } from './hub.ts'
import type { HealEvent } from './incidents.ts'
import { attemptLater, type Later, resolved } from './later.ts'
import type { Limits, Timing } from './limits.ts'
import { type Metrics, noMetrics } from './metrics.ts'
import { findProfile } from './profile.ts'
import type { Refusal } from './refusal.ts'
import type { ReplicaOptions } from './replica.ts'
import type { Clock, Environment, Random, Storage, StorageStatus, StoredRow, Timers } from './seams.ts'
import type { Session, SessionEnd } from './session.ts'
import type { SyncRules } from './sync-rules.ts'
import { createTransferCache, type TransferCache } from './transfers.ts'
import { createWriteQueue, type WriteQueue } from './write-queue.ts'

/** Everything a replica is made of, with defaults filled in. */
export interface ReplicaSetup extends ReplicaOptions {
  readonly role: Role
  readonly grantsRights: boolean
  readonly beginsEpochs: boolean
  readonly name: string
  readonly limits: Limits
  readonly timing: Timing
  readonly rules: SyncRules
}

/** Offsets below this are left alone: they are within what the network hides. */
const correctedOffsetMs = 500
/** A server with a failing disk lets its clients go after this. */
const failingGraceMs = 5000
/** How often listeners may cause more of what they listen for, one time out of the other: what goes on has no end. */
const mostRounds = 1000
/** The inside of a replica: documents, connections, the way to the disk, and the batch that ties their steps together. */
export class ReplicaCore implements Hub {
  readonly id: string
  speaksAs: string
  readonly role: Role
  readonly name: string
  readonly clock: Clock
  readonly startedAt: number
  readonly timers: Timers
  readonly random: Random
  readonly limits: Limits
  readonly timing: Timing
  readonly rules: SyncRules
  readonly authorize: Authorize | undefined
  readonly followsOutages: boolean
  readonly grantsRights: boolean
  readonly beginsEpochs: boolean
  readonly metrics: Metrics = noMetrics()
  readonly queue: WriteQueue
  readonly transfers: TransferCache
  sketchItems = 0
  readonly storage: Storage
  readonly environment: Environment | undefined
  readonly connections: Set<Connection> = new Set()
  readonly healListeners: Set<(event: HealEvent) => void> = new Set()
  readonly divergenceListeners: Set<(event: DivergenceEvent) => void> = new Set()
  readonly forkListeners: Set<(event: ForkEvent) => void> = new Set()
  readonly statusListeners: Set<(status: StorageStatus) => void> = new Set()
  readonly changeListeners: Set<(nothing: undefined) => void> = new Set()
  readonly companions: Companions = new Map()
  /** Dials now what waits to be dialled; each says whether there was anything. */
  readonly redialers: Set<() => boolean> = new Set()
  /** What must end with the replica. */
  readonly closers: Set<() => void> = new Set()
  /** Settles when hello can be said. */
  readonly started: Later<void>
  isClosed = false
  /** How many times `connect` is in force. */
  nets = 0
  readonly #onLog: ((entry: LogEntry) => void) | undefined
  readonly shelf: DocumentShelf
  readonly #profiles = new Set<string>()
  readonly #woken = new Set<Connection>()
  #soon: (() => void)[] = []
  readonly #frameBytes: number
  #offsetMs = 0
  #wallOffset = Number.NEGATIVE_INFINITY
  #depth = 0
  readonly #telling = new Map<object, unknown[]>()
  #hasChanged = false
  readonly #grace: Alarm

  constructor(setup: ReplicaSetup) {
    this.role = setup.role
    this.name = setup.name
    this.clock = setup.clock
    this.startedAt = setup.clock.monotonic()
    this.timers = setup.timers
    this.#grace = new Alarm(setup.timers)
    this.random = setup.random
    this.limits = setup.limits
    this.timing = setup.timing
    const { frameBytes, smallestFrameBytes } = frameLimits
    this.#frameBytes = Math.min(frameBytes, Math.max(smallestFrameBytes, setup.limits.messageBytes))
    this.rules = setup.rules
    this.authorize = setup.authorize
    this.followsOutages = setup.role !== 'server'
    this.grantsRights = setup.grantsRights
    this.beginsEpochs = setup.beginsEpochs
    this.storage = setup.storage
    this.environment = setup.environment
    this.#onLog = setup.onLog
    this.id = this.newId()
    this.speaksAs = this.id
    this.transfers = createTransferCache(setup.limits)
    this.queue = createWriteQueue({
      storage: setup.storage,
      timers: setup.timers,
      random: setup.random,
      metrics: this.metrics,
      isHeld: () => this.#depth > 0,
      run: (step) => this.batch(step),
      onLanded: () => this.#landed(),
      acknowledgeAfterFlush: setup.rules.acknowledgeAfterFlush,
    })
    this.queue.onStatus(() => this.#storageStatusChanged())
    this.shelf = new DocumentShelf(this, setup.storage, this.connections)
    this.started = this.#start()
  }

  get makesRows(): boolean {
    return this.storage.keepsNothing !== true
  }

  get hasNet(): boolean {
    return this.nets > 0
  }

  now(): number {
    return this.clock.now() + this.#offsetMs
  }

  noteOffset(offsetMs: number): void {
    this.#offsetMs = Math.abs(offsetMs) >= correctedOffsetMs ? offsetMs : 0
  }

  /** A time of the monotonic clock on the wall: whole milliseconds, and the same whenever it is asked, for as long as nobody sets the clock. */
  onWall(monotonic: number): number {
    const offset = this.clock.now() - this.clock.monotonic()
    // Wall clocks tell whole milliseconds.
    if (Math.abs(offset - this.#wallOffset) > 1) this.#wallOffset = offset
    return Math.round(monotonic + this.#wallOffset)
  }

  newId(): string {
    let id = ''
    for (const byte of this.random.bytes(8)) id += byte.toString(16).padStart(2, '0')
    return id
  }

  introduction(): Introduction {
    const { speaksAs, role, name } = this
    return {
      replica: speaksAs,
      role,
      name,
      profiles: role === 'server' ? [] : [...this.#profiles].slice(0, frameLimits.profiles),
      wall: this.clock.now(),
      frameBytes: this.#frameBytes,
    }
  }

  isSameProfile(profiles: readonly string[]): boolean {
    // A server has no tabs: whoever says to be one has heard the ids somewhere.
    return this.role !== 'server' && profiles.some((profile) => this.#profiles.has(profile))
  }

  batch<T>(step: () => T): T {
    this.#depth += 1
    try {
      return step()
    } finally {
      try {
        if (this.#depth === 1) this.#settle()
      } finally {
        this.#depth -= 1
        if (this.#depth === 0) this.queue.kick()
      }
    }
  }

  soon(run: () => void): void {
    this.#soon.push(run)
    if (this.#depth === 0) this.batch(() => {})
  }

  tell<T>(listeners: ReadonlySet<(value: T) => void>, value: T): void {
    const { isClosed } = this
    // Who hears of it first may cause more, of which the others would hear before this.
    if (this.#telling.get(listeners)?.push(value)) return
    const values = [value]
    this.#telling.set(listeners, values)
    try {
      let round = 0
      for (; values.length > 0 && round < mostRounds; round++)
        for (const next of values.splice(0))
          for (const listener of [...listeners]) {
            // It left, or the replica was closed, by what one before it did.
            if (this.isClosed !== isClosed || !listeners.has(listener)) continue
            try {
              listener(next)
            } catch (error) {
              this.log('error', 'listener-failed', { error: String(error) })
            }
          }
      if (values.length > 0) this.log('error', 'listeners-without-end', { rounds: round })
    } finally {
      this.#telling.delete(listeners)
    }
  }

  log(level: LogEntry['level'], event: string, details: LogEntry['details']): void {
    this.#onLog?.({ level, event, details })
  }

  get hearsHeals(): boolean {
    return this.healListeners.size > 0
  }

  healed(event: HealEvent): void {
    this.tell(this.healListeners, event)
  }

  diverged(event: DivergenceEvent): void {
    const { trace, version, ...details } = event
    this.log('error', 'divergence', { ...details, authors: Object.keys(version).length })
    this.tell(this.divergenceListeners, event)
  }

  readRows(core: DocumentCore): Later<readonly StoredRow[]> {
    return this.queue.flushed().then(() => this.storage.read(core.keys.prefix))
  }

  changed(): void {
    this.#hasChanged = true
    if (this.#depth === 0) this.batch(() => {})
  }

  isHeldBack(): boolean {
    return this.queue.pendingBytes > this.limits.unwrittenBytes
  }

  wake(connection: Connection): void {
    this.#woken.add(connection)
    if (this.#depth === 0) this.batch(() => {})
  }

  documents(): Iterable<DocumentCore> {
    if (this.role === 'server') return []
    return this.shelf.cores()
  }

  established(session: Session): void {
    this.metrics.connectionsOpened += 1
    // The same replica over the same route: the older one is dead and has not noticed. Ids are no secret, credentials are;
    // where it comes with another one, silence tells.
    for (const other of this.connections) {
      const { peerReplica, phase, route, token } = other.session
      const isSame = other.session !== session && peerReplica === session.peerReplica && token === session.token
      if (isSame && phase === 'established' && route === session.route) {
        const code = other.session.tellsStamps ? 'peer-replaced' : 'peer-closed'
        other.close(code, 'Replaced by a newer connection of the same replica.')
      }
    }
    for (const companion of this.companions.values()) companion.established(session)
    this.changed()
  }

  /** Makes a connection and keeps it until it ends. */
  connect(options: Omit<ConnectionOptions, 'hub'>): Connection {
    const connection = new Connection({ ...options, hub: this })
    this.connections.add(connection)
    this.metrics.openConnections = this.connections.size
    return connection
  }

  ended(connection: Connection, end: SessionEnd): void {
    if (!this.connections.delete(connection)) return
    this.metrics.openConnections = this.connections.size
    this.metrics.connectionsClosed += 1
    this.#woken.delete(connection)
    if (end.code === 'peer-replaced' && this.connections.size === 0) this.#replacedByTwin()
    this.tell(connection.endListeners, end)
    this.changed()
  }

  touched(core: DocumentCore): void {
    this.shelf.touch(core)
  }

  fallBack(core: DocumentCore, state: Bundle | undefined, refusal: Refusal, failed: () => void): void {
    this.shelf.fallBack(core, state, refusal, failed)
  }

  provide(
    session: Session,
    frame: OpenFrame,
    found: (core: DocumentCore | undefined, given: Permission) => void,
    refused: (code: string, reason: string) => void,
  ): void {
    if (this.role !== 'server') return
    const { document } = frame
    const isFull = (): boolean => !this.shelf.has(document) && this.shelf.size >= this.limits.documents
    const refuse = (): void => refused('document-limit', 'The server has as many documents open as it may.')
    if (isFull()) {
      refuse()
      return
    }
    this.ask(session, document).then(
      (given) => {
        if (given === 'no') {
          this.batch(() => found(undefined, 'no'))
          return
        }
        // Others may have come while the hook took its time.
        if (isFull()) {
          this.batch(refuse)
          return
        }
        this.shelf.acquire(document).then(
          (core) => {
            this.batch(() => found(core, given))
            this.shelf.release(document)
          },
          (error: unknown) => this.batch(() => refused('invalid-document-name', String(error))),
        )
      },
      (error: unknown) => {
        this.log('error', 'authorize-failed', { document, error: String(error) })
        this.batch(() => refused('try-again', 'The server cannot tell at the moment who may do what.'))
      },
    )
  }

  /** Asks again what each connection may do, after rights changed. */
  reauthorize(document: string | undefined): void {
    for (const { session } of this.connections) {
      for (const stream of session.streams.values()) {
        const { name } = stream.core
        if (document !== undefined && name !== document) continue
        this.ask(session, name).then(
          (given) => this.batch(() => stream.give(given)),
          (error: unknown) => this.log('error', 'authorize-failed', { error: String(error) }),
        )
      }
    }
  }

  wipe(): Later<void> {
    for (const connection of [...this.connections]) connection.close('peer-closed', 'The replica was wiped.')
    this.shelf.dropAll()
    // What a server promised as a voter it cannot take back.
    const prefixes = ['d/', 'n/', 'u/', 'x/', 'r/', 'k/', ...(this.role === 'server' ? [] : ['p/'])]
    this.queue.push(prefixes.map((prefix) => ({ kind: 'delete-prefix', prefix })))
    this.#profiles.clear()
    return this.queue.flushed().then(() => this.#findProfile())
  }

  resumeUnsaved(): void {
    this.shelf.resumeUnsaved()
  }

  close(): Later<void> {
    // Before its end is to be seen anywhere: what they hold they give back to others.
    for (const companion of [...this.companions.values()]) companion.close?.()
    this.isClosed = true
    this.shelf.isClosed = true
    for (const core of this.shelf.cores()) core.rights.lastWord()
    for (const closer of [...this.closers]) closer()
    for (const connection of [...this.connections]) connection.close('peer-closed', 'The replica was closed.')
    this.#grace.clear()
    const finish = (): PromiseLike<void> => {
      this.shelf.dropAll()
      return this.storage.close()
    }
    return this.queue
      .close()
      .then(finish, finish)
      .catch(() => {})
  }

  #start(): Later<void> {
    if (this.environment !== undefined) {
      const stop = this.environment.onHint((hint) => {
        if (hint === 'pagehide' || hint === 'hidden') this.queue.hurry()
        else if (hint === 'visible') this.queue.retryNow()
      })
      this.closers.add(stop)
    }
    return this.#findProfile()
  }

  #findProfile(): Later<void> {
    return findProfile(this.storage, () => this.newId()).then((ids) => {
      for (const id of ids) this.#profiles.add(id)
    })
  }

  /** What a connection may do with a document. */
  ask(session: Session, document: string): Later<Permission> {
    const { authorize } = this
    // A server that this one was told to dial has shown no credential: it was chosen.
    const isChosen = session.isInitiator && session.peer?.role === 'server'
    if (authorize === undefined || isChosen) return resolved('write')
    const { token, remote, origin } = session
    return attemptLater(() => authorize({ token, document, remote, origin, replica: session.peerReplica })).then(
      (given) => (given === 'read' || given === 'write' || given === 'admin' ? given : 'no'),
    )
  }

  /**
   * The other side has a newer connection of this replica, and it is none of ours: a machine that was cloned while it ran. Under
   * one name the two would end each other's connections for ever; under one author, one would lose what it writes.
   */
  #replacedByTwin(): void {
    this.log('warn', 'replaced-by-twin', { replica: this.speaksAs })
    this.speaksAs = this.newId()
    for (const { store } of this.shelf.cores()) store.renewAuthor()
  }

  #landed(): void {
    if (this.isHeldBack()) return
    for (const connection of this.connections) connection.release()
  }

  #storageStatusChanged(): void {
    const { status } = this.queue
    this.log(status.state === 'ok' ? 'info' : 'error', 'storage-status', { ...status })
    this.#grace.clear()
    if (status.state === 'ok') {
      this.shelf.readMissed()
    } else if (status.code === 'storage-evicted') {
      for (const core of this.shelf.cores()) storeAgain(core)
      this.#findProfile()
    } else if (this.role === 'server') {
      this.#grace.set(failingGraceMs, () => {
        for (const connection of [...this.connections]) {
          connection.close('server-storage-failing', 'The server cannot store changes at the moment.')
        }
      })
    }
    this.tell(this.statusListeners, status)
    this.changed()
  }

  /** One that throws costs none of the others. */
  #runSteps(): void {
    const steps = this.#soon
    this.#soon = []
    let done = 0
    try {
      for (const step of steps) {
        done += 1
        step()
      }
    } finally {
      if (done < steps.length) this.#soon.unshift(...steps.slice(done))
    }
  }

  /** Ends a batch: later steps, frames, compaction and status, until nothing causes anything more. */
  #settle(): void {
    while (this.#soon.length > 0 || this.#woken.size > 0 || this.#hasChanged) {
      this.#runSteps()
      const woken = [...this.#woken]
      this.#woken.clear()
      for (const connection of woken) connection.pump()
      if (!this.#hasChanged) continue
      this.#hasChanged = false
      this.tell(this.changeListeners, undefined)
    }
    this.shelf.tidy()
  }
}
