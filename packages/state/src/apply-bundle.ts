import { addAllKinds } from './all-kinds.ts'
import type { Bundle } from './change.ts'
import { type ContextOf, cross, crossingOf, foldedBundle, setEpochs } from './epoch.ts'
import { raiseFloor } from './floor.ts'
import { mergeBundle } from './merge-bundle.ts'
import { RowTable } from './row-table.ts'
import type { MergeOptions, Store } from './store.ts'
import { isSoundBundle } from './validate-bundle.ts'

/** What became of a bundle that came in. */
export type BundleOutcome = 'applied' | 'duplicate' | 'gap' | 'invalid' | 'closed'

const unknown: ContextOf = () => undefined

/**
 * Merges a bundle into a store in one step. `gap`: the store's version does not cover the bundle's base; `invalid`: it
 * breaks a rule; `closed`: it is of another epoch, and nobody here knows what was folded in between. In these cases nothing
 * changed.
 * @throws RejoinError `change-nested` inside a transaction.
 */
export function applyBundle(store: Store, bundle: Bundle, options: MergeOptions = {}): BundleOutcome {
  store.checkIdle()
  addAllKinds()
  const { core } = store
  if (core.version.covers(bundle.version)) return 'duplicate'
  if (!bundle.full && core.rules.bundleNeedsBase && !core.version.covers(bundle.base)) return 'gap'
  // A store with nothing in it has no entries to be told.
  const met = core.liveItems > 0 ? new Uint32Array(RowTable.of(bundle).keys.length) : undefined
  if (!isSoundBundle(core, bundle, met)) return 'invalid'
  const crossing = crossingOf(core, bundle)
  if (crossing.kind === 'closed') return 'closed'
  const { contextOf = unknown } = options
  core.beginRevision(true)
  const before = core.version
  const isOlder = crossing.kind === 'backward'
  const crosses = !isOlder && crossing.epochs.length > 0
  if (crosses) {
    if (before.size > 0) cross(core, crossing.epochs, bundle.floor, contextOf)
    setEpochs(core, bundle.epochs)
  }
  const noticed = isOlder
    ? mergeBundle(core, foldedBundle(bundle, crossing.epochs, contextOf))
    : mergeBundle(core, bundle, crosses ? undefined : met)
  if (crosses) raiseFloor(core, bundle.floor)
  store.merged(noticed, before, options)
  return 'applied'
}
