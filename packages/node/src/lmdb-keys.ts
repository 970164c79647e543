import { rejoinError } from '@rejoin/state'

/** Rows of the replica. */
export const rowSpace = 1
/** Locks between openings, see `lmdb-lock.ts`. */
export const lockSpace = 2

/** LMDB's limit for a page of 4 KiB, as the `lmdb` package enforces it. */
export const maxKeyBytes = 1978

/**
 * A key of one space: a byte for the space, then the printable ASCII text, so that LMDB sorts as JavaScript does.
 * @throws RejoinError `invalid-key` for what it cannot spell: cut to bytes, two keys would be one.
 */
export function keyToBytes(space: number, text: string): Uint8Array {
  const bytes = new Uint8Array(text.length + 1)
  bytes[0] = space
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code > 0x7e) {
      const reason = `A storage key is printable ASCII, and ${JSON.stringify(text)} is not.`
      throw rejoinError('invalid-key', { reason, details: { key: text, at } })
    }
    bytes[at + 1] = code
  }
  return bytes
}
