export { acceptLink } from './accept-link.ts'
export { type GroupCommit, groupCommit } from './group-commit.ts'
export { type Deferred, deferred, type Later } from './later.ts'
export { type MemoryLink, type MemoryLinkOptions, memoryLink } from './memory-link.ts'
export {
  createMemoryDisk,
  type MemoryDisk,
  type MemoryDiskOptions,
  memoryStorage,
  type StorageFailure,
} from './memory-storage.ts'
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
export { closedFrom, closeText, type WebSocketLike, webSocketLink } from './web-socket-link.ts'
