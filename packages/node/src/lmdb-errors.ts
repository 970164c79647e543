import { constants } from 'node:os'
import { isRejoinError, type RejoinError, rejoinError } from '@rejoin/state'
import type { RootDatabase } from 'lmdb'

const { EDQUOT, EFBIG, ENOSPC } = constants.errno
const full = new Set<unknown>([ENOSPC, EDQUOT, EFBIG, 'ENOSPC', 'EDQUOT', 'EFBIG', -30792])
// MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_BAD_TXN, MDB_INCOMPATIBLE.
const corrupt = new Set<unknown>([-30793, -30794, -30796, -30797, -30782, -30784])
/** After MDB_PANIC every call fails until the environment is opened afresh. */
const panic = -30795

/** What an error of the file system or of LMDB means. `details.reopen`: the environment must be opened afresh. */
export function storageErrorFrom(cause: unknown, path: string): RejoinError {
  if (isRejoinError(cause)) return cause
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  const reason = cause instanceof Error ? cause.message : String(cause)
  if (full.has(code)) return rejoinError('storage-full', { cause, details: { path } })
  if (corrupt.has(code)) return rejoinError('storage-corrupt', { reason, cause, details: { path, reopen: true } })
  return rejoinError('storage-unavailable', { reason, cause, details: { path, reopen: code === panic } })
}

/**
 * Runs `run` in a write transaction and answers when its commit is synced. A failed commit rejects with an error that
 * only promises its cause, in a promise that ends the process when nobody looks at it; here it rejects with the cause.
 */
export async function transact<T>(database: RootDatabase<Uint8Array, Uint8Array>, run: () => T): Promise<T> {
  try {
    return await database.transaction(run)
  } catch (error) {
    throw await causeOf(error)
  }
}

async function causeOf(error: unknown): Promise<unknown> {
  if (typeof error !== 'object' || error === null || !('commitError' in error)) return error
  try {
    await error.commitError
    return error
  } catch (cause) {
    return cause
  }
}
