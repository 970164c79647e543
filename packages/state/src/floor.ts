import type { Core } from './core.ts'
import { releaseEmptied } from './release.ts'
import type { Store } from './store.ts'
import { removedUpTo } from './touched.ts'
import type { Version } from './version.ts'

/**
 * Frees removal records of a store that `upTo` covers and raises its floor to it. Whoever is below the floor gets a full
 * join from then on. When that is worth it is the caller's decision, and whether it may be that of the authority, if there
 * is one that says (`mayPrune`): without its leave nothing is done.
 * @throws RejoinError `change-nested` inside a transaction.
 */
export function freeRemovals(store: Store, upTo: Version): void {
  store.checkIdle()
  const { core } = store
  if (core.authority?.mayPrune?.() !== false) raiseFloor(core, upTo)
}

/** Frees removal records that `upTo` covers, and the rows of what they leave empty. */
export function raiseFloor(core: Core, upTo: Version): void {
  core.digest?.settle()
  const bound = core.version.meet(upTo)
  const { tree } = core
  for (const entry of removedUpTo(core, bound, core.freed)) {
    core.dropRemovals(entry, (row) => tree.seq(row) <= tree.slotOf(row).seqIn(bound))
    core.emptied.push(entry)
  }
  releaseEmptied(core)
  core.floor = core.floor.merge(bound)
  core.freed = core.freed.merge(bound)
}
