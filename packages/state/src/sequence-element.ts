import type { Hash64 } from './hash.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Value } from './plain-value.ts'

/** Where an element hangs in the tree of a list; decided at its insertion, the same everywhere, for ever. */
export interface Place {
  /** `undefined` is the root, which stands before everything. */
  readonly parent: Dot | undefined
  /** Left children stand before their parent, right children after it. The root has no left children. */
  readonly side: 'left' | 'right'
  /** Of a right child: what followed the parent when it was inserted; `undefined` is the end. Absent in left children. */
  readonly rightOrigin: Dot | undefined
}

/** A piece of consecutive elements of the list. */
export interface Chunk {
  index: number
  visible: number
  elements: Element[]
  /** What the digest of the list needs to know of it; forgotten when the chunk changes. */
  digest: ChunkDigest | undefined
}

/** The sum over the visible elements of a chunk, each with the one before it, and the two that stand at its ends. */
export interface ChunkDigest {
  readonly sum: Hash64
  readonly first: Element
  readonly last: Element
}

/** The children on one side, in order. Mostly there is one; more come from concurrent insertions. */
export type Children = Element | Element[] | undefined

/** One element of a list, with its links in the tree. */
export class Element {
  readonly author: AuthorId
  readonly seq: number
  /** `undefined` once it is removed: the content goes, the place stays. */
  value: Value | undefined
  /** `undefined` only in the root. */
  readonly parent: Element | undefined
  readonly isRight: boolean
  readonly rightOrigin: Element | undefined
  chunk: Chunk | undefined = undefined
  lefts: Children = undefined
  rights: Children = undefined

  constructor(
    author: AuthorId,
    seq: number,
    value: Value | undefined,
    parent: Element | undefined,
    isRight: boolean,
    rightOrigin: Element | undefined,
  ) {
    this.author = author
    this.seq = seq
    this.value = value
    this.parent = parent
    this.isRight = isRight
    this.rightOrigin = rightOrigin
  }
}

/** What the next element of a run has as right origin: all of a run have the same element on their right. */
export function continuedRightOrigin(element: Element): Element | undefined {
  return element.isRight ? element.rightOrigin : element.parent
}

/** Whether `element` stands to `before` as one element of a run to the one before it. */
export function continues(element: Element, before: Element): boolean {
  return (
    element.parent === before &&
    element.isRight &&
    element.author === before.author &&
    element.seq === before.seq + 1 &&
    element.rightOrigin === continuedRightOrigin(before)
  )
}

/** Order of ids: by author, then seq. */
export function compareIds(left: Element, right: Element): number {
  if (left.author !== right.author) return left.author < right.author ? -1 : 1
  return left.seq - right.seq
}

/** The child that stands first. */
export function firstChild(children: Children): Element | undefined {
  return Array.isArray(children) ? children[0] : children
}

/** The child that stands last. */
export function lastChild(children: Children): Element | undefined {
  return Array.isArray(children) ? children[children.length - 1] : children
}
