/**
 * How a document lies in storage. Every row ends in a checksum; one damaged row costs itself and nothing else.
 *
 * `n/<doc>` the document exists · `u/<doc>/<replica>` that opening has unacknowledged work in it
 * `d/<doc>/c/<author>/<seq>` a change · `d/<doc>/b/<id>` a bundle, or a folded state of many authors
 * `d/<doc>/s/<id>` a snapshot
 * `d/<doc>/v/<opening>/<name>/<copy>` a version that rows of changes and bundles name
 * `d/<doc>/t/<transfer>/<total>/<offset>` a piece of a bundle that is still coming
 * `d/<doc>/m/own/<author>` an incarnation of this profile
 * `d/<doc>/m/acked/<replica>` what a server has durably, as far as that opening heard; with `/risen`, since it wrote that
 * `d/<doc>/m/refused/<author>` from which seq on it was refused · `d/<doc>/m/seen` when a server was last in sync
 * `d/<doc>/m/forked/<author>` two have written under it · `d/<doc>/m/stamps` the last stamps of authors
 * `x/<doc>/...` rows set aside: damaged, or refused
 * `r/profile/<id>` ids of the profile that owns the storage
 */
import { type Change, encodeChanges, rejoinError } from '@rejoin/state'
import { frameLimits } from './frame-limits.ts'
import type { StorageOp } from './seams.ts'

const format = 1
const checksumBytes = 4

/** Keys of a document's rows. */
export interface DocumentKeys {
  readonly prefix: string
  readonly index: string
  unsaved(replica: string): string
  readonly unsavedPrefix: string
  readonly seen: string
  readonly asidePrefix: string
  readonly contentPrefixes: readonly string[]
  change(change: { readonly author: string; readonly seq: number }): string
  bundle(id: string): string
  snapshot(id: string): string
  readonly basePrefix: string
  base(owner: string, name: string, copy: number): string
  transferPrefix(transfer: string): string
  chunk(transfer: string, totalBytes: number, offset: number): string
  acked(replica: string): string
  risen(replica: string): string
  readonly ackedPrefix: string
  own(author: string): string
  refused(author: string): string
  forked(author: string): string
  readonly stamps: string
  aside(key: string): string
}

/**
 * The keys of the document `name`.
 * @throws RejoinError `invalid-document-name`
 */
export function documentKeys(name: string): DocumentKeys {
  const doc = encodeName(name)
  const prefix = `d/${doc}/`
  return {
    prefix,
    index: `n/${doc}`,
    unsavedPrefix: `u/${doc}/`,
    unsaved: (replica) => `u/${doc}/${replica}`,
    ackedPrefix: `${prefix}m/acked/`,
    acked: (replica) => `${prefix}m/acked/${replica}`,
    risen: (replica) => `${prefix}m/acked/${replica}/risen`,
    seen: `${prefix}m/seen`,
    asidePrefix: `x/${doc}/`,
    contentPrefixes: [`${prefix}c/`, `${prefix}b/`, `${prefix}s/`, `${prefix}t/`],
    change: ({ author, seq }) => `${prefix}c/${author}/${pad(seq)}`,
    bundle: (id) => `${prefix}b/${id}`,
    snapshot: (id) => `${prefix}s/${id}`,
    basePrefix: `${prefix}v/`,
    base: (owner, name, copy) => `${prefix}v/${owner}/${name}/${copy}`,
    transferPrefix: (transfer) => `${prefix}t/${transfer}/`,
    chunk: (transfer, totalBytes, offset) => `${prefix}t/${transfer}/${pad(totalBytes)}/${pad(offset)}`,
    own: (author) => `${prefix}m/own/${author}`,
    refused: (author) => `${prefix}m/refused/${author}`,
    forked: (author) => `${prefix}m/forked/${author}`,
    stamps: `${prefix}m/stamps`,
    aside: (key) => `x/${doc}/${key.slice(prefix.length)}`,
  }
}

/** The document name in a key `n/<doc>` or `u/<doc>/<replica>`; undefined when it is not one of ours. */
export function nameInKey(key: string): string | undefined {
  try {
    return decodeURIComponent(key.split('/')[1] ?? '')
  } catch {
    return undefined
  }
}

function encodeName(name: string): string {
  let encoded = ''
  try {
    encoded = encodeURIComponent(name)
  } catch (cause) {
    throw rejoinError('invalid-document-name', { cause })
  }
  const bytes = encoded.length - 2 * (encoded.split('%').length - 1)
  if (bytes === 0 || bytes > frameLimits.documentNameBytes) {
    throw rejoinError('invalid-document-name', { details: { bytes, limit: frameLimits.documentNameBytes } })
  }
  return encoded
}

function pad(value: number): string {
  return String(value).padStart(10, '0')
}

/** A row around `payload`: format, payload, checksum. */
export function sealRow(payload: Uint8Array): Uint8Array {
  const row = new Uint8Array(payload.length + 1 + checksumBytes)
  row[0] = format
  row.set(payload, 1)
  const sum = crc32(row, row.length - checksumBytes)
  for (let i = 0; i < checksumBytes; i++) row[row.length - checksumBytes + i] = (sum >>> (8 * i)) & 0xff
  return row
}

/** The payload of a row, or undefined when it is damaged or of a format to come. */
export function unsealRow(row: Uint8Array): Uint8Array | undefined {
  const end = row.length - checksumBytes
  if (end < 1 || row[0] !== format) return undefined
  const sum = crc32(row, end)
  for (let i = 0; i < checksumBytes; i++) if (row[end + i] !== ((sum >>> (8 * i)) & 0xff)) return undefined
  return row.subarray(1, end)
}

/** A row that says all by being there. */
export function markRow(key: string): StorageOp {
  return { kind: 'put', key, bytes: sealRow(new Uint8Array(0)) }
}

/** The row of one change. */
export function changeRow(change: Change): Uint8Array {
  return sealRow(encodeChanges([change]))
}

const crcTable: Uint32Array = (() => {
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    let value = byte
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    table[byte] = value
  }
  return table
})()

function crc32(bytes: Uint8Array, end: number): number {
  let sum = 0xffffffff
  for (let i = 0; i < end; i++) {
    sum = (crcTable[(sum ^ (bytes[i] as number)) & 0xff] as number) ^ (sum >>> 8)
  }
  return (sum ^ 0xffffffff) >>> 0
}
