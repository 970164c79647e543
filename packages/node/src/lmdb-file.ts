import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { rejoinError } from '@rejoin/state'
import type { RootDatabase } from 'lmdb'

const magic = 0xbeefc0de
const dataVersion = 2
/** Offsets in a meta page: the page header has 24 bytes, the page size stands in the first of the two tree records. */
const magicOffset = 24
const pageSizeOffset = 48
const smallestPage = 512
const largestPage = 65_536

/**
 * Refuses a data file that is not LMDB's: the native library answers some of them with a crash of the process instead
 * of an error.
 *
 * @throws RejoinError `storage-corrupt`
 */
export function refuseForeignFile(directory: string): void {
  const file = join(directory, 'data.mdb')
  const descriptor = openIfThere(file)
  if (descriptor === undefined) return
  try {
    const { size } = fstatSync(descriptor)
    // Another process may be between creating the file and writing its two meta pages.
    if (size === 0) return
    const pageSize = metaPageSize(descriptor, 0)
    if (pageSize === undefined || size < 2 * pageSize || metaPageSize(descriptor, pageSize) !== pageSize) {
      throw rejoinError('storage-corrupt', { reason: `${file} is not an LMDB data file, or its head is damaged.` })
    }
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Lengthens a file that was cut short to what its meta page promises. LMDB reads through a memory map, where touching a
 * page beyond the end kills the process (SIGBUS); a page of zeros is answered by an error instead. A healthy file may
 * be shorter than promised by pages that were never written, which is harmless: they are in no tree.
 */
export function coverTruncation(directory: string, database: RootDatabase<Uint8Array, Uint8Array>): void {
  // Inside a write transaction no other process can be lengthening the file.
  database.transactionSync(() => {
    const { lastPageNumber, pageSize } = database.getStats() as { lastPageNumber: number; pageSize: number }
    const descriptor = openSync(join(directory, 'data.mdb'), 'r+')
    try {
      const promised = (lastPageNumber + 1) * pageSize
      if (fstatSync(descriptor).size < promised) ftruncateSync(descriptor, promised)
    } finally {
      closeSync(descriptor)
    }
  })
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function metaPageSize(descriptor: number, at: number): number | undefined {
  const head = Buffer.alloc(pageSizeOffset + 4)
  if (readSync(descriptor, head, 0, head.length, at) < head.length) return undefined
  const pageSize = head.readUInt32LE(pageSizeOffset)
  const known = head.readUInt32LE(magicOffset) === magic && head.readUInt32LE(magicOffset + 4) === dataVersion
  const sane = pageSize >= smallestPage && pageSize <= largestPage && (pageSize & (pageSize - 1)) === 0
  return known && sane ? pageSize : undefined
}
