/**
 * One node of a world: a machine or browser profile with a disk, clocks and, while it runs, a real replica.
 *
 * A crash leaves the replica where it is and takes everything away from it: its timers never fire, its disk never
 * answers, its links are gone. Opening again makes a new replica over the same disk.
 */
import {
  type ChangeOptions,
  type DraftOf,
  isRejoinError,
  type RejoinError,
  type Schema,
  type Store,
} from '@rejoin/state'
import {
  connect,
  type DocumentHandle,
  type EnvironmentHint,
  type Limits,
  type LogEntry,
  type Net,
  type Receipt,
  type Replica,
  type Role,
  type Timing,
  type Transport,
} from '@rejoin/sync'
import { createReplicaWith, type SyncRules, soundSyncRules } from '@rejoin/sync/testing'
import type { Checker } from './checker.ts'
import { createDisk, type DiskOptions, type SimDisk } from './disk.ts'
import { type ClockFault, createNodeTime, type NodeTime, type SleepFault } from './node-time.ts'
import type { RandomStream } from './random.ts'
import type { Write } from './scenario.ts'
import type { Scheduler } from './scheduler.ts'
import type { WorldEvent } from './world-events.ts'

/** What a node is and whom it dials. */
export interface NodeSpec {
  readonly name: string
  readonly role: Role
  /** Nodes that this one dials. Whoever is dialled by somebody listens. */
  readonly dials: readonly number[]
  readonly clock?: Partial<ClockFault>
}

/** Paces and bounds of every replica in a world. */
export interface WorldPace {
  readonly timing?: Partial<Timing>
  readonly limits?: Partial<Limits>
  /** Ceilings of the wait between dials. */
  readonly redial?: { readonly baseMs?: number; readonly capMs?: number }
}

/** What a node needs of its world. */
export interface NodeSurroundings<S extends Schema> {
  readonly index: number
  readonly spec: NodeSpec
  readonly schema: S
  readonly document: string
  readonly write: (draft: DraftOf<S>, write: Write) => void
  readonly changeOptions?: ((write: Write) => ChangeOptions) | undefined
  readonly scheduler: Scheduler
  readonly random: RandomStream
  readonly checker: Checker
  readonly disk?: DiskOptions | undefined
  readonly rules?: Partial<SyncRules> | undefined
  readonly pace?: WorldPace | undefined
  readonly everybodyGrants?: boolean | undefined
  readonly transports: () => readonly Transport[]
  readonly permission: (token: string | undefined, document: string) => 'admin' | 'write' | 'read' | 'no'
  readonly vanish: () => void
  readonly tell: ((event: WorldEvent) => void) | undefined
  /** Told each replica before it connects: what else runs at a node, such as its partition layer, begins here. */
  readonly hasHints?: boolean | undefined
  readonly attach?: ((node: number, replica: Replica) => void) | undefined
  readonly onLog?: ((node: number, entry: LogEntry) => void) | undefined
}

/** A running or stopped node. */
export interface WorldNode<S extends Schema> {
  readonly index: number
  readonly name: string
  readonly role: Role
  readonly disk: SimDisk
  readonly state: 'down' | 'opening' | 'up'
  /** The document, while the node is up. */
  readonly handle: DocumentHandle<S> | undefined
  readonly net: Net | undefined
  readonly counts: {
    writes: number
    refusedWrites: number
    merges: number
    heals: number
    crashes: number
    conflicts: number
    refusals: number
  }
  /** Why the last write that was refused here was refused. */
  readonly lastRefusal: RejoinError | undefined
  readonly isAsleep: boolean
  /** Returns from below the floor that it has answered, by sketch and with the whole state, and epochs that it began. */
  readonly joins: { readonly bySketch: number; readonly whole: number; readonly epochs: number }
  start(): void
  /** Stops without a word and loses what was not flushed. */
  crash(): void
  /** Closes as a program does that ends. */
  stop(): void
  wipe(): void
  write(write: Write): void
  /** The receipt of a change, unless it was refused here, or the node is down. */
  change(edit: (draft: DraftOf<S>) => void, options?: ChangeOptions): Receipt | undefined
  jumpClock(byMs: number): void
  /** Nothing of it runs until it wakes: its timers, what its disk answers and what arrives wait. */
  sleep(how: SleepFault): void
  wake(): void
  /** Its platform noticed something; nothing happens in a world without hints. */
  hint(hint: EnvironmentHint): void
  /** Runs something of the node, once it is awake. */
  hear(run: () => void): void
  /** A server asks again what each connection may do. */
  reauthorize(): void
}

