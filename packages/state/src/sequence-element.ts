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
}

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
  firstLeft: Element | undefined = undefined
  firstRight: Element | undefined = undefined
  nextSibling: Element | undefined = undefined

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

/** The first element of the subtree, going left all the way. */
export function firstInSubtree(element: Element): Element {
  let first = element
  while (first.firstLeft !== undefined) first = first.firstLeft
  return first
}

/** The last element of the subtree, going right all the way. */
export function lastInSubtree(element: Element): Element {
  let last = element
  for (let child = last.firstRight; child !== undefined; child = last.firstRight) {
    while (child.nextSibling !== undefined) child = child.nextSibling
    last = child
  }
  return last
}
