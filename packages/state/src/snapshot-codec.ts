import { applyBundle, type BundleOutcome } from './apply-bundle.ts'
import { encodeBundle, readingBundle } from './bundle-codec.ts'
import { attempting, ByteReader, ByteWriter } from './bytes.ts'
import type { Bundle } from './change.ts'
import type { Origin } from './change-event.ts'
import { Hasher } from './hash.ts'
import type { DecodeError, Result } from './result.ts'
import { bundleSince, compactBundle } from './since.ts'
import { finish, part, type Steps } from './steps.ts'
import type { Store } from './store.ts'
import { Version } from './version.ts'

/** Format of the envelope of snapshots; readers refuse others with `unsupported-version`. */
export const snapshotFormat = 1

/** 'RJN' */
const magic = [0x52, 0x4a, 0x4e] as const

/** Bytes that are hashed in a step. */
const stepBytes = 1 << 16

/** A hash over bytes, four at a time: tells damage, not intent. */
function* checksum(bytes: Uint8Array): Steps<{ hi: number; lo: number }> {
  const hasher = new Hasher().word(bytes.length)
  const whole = bytes.length - (bytes.length % 4)
  for (let from = 0; from < whole; from += stepBytes) {
    hashWords(hasher, bytes, from, Math.min(whole, from + stepBytes))
    yield from / whole
  }
  for (let i = whole; i < bytes.length; i++) hasher.word(bytes[i] ?? 0)
  hasher.finish()
  return { hi: hasher.hi, lo: hasher.lo }
}

function hashWords(hasher: Hasher, bytes: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i += 4) {
    hasher.word(
      (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24),
    )
  }
}

/** Bytes of a whole store with magic, format and checksum. `compact` leaves removal records out: smaller, floor at this version. */
export function encodeSnapshot(store: Store, options: { readonly compact?: boolean } = {}): Uint8Array {
  const bundle = options.compact === true ? compactBundle(store) : bundleSince(store, Version.empty)
  const body = encodeBundle(bundle)
  const writer = new ByteWriter(body.length + 16)
  for (const byte of magic) writer.u8(byte)
  writer.u8(snapshotFormat)
  const { hi, lo } = finish(checksum(body))
  writer.u32(hi)
  writer.u32(lo)
  writer.raw(body)
  return writer.finish()
}

/** The bundle in snapshot bytes; damage is found by the checksum before anything is decoded. */
export function decodeSnapshot(bytes: Uint8Array): Result<Bundle, DecodeError> {
  return finish(decodingSnapshot(bytes))
}

/** Decodes it in steps. */
export function decodingSnapshot(bytes: Uint8Array): Steps<Result<Bundle, DecodeError>> {
  return attempting(readingSnapshot(bytes))
}

function* readingSnapshot(bytes: Uint8Array): Steps<Bundle> {
  const body = yield* part(0, 0.07, snapshotBody(bytes))
  return yield* part(0.07, 1, readingBundle(new ByteReader(body)))
}

/** What a snapshot holds, in the bytes of a bundle, once the envelope is checked. */
function* snapshotBody(bytes: Uint8Array): Steps<Uint8Array> {
  const reader = new ByteReader(bytes)
  for (const byte of magic) if (reader.u8() !== byte) reader.fail('malformed', 'not a Rejoin snapshot')
  const format = reader.u8()
  if (format !== snapshotFormat)
    reader.fail('unsupported-version', `a snapshot of format ${format}, this build reads ${snapshotFormat}`)
  const hi = reader.u32()
  const lo = reader.u32()
  const body = reader.raw(reader.remaining)
  const found = yield* checksum(body)
  if (found.hi !== hi || found.lo !== lo) reader.fail('checksum', 'the snapshot was damaged')
  return body
}

/** Merges a snapshot into a store: loading is merging, so a store that holds more keeps it. */
export function loadSnapshot(store: Store, bytes: Uint8Array, origin: Origin = 'load'): Result<void, DecodeError> {
  const decoded = decodeSnapshot(bytes)
  if (!decoded.ok) return decoded
  return loaded(applyBundle(store, decoded.value, { origin, bytes: bytes.length }))
}

/** What became of a snapshot that was given to a store. */
export function loaded(outcome: BundleOutcome): Result<void, DecodeError> {
  if (outcome === 'applied' || outcome === 'duplicate') return { ok: true, value: undefined }
  return { ok: false, error: { kind: 'malformed', offset: 0, message: `the snapshot does not fit: ${outcome}` } }
}
