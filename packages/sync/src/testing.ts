/**
 * For tests of this package and of adapters: replicas under broken rules, and the inside of a replica. Not covered by
 * the version promise of the package.
 */
export { createReplicaWith, insideOf } from './replica.ts'
export { type SyncRules, soundSyncRules } from './sync-rules.ts'
export { wireKind } from './wire-kind.ts'
