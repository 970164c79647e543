/**
 * Putting a sound state in the place of a damaged one.
 *
 * Invariants
 * 1. Nothing is lost: the new state includes the whole version of the old one, or nothing is replaced. What the sound
 *    state does not include comes from the changes that are kept (own unsent work always is).
 * 2. On disk, what the sound state includes goes and it comes, in one batch; rows of what no server has acknowledged stay,
 *    and so do those that somebody else wrote meanwhile.
 * 3. Readers see the state before or the state after.
 */

import type { Bundle, Store } from '@rejoin/state'
import { applyBundle } from '@rejoin/state'
import type { KeptChange } from '../change-log.ts'
import type { DocumentCore } from '../document-core.ts'
import { isCovered, readAgain, stateInRows } from '../document-loading.ts'
import type { StorageOp, StoredRow } from '../seams.ts'

/** Takes over the whole state of a server, with everything of ours on top that it does not include. */
export function adopt(core: DocumentCore, state: Bundle, done: (isRepaired: boolean) => void): void {
  withRows(core, done, (rows) => {
    // What another tab wrote and nobody heard of goes on top, too.
    readAgain(core, rows)
    return replace(core, state, 'server', () => adoptedRows(core, state, rows))
  })
}

/** Makes the state anew from this disk, whose rows have checksums, and the changes that are kept. */
export function rebuild(core: DocumentCore, done: (isRepaired: boolean) => void): void {
  withRows(core, done, (rows) => replace(core, stateInRows(core, rows), 'disk', () => []))
}

function withRows(
  core: DocumentCore,
  done: (isRepaired: boolean) => void,
  step: (rows: readonly StoredRow[]) => boolean,
): void {
  const { hub } = core
  const failed = (): void => done(false)
  // A disk that fails answers when it pleases: the next comparison tries again.
  if (hub.queue.status.state === 'failing') hub.soon(failed)
  else {
    hub.readRows(core).then((rows) => {
      hub.batch(() => done(!core.isClosed && step(rows)))
    }, failed)
  }
}

function replace(core: DocumentCore, state: Bundle, from: 'server' | 'disk', rows: () => StorageOp[]): boolean {
  const { hub } = core
  const kept = core.log.since(state.version, core.store.version)
  const store = kept === undefined ? undefined : storeOf(core, state, kept)
  if (store === undefined) {
    // Invariant 1.
    hub.log('warn', 'repair-failed', { document: core.name, from })
    return false
  }
  const ops = rows()
  core.replaceStore(store, true)
  core.persist(ops)
  for (const carrier of core.carriers) carrier.restart()
  hub.metrics.repairs += 1
  hub.log('warn', 'repaired', { document: core.name, from, keptChanges: kept?.length ?? 0 })
  return true
}

/** A store of `state` and the changes on top; undefined when that is not all that is here. */
function storeOf(core: DocumentCore, state: Bundle, kept: readonly KeptChange[]): Store | undefined {
  const store = core.newStore()
  const outcome = applyBundle(store, state)
  if (outcome !== 'applied' && outcome !== 'duplicate') return undefined
  for (const { change } of kept) store.applyChange(change)
  const { author } = core.store
  if (author !== undefined && !core.hub.grantsRights) store.continueAs(author)
  return store.version.covers(core.store.version) ? store : undefined
}

/** Invariant 2. */
function adoptedRows(core: DocumentCore, state: Bundle, rows: readonly StoredRow[]): StorageOp[] {
  const { keys, hub } = core
  if (!hub.makesRows) return []
  const needed = new Set(core.log.unsettled(core.acked).map(({ change }) => keys.change(change)))
  const content = keys.contentPrefixes.slice(0, 3)
  const ops: StorageOp[] = []
  for (const row of rows) {
    const isContent = content.some((prefix) => row.key.startsWith(prefix))
    if (isContent && !needed.has(row.key) && isCovered(core, row, state.version))
      ops.push({ kind: 'delete', key: row.key })
  }
  ops.push(core.stateRow(state))
  return ops
}
