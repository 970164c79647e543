export { acceptLink } from './accept-link.ts'
export { type ConnectOptions, connect, type Dialing, type Net } from './connect.ts'
export type { DocumentHandle } from './document-handle.ts'
export type { ForkEvent } from './fork/forks.ts'
export { formatVersions, type Permission, protocolVersions, type Role, type VersionRange } from './frame.ts'
export { type GroupCommit, groupCommit } from './group-commit.ts'
export type { Authorize, AuthorizeRequest, DivergenceEvent, LogEntry, RefusedWrite } from './hub.ts'
export type { HealEvent } from './incidents.ts'
export { type Deferred, deferred, type Later } from './later.ts'
export type { Level, Receipt, Unsaved } from './ledger.ts'
export { defaultLimits, defaultTiming, type Limits, type Timing } from './limits.ts'
export type { LinkState, Peer } from './link-state.ts'
export { type MemoryLink, type MemoryLinkOptions, memoryLink } from './memory-link.ts'
export {
  createMemoryDisk,
  type MemoryDisk,
  type MemoryDiskOptions,
  memoryStorage,
  type StorageFailure,
} from './memory-storage.ts'
export type { Metrics } from './metrics.ts'
export { noStorage } from './no-storage.ts'
export type { Presence } from './presence.ts'
export type { RefusedContent } from './refusal.ts'
export { createReplica, type OpenOptions, type Replica, type ReplicaOptions } from './replica.ts'
export type { Route, RouteWish } from './route.ts'
export type {
  Clock,
  DialTransport,
  Environment,
  EnvironmentHint,
  Link,
  LinkClosed,
  LinkEvents,
  LinkInfo,
  ListenHost,
  ListenTransport,
  Random,
  Storage,
  StorageOp,
  StorageStatus,
  StoredRow,
  TimerHandle,
  Timers,
  Transport,
} from './seams.ts'
export type { SessionEnd } from './session.ts'
export { syncPath, withSyncPath } from './sync-path.ts'
export { closedFrom, closeText, type WebSocketLike, webSocketLink } from './web-socket-link.ts'
