import { statfs } from 'node:fs/promises'
import { constants } from 'node:os'
import { isRejoinError, type RejoinError, rejoinError } from '@rejoin/state'

const { EDQUOT, EFBIG, EIO, ENOSPC } = constants.errno
const full = new Set<unknown>([ENOSPC, EDQUOT, EFBIG, 'ENOSPC', 'EDQUOT', 'EFBIG', -30792])
// MDB_INVALID, MDB_VERSION_MISMATCH, MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_BAD_TXN, MDB_INCOMPATIBLE.
const corrupt = new Set<unknown>([-30793, -30794, -30796, -30797, -30782, -30784])
/** After MDB_PANIC every call fails until the environment is opened afresh. */
const panic = -30795
/** Below this much free space, a short write is taken for a full disk. */
const scarceBytes = 1 << 20

/**
 * What an error of the `lmdb` package means. `details.reopen` tells that the environment must be opened afresh.
 *
 * A failed commit rejects with an error that only promises its cause, and LMDB reports a write cut short by a full disk
 * as a plain EIO; both are looked into here.
 */
export async function storageErrorFrom(error: unknown, path: string): Promise<RejoinError> {
  if (isRejoinError(error)) return error
  const cause = await causeOf(error)
  const code = codeOf(cause)
  if (full.has(code) || (code === EIO && (await isScarce(path)))) {
    return rejoinError('storage-full', { cause, details: { path } })
  }
  if (corrupt.has(code)) {
    return rejoinError('storage-corrupt', { reason: messageOf(cause), cause, details: { path, reopen: true } })
  }
  return rejoinError('storage-unavailable', {
    reason: messageOf(cause),
    cause,
    details: { path, reopen: code === panic },
  })
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

async function isScarce(path: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize < scarceBytes
  } catch {
    return false
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
