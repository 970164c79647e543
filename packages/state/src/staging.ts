import { addAllKinds } from './all-kinds.ts'
import { applyBundle, type BundleOutcome } from './apply-bundle.ts'
import type { Bundle } from './change.ts'
import type { NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import { crossingOf, setEpochs } from './epoch.ts'
import { mergeBundle, mergingBundle } from './merge-bundle.ts'
import { bundleSince } from './since.ts'
import { part, type Steps } from './steps.ts'
import type { Store } from './store.ts'
import { countingDigest } from './store-digest.ts'
import { checkingBundle } from './validate-bundle.ts'

/**
 * Merges a bundle into a store in steps, on a copy that takes the place of the store's state with the last one. What is
 * written and merged there meanwhile is in it, too.
 */
export function* stagingBundle(store: Store, bundle: Bundle, bytes: number): Steps<BundleOutcome> {
  const atOnce = () => applyBundle(store, bundle, { origin: 'load', bytes })
  if (!bundle.full && bundle.base.size > 0) return atOnce()
  addAllKinds()
  const staged = store.stagingCore()
  if (!(yield* part(0, 0.15, checkingBundle(staged, bundle)))) return 'invalid'
  staged.revision = store.revision + 1
  yield* part(0.15, 0.75, mergingBundle(staged, bundle))
  setEpochs(staged, bundle.epochs)
  yield* part(0.75, 1, countingDigest(staged))
  const held = store.core
  if (held.version.covers(bundle.version)) return 'duplicate'
  // A cut knows what it tells of by the rows of the present state, and only what is of one epoch goes together as it is.
  const crossing = crossingOf(held, bundle)
  const isOfOne = held.version.size === 0 || (crossing.kind === 'forward' && crossing.epochs.length === 0)
  if (held.cuts.size > 0 || store.transaction !== undefined || !isOfOne) return atOnce()
  const noticed = takeOver(staged, store)
  store.adopt(staged)
  store.merged(noticed, held.version, { origin: 'load', bytes })
  return 'applied'
}

/** Lets a staged core go on where that of a store is. */
function takeOver(staged: Core, store: Store): readonly NoticedConflict[] {
  const held = store.core
  if (held.own !== undefined) staged.continueAs(held.own.id)
  staged.clock.heed(held.clock)
  let noticed: readonly NoticedConflict[] = []
  if (held.version.size > 0) {
    const rest = bundleSince(store, staged.version)
    // In the same revision: what both brought is told together.
    staged.changed.repeat = true
    noticed = mergeBundle(staged, rest)
  }
  staged.floor = staged.rules.joinedFloor(held.floor, staged.floor)
  staged.revision = Math.max(staged.revision, held.revision) + 1
  return noticed
}
