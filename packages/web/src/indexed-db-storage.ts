import { isRejoinError, rejoinError } from '@rejoin/state'
import type { Storage, StorageOp, StoredRow } from '@rejoin/sync'
import { type Database, indexedDbConnection, rowStore } from './indexed-db-connection.ts'
import { storageErrorFrom } from './indexed-db-errors.ts'

/**
 * Durable rows in the IndexedDB database `rejoin/<name>` of this origin, shared by all its tabs.
 *
 * Every batch is one transaction with `durability: 'strict'`, answered when the transaction is complete, which is after
 * the browser synced it to disk. The transaction is handed over and committed at once, so that a page that is closed in
 * the next moment has stored it.
 *
 * Rejections and status: `storage-full` (quota), `storage-unavailable` (IndexedDB missing or switched off, as in some
 * private modes, or its disk failing), `storage-blocked` (a tab with an older or newer version of the library holds the
 * database), `storage-evicted` (the browser or the user removed the data; told once, by the calls that met it, and the
 * next call works on an empty store). Nothing asks the user for anything: see `askForPersistence`.
 */
export function indexedDb(name: string): Storage {
  return indexedDbOfVersion(name, 1)
}

/** {@link indexedDb} at another version of the database, for tests of upgrades. */
export function indexedDbOfVersion(name: string, version: number): Storage {
  const connection = indexedDbConnection(`rejoin/${name}`, version)
  const underWay = new Set<Promise<unknown>>()
  let closing: Promise<void> | undefined

  const use = <T>(run: (database: Database) => Promise<T>): Promise<T> => {
    if (closing !== undefined) return Promise.reject(rejoinError('storage-closed'))
    return track(attempt(run))
  }
  const track = <T>(call: Promise<T>): Promise<T> => {
    underWay.add(call)
    const done = (): boolean => underWay.delete(call)
    call.then(done, done)
    return call
  }
  const attempt = async <T>(run: (database: Database) => Promise<T>): Promise<T> => {
    try {
      return await runOnOpenDatabase(run)
    } catch (error) {
      const typed = isRejoinError(error) ? error : storageErrorFrom(error)
      connection.report({ state: 'failing', code: typed.code })
      throw typed
    }
  }
  const runOnOpenDatabase = async <T>(run: (database: Database) => Promise<T>): Promise<T> => {
    const database = await connection.open()
    let answer: T
    try {
      answer = await run(database)
    } catch (error) {
      if (!isClosedConnection(error)) throw error
      // The browser closed the connection without our doing; its data may be there still.
      connection.forget(database)
      answer = await run(await connection.open())
    }
    connection.report({ state: 'ok' })
    return answer
  }
  const locks = locksOfPlatform()

  return {
    kind: 'indexeddb',
    read: (prefix) => use((database) => readRows(database, prefix)),
    write: (batch) => use((database) => writeBatch(database, batch)),
    ...(locks === undefined
      ? {}
      : {
          withLock: async (lock: string, run: () => PromiseLike<void>) => {
            if (closing !== undefined) throw rejoinError('storage-closed')
            return await track(holding(locks, `rejoin/${name}/${lock}`, run))
          },
        }),
    onStatus: connection.onStatus,
    close: () => {
      closing ??= Promise.allSettled([...underWay]).then(() => connection.close())
      return closing
    },
  }
}

async function readRows(database: Database, prefix: string): Promise<StoredRow[]> {
  const range = rangeOf(prefix)
  const { store } = database.transaction(rowStore)
  const [keys, values] = await Promise.all([store.getAllKeys(range), store.getAll(range)])
  return keys.map((key, index) => ({ key, bytes: bytesOf(values[index]) }))
}

async function writeBatch(database: Database, batch: readonly StorageOp[]): Promise<void> {
  const transaction = database.transaction(rowStore, 'readwrite', { durability: 'strict' })
  const { store } = transaction
  for (const op of batch) {
    const request =
      op.kind === 'put'
        ? store.put(op.bytes.slice(), op.key)
        : store.delete(op.kind === 'delete' ? op.key : rangeOf(op.prefix))
    // The transaction's own failure says why; that of a request is only its echo.
    request.catch(() => {})
  }
  // Without it the browser waits for the page to fall idle, and drops the transaction when the page goes first.
  transaction.commit()
  await transaction.done
}

/** Runs `run` while this tab alone holds the Web Lock; answers false at once when another does. */
async function holding(locks: LockManager, name: string, run: () => PromiseLike<void>): Promise<boolean> {
  return await locks.request(name, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false
    await run()
    return true
  })
}

function rangeOf(prefix: string): IDBKeyRange {
  // Keys are ASCII, so no key with this prefix sorts at or after prefix + U+FFFF.
  return IDBKeyRange.bound(prefix, `${prefix}\uffff`, false, true)
}

/** A row that something else wrote into the store reads as empty: its checksum fails, and it is set aside. */
function bytesOf(value: unknown): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(0)
}

function isClosedConnection(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'InvalidStateError'
}

function locksOfPlatform(): LockManager | undefined {
  return typeof navigator === 'undefined' ? undefined : navigator.locks
}