/** A node that is down. */
export function createWorldNode<S extends Schema>(around: NodeSurroundings<S>): WorldNode<S> {
  const { index, spec, scheduler, checker, random, tell } = around
  let time: NodeTime | undefined
  const hear = (run: () => void): void => (time === undefined ? run() : time.hear(run))
  const disk = createDisk(scheduler, random.stream(`disk/${index}`), { ...around.disk, hear })
  const counts = { writes: 0, refusedWrites: 0, merges: 0, heals: 0, crashes: 0, conflicts: 0, refusals: 0 }
  const hintListeners = new Set<{ readonly opening: NodeTime; readonly listener: (hint: EnvironmentHint) => void }>()
  /** Those of replicas that are gone. */
  const joins = { bySketch: 0, whole: 0, epochs: 0 }
  let state: 'down' | 'opening' | 'up' = 'down'
  let openings = 0
  /** Ends an opening that is closing still, as whoever starts the process again does that hangs. */
  let kill: (() => void) | undefined
  let replica: Replica | undefined
  let handle: DocumentHandle<S> | undefined
  let net: Net | undefined
  let store: Store | undefined
  let lastDigest = ''
  let lastRefusal: RejoinError | undefined

  const say = (event: WorldEvent): void => tell?.(event)

  const stepped = (opened: DocumentHandle<S>): void => {
    // After a refusal the replica goes on with another store, which holds what the server has.
    if (opened.store !== store) checker.fellBack(index, opened.store)
    else checker.stepped(index, opened.store, spec.role === 'server')
    store = opened.store
    if (tell === undefined) return
    const digest = opened.digest()
    if (digest === lastDigest) return
    lastDigest = digest
    say({ kind: 'digest', atMs: scheduler.nowMs, node: index, digest })
  }

  const follow = (opened: DocumentHandle<S>, running: Replica): void => {
    opened.subscribe((event) => {
      if (event.origin === 'local' && event.change !== undefined) {
        checker.wrote(index, event.change)
        if (tell)
          say({ kind: 'write', atMs: scheduler.nowMs, node: index, change: event.change, paths: [...event.changed] })
      } else {
        counts.merges += 1
        counts.conflicts += event.conflicts.length
        const { change, changed, conflicts } = event
        if (tell) say({ kind: 'merge', atMs: scheduler.nowMs, node: index, change, paths: [...changed], conflicts })
      }
      stepped(opened)
    })
    opened.onRefused((content) => {
      counts.refusals += 1
      const changes = content.changes.map(({ change }) => change)
      checker.refused(index, changes)
      running.flush().then(
        () => checker.refusalKept(index, changes),
        () => undefined,
      )
      say({ kind: 'refused', atMs: scheduler.nowMs, node: index, content })
    })
  }

  const opened = (document: DocumentHandle<S>, running: Replica): void => {
    state = 'up'
    handle = document
    store = document.store
    checker.opened(index, document.store, spec.role === 'server')
    follow(document, running)
    running.onDivergence((event) => {
      const where = event.paths.map((path) => `/${path.join('/')}`).join(', ')
      const message = `differs from ${event.peer} at ${where || 'a place unknown'}, at one version`
      checker.report({ atMs: scheduler.nowMs, node: index, kind: 'divergence', message: `${spec.name}: ${message}` })
      say({ kind: 'diverged', atMs: scheduler.nowMs, node: index, event })
    })
    running.onForked(({ author }) => {
      const message = `${spec.name}: takes ${author.slice(0, 4)} to be written by two, though nobody was cloned`
      checker.report({ atMs: scheduler.nowMs, node: index, kind: 'fork', message })
    })
    around.attach?.(index, running)
    net = connect(running, { ...around.pace?.redial, transports: around.transports() })
    net.onHealed((report) => {
      counts.heals += report.revision === 1 ? 1 : 0
      say({ kind: 'healed', atMs: scheduler.nowMs, node: index, report })
    })
    say({ kind: 'opened', atMs: scheduler.nowMs, node: index })
  }

  const joinsNow = () => {
    const { joinsBySketch = 0, joinsWhole = 0, epochs = 0 } = replica?.metrics() ?? {}
    return { bySketch: joins.bySketch + joinsBySketch, whole: joins.whole + joinsWhole, epochs: joins.epochs + epochs }
  }

  const forget = (): void => {
    Object.assign(joins, joinsNow())
    state = 'down'
    time?.stop()
    time = undefined
    replica = undefined
    handle = undefined
    net = undefined
  }

  const listen = (opening: NodeTime, listener: (hint: EnvironmentHint) => void): (() => void) => {
    const entry = { opening, listener }
    hintListeners.add(entry)
    return () => hintListeners.delete(entry)
  }

  const endClosing = (): void => {
    kill?.()
    kill = undefined
  }

  const start = (): void => {
    if (state !== 'down') return
    endClosing()
    state = 'opening'
    openings += 1
    const opening = openings
    const fault: ClockFault = { skewMs: spec.clock?.skewMs ?? 0, drift: spec.clock?.drift ?? 0 }
    const running = createNodeTime(scheduler, fault)
    time = running
    const made = createReplicaWith(
      { ...soundSyncRules, ...around.rules },
      {
        clock: running.clock,
        timers: running.timers,
        random: random.stream(`node/${index}/${opening}`),
        storage: disk.open(),
        ...(around.hasHints === true ? { environment: { onHint: (listener) => listen(running, listener) } } : {}),
        role: spec.role,
        name: spec.name,
        onLog: (entry) => {
          const { event, details } = entry
          around.onLog?.(index, entry)
          if (event !== 'memory-damaged') return
          const message = `${spec.name}: changed without being written: ${JSON.stringify(details['paths'])}`
          checker.report({ atMs: scheduler.nowMs, node: index, kind: 'divergence', message })
        },
        // One place for ever hands out rights: the first node, also where all are peers.
        grantsRights: index === 0 || around.everybodyGrants === true,
        beginsEpochs: index === 0,
        ...(spec.role === 'server' ? { authorize: ({ token, document }) => around.permission(token, document) } : {}),
        ...(around.pace?.timing === undefined ? {} : { timing: around.pace.timing }),
        ...(around.pace?.limits === undefined ? {} : { limits: around.pace.limits }),
      },
    )
    replica = made
    made.open(around.document, around.schema).then(
      (document) => {
        if (opening === openings && state === 'opening') opened(document, made)
      },
      (error: unknown) => {
        if (opening !== openings) return
        // A disk that cannot be read at all: the node tries again later, as a page that is loaded again.
        disk.crash()
        forget()
        scheduler.after(5_000, start)
        if (!isRejoinError(error)) throw error
      },
    )
  }

  const crash = (): void => {
    if (state === 'down') return
    openings += 1
    counts.crashes += 1
    around.vanish()
    disk.crash()
    forget()
    say({ kind: 'crashed', atMs: scheduler.nowMs, node: index })
  }

  const change = (edit: (draft: DraftOf<S>) => void, options?: ChangeOptions): Receipt | undefined => {
    if (handle === undefined) return undefined
    try {
      const receipt = handle.change(edit, options)
      const { change: made } = receipt
      if (made === undefined) return receipt
      counts.writes += 1
      for (const level of ['disk', 'server'] as const) {
        receipt.reached(level).then(
          () => checker.acknowledged(index, made, level),
          () => undefined,
        )
      }
      return receipt
    } catch (error) {
      if (!isRejoinError(error)) throw error
      counts.refusedWrites += 1
      lastRefusal = error
      return undefined
    }
  }

  return {
    index,
    name: spec.name,
    role: spec.role,
    disk,
    counts,
    get lastRefusal() {
      return lastRefusal
    },
    get joins() {
      return joinsNow()
    },
    get state() {
      return state
    },
    get handle() {
      return handle
    },
    get net() {
      return net
    },
    start,
    crash,
    stop: () => {
      if (state !== 'up' || replica === undefined) {
        crash()
        return
      }
      openings += 1
      const closing = replica
      Object.assign(joins, joinsNow())
      replica = undefined
      const closingTime = time
      state = 'down'
      handle = undefined
      net = undefined
      const ended = (): void => {
        closingTime?.stop()
        if (kill === killed) kill = undefined
      }
      const killed = (): void => {
        closingTime?.stop()
        disk.crash()
      }
      kill = killed
      closing.close().then(ended, ended)
      say({ kind: 'stopped', atMs: scheduler.nowMs, node: index })
    },
    wipe: () => {
      crash()
      endClosing()
      disk.wipe()
      checker.wiped(index)
      say({ kind: 'wiped', atMs: scheduler.nowMs, node: index })
    },
    write: (write) => {
      change((draft) => around.write(draft, write), around.changeOptions?.(write))
    },
    change,
    get isAsleep() {
      return time?.isAsleep === true
    },
    jumpClock: (byMs) => time?.jump(byMs),
    sleep: (how) => time?.sleep(how),
    wake: () => time?.wake(),
    hint: (hint) => {
      for (const { opening, listener } of [...hintListeners]) if (opening === time) opening.hear(() => listener(hint))
    },
    hear,
    reauthorize: () => replica?.reauthorize(around.document),
  }
}
