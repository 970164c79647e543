import { rejoinError } from '@rejoin/state'
import { groupCommit, type Storage, type StorageOp, type StoredRow } from '@rejoin/sync'
import { open, type RootDatabase } from 'lmdb'
import { storageErrorFrom } from './lmdb-errors.ts'
import { coverTruncation, refuseForeignFile } from './lmdb-file.ts'
import { keyToBytes, maxKeyBytes, rowSpace } from './lmdb-keys.ts'
import { lmdbLock } from './lmdb-lock.ts'

type Database = RootDatabase<Uint8Array, Uint8Array>

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
  let database: Database | undefined
  let closing: Promise<void> | undefined
  const locks = new Set<Promise<boolean>>()

  const opened = (): Database => {
    if (database === undefined) {
      database = openDatabase(path)
      database.on('aftercommit', onSynced)
    }
    return database
  }
  const refuseIfClosed = (): void => {
    if (closing !== undefined) throw rejoinError('storage-closed')
  }
  const failed = async (error: unknown): Promise<never> => {
    const typed = await storageErrorFrom(error, path)
    if (typed.details['reopen'] === true) await letGo()
    throw typed
  }
  const letGo = async (): Promise<void> => {
    const old = database
    database = undefined
    await old?.close()
  }
  const log = groupCommit(async (ops) => {
    try {
      await commit(opened(), ops)
    } catch (error) {
      await failed(error)
    }
  })

  return {
    kind: 'lmdb',
    read: async (prefix) => {
      refuseIfClosed()
      await log.settled()
      try {
        return readRows(opened(), prefix)
      } catch (error) {
        return await failed(error)
      }
    },
    write: async (batch) => {
      refuseIfClosed()
      for (const op of batch) refuseLongKey(op)
      await log.write(batch)
    },
    withLock: async (name, run) => {
      refuseIfClosed()
      await log.settled()
      const lock = lmdbLock(opened(), name, run)
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

function openDatabase(path: string): Database {
  refuseForeignFile(path)
  const database = open<Uint8Array, Uint8Array>({
    path,
    noSubdir: false,
    keyEncoding: 'binary',
    encoding: 'binary',
    // With overlapping syncs a commit is answered before its flush; the plain mode syncs inside the commit.
    overlappingSync: false,
  })
  coverTruncation(path, database)
  return database
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

/** One transaction, whose commit syncs. LMDB's write thread carries out the instructions in order. */
async function commit(database: Database, ops: readonly StorageOp[]): Promise<void> {
  const written: string[] = []
  await database.batch(() => {
    for (const op of ops) {
      if (op.kind === 'put') {
        written.push(op.key)
        database.put(keyToBytes(rowSpace, op.key), op.bytes)
      } else if (op.kind === 'delete') {
        database.remove(keyToBytes(rowSpace, op.key))
      } else {
        // Committed rows and those put by this very transaction, which a range read does not see yet.
        for (const key of database.getKeys(rangeOf(op.prefix))) database.remove(Uint8Array.from(key))
        for (const key of written) if (key.startsWith(op.prefix)) database.remove(keyToBytes(rowSpace, key))
      }
    }
  })
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

function refuseLongKey(op: StorageOp): void {
  const key = op.kind === 'delete-prefix' ? op.prefix : op.key
  if (key.length + 1 <= maxKeyBytes) return
  throw rejoinError('invalid-key', {
    reason: `A storage key has ${key.length} bytes, the limit is ${maxKeyBytes - 1}.`,
    details: { bytes: key.length, limit: maxKeyBytes - 1 },
  })
}
