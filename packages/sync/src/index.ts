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
