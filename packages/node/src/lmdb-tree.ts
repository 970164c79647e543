/**
 * Checks the shape of LMDB's trees before LMDB walks them. LMDB trusts its file: a page number, a node offset or a size
 * that disk or memory has damaged sends it outside of the page and ends the process. Contents are not looked at; every
 * row carries a checksum of its own.
 *
 * Format: LMDB with data version 2, 64 bit, little endian (`mdb.c`: MDB_page_header, MDB_node; `midl.c` for free lists).
 */
import { readSync } from 'node:fs'
import { headerBytes, readHead, type Tree } from './lmdb-meta.ts'

const nodeBytes = 8
const branch = 1
const leaf = 2
const overflow = 4
/** Flags that say what becomes of a page in memory, and may have been written with it. */
const passingFlags = 0xe000
const bigData = 1

/** What the walk knows of the file. */
interface Walk {
  readonly descriptor: number
  readonly pageSize: number
  readonly pages: number
  /** No page may be of a later transaction: LMDB would take it for its own and write into the map. */
  readonly transaction: number
  /** One bit per page that a tree holds: no page belongs to two places. */
  readonly taken: Uint8Array
  /** Called with each row of the tree; answers what is wrong with it. */
  readonly onRow?: (keyBytes: number, data: Buffer) => string | undefined
}

/**
 * What is wrong with the newest state of the file, or undefined. Call it while no commit can run. Reads every branch
 * and leaf page once, about a second per gigabyte of small rows.
 */
export function findDamage(descriptor: number): string | undefined {
  const meta = readHead(descriptor)
  if (typeof meta === 'string') return meta
  const { pages, pageSize, transaction } = meta
  const walk: Walk = { descriptor, pageSize, pages, transaction, taken: new Uint8Array(Math.ceil(pages / 8)) }
  const lists: Buffer[] = []
  const onRow = (keyBytes: number, data: Buffer): string | undefined => {
    if (keyBytes !== 8 || data.length < 8 || data.length % 8 !== 0) return 'a free list has an impossible size'
    lists.push(data)
    return undefined
  }
  return (
    damageInTree(walk, meta.main) ??
    damageInTree({ ...walk, onRow }, meta.free) ??
    firstOf(lists, (list) => damageInFreeList(walk, list))
  )
}

function damageInTree(walk: Walk, { root, depth }: Tree): string | undefined {
  return root === undefined ? undefined : damageBelow(walk, root, depth)
}

function damageBelow(walk: Walk, number: number, depth: number): string | undefined {
  if (!take(walk, number, 1)) return `page ${number} lies outside of the file, or is held twice`
  const page = readBytes(walk, number, walk.pageSize)
  if (page === undefined) return `page ${number} is missing`
  const kind = depth === 1 ? leaf : branch
  if (!isPage(walk, page, number, kind)) return `page ${number} is not what the tree says`
  const lower = page.readUInt16LE(20)
  const upper = page.readUInt16LE(22)
  if (lower % 2 !== 0 || lower === 0 || lower > upper || headerBytes + upper > walk.pageSize) {
    return `page ${number} has impossible bounds`
  }
  for (let index = 0; index < lower / 2; index++) {
    const at = headerBytes + page.readUInt16LE(headerBytes + 2 * index)
    const keyEnd = at + nodeBytes <= walk.pageSize ? at + nodeBytes + page.readUInt16LE(at + 6) : Number.NaN
    if (!(at >= headerBytes + upper && keyEnd <= walk.pageSize)) return `page ${number} has a node outside of itself`
    const damage =
      kind === leaf
        ? damageInRow(walk, page, at, keyEnd)
        : damageBelow(walk, page.readUInt32LE(at) + page.readUInt16LE(at + 4) * 2 ** 32, depth - 1)
    if (damage !== undefined) return damage
  }
  return undefined
}

function damageInRow(walk: Walk, page: Buffer, at: number, keyEnd: number): string | undefined {
  const size = page.readUInt32LE(at)
  const flags = page.readUInt16LE(at + 4)
  const keyBytes = keyEnd - at - nodeBytes
  const where = `page ${page.readBigUInt64LE(0)}`
  if (flags === 0) {
    if (keyEnd + size > walk.pageSize) return `${where} has a row outside of itself`
    return walk.onRow?.(keyBytes, page.subarray(keyEnd, keyEnd + size))
  }
  // Trees within trees and duplicates are never made here.
  if (flags !== bigData || keyEnd + 8 > walk.pageSize) return `${where} has a row of an unknown kind`
  const first = Number(page.readBigUInt64LE(keyEnd))
  const head = readBytes(walk, first, headerBytes)
  if (head === undefined || !isPage(walk, head, first, overflow))
    return `${where} points to a large row that is not there`
  const count = head.readUInt32LE(20)
  if (count * walk.pageSize < headerBytes + size || !take(walk, first, count))
    return `${where} has a row of another size`
  if (walk.onRow === undefined) return undefined
  const data = readBytes(walk, first, headerBytes + size)
  return data === undefined ? `page ${first} is missing` : walk.onRow(keyBytes, data.subarray(headerBytes))
}

/** A list: how many entries follow; an entry is a page, 0, or minus a length before the first of so many pages. */
function damageInFreeList(walk: Walk, list: Buffer): string | undefined {
  const count = Number(list.readBigInt64LE(0))
  if (!(count >= 0 && count < list.length / 8)) return 'a free list has an impossible length'
  for (let index = 1; index <= count; index++) {
    const entry = Number(list.readBigInt64LE(8 * index))
    if (entry === 0) continue
    const length = entry < 0 ? -entry : 1
    if (entry < 0) index += 1
    if (index > count) return 'a free list ends within an entry'
    const first = Number(list.readBigInt64LE(8 * index))
    if (!isWithin(walk, first, length)) return 'a free list names pages outside of the file'
    for (let number = first; number < first + length; number++) {
      if (isTaken(walk, number)) return `page ${number} is in use and listed as free`
    }
  }
  return undefined
}

/** Marks pages as held; false when one is outside of the file, a meta page, or held already. */
function take(walk: Walk, first: number, count: number): boolean {
  if (!isWithin(walk, first, count)) return false
  for (let number = first; number < first + count; number++) {
    if (isTaken(walk, number)) return false
    walk.taken[number >> 3] = (walk.taken[number >> 3] ?? 0) | (1 << (number & 7))
  }
  return true
}

function isWithin(walk: Walk, first: number, count: number): boolean {
  return first >= 2 && count >= 1 && first + count <= walk.pages
}

function isTaken(walk: Walk, number: number): boolean {
  return ((walk.taken[number >> 3] ?? 0) & (1 << (number & 7))) !== 0
}

function isPage(walk: Walk, head: Buffer, number: number, kind: number): boolean {
  const isItself = Number(head.readBigUInt64LE(0)) === number && (head.readUInt16LE(18) & ~passingFlags) === kind
  return isItself && Number(head.readBigUInt64LE(8)) <= walk.transaction
}

function readBytes(walk: Walk, page: number, size: number): Buffer | undefined {
  if (!isWithin(walk, page, 1)) return undefined
  const bytes = Buffer.allocUnsafe(size)
  return readSync(walk.descriptor, bytes, 0, size, page * walk.pageSize) === size ? bytes : undefined
}

function firstOf<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item)
    if (found !== undefined) return found
  }
  return undefined
}
