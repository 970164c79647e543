import { type Hash64, Hasher, Sum64 } from './hash.ts'
import type { Chunk, ChunkDigest, Element } from './sequence-element.ts'

const hasher: Hasher = new Hasher()

/**
 * The sum over the visible elements of a list: each with its id, its value and the id of the one before it. Costs the
 * chunks that changed since it was last asked, and the number of chunks.
 */
export function sequenceDigest(chunks: readonly Chunk[]): Hash64 {
  const sum = new Sum64()
  let before: Element | undefined
  for (const chunk of chunks) {
    if (chunk.visible === 0) continue
    chunk.digest ??= digestChunk(chunk)
    if (chunk.digest === undefined) continue
    sum.add(chunk.digest.sum)
    sum.add(hashLink(before, chunk.digest.first))
    before = chunk.digest.last
  }
  return sum
}

/** The first visible element is left out of the sum: what stands before it is in another chunk. */
function digestChunk(chunk: Chunk): ChunkDigest | undefined {
  const sum = new Sum64()
  let first: Element | undefined
  let last: Element | undefined
  for (const element of chunk.elements) {
    if (element.value === undefined) continue
    if (first === undefined) first = element
    else sum.add(hashLink(last, element))
    last = element
  }
  return first === undefined || last === undefined ? undefined : { sum, first, last }
}

function hashLink(before: Element | undefined, element: Element): Hash64 {
  hasher.reset().string(element.author).number(element.seq)
  if (before !== undefined) hasher.string(before.author).number(before.seq)
  return hasher.value(element.value ?? null).finish()
}
