import type { Bundle, Change, Epoch, KeyRow, Op } from './change.ts'
import type { Core } from './core.ts'
import type { Dot } from './ids.ts'
import { type Key, leafKinds } from './key.ts'
import type { Store } from './store.ts'
import type { Version } from './version.ts'

/**
 * Epochs: the only points at which metadata goes that merging needs. One replica folds its whole state; everybody else
 * does the same to what it has, when it hears of it. What an item means after the fold depends on the item and on what was
 * folded, and on nothing else, so it does not matter where that is worked out, nor in which order with merging.
 *
 * Invariants (rules EP1 to EP8 of SPEC.md):
 * 1. The author of an epoch has written nothing else: a version includes it exactly if its replica has crossed.
 * 2. A fold rewrites no dot. Whoever has crossed has everything in the cut, or a floor that says that it has not.
 */

/** What the author of a change had seen of others, where the change is kept. */
export type ContextOf = (dot: Dot) => Version | undefined

/**
 * What one epoch folded away, which says what things from before it mean after it. Made by whoever begins one (`beginEpoch`)
 * and by whoever reads a bundle: a program that does neither does not carry how it is done.
 */
export interface Fold {
  /** What stood at the cut and is gone, by address. */
  readonly rows: readonly KeyRow[]
  /** Folds what stands in a store, of which everybody knows what `floor` covers. */
  foldStore(core: Core, floor: Version, contextOf: ContextOf): void
  /** One write of a late change. */
  foldOp(op: Op, change: Change): Op
  /** A row of a bundle at `version`. */
  foldRow(row: KeyRow, version: Version, contextOf: ContextOf): KeyRow
}

/** Where a bundle stands by its epoch. */
export type Crossing =
  /** In the same epoch, once these are crossed. */
  | { readonly kind: 'forward'; readonly epochs: readonly Epoch[] }
  /** From before these. */
  | { readonly kind: 'backward'; readonly epochs: readonly Epoch[] }
  /** Nobody here can say what it means: its epochs are others, or what they folded is not known. */
  | { readonly kind: 'closed' }

const closed: Crossing = { kind: 'closed' }

/** Compares the epochs of a store with those of a bundle. */
export function crossingOf(core: Core, bundle: Bundle): Crossing {
  const ours = core.epochs
  const theirs = bundle.epochs ?? ours.filter(({ author }) => bundle.version.get(author) > 0)
  const shared = Math.min(ours.length, theirs.length)
  for (let i = 0; i < shared; i++) if (ours[i]?.author !== theirs[i]?.author) return closed
  const rest = (theirs.length > shared ? theirs : ours).slice(shared)
  const isKnown = rest.every(({ fold }) => fold !== undefined)
  if (ours.length > shared) return isKnown ? { kind: 'backward', epochs: rest } : closed
  // Where nothing stands nothing has to be folded.
  return isKnown || core.version.size === 0 ? { kind: 'forward', epochs: rest } : closed
}

/** The version of a peer as if it had crossed what this store has. */
export function crossedVersion({ epochs }: Core, version: Version): Version {
  const lacking = epochs.filter(({ author }) => version.get(author) === 0)
  return lacking.length === 0 ? version : version.patched(lacking.map(({ author }) => [author, 1] as const))
}

/**
 * Keys at which folds asked what an add had seen: whoever has decided tells all that stands there, as others may not know.
 */
export function decidedKeys(epochs: readonly Epoch[]): readonly Key[] {
  return epochs.flatMap(({ fold }) => {
    const keys = fold?.rows.map(({ key }) => key) ?? []
    return keys.filter(({ kind }) => kind === leafKinds.setRemoveWins)
  })
}

/** EP4: folds what stands in a store, and notes that it has crossed. */
export function cross(core: Core, epochs: readonly Epoch[], floor: Version, contextOf: ContextOf): void {
  for (const { author, fold } of epochs) {
    fold?.foldStore(core, floor, contextOf)
    core.raise(core.slot(author), 1)
  }
}

/** Notes the epochs that a store has crossed into, and how changes from before them are taken from here on. */
export function setEpochs(core: Core, epochs: readonly Epoch[] = []): void {
  core.epochs = epochs
  core.anchor = anchored
}

/** Whether a replica at `version` is in the epoch of a store, or a later one. */
export function hasCrossed({ epochs }: Store, version: Version): boolean {
  const last = epochs.at(-1)
  return last === undefined || version.get(last.author) > 0
}

/** EP5: a change as one of the present epoch; undefined where nobody here can say what it means. */
function anchored(core: Core, change: Change): Change | undefined {
  const last = core.epochs.at(-1)
  if (last === undefined || change.context.get(last.author) > 0) return change
  const late = core.epochs.filter((epoch) => change.context.get(epoch.author) === 0)
  if (late.some(({ fold }) => fold === undefined)) return undefined
  const { author, seq, span, hlc, cause } = change
  const ops = change.ops.map((op) => late.reduce((folded, { fold }) => fold?.foldOp(folded, change) ?? folded, op))
  const context = change.context.patched(late.map((epoch) => [epoch.author, 1] as const))
  return { author, seq, span, hlc, ...(cause === undefined ? {} : { cause }), context, ops }
}

/** EP5: a bundle from before some epochs as one of after them. */
export function foldedBundle(bundle: Bundle, epochs: readonly Epoch[], contextOf: ContextOf): Bundle {
  const { base, version, floor, full, lists } = bundle
  const folded = (row: KeyRow): KeyRow =>
    epochs.reduce((before, { fold }) => fold?.foldRow(before, version, contextOf) ?? before, row)
  return { base, version, floor, full, lists, rows: bundle.rows.map(folded) }
}
