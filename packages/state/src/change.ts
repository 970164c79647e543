import type { Core } from './core.ts'
import type { Fold } from './epoch.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Key } from './key.ts'
import type { NewElements } from './list-check.ts'
import type { InsertRun, Place } from './sequence.ts'
import type { Value } from './value.ts'
import type { Version } from './version.ts'

/** Writes one item at a merge key; what its author had seen there is gone. */
export interface PutOp {
  readonly type: 'put'
  readonly key: Key
  readonly value: Value
}

/** Removes what its author had seen at a merge key. */
export interface RemoveOp {
  readonly type: 'remove'
  readonly key: Key
}

/**
 * A write to a list. It brings what it takes to check and to merge it: programs that never meet lists do not carry that.
 * Made by `insertOp` and `eraseOp`.
 */
interface ListOp {
  /** Whether it breaks no rule. `fresh`: what the ops before it in the same change insert. */
  isSound(core: Core, change: Change, fresh: FreshElements): boolean
  /** Applies it, once it was checked. */
  merge(core: Core, change: Change): void
}

/** List elements that a change brings, as far as its ops were checked. */
export interface FreshElements {
  elements?: NewElements
}

/** Inserts a run of elements into a list; element i has the dot (author, run.id.seq + i). */
export interface InsertOp extends ListOp {
  readonly type: 'insert'
  readonly key: Key
  readonly run: InsertRun
}

/** Deletes elements of a list for good. */
export interface EraseOp extends ListOp {
  readonly type: 'erase'
  readonly key: Key
  readonly targets: readonly Dot[]
}

/** One write within a change. */
export type Op = PutOp | RemoveOp | InsertOp | EraseOp

/**
 * One atomic transaction of one author. All keyed writes share the dot (author, seq); list elements take consecutive
 * seqs from there, so the change covers seq to seq + span - 1.
 */
export interface Change {
  readonly author: AuthorId
  readonly seq: number
  readonly span: number
  /** What the author had seen, without its own entry. */
  readonly context: Version
  readonly hlc: number
  /** The change that this one undoes: the two are never cut from each other on disk or wire. */
  readonly cause?: Dot
  readonly ops: readonly Op[]
}

/** A live item in a bundle. */
export interface BundleItem extends Dot {
  readonly hlc: number
  readonly value: Value
}

/** A removal record in a bundle: `author` removed at `seq` what it had seen at the key. */
export interface BundleRemoval extends Dot {
  readonly hlc: number
}

/** A touched merge key with its complete live set. */
export interface KeyRow {
  readonly key: Key
  readonly items: readonly BundleItem[]
  readonly removals: readonly BundleRemoval[]
}

/** Consecutive elements of one author in a list: each is the right child of the one before. */
export interface ListRun extends Dot {
  readonly place: Place
  /** One per element; `undefined` where the element was removed and only its place is kept. */
  readonly values: readonly (Value | undefined)[]
}

/** A removal record of list elements. */
export interface Erasure extends Dot {
  readonly targets: readonly Dot[]
}

/** What a list received after the base version. */
export interface ListRow {
  readonly key: Key
  readonly runs: readonly ListRun[]
  readonly erasures: readonly Erasure[]
}

/** An epoch: the point at which the metadata of a document was folded. */
export interface Epoch {
  /** An author that has written nothing else: whose version includes it has crossed into the epoch. */
  readonly author: AuthorId
  /** What was folded, for whoever comes with something from before; absent where nobody here knows any more. */
  readonly fold: Fold | undefined
}

/**
 * Everything between two versions as state: each touched key with its complete live set. Applied in one step or not at
 * all; chunks of its bytes are only transport.
 */
export interface Bundle {
  /** The receiver must cover this, unless the bundle is full. */
  readonly base: Version
  readonly version: Version
  /** Removal records below this are gone at the sender. */
  readonly floor: Version
  /** Whether `rows` name every live key, so that what they do not name and `version` covers is gone. */
  readonly full: boolean
  readonly rows: readonly KeyRow[]
  readonly lists: readonly ListRow[]
  /** The epochs of the sender, in turn; absent where there are none, or where the receiver is known to be in the last. */
  readonly epochs?: readonly Epoch[]
}

/** The last dot of a change. */
export function lastSeq(change: Change): number {
  return change.seq + change.span - 1
}
