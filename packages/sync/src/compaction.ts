/**
 * Folding the rows of a document into one snapshot.
 *
 * Invariants
 * 1. Only the exact rows that were read and that the snapshot covers are deleted, in the batch that writes the snapshot:
 *    what another tab writes meanwhile stays.
 * 2. A client folds nothing while it has changes that no server acknowledged: they travel, and survive, as changes.
 * 3. One opening at a time, under a lock; where storage has none, nothing is folded.
 */
import { encodeSnapshot } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { readAgain } from './document-loading.ts'
import { deferred, type Later, resolved } from './later.ts'
import { sealRow } from './rows.ts'
import type { Storage, StorageOp } from './seams.ts'

/** Whether folding is due and allowed. */
export function isCompactionDue(core: DocumentCore): boolean {
  const { hub } = core
  if (core.rows < hub.limits.rowsBeforeCompaction || !core.isLoaded || core.isClosed) return false
  if (hub.queue.status.state === 'failing') return false
  if (hub.role !== 'client') return true
  return core.ledger.unsaved.changes === 0 && core.log.unsettled(core.acked).length === 0
}

/** Folds the rows of `core`. Settles when it is done or turned out not to be possible. */
export function compact(core: DocumentCore, storage: Storage): Later<void> {
  const done = deferred<void>()
  if (storage.withLock === undefined) return resolved(undefined)
  // Rows that are queued and not written yet would be missed.
  core.rows = 0
  storage
    .withLock(`rejoin-compact/${core.name}`, () => fold(core, storage))
    .then(
      () => done.resolve(),
      (error: unknown) => {
        core.hub.log({
          level: 'warn',
          event: 'compaction-failed',
          details: { document: core.name, error: String(error) },
        })
        done.resolve()
      },
    )
  return done.later
}

function fold(core: DocumentCore, storage: Storage): Later<void> {
  const done = deferred<void>()
  const retired = core.rowBases.retired()
  const started = core.hub.queue.flushed().then(() => endedOwners(core, storage))
  started.then((ended) => {
    // Read only now: nothing of an opening that has ended can come later.
    storage.read(core.keys.prefix).then((rows) => {
      if (core.isClosed) {
        done.resolve()
        return
      }
      core.hub.batch(() => {
        const covered = readAgain(core, rows)
        // Reading brought work of another tab that is not acknowledged: next time.
        if (core.hub.role === 'client' && core.log.unsettled(core.acked).length > 0) {
          done.resolve()
          return
        }
        // What is folded has no checksum of its own any more: damage would become the truth.
        if (!core.health.isSound()) {
          done.resolve()
          return
        }
        const staged = new Set(core.staging.ids())
        const stale = rows.filter((row) => {
          const [kind, transfer = ''] = row.key.slice(core.keys.prefix.length).split('/')
          return kind === 't' && !staged.has(transfer)
        })
        const snapshot = sealRow(encodeSnapshot(core.store))
        const ops: StorageOp[] = [{ kind: 'put', key: core.keys.snapshot(core.hub.newId()), bytes: snapshot }]
        const gone = new Set([...covered, ...stale])
        const stays = new Set(rows.filter((row) => !gone.has(row)))
        for (const row of core.rowBases.stale(rows, stays, ended, retired)) gone.add(row)
        for (const row of gone) ops.push({ kind: 'delete', key: row.key })
        core.hub.metrics.compactions += 1
        core.persist(ops)
      })
      core.hub.queue.flushed().then(() => done.resolve(), done.reject)
    }, done.reject)
  }, done.reject)
  return done.later
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
