/**
 * Folding the rows of a document into one: a snapshot, or with many authors a state by what differs from a version.
 *
 * Invariants
 * 1. Only the exact rows that were read and that it covers are deleted, in the batch that writes it:
 *    what another tab writes meanwhile stays.
 * 2. A client folds nothing while it has changes that no server acknowledged: they travel, and survive, as changes.
 * 3. One opening at a time, under a lock; where storage has none, nothing is folded.
 */
import { encodeSnapshot } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { readAgain } from './document-loading.ts'
import { attemptLater, type Later } from './later.ts'
import { sealRow } from './rows.ts'
import type { Storage, StorageOp, StoredRow } from './seams.ts'

/** Whether folding is due and allowed. */
export function isCompactionDue(core: DocumentCore): boolean {
  const { hub } = core
  if (core.rows < hub.limits.rowsBeforeCompaction || !core.isLoaded || core.isClosed) return false
  if (hub.queue.status.state === 'failing') return false
  if (hub.role !== 'client') return true
  return core.ledger.unsaved.changes === 0 && core.log.unsettled(core.acked).length === 0
}

/** Folds the rows of `core`. Settles when it is done or turned out not to be possible. */
export function compact(core: DocumentCore, storage: Storage): Later<unknown> {
  // Rows that are queued and not written yet would be missed.
  if (storage.withLock !== undefined) core.rows = 0
  const folded = attemptLater(() => storage.withLock?.(`rejoin-compact/${core.name}`, () => fold(core, storage)))
  return folded.catch((error: unknown) => {
    const details = { document: core.name, error: String(error) }
    core.hub.log('warn', 'compaction-failed', details)
  })
}

function fold(core: DocumentCore, storage: Storage): Later<void> {
  const { hub, keys } = core
  const retired = core.rowBases.retired()
  return hub.queue
    .flushed()
    .then(() => endedOwners(core, storage))
    .then((ended) =>
      // Read only now: nothing of an opening that has ended can come later.
      storage.read(keys.prefix).then((rows) => {
        if (!core.isClosed) hub.batch(() => foldRows(core, rows, ended, retired))
        return core.isClosed ? undefined : hub.queue.flushed()
      }),
    )
}

function foldRows(
  core: DocumentCore,
  rows: readonly StoredRow[],
  ended: ReadonlySet<string>,
  retired: ReadonlySet<string>,
): void {
  const { hub, keys } = core
  const covered = readAgain(core, rows)
  // Reading brought work of another tab that is not acknowledged: next time.
  if (hub.role === 'client' && core.log.unsettled(core.acked).length > 0) return
  // What is folded has no checksum of its own any more: damage would become the truth.
  if (!core.health.isSound()) return
  const staged = new Set(core.staging.ids())
  const stale = rows.filter((row) => {
    const [kind, transfer = ''] = row.key.slice(keys.prefix.length).split('/')
    return kind === 't' && !staged.has(transfer)
  })
  const id = hub.newId()
  const told = core.rowBases.state(core.store)
  const key = told === undefined ? keys.snapshot(id) : keys.bundle(id)
  const bytes = told?.bytes ?? sealRow(encodeSnapshot(core.store))
  const ops: StorageOp[] = [...(told?.before ?? []), { kind: 'put', key, bytes }]
  if (hub.role === 'server') ops.push({ kind: 'put', key: keys.stamps, bytes: core.forks.stamps.row() })
  const gone = new Set([...covered, ...stale])
  const stays = new Set(rows.filter((row) => !gone.has(row)))
  for (const row of core.rowBases.stale(rows, stays, ended, retired)) gone.add(row)
  for (const row of gone) {
    ops.push({ kind: 'delete', key: row.key })
    core.written.forget(row.key)
  }
  core.written.note(key, bytes)
  hub.metrics.compactions += 1
  core.persist(ops)
}

/** Openings that put bases of rows here and write no more. */
function endedOwners(core: DocumentCore, storage: Storage): PromiseLike<ReadonlySet<string>> {
  const { basePrefix } = core.keys
  return storage
    .read(basePrefix)
    .then((rows) =>
      core.rowBases.ended(new Set(rows.map(({ key }) => key.slice(basePrefix.length).split('/')[0] ?? ''))),
    )
}
