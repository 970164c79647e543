import type { AuthorId } from './ids.ts'
import type { Version } from './version.ts'

/** What the merge rule needs to know of an item. */
export interface DottedItem {
  readonly author: AuthorId
  readonly seq: number
  readonly hlc: number
}

/** How items of one key are joined. `ours` and `theirs` are complete live sets at the two versions. */
export type MergeLive = <T extends DottedItem>(
  ours: readonly T[],
  theirs: readonly T[],
  ourVersion: Version,
  theirVersion: Version,
) => T[]

/**
 * The decisions that correctness rests on, as values, so that tests can replace one by a wrong shortcut and show that
 * the oracle catches it. Everything outside tests uses `soundRules`.
 */
export interface Rules {
  /** The one merge rule. */
  readonly mergeLive: MergeLive
  /** Whether a change may be applied: its context must be covered, of which `known` is known to be. */
  readonly contextCovered: (version: Version, context: Version, known?: Version) => boolean
  /** Which live items of a touched key a bundle ships: all of them. */
  readonly shippedItems: <T extends DottedItem>(live: readonly T[], base: Version) => readonly T[]
  /** Whether a put leaves the key's removal records alone (C4). */
  readonly putKeepsRemovals: boolean
  /** The receiver's floor after a full join (C5). */
  readonly joinedFloor: (ours: Version, theirs: Version) => Version
  /** Whether a bundle whose base is not covered is turned away. */
  readonly bundleNeedsBase: boolean
  /** Whether a removal takes away only what it had seen of the key, by the merge rule; false: everything. */
  readonly removalIsObserved: boolean
  /** Whether a write to a fenced register leaves standing what came with a higher token, though it had seen it (C17). */
  readonly tokensFence: boolean
  /** Whether an opening may go on under an author that is known already (C1). */
  readonly authorContinues: boolean
}

/** Up to here a walk costs less than a set. */
export const fewItems = 8

/** Tells which dots stand among some items, without a walk for each where there are many. */
function dotsIn(items: readonly DottedItem[]): (item: DottedItem) => boolean {
  if (items.length <= fewItems) {
    return (item) => items.some((other) => other.seq === item.seq && other.author === item.author)
  }
  const dots = new Set(items.map(({ author, seq }) => author + seq))
  return ({ author, seq }) => dots.has(author + seq)
}

/** Keep what both have, plus what the other had not seen. */
export const mergeLive: MergeLive = (ours, theirs, ourVersion, theirVersion) => {
  const has = dotsIn(theirs)
  const kept = ours.filter((item) => item.seq > theirVersion.get(item.author) || has(item))
  for (const item of theirs) if (item.seq > ourVersion.get(item.author)) kept.push(item)
  return kept
}

/** The rules as they must be. */
export const soundRules: Rules = {
  mergeLive,
  contextCovered: (version, context, known) => context === known || version.covers(context, known),
  shippedItems: (live) => live,
  putKeepsRemovals: true,
  joinedFloor: (ours, theirs) => ours.merge(theirs),
  bundleNeedsBase: true,
  removalIsObserved: true,
  tokensFence: true,
  authorContinues: false,
}
