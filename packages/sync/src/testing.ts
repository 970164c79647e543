/**
 * For tests of this package and of adapters: replicas under broken rules or cloned while they run, the inside of a replica, which rosters
 * were forced, sketches and joins.
 * Not covered by the version promise of the package.
 */
export { cloneMemory } from './fork/clone-memory.ts'
export {
  decodeJoin,
  decodeJoinSymbols,
  encodeJoin,
  encodeJoinSymbols,
  type Join,
  type JoinQuestion,
  type JoinRequest,
  type JoinSymbols,
  joinLimits,
} from './join/join-codec.ts'
export { type Joined, JoinReceiver } from './join/join-receiver.ts'
export { JoinSender } from './join/join-sender.ts'
export { isAfterForce } from './partition/forced-epoch.ts'
export { decodePartition, encodePartition } from './partition/whole-wire.ts'
export type { PartitionMessage } from './partition/wire.ts'
export { createReplicaWith, insideOf } from './replica.ts'
export {
  CodedSymbols,
  DifferenceEstimate,
  decodeSymbols,
  encodeSymbols,
  SaltedHash,
  type SketchBudget,
  SketchDecoder,
  SketchEncoder,
  type SketchState,
  type SymbolRange,
  sketchFormat,
  sketchLimits,
  symbolLimit,
  symbolsFor,
} from './sketch/sketch.ts'
export { type SyncRules, soundSyncRules } from './sync-rules.ts'
export { wireKind } from './wire-kind.ts'
