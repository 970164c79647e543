/**
 * Storing everything again after the platform removed the rows under an open replica: a browser short of space, a user
 * who clears site data. What is in memory is all there is then, and nothing of it would be written otherwise: its rows
 * count as durable.
 */
import { encodeBundle, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { changeRow, sealRow } from './rows.ts'
import type { StorageOp } from './seams.ts'
import { numberBytes } from './version-row.ts'

/** Queues every row that the document would have, had it been stored at once. */
export function storeAgain(core: DocumentCore): void {
  const { keys, store } = core
  core.rowBases.lost()
  const mark = sealRow(new Uint8Array(0))
  const ops: StorageOp[] = [{ kind: 'put', key: keys.index, bytes: mark }]
  const state = encodeBundle(store.since(Version.empty))
  ops.push({ kind: 'put', key: keys.bundle(core.hub.newId()), bytes: sealRow(state) })
  // Unacknowledged work survives, and travels, as changes.
  for (const { change } of core.log.unsettled(core.acked)) {
    ops.push({ kind: 'put', key: keys.change(change), bytes: changeRow(change) })
  }
  for (const author of core.ownAuthors) ops.push({ kind: 'put', key: keys.own(author), bytes: mark })
  for (const [author, from] of core.refused) {
    ops.push({ kind: 'put', key: keys.refused(author), bytes: numberBytes(from) })
  }
  ops.push(...core.ackedRows.replace(core.acked))
  if (core.isMarkedUnsaved) ops.push({ kind: 'put', key: keys.unsaved(core.hub.id), bytes: mark })
  core.rows += 1
  core.persist(ops)
}
