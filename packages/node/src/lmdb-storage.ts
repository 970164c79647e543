import { rejoinError } from '@rejoin/state'
import { groupCommit, type Storage, type StorageOp, type StoredRow } from '@rejoin/sync'
import { open, type RootDatabase } from 'lmdb'
import { storageErrorFrom, transact } from './lmdb-errors.ts'
import { type DataFile, openDataFile, type RoomNeeded, refuseForeignFile } from './lmdb-file.ts'
import { keyToBytes, maxKeyBytes, rowSpace } from './lmdb-keys.ts'
import { lmdbLock } from './lmdb-lock.ts'

type Database = RootDatabase<Uint8Array, Uint8Array>

/** A row's share of page headers, rounded up to what a large row wastes of its last page. */
const rowOverheadBytes = 64

/**
 * Durable rows in an LMDB environment: the directory `path`, made when it is missing.
 *
 * `write` resolves after LMDB has synced the pages (`fdatasync`) and written its meta page through a descriptor opened
 * with `O_DSYNC`. Batches that arrive during a sync share the next one. The directory may be open several times, also
 * in several processes on one machine; it must not lie on a network file system.
 *
 * The file is opened at the first call, so every trouble is a rejection: `storage-full` (disk or quota),
 * `storage-corrupt` (not an LMDB file, damaged, or cut short), `storage-unavailable` (no permission, failing disk).
 */
export function lmdb(path: string): Storage {
  return observedLmdb(path, () => {})
}

/** {@link lmdb} that tells of every commit after its sync and before its writers hear of it. For tests of the order. */
export function observedLmdb(path: string, onSynced: () => void): Storage {
  let environment: Environment | undefined
  let closing: Promise<void> | undefined
  const locks = new Set<Promise<boolean>>()

  const opened = (): Environment => {
    if (environment === undefined) {
      environment = openEnvironment(path)
      environment.database.on('aftercommit', onSynced)
    }
    return environment
  }
  const refuseIfClosed = (): void => {
    if (closing !== undefined) throw rejoinError('storage-closed')
  }
  const letGo = async (): Promise<void> => {
    const old = environment
    environment = undefined
    old?.file.close()
    await old?.database.close()
  }
  /** Runs one use of the environment, and gives what it throws a code. */
  const use = async <T>(run: (environment: Environment) => T | Promise<T>): Promise<T> => {
    try {
      return await run(opened())
    } catch (error) {
      const typed = storageErrorFrom(error, path)
      if (typed.details['reopen'] === true) await letGo()
      throw typed
    }
  }
  const log = groupCommit((ops) => use((current) => commit(current, ops)))

  return {
    kind: 'lmdb',
    read: async (prefix) => {
      refuseIfClosed()
      await log.settled()
      return await use(({ database }) => readRows(database, prefix))
    },
    write: async (batch) => {
      refuseIfClosed()
      for (const op of batch) refuseKey(op)
      await log.write(batch)
    },
    withLock: async (name, run) => {
      refuseIfClosed()
      await log.settled()
      const { database } = await use((current) => current)
      const lock = lmdbLock(database, name, run)
      locks.add(lock)
      try {
        return await lock
      } finally {
        locks.delete(lock)
      }
    },
    close: () => {
      closing ??= Promise.allSettled([log.settled(), ...locks]).then(letGo)
      return closing
    },
  }
}

interface Environment {
  readonly database: Database
  readonly file: DataFile
}

function openEnvironment(path: string): Environment {
  refuseForeignFile(path)
  const database = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    // The plain order of a commit: pages, sync, meta page. Nothing is visible to anybody before it is durable.
    overlappingSync: false,
    // Its implicit batches have promises of their own, which nobody would look at when a commit fails.
    eventTurnBatching: false,
  })
  try {
    return { database, file: openDataFile(path, database) }
  } catch (error) {
    void database.close()
    throw error
  }
}

function readRows(database: Database, prefix: string): StoredRow[] {
  // What other openings have committed meanwhile.
  database.resetReadTxn()
  const rows: StoredRow[] = []
  for (const { key, value } of database.getRange(rangeOf(prefix))) {
    // Copies: a Buffer may share its memory with others, and rows belong to the caller.
    rows.push({ key: textOf(key), bytes: new Uint8Array(value) })
  }
  return rows
}

/** One transaction, whose commit syncs. */
async function commit({ database, file }: Environment, ops: readonly StorageOp[]): Promise<void> {
  if (ops.length === 0) return
  await transact(database, () => {
    file.reserve(roomFor(database, ops))
    for (const op of ops) {
      if (op.kind === 'put') void database.put(keyToBytes(rowSpace, op.key), op.bytes)
      else if (op.kind === 'delete') void database.remove(keyToBytes(rowSpace, op.key))
      else for (const key of keysWith(database, op.prefix)) void database.remove(key)
    }
  })
}

function roomFor(database: Database, ops: readonly StorageOp[]): RoomNeeded {
  let bytes = 0
  let steps = ops.length
  for (const op of ops) {
    if (op.kind === 'put') bytes += op.key.length + op.bytes.length + rowOverheadBytes
    else if (op.kind === 'delete-prefix') steps += keysWith(database, op.prefix).length
  }
  return { ops: steps, bytes }
}

/** A copy of the keys: they share their memory with the cursor, which a removal moves. */
function keysWith(database: Database, prefix: string): Uint8Array[] {
  return [...database.getKeys(rangeOf(prefix))].map((key) => Uint8Array.from(key))
}

function rangeOf(prefix: string): { start: Uint8Array; end: Uint8Array } {
  const start = keyToBytes(rowSpace, prefix)
  const end = new Uint8Array(start.length + 1)
  end.set(start)
  // Keys are ASCII, so no key with this prefix sorts at or after prefix + 0xff.
  end[start.length] = 0xff
  return { start, end }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset + 1, key.byteLength - 1).toString('latin1')
}

/** Before it is with the batches of others in one transaction. */
function refuseKey(op: StorageOp): void {
  const key = op.kind === 'delete-prefix' ? op.prefix : op.key
  if (keyToBytes(rowSpace, key).length <= maxKeyBytes) return
  throw rejoinError('invalid-key', {
    reason: `A storage key has ${key.length} bytes, the limit is ${maxKeyBytes - 1}.`,
    details: { bytes: key.length, limit: maxKeyBytes - 1 },
  })
}
