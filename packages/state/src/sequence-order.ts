import { assert } from './errors.ts'
import type { Chunk, Element } from './sequence-element.ts'

const MAX_CHUNK = 512
const CUT_CHUNK = 256

/**
 * All elements of a list in order, removed ones too, in chunks with counts of the visible ones.
 * Finding by index, the index of an element, the comparison of two and an insertion take microseconds at 100,000 elements.
 */
export class SequenceOrder {
  private readonly chunks: Chunk[] = [{ index: 0, visible: 0, elements: [], digest: undefined }]
  /** Fenwick tree over the visible counts of the chunks; rebuilt when the chunks change. */
  private sums: number[] = [0, 0]
  /** How many elements are visible. */
  visible = 0

  /** Puts new consecutive elements after `before`, which is `undefined` for the start of the list. */
  insertAfter(before: Element | undefined, added: readonly Element[]): void {
    const chunk = before === undefined ? (this.chunks[0] as Chunk) : chunkOf(before)
    this.insert(chunk, before === undefined ? 0 : chunk.elements.indexOf(before) + 1, added)
  }

  /** Puts new consecutive elements before `after`. */
  insertBefore(after: Element, added: readonly Element[]): void {
    const chunk = chunkOf(after)
    this.insert(chunk, chunk.elements.indexOf(after), added)
  }

  /** Counts an element as removed. */
  hide(element: Element): void {
    this.count(chunkOf(element), -1)
  }

  /** What follows an element, or the start of the list, whether visible or not. */
  following(element: Element | undefined): Element | undefined {
    let chunk = element === undefined ? this.chunks[0] : chunkOf(element)
    let at = element === undefined ? 0 : chunkOf(element).elements.indexOf(element) + 1
    while (chunk !== undefined && at >= chunk.elements.length) {
      chunk = this.chunks[chunk.index + 1]
      at = 0
    }
    return chunk?.elements[at]
  }

  /** Below zero where `left` stands before `right`. */
  compare(left: Element, right: Element): number {
    const [leftChunk, rightChunk] = [chunkOf(left), chunkOf(right)]
    if (leftChunk !== rightChunk) return leftChunk.index - rightChunk.index
    return leftChunk.elements.indexOf(left) - leftChunk.elements.indexOf(right)
  }

  /** The visible element at an index, which must lie in 0 .. visible - 1. */
  at(index: number): Element {
    let chunkIndex = 0
    let rest = index
    for (let step = highestBit(this.chunks.length); step > 0; step >>= 1) {
      const sum = this.sums[chunkIndex + step]
      if (sum !== undefined && sum <= rest) {
        chunkIndex += step
        rest -= sum
      }
    }
    for (const element of this.chunks[chunkIndex]?.elements ?? []) {
      if (element.value !== undefined && rest-- === 0) return element
    }
    throw new RangeError(`no element at ${index} of ${this.visible}`)
  }

  /** How many visible elements stand before this one. */
  visibleBefore(element: Element): number {
    const chunk = chunkOf(element)
    let before = 0
    for (let i = chunk.index; i > 0; i -= i & -i) before += this.sums[i] as number
    for (const other of chunk.elements) {
      if (other === element) break
      if (other.value !== undefined) before++
    }
    return before
  }

  /** All elements in order. */
  *elements(): Generator<Element, void, undefined> {
    for (const chunk of this.chunks) yield* chunk.elements
  }

  /** The chunks in order, for loops that must be fast. */
  get pieces(): readonly Chunk[] {
    return this.chunks
  }

  private insert(chunk: Chunk, at: number, added: readonly Element[]): void {
    const elements = chunk.elements
    for (const element of added) element.chunk = chunk
    if (added.length === 1) {
      if (at === elements.length) elements.push(added[0] as Element)
      else elements.splice(at, 0, added[0] as Element)
    } else if (elements.length + added.length <= MAX_CHUNK) {
      elements.splice(at, 0, ...added)
    } else {
      chunk.elements = [...elements.slice(0, at), ...added, ...elements.slice(at)]
    }
    this.count(chunk, visibleOf(added))
    if (chunk.elements.length > MAX_CHUNK) this.cut(chunk)
  }

  private count(chunk: Chunk, by: number): void {
    this.visible += by
    chunk.visible += by
    chunk.digest = undefined
    const sums = this.sums
    for (let i = chunk.index + 1; i < sums.length; i += i & -i) sums[i] = (sums[i] as number) + by
  }

  /** Cuts a full chunk into smaller ones. Costs the number of chunks, once in about 256 insertions. */
  private cut(chunk: Chunk): void {
    const pieces: Chunk[] = []
    for (let at = 0; at < chunk.elements.length; at += CUT_CHUNK) {
      const elements = chunk.elements.slice(at, at + CUT_CHUNK)
      const piece: Chunk = { index: 0, visible: visibleOf(elements), elements, digest: undefined }
      for (const element of elements) element.chunk = piece
      pieces.push(piece)
    }
    const rest = this.chunks.splice(chunk.index).slice(1)
    for (const piece of pieces) this.chunks.push(piece)
    for (const piece of rest) this.chunks.push(piece)
    this.rebuildSums(chunk.index)
  }

  private rebuildSums(firstMoved: number): void {
    const size = this.chunks.length
    for (let i = firstMoved; i < size; i++) (this.chunks[i] as Chunk).index = i
    const sums = new Array<number>(size + 1).fill(0)
    for (let i = 1; i <= size; i++) {
      sums[i] = (sums[i] as number) + (this.chunks[i - 1] as Chunk).visible
      const above = i + (i & -i)
      if (above <= size) sums[above] = (sums[above] as number) + (sums[i] as number)
    }
    this.sums = sums
  }
}

function chunkOf(element: Element): Chunk {
  assert(element.chunk !== undefined, 'an element of the list stands in a chunk')
  return element.chunk
}

function visibleOf(elements: readonly Element[]): number {
  let visible = 0
  for (const element of elements) if (element.value !== undefined) visible++
  return visible
}

function highestBit(value: number): number {
  return 1 << (31 - Math.clz32(value))
}
