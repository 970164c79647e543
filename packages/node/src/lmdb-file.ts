/**
 * Guards around LMDB's data file. The native library ends the process, instead of answering an error, when the file is
 * not one of its own, when it was cut short, and when a write fails because the disk is full (its error text overruns a
 * buffer of its own). So what can be known beforehand is looked at here.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { rejoinError } from '@rejoin/state'
import type { RootDatabase } from 'lmdb'

type Database = RootDatabase<Uint8Array, Uint8Array>

const magic = 0xbeefc0de
const dataVersion = 2
/** Offsets in a meta page: the page header has 24 bytes, the page size stands in the first of the two tree records. */
const magicOffset = 24
const pageSizeOffset = 48
const smallestPage = 512
const largestPage = 65_536
/** The file grows by whole chunks, so that most commits find their room. */
const chunkBytes = 1 << 18
/** For pages of the free list and of the tree's growth, which no estimate of a batch counts. */
const spareBytes = 1 << 16

/** What a batch is about to put into the file. */
export interface RoomNeeded {
  readonly ops: number
  readonly bytes: number
}

/** The data file of an open environment. */
export interface DataFile {
  /**
   * Makes sure that the coming commit will not meet a full disk, by filling the file up to where the commit can reach.
   * Call it inside a write transaction: no other process may be growing the file.
   *
   * @throws the system's error (ENOSPC, EDQUOT, EFBIG), with the file as long as before
   */
  reserve(needed: RoomNeeded): void
  close(): void
}

/**
 * Refuses a data file that is not LMDB's.
 *
 * @throws RejoinError `storage-corrupt`
 */
export function refuseForeignFile(directory: string): void {
  const file = dataFileIn(directory)
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
 * Takes charge of the file of `database`, and first lengthens it when it is shorter than its meta page promises. LMDB
 * reads through a memory map, where touching a page beyond the end kills the process (SIGBUS); a page of zeros is
 * answered by an error.
 */
export function openDataFile(directory: string, database: Database): DataFile {
  const descriptor = openSync(dataFileIn(directory), 'r+')
  const file: DataFile = {
    reserve: ({ ops, bytes }) => {
      const { end, treePages, treeDepth, pageSize } = layoutOf(database)
      // A page is never changed in place: an operation copies the pages of its path, but no batch copies more than all.
      const copied = Math.min(ops * (treeDepth + 2), treePages) * pageSize
      fillTo(descriptor, end + 2 * bytes + copied + spareBytes)
    },
    close: () => closeSync(descriptor),
  }
  try {
    database.transactionSync(() => {
      const { end } = layoutOf(database)
      if (fstatSync(descriptor).size < end) fillTo(descriptor, end)
    })
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  return file
}

function layoutOf(database: Database) {
  const stats = database.getStats() as Record<
    'lastPageNumber' | 'pageSize' | 'treeDepth' | 'treeBranchPageCount' | 'treeLeafPageCount',
    number
  >
  return {
    end: (stats.lastPageNumber + 1) * stats.pageSize,
    pageSize: stats.pageSize,
    treeDepth: stats.treeDepth,
    treePages: stats.treeBranchPageCount + stats.treeLeafPageCount,
  }
}

/** Writes zeros from the end of the file up to the chunk that `end` lies in. A hole would not do: it takes no room. */
function fillTo(descriptor: number, end: number): void {
  const { size } = fstatSync(descriptor)
  if (size >= end) return
  const goal = Math.ceil(end / chunkBytes) * chunkBytes
  const zeros = new Uint8Array(chunkBytes)
  try {
    for (let at = size; at < goal; ) at += writeSync(descriptor, zeros, 0, Math.min(chunkBytes, goal - at), at)
  } catch (error) {
    ftruncateSync(descriptor, size)
    throw error
  }
}

function dataFileIn(directory: string): string {
  return join(directory, 'data.mdb')
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
