/**
 * Guards around LMDB's data file. The native library ends the process, instead of answering an error, when the file is
 * not one of its own, when it was cut short or damaged, and when a write fails because the disk is full (its error text
 * overruns a buffer of its own). So what can be known beforehand is looked at here.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { rejoinError } from '@rejoin/state'
import type { RootDatabase } from 'lmdb'
import { findDamageInHead } from './lmdb-meta.ts'
import { findDamage } from './lmdb-tree.ts'

type Database = RootDatabase<Uint8Array, Uint8Array>

/** The file grows by whole chunks, so that most commits find their room. */
const chunkBytes = 1 << 18
/** For pages of the free list and of the tree's growth, which no estimate of a batch counts. */
const spareBytes = 1 << 16

/** A healthy file lacks at most some pages that were promised and never written. */
const mostMissingBytes = 1 << 26

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
    const damage = findDamageInHead(descriptor)
    if (damage !== undefined) throw rejoinError('storage-corrupt', { reason: `${file}: ${damage}.` })
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Takes charge of the file of `database`. First lengthens it when it is shorter than its meta page promises, because
 * LMDB reads through a memory map, where touching a page beyond the end kills the process; then checks its trees.
 *
 * @throws RejoinError `storage-corrupt`
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
      const missing = end - fstatSync(descriptor).size
      if (missing > 0 && missing <= mostMissingBytes) fillTo(descriptor, end)
      const damage = findDamage(descriptor)
      if (damage !== undefined) throw rejoinError('storage-corrupt', { reason: `${directory} is damaged: ${damage}.` })
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
  const pages = stats.lastPageNumber + 1
  return {
    end: pages * stats.pageSize,
    pageSize: stats.pageSize,
    treeDepth: stats.treeDepth,
    // The counts are kept in the file and may be damaged, which harms nothing but this estimate.
    treePages: Math.min(pages, stats.treeBranchPageCount + stats.treeLeafPageCount),
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
