import type { ReplicaCore } from './replica-core.ts'
import type { Route } from './route.ts'
import type { Session } from './session.ts'

/**
 * How this replica stands to the others. `synced` means: both sides have each other's versions and a server has our
 * work durably; never only that a handshake was done. A server with connections says `syncing`. Times are wall milliseconds.
 */
export type LinkState =
  | {
      readonly state: 'offline'
      readonly since: number
      /** Undefined when nothing is dialled: others have to come. */
      readonly nextAttemptAt?: number
      readonly lastSyncedAt?: number
      /** Why the last connection ended. */
      readonly reason?: { readonly code: string; readonly reason: string }
    }
  | { readonly state: 'connecting'; readonly since: number; readonly lastSyncedAt?: number }
  | {
      readonly state: 'syncing'
      readonly since: number
      readonly lastSyncedAt?: number
      readonly clockOffsetMs: number
    }
  | {
      readonly state: 'synced'
      readonly since: number
      readonly lastSyncedAt: number
      /** Their wall clock minus ours. */
      readonly clockOffsetMs: number
    }
  | {
      readonly state: 'refused'
      readonly since: number
      readonly code: string
      readonly reason: string
      readonly nextAttemptAt?: number
    }

/** Another replica as this one is connected to it. */
export interface Peer {
  readonly replica: string
  readonly name: string
  readonly role: 'client' | 'peer' | 'server'
  readonly remote: string
  /** Another opening of the same stored profile: a tab. */
  readonly isSameProfile: boolean
  readonly isSynced: boolean
  readonly clockOffsetMs: number
  readonly roundTripMs: number | undefined
}

/** Looks at everything and says where things stand. `before` and `lastSyncedAt` carry on from the last look. */
export function linkStateOf(
  core: ReplicaCore,
  routes: readonly Route[],
  before: LinkState,
  lastSyncedAt: number | undefined,
): LinkState {
  const now = core.clock.now()
  const since = (state: LinkState['state']): number => (before.state === state ? before.since : now)
  const synced = lastSyncedAt === undefined ? {} : { lastSyncedAt }
  const sessions = countingSessions(core)
  const [first] = sessions
  const barred = first !== undefined && sessions.every(isBarred)
  if (barred) {
    const reason = 'The server does not let this connection read any of the open documents.'
    return { state: 'refused', since: since('refused'), code: 'forbidden', reason }
  }
  if (first !== undefined) {
    const clockOffsetMs = (sessions.find((session) => session.isServer) ?? first).clockOffset.offsetMs
    // A server does not follow each of its clients.
    if (core.role !== 'server' && sessions.every((session) => isSessionSynced(core, session))) {
      return { state: 'synced', since: since('synced'), lastSyncedAt: now, clockOffsetMs }
    }
    return { state: 'syncing', since: since('syncing'), ...synced, clockOffsetMs }
  }
  const refused = routes.find((route) => route.lastEnd?.refused === true)?.lastEnd
  const attempt = nextAttempt(core, routes)
  if (refused !== undefined) {
    const { code, reason } = refused
    return { state: 'refused', since: since('refused'), code, reason, ...attempt }
  }
  if (routes.some((route) => route.isDialing)) {
    return { state: 'connecting', since: since('connecting'), ...synced }
  }
  const last = routes.find((route) => route.lastEnd !== undefined)?.lastEnd
  const reason = last === undefined ? {} : { reason: { code: last.code, reason: last.reason } }
  return { state: 'offline', since: since('offline'), ...attempt, ...synced, ...reason }
}

/** The replicas that this one is connected to. */
export function peersOf(core: ReplicaCore): Peer[] {
  const peers: Peer[] = []
  for (const { session } of core.connections) {
    const { peer } = session
    if (session.phase !== 'established' || peer === undefined) continue
    peers.push({
      replica: peer.replica,
      name: session.peerName,
      role: peer.role,
      remote: session.remote,
      isSameProfile: session.isSameProfile,
      isSynced: isSessionSynced(core, session),
      clockOffsetMs: session.clockOffset.offsetMs,
      roundTripMs: session.clockOffset.roundTripMs,
    })
  }
  return peers
}

/** What whoever watches is told of; the rest changes with each look, or with one of these. */
const watched = ['state', 'since', 'code', 'nextAttemptAt', 'clockOffsetMs'] as const
type Watched = { readonly [K in (typeof watched)[number]]?: unknown }

/** Whether two looks are the same to whoever watches. */
export function isSameState(left: Watched, right: Watched): boolean {
  return watched.every((name) => left[name] === right[name])
}

/** Tabs of the same profile are no way out: they count only where there is nothing else to be connected to. */
function countingSessions(core: ReplicaCore): Session[] {
  const established = [...core.connections].map(({ session }) => session).filter(({ phase }) => phase === 'established')
  return established.filter((session) => !session.isSameProfile)
}

function isSessionSynced(core: ReplicaCore, session: Session): boolean {
  if (session.streams.size === 0) return false
  for (const stream of session.streams.values()) if (!stream.isSynced) return false
  return core.shelf.cores().every((document) => session.streams.has(document.name))
}

function isBarred(session: Session): boolean {
  if (session.streams.size === 0 || !session.isServer) return false
  for (const stream of session.streams.values()) if (stream.rights.granted !== 'no') return false
  return true
}

function nextAttempt(core: ReplicaCore, routes: readonly Route[]): { readonly nextAttemptAt?: number } {
  const waits = routes.map((route) => route.wakeAt).filter((at) => at !== undefined)
  if (waits.length === 0) return {}
  return { nextAttemptAt: core.onWall(Math.min(...waits)) }
}
