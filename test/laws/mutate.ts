/** One damaged copy of some bytes: one to four random edits, some of them with material of other inputs. */
export function mutate(bytes: Uint8Array, others: readonly Uint8Array[], draw: () => number): Uint8Array {
  let damaged: Uint8Array = Uint8Array.from(bytes)
  const edits = 1 + below(4, draw)
  for (let i = 0; i < edits; i++) {
    const edit = kinds[below(kinds.length, draw)] as Edit
    damaged = edit(damaged, others, draw)
  }
  return damaged
}

type Edit = (bytes: Uint8Array, others: readonly Uint8Array[], draw: () => number) => Uint8Array

/** Bytes at which decoders turn: ends of ranges, continued varints, flags. */
const sharp = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff]
/** Numbers that ask for more than there is: 2^28 - 1, 2^32 - 1, 2^53 - 1. */
const huge = [
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
]

const kinds: readonly Edit[] = [
  (bytes, _others, draw) => set(bytes, below(bytes.length, draw), below(256, draw)),
  (bytes, _others, draw) => set(bytes, below(bytes.length, draw), sharp[below(sharp.length, draw)] as number),
  (bytes, _others, draw) => {
    const at = below(bytes.length, draw)
    return set(bytes, at, (bytes[at] ?? 0) ^ (1 << below(8, draw)))
  },
  (bytes, _others, draw) => bytes.slice(0, below(bytes.length + 1, draw)),
  (bytes, _others, draw) => spliced(bytes, below(bytes.length, draw), 1 + below(4, draw), []),
  (bytes, _others, draw) =>
    spliced(bytes, below(bytes.length, draw), below(2, draw), [below(256, draw), below(256, draw)]),
  (bytes, _others, draw) => spliced(bytes, below(bytes.length, draw), 1, huge[below(huge.length, draw)] as number[]),
  (bytes, _others, draw) => {
    const from = below(bytes.length, draw)
    return spliced(bytes, below(bytes.length, draw), 0, bytes.slice(from, from + 1 + below(16, draw)))
  },
  (bytes, others, draw) => {
    const other = others[below(others.length, draw)] as Uint8Array
    const from = below(other.length, draw)
    return spliced(bytes, below(bytes.length, draw), below(16, draw), other.slice(from, from + 1 + below(32, draw)))
  },
]

function set(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  if (at < bytes.length) bytes[at] = byte
  return bytes
}

function spliced(bytes: Uint8Array, at: number, remove: number, insert: ArrayLike<number>): Uint8Array {
  const end = Math.min(bytes.length, at + remove)
  const result = new Uint8Array(bytes.length - (end - at) + insert.length)
  result.set(bytes.subarray(0, at))
  result.set(insert, at)
  result.set(bytes.subarray(end), at + insert.length)
  return result
}

function below(bound: number, draw: () => number): number {
  return Math.floor(draw() * bound)
}
