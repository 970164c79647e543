/** Rows of the replica. */
export const rowSpace = 1
/** Locks between openings, see `lmdb-lock.ts`. */
export const lockSpace = 2

/** LMDB's limit for a page of 4 KiB, as the `lmdb` package enforces it. */
export const maxKeyBytes = 1978

/** A key of one space: a byte for the space, then the printable ASCII text, so that LMDB sorts as JavaScript does. */
export function keyToBytes(space: number, text: string): Uint8Array {
  const bytes = new Uint8Array(text.length + 1)
  bytes[0] = space
  for (let at = 0; at < text.length; at++) bytes[at + 1] = text.charCodeAt(at)
  return bytes
}
