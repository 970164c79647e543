/**
 * The two meta pages at the head of an LMDB file: which state of the file is the newest, and where its trees begin.
 *
 * Format: LMDB with data version 2, 64 bit, little endian (`mdb.c`: MDB_page_header, MDB_meta, MDB_db).
 */
import { readSync } from 'node:fs'

/** The size of a page header. */
export const headerBytes = 24

/** One of the two trees of a file. */
export interface Tree {
  /** Undefined while the tree is empty. */
  readonly root: number | undefined
  readonly depth: number
}

/** A meta page. */
export interface Meta {
  readonly pageSize: number
  readonly transaction: number
  /** Pages that the state uses, live or free. */
  readonly pages: number
  /** Lists the pages that may be used again. */
  readonly free: Tree
  readonly main: Tree
}

const magic = 0xbeefc0de
const dataVersion = 2
const metaBytes = 168
const noPage = 0xffff_ffff_ffff_ffffn
const maxDepth = 32
const maxMapBytes = 2 ** 47
/** MDB_INTEGERKEY of the free list, which is always there, and the mark of a file that was written with overlapping syncs. */
const freeFlags = 0x0008
const overlappingFlag = 0x1000

/** What is wrong with the head of the file, or undefined. */
export function findDamageInHead(descriptor: number): string | undefined {
  const head = readHead(descriptor)
  return typeof head === 'string' ? head : undefined
}

/** The newest state, or what is wrong with the head of the file. */
export function readHead(descriptor: number): Meta | string {
  const first = readMeta(descriptor, 0)
  if (first === undefined) return 'it is not an LMDB data file, or its first page is damaged'
  const second = readMeta(descriptor, first.pageSize)
  if (second === undefined || second.pageSize !== first.pageSize) return 'its second page is damaged'
  // Commits take turns between the two.
  if (Math.abs(first.transaction - second.transaction) > 1) return 'its two newest states do not follow each other'
  return first.transaction > second.transaction ? first : second
}

function readMeta(descriptor: number, at: number): Meta | undefined {
  const page = Buffer.alloc(metaBytes)
  if (readSync(descriptor, page, 0, metaBytes, at) < metaBytes) return undefined
  const pageSize = page.readUInt32LE(48)
  const mapBytes = Number(page.readBigUInt64LE(40))
  const known =
    page.readUInt32LE(24) === magic &&
    page.readUInt32LE(28) === dataVersion &&
    page.readBigUInt64LE(32) === 0n &&
    pageSize >= 512 &&
    pageSize <= 65_536 &&
    (pageSize & (pageSize - 1)) === 0 &&
    mapBytes % pageSize === 0 &&
    mapBytes <= maxMapBytes &&
    (page.readUInt16LE(52) & ~overlappingFlag) === freeFlags &&
    page.readUInt16LE(100) === 0
  const pages = Number(page.readBigUInt64LE(144)) + 1
  const transaction = Number(page.readBigUInt64LE(152))
  const free = readTree(page, 48)
  const main = readTree(page, 96)
  const sane = Number.isSafeInteger(transaction) && pages >= 2 && pages * pageSize <= maxMapBytes
  if (!known || !sane || free === undefined || main === undefined) return undefined
  return { pageSize, transaction, pages, free, main }
}

function readTree(page: Buffer, at: number): Tree | undefined {
  const depth = page.readUInt16LE(at + 6)
  const root = page.readBigUInt64LE(at + 40)
  if (root === noPage) return depth === 0 ? { root: undefined, depth } : undefined
  return depth >= 1 && depth <= maxDepth ? { root: Number(root), depth } : undefined
}
