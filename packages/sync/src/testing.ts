/**
 * For tests of this package and of adapters: replicas under broken rules, the inside of a replica, and sketches, which
 * no replica uses yet. Not covered by the version promise of the package.
 */
export { createReplicaWith, insideOf } from './replica.ts'
export {
  CodedSymbols,
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
