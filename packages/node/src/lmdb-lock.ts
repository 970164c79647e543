import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { RootDatabase } from 'lmdb'
import { transact } from './lmdb-errors.ts'
import { keyToBytes, lockSpace } from './lmdb-keys.ts'

type Database = RootDatabase<Uint8Array, Uint8Array>

interface Holder {
  readonly token: string
  readonly host: string
  readonly pid: number
  readonly until: number
}

/** A holder renews three times per lease, so that one late timer loses nothing. */
const leaseMs = 15_000
const renewMs = 5_000

/**
 * Runs `run` while no other opening of the environment, in any process of this machine, holds `name`.
 *
 * The lock is a row: LMDB has one writer at a time, so reading and taking it in one transaction is safe. It is free
 * when its holder's process is gone or has not renewed it for 15 s.
 */
export async function lmdbLock(database: Database, name: string, run: () => PromiseLike<void>): Promise<boolean> {
  // Of a document, which may be called anything.
  const key = keyToBytes(lockSpace, encodeURIComponent(name))
  const token = randomUUID()
  const take = (mayTake: (holder: Holder | undefined) => boolean): Promise<boolean> =>
    transact(database, () => {
      if (!mayTake(parseHolder(database.get(key)))) return false
      database.put(key, formatHolder({ token, host: hostname(), pid: process.pid, until: Date.now() + leaseMs }))
      return true
    })

  if (!(await take(isFree))) return false
  // A renewal that fails (full disk) only shortens the lease; the next attempt may succeed.
  const renewal = setInterval(() => void take((holder) => holder?.token === token).catch(() => {}), renewMs)
  renewal.unref()
  try {
    await run()
  } finally {
    clearInterval(renewal)
    await release(database, key, token)
  }
  return true
}

async function release(database: Database, key: Uint8Array, token: string): Promise<void> {
  await transact(database, () => {
    if (parseHolder(database.get(key))?.token === token) database.remove(key)
  })
}

function isFree(holder: Holder | undefined): boolean {
  if (holder === undefined || holder.until < Date.now() || holder.until > Date.now() + leaseMs) return true
  return holder.host === hostname() && !isAlive(holder.pid)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function formatHolder(holder: Holder): Uint8Array {
  return Buffer.from(JSON.stringify(holder))
}

/** A row that does not read as a holder locks nobody out. */
function parseHolder(bytes: Uint8Array | undefined): Holder | undefined {
  if (bytes === undefined) return undefined
  try {
    const { token, host, pid, until } = JSON.parse(Buffer.from(bytes).toString()) as Partial<Holder>
    if (typeof token !== 'string' || typeof host !== 'string' || typeof until !== 'number') return undefined
    return Number.isInteger(pid) ? { token, host, pid: pid as number, until } : undefined
  } catch {
    return undefined
  }
}
