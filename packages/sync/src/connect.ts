/// <reference lib="esnext.disposable" preserve="true" />
import type { HealEvent } from './incidents.ts'
import { type Later, resolved } from './later.ts'
import { isSameState, type LinkState, linkStateOf, type Peer, peersOf } from './link-state.ts'
import { listen } from './listeners.ts'
import { insideOf, type Replica } from './replica.ts'
import { createRoute, type Route, type RouteWish } from './route.ts'
import type { ListenTransport, Transport } from './seams.ts'
import { numberBytes } from './version-row.ts'

/** Where to, and at what pace. */
export interface ConnectOptions {
  readonly transports: readonly Transport[]
  /** First ceiling of the wait between dials, which doubles; the wait is uniform below it. Default 250 ms. */
  readonly baseMs?: number
  /** Greatest ceiling of the wait. Default 30 s. It never gives up. */
  readonly capMs?: number
  /**
   * Dials many addresses under one plan, beside the transports of kind `dial`, which are dialled each on its own: see
   * `plannedDialing` of `@rejoin/sync/partition`.
   */
  readonly dialing?: Dialing
}

/** Decides whom a replica dials. */
export interface Dialing {
  /** Called once, by `connect`. */
  begin(replica: Replica): Route
}

/** The connections of a replica. */
export interface Net {
  readonly link: LinkState
  readonly peers: readonly Peer[]
  /** Calls back with each new `link`. Returns the way to stop. */
  onLink(listener: (link: LinkState) => void): () => void
  /** Calls back when an outage is healed, and when its report is revised. */
  onHealed(listener: (event: HealEvent) => void): () => void
  /** Dials now, whatever the wait; what is up is dialled anew. */
  reconnect(): void
  /** Ends the connections, in a listener too; the replica goes on alone, and no listener is called any more. Idempotent. */
  close(): Later<void>
  [Symbol.asyncDispose](): Later<void>
}

/** Connects a replica and keeps it connected. */
export function connect(replica: Replica, options: ConnectOptions): Net {
  const core = insideOf(replica)
  const listeners = new Set<(link: LinkState) => void>()
  const routes: Route[] = []
  const stops: (() => void)[] = []
  let link: LinkState = { state: 'offline', since: core.clock.now() }
  let lastSyncedAt: number | undefined
  let isClosed = false

  const tell = (wish: RouteWish): void => {
    for (const route of routes) route.on(wish)
  }
  const look = (): void => {
    const next = linkStateOf(core, routes, link, lastSyncedAt)
    if (next.state === 'synced') {
      lastSyncedAt = next.lastSyncedAt
      if (link.state !== 'synced') rememberSeen()
    }
    const isNew = !isSameState(link, next)
    link = next
    if (isNew) core.tell(listeners, next)
  }
  const rememberSeen = (): void => {
    const now = core.clock.now()
    for (const document of core.shelf.cores()) {
      document.seenAt = now
      core.queue.push([{ kind: 'put', key: document.keys.seen, bytes: numberBytes(now) }])
    }
  }
  const listenOn = (transport: ListenTransport): void => {
    const handle = transport.listen({
      accept: (accepted, info) => {
        const connection = core.connect({
          reliable: transport.reliable,
          initiator: info.initiator,
          route: transport.name,
          remote: info.remote,
          ...(info.origin === undefined ? {} : { origin: info.origin }),
        })
        connection.link = accepted
        connection.guard()
        return connection.events
      },
    })
    stops.push(() => handle.close())
  }
  const start = (): void => {
    if (isClosed || core.isClosed) return
    for (const transport of options.transports) if (transport.kind === 'listen') listenOn(transport)
    tell('start')
    core.resumeUnsaved()
    core.changed()
  }
  const close = (): Later<void> => {
    if (isClosed) return resolved(undefined)
    isClosed = true
    tell('stop')
    const names = new Set(options.transports.map(({ name }) => name))
    for (const connection of [...core.connections]) {
      if (names.has(connection.route ?? '')) connection.close('peer-closed', 'The other side closed its connections.')
    }
    // Only then, as what listens takes its links with it: the others are told first.
    for (const stop of stops) stop()
    look()
    listeners.clear()
    core.redialers.delete(redial)
    core.changeListeners.delete(look)
    core.closers.delete(close)
    core.nets -= 1
    return resolved(undefined)
  }

  for (const transport of options.transports) {
    if (transport.kind === 'dial') routes.push(createRoute(core, transport, options))
  }
  if (options.dialing !== undefined) routes.push(options.dialing.begin(replica))
  const redial = (): boolean => {
    tell('hint')
    return routes.length > 0
  }
  core.redialers.add(redial)
  core.changeListeners.add(look)
  core.closers.add(close)
  core.nets += 1
  if (core.environment !== undefined) {
    stops.push(
      core.environment.onHint((hint) => {
        if (hint === 'online' || hint === 'visible') tell('hint')
        if (hint === 'offline') tell('probe')
      }),
    )
  }
  core.started.then(start, start)

  return {
    get link(): LinkState {
      return link
    },
    get peers(): readonly Peer[] {
      return peersOf(core)
    },
    onLink: (listener) => listen(listeners, listener),
    onHealed: (listener) =>
      replica.onHealed((event) => {
        if (!isClosed) listener(event)
      }),
    reconnect: () => tell('reconnect'),
    close,
    [Symbol.asyncDispose]: close,
  }
}
