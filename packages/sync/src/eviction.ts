/**
 * Storing everything again after the platform removed the rows under an open replica: a browser short of space, a user
 * who clears site data. What is in memory is all there is then, and nothing of it would be written otherwise: its rows
 * count as durable.
 */
import { bundleSince, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { changeRow, markRow } from './rows.ts'
import type { StorageOp } from './seams.ts'

/** Queues every row that the document would have, had it been stored at once. */
export function storeAgain(core: DocumentCore): void {
  const { keys, store } = core
  core.rowBases.lost()
  core.written.clear()
  const ops: StorageOp[] = [markRow(keys.index), core.stateRow(bundleSince(store, Version.empty))]
  // Unacknowledged work survives, and travels, as changes.
  for (const { change } of core.log.unsettled(core.acked)) {
    ops.push({ kind: 'put', key: keys.change(change), bytes: changeRow(change) })
  }
  for (const author of core.ownAuthors) ops.push(markRow(keys.own(author)))
  for (const [author, from] of core.refused) ops.push(core.refusedRow(author, from))
  for (const author of core.forks.known) ops.push(markRow(keys.forked(author)))
  ops.push(...core.ackedRows.replace(core.acked))
  if (core.isMarkedUnsaved) ops.push(markRow(keys.unsaved(core.hub.id)))
  core.rows += 1
  core.persist(ops)
}
