export { applyBundle, type BundleOutcome } from './apply-bundle.ts'
export type { Authority } from './authority.ts'
export { type Base64, base64Url } from './base64.ts'
export type { BoundedRow, BoundedState, BoundedTerms, Rights } from './bounded.ts'
export { boundedAt, boundedPaths, boundedState } from './bounded-at.ts'
export type { BoundedDraft } from './bounded-draft.ts'
export { bundleFormat, decodeBundle, decodingBundle, encodeBundle, isSelfContained } from './bundle-codec.ts'
export { attempt, ByteReader, ByteWriter, DecodeFailure } from './bytes.ts'
export type {
  Bundle,
  BundleItem,
  BundleRemoval,
  Change,
  Epoch,
  EraseOp,
  Erasure,
  InsertOp,
  KeyRow,
  ListRow,
  ListRun,
  Op,
  PutOp,
  RemoveOp,
} from './change.ts'
export { lastSeq } from './change.ts'
export { type ChangeDecoder, createChangeDecoder, type DecodeLimits, decodeChanges } from './change-decoder.ts'
export { type ChangeEncoder, createChangeEncoder, createRowEncoder, encodeChanges } from './change-encoder.ts'
export type { ChangeEvent, Origin, Places } from './change-event.ts'
export { changeFormat } from './change-format.ts'
export type { Ancestor, Conflict, ConflictSide } from './conflict.ts'
export type { StoreLimits, StoreOptions } from './core.ts'
export { beginCut, type Cut } from './cut.ts'
export { type Document, openDocument, reapply } from './document.ts'
export { type ContextOf, type Fold, hasCrossed } from './epoch.ts'
export { type CodedText, type ErrorCode, type ErrorText, errorCodes } from './error-codes.ts'
export { assert, assertNever, type ErrorOptions, isRejoinError, RejoinError, rejoinError } from './errors.ts'
export type {
  Apart,
  BoundedField,
  CounterDraft,
  CounterField,
  DraftOf,
  FencedDraft,
  FencedField,
  Field,
  FlagDraft,
  FlagField,
  HasFixed,
  ListDraft,
  ListField,
  MapDraft,
  MapField,
  MvRegisterDraft,
  MvRegisterField,
  PathIn,
  RankedDraft,
  RankedField,
  RegisterDraft,
  RegisterField,
  ResolvedDraft,
  ResolvedField,
  Schema,
  SetDraft,
  SetField,
  Shape,
  ShapeAt,
  SnapshotOf,
  Storable,
  Struct,
} from './fields.ts'
export { freeRemovals } from './floor.ts'
export { beginEpoch } from './fold.ts'
export type { FencingToken } from './graded.ts'
export { type Hash64, Hasher, hashString, hashValue, mix, Sum64, toHex16 } from './hash.ts'
export type { HealReport, MergedEffect, MergedKey, SideSummary } from './heal-report.ts'
export {
  defaultAheadBoundMs,
  HybridClock,
  isStamp,
  maxStamp,
  type Stamp,
  stampAt,
  stampCounter,
  stampMs,
} from './hlc.ts'
export {
  type AuthorId,
  authorIdFrom,
  authorIdFromBytes,
  type Brand,
  type Dot,
  dotEquals,
  isAuthorId,
  maxSeq,
  type Path,
} from './ids.ts'
export { type Exportable, exportJSON } from './json-export.ts'
export { type Importable, type ImportResult, importJSON, type SkippedField } from './json-import.ts'
export { type Json, valueFromJSON, valueToJSON } from './json-value.ts'
export { Key, type KeyParts, type KindCode, kindName, leafKinds } from './key.ts'
export type { ConflictRule } from './leaf-kind.ts'
export type { LimitName } from './limits.ts'
export { eraseOp, insertOp } from './list-write.ts'
export { partOf, type RowVisitor, rowCount, rowsAfter, visitRows, wholeFrom } from './live-dots.ts'
export { differences, type VersionEntry, type VersionLookup } from './relative-version.ts'
export { earliest, greatest, least, type Ordered, type Resolver, resolver } from './resolver.ts'
export type { DecodeError, DecodeErrorKind, Result } from './result.ts'
export { failure, success } from './result.ts'
export { type KeptLeaf, type Rollback, rollBack } from './rollback.ts'
export { type Rules, soundRules } from './rules.ts'
export {
  bounded,
  counter,
  fenced,
  flag,
  list,
  map,
  mvRegister,
  ranked,
  register,
  resolved,
  schema,
  set,
} from './schema.ts'
export type { InsertRun, Place } from './sequence.ts'
export { bundleSince, compactBundle, isBelowFloor } from './since.ts'
export { loadSnapshotInSlices, type SliceOptions } from './slices.ts'
export { decodeSnapshot, decodingSnapshot, encodeSnapshot, loadSnapshot, snapshotFormat } from './snapshot-codec.ts'
export { stagingBundle } from './staging.ts'
export { finish as finishSteps, part as partOfSteps, type Steps } from './steps.ts'
export {
  type ChangeOptions,
  type ChangeOutcome,
  createStore,
  type MergeOptions,
  Store,
  type StoreStats,
} from './store.ts'
export { digestOf, recheck } from './store-digest.ts'
export {
  bucketBits,
  bucketOf,
  type DigestPlace,
  digestAt,
  digestsBelow,
  emptyDigest,
  mostBucketBits,
  type PlaceChildren,
  type PlaceDigests,
} from './subtree-digest.ts'
export { describeAt } from './subtree-text.ts'
export { storeToPlain } from './to-plain.ts'
export { canonicalKey, freezeValue, readValue, type Value, valueFromKey, valuesEqual, writeValue } from './value.ts'
export { verifyStore } from './verify.ts'
export { type Order, Version } from './version.ts'
export { decodeVersion, encodeVersion } from './version-bytes.ts'
export { readVersionName, type VersionName, versionName, versionNameBytes, writeVersionName } from './version-name.ts'
