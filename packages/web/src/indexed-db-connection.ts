/**
 * One connection to a database that others may want to upgrade or delete, and that the browser may close or empty.
 *
 * Invariants:
 * 1. A call never hangs on another tab: while an open is blocked, calls are refused with `storage-blocked`, and the
 *    open goes on behind them.
 * 2. We never stand in another tab's way: asked to make room, the connection closes as soon as its transactions end.
 * 3. An eviction is told exactly once, to every call that waits for the open that found it.
 */
import { isRejoinError, rejoinError } from '@rejoin/state'
import type { StorageStatus } from '@rejoin/sync'
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { storageErrorFrom } from './indexed-db-errors.ts'
import { expectStore, isStoreExpected } from './store-marker.ts'

/** The object store of the rows. */
export const rowStore = 'rows'
/** Holds one row, the marker: where it is missing, the store was emptied behind our back. */
const markerStore = 'marker'
const markerKey = 'present'

/** While a browser clears data it refuses to open; afterwards the next call finds out as well. */
const lookAgainMs = [50, 200, 1000, 5000]

interface Schema extends DBSchema {
  [rowStore]: { key: string; value: Uint8Array }
  [markerStore]: { key: string; value: boolean }
}

/** An open database of ours. */
export type Database = IDBPDatabase<Schema>

/** Keeps a database open, and says how it is. */
export interface Connection {
  /** The open database; rejects with a `RejoinError`. */
  open(): Promise<Database>
  /** Drops a connection that turned out to be closed. */
  forget(database: Database): void
  /** Tells the listeners, when the status is another one than before. */
  report(status: StorageStatus): void
  onStatus(listener: (status: StorageStatus) => void): () => void
  close(): void
}

/** Connects to the database `name` at `version` when it is first needed, and again whenever the connection was lost. */
export function indexedDbConnection(name: string, version: number): Connection {
  const listeners = new Set<(status: StorageStatus) => void>()
  let status: StorageStatus = { state: 'ok' }
  let connected: Database | undefined
  let opening: Promise<Database> | undefined
  let seenStore = false
  let closed = false

  const report = (next: StorageStatus): void => {
    if (describe(next) === describe(status)) return
    status = next
    for (const listener of [...listeners]) listener(next)
  }
  const forget = (database: Database): void => {
    if (connected === database) connected = undefined
  }
  const blocked = (reason: string) => rejoinError('storage-blocked', { reason })

  const open = (): Promise<Database> => {
    if (connected !== undefined) return Promise.resolve(connected)
    opening ??= beginOpening()
    return opening
  }

  /** After the browser closed the connection: finds out whether the data is gone too, as nobody may be calling. */
  const lookAgain = (attempt: number): void => {
    if (closed) return
    open().catch((error: unknown) => {
      const delayMs = lookAgainMs[attempt]
      if (delayMs === undefined || (isRejoinError(error) && error.code === 'storage-evicted')) return
      setTimeout(() => lookAgain(attempt + 1), delayMs)
    })
  }

  const beginOpening = (): Promise<Database> =>
    new Promise((resolve, reject) => {
      // Before opening: a tab that makes the store meanwhile must not look like an eviction.
      const expected = seenStore || isStoreExpected(name)
      const settle = (): void => {
        opening = undefined
      }
      openDatabase(name, version, {
        blocked: () => {
          report({ state: 'failing', code: 'storage-blocked' })
          // Invariant 1.
          reject(blocked('A tab with an older version of this app holds the store.'))
        },
        blocking: (database, newVersion) => {
          // Invariant 2.
          database.close()
          forget(database)
          if (newVersion !== null) report({ state: 'failing', code: 'storage-blocked' })
        },
        terminated: (database) => {
          forget(database)
          lookAgain(0)
        },
      }).then(
        ({ database, isNew }) => {
          settle()
          if (closed) database.close()
          else connected = database
          const evicted = isNew && expected
          seenStore = true
          expectStore(name)
          report(evicted ? { state: 'failing', code: 'storage-evicted' } : { state: 'ok' })
          // Invariant 3: the next call finds `connected`.
          if (evicted) reject(rejoinError('storage-evicted'))
          else resolve(database)
        },
        (error: unknown) => {
          settle()
          const typed = isRejoinError(error) ? error : storageErrorFrom(error)
          report({ state: 'failing', code: typed.code })
          reject(typed)
        },
      )
    })

  return {
    open,
    forget,
    report,
    onStatus: (listener) => {
      const entry = (next: StorageStatus): void => listener(next)
      listeners.add(entry)
      return () => {
        listeners.delete(entry)
      }
    },
    close: () => {
      closed = true
      connected?.close()
      connected = undefined
    },
  }
}

interface OpenEvents {
  blocked(): void
  blocking(database: Database, newVersion: number | null): void
  terminated(database: Database): void
}

/** Opens, makes the stores where there are none, and looks for the marker, which is there from then on. */
async function openDatabase(
  name: string,
  version: number,
  events: OpenEvents,
): Promise<{ database: Database; isNew: boolean }> {
  if (typeof indexedDB === 'undefined') {
    throw rejoinError('storage-unavailable', { reason: 'This platform has no IndexedDB, or it is switched off.' })
  }
  let opened: Database | undefined
  let isNew = false
  const database = await openDB<Schema>(name, version, {
    upgrade: (fresh, oldVersion) => {
      if (oldVersion > 0) return
      isNew = true
      fresh.createObjectStore(rowStore)
      void fresh.createObjectStore(markerStore).put(true, markerKey)
    },
    blocked: events.blocked,
    blocking: (_current, newVersion) => {
      if (opened !== undefined) events.blocking(opened, newVersion)
    },
    terminated: () => {
      if (opened !== undefined) events.terminated(opened)
    },
  })
  opened = database
  try {
    if (!isNew && (await database.get(markerStore, markerKey)) === undefined) {
      isNew = true
      await database.put(markerStore, true, markerKey)
    }
    return { database, isNew }
  } catch (error) {
    database.close()
    throw error
  }
}

function describe(status: StorageStatus): string {
  return status.state === 'ok' ? 'ok' : status.code
}
