import { assert } from './errors.ts'
import type { Hash64 } from './hash.ts'
import type { AuthorId, Dot } from './ids.ts'
import type { Value } from './plain-value.ts'
import { sequenceDigest } from './sequence-digest.ts'
import {
  type Chunk,
  compareIds,
  continuedRightOrigin,
  continues,
  Element,
  firstChild,
  lastChild,
  type Place,
} from './sequence-element.ts'
import { SequenceOrder } from './sequence-order.ts'

export type { Place } from './sequence-element.ts'

/** Elements inserted together: element i has the id (author, seq + i) and is the right child of the one before it. */
export interface InsertRun {
  readonly id: Dot
  /** Of the first element; the others have the same element on their right. */
  readonly place: Place
  readonly values: readonly Value[]
}

/** A run as it is kept: `undefined` stands where an element was removed and only its place is left. */
export interface StoredRun {
  readonly id: Dot
  readonly place: Place
  readonly values: readonly (Value | undefined)[]
}

/** One element with its place. */
export interface PlacedElement {
  readonly id: Dot
  readonly place: Place
  readonly removed: boolean
  readonly value: Value | undefined
}

/**
 * The order of one list: FugueMax (Weidner and Kleppmann, The Art of the Fugue). Elements form a tree whose in-order
 * walk is the list; an element's place in it is chosen once, by whoever inserts it.
 *
 * Replicas that know the same elements have them in the same order, in whatever causal order they came. Runs typed at
 * the same place by several replicas never interleave, whether typed forward or backward. A removed element loses its
 * content and keeps its place; removal is for good.
 *
 * Invariants:
 * 1. `order` is the in-order walk of the tree: left children by id, the element, right children by descending right
 *    origin and then id.
 * 2. A new element is a leaf: it stands next to its parent or to the subtree of a sibling.
 * 3. `arrivals` has each element after its parent and its right origin.
 */
export class Sequence {
  private readonly root: Element = new Element('' as AuthorId, 0, undefined, undefined, true, undefined)
  private readonly order = new SequenceOrder()
  private readonly byAuthor = new Map<AuthorId, Map<number, Element>>()
  private readonly arrivals: Element[] = []
  /** The piece that `recheck` comes to next. */
  private nextPiece = 0

  /** How many elements are visible. */
  get length(): number {
    return this.order.visible
  }

  /** How many elements are known, removed ones too. */
  get size(): number {
    return this.arrivals.length
  }

  /** The value at an index; `undefined` outside of the list. */
  get(index: number): Value | undefined {
    return this.isIndex(index) ? this.order.at(index).value : undefined
  }

  /** The id of the element at an index. @throws RangeError outside of the list. */
  idAt(index: number): Dot {
    if (!this.isIndex(index)) throw new RangeError(`no element at ${index} of ${this.length}`)
    return idOf(this.order.at(index))
  }

  /** Where an element stands among the visible ones; -1 where it is removed or unknown. */
  indexOf(id: Dot): number {
    const element = this.find(id.author, id.seq)
    return element === undefined || element.value === undefined ? -1 : this.order.visibleBefore(element)
  }

  /** Whether the element was ever inserted here, removed or not. */
  knows(id: Dot): boolean {
    return this.find(id.author, id.seq) !== undefined
  }

  /** Whether everything that a run's place names is known, and the place is a possible one. */
  canApply(run: StoredRun): boolean {
    const { parent, rightOrigin, side } = run.place
    if (side === 'left' && (parent === undefined || rightOrigin !== undefined)) return false
    if (parent !== undefined && !this.knows(parent)) return false
    return rightOrigin === undefined || this.knows(rightOrigin)
  }

  /**
   * Inserts new values so that the first gets the given index, and returns the run that tells others.
   * @throws RangeError where the index lies outside of 0 .. length or there is nothing to insert.
   */
  insertAt(index: number, id: Dot, values: readonly Value[]): InsertRun {
    if (!(index === this.length || this.isIndex(index)) || values.length === 0) {
      throw new RangeError(`${values.length} values at ${index} of ${this.length}`)
    }
    const run = { id, place: this.placeAt(index), values }
    this.applyRun(run)
    return run
  }

  /**
   * Takes in a run of another replica. Elements already known are skipped; where the run says that one was removed, it
   * is removed here too.
   * @returns how many elements were new.
   */
  applyRun(run: StoredRun): number {
    assert(this.canApply(run), 'the place of a run is known before the run')
    const { author, seq } = run.id
    let applied = 0
    let at = 0
    while (at < run.values.length) {
      const known = this.find(author, seq + at)
      if (known !== undefined) {
        if (run.values[at] === undefined) this.removeElement(known)
        at++
        continue
      }
      const end = this.unknownUntil(run, at)
      this.insertUnknown(run, at, end)
      applied += end - at
      at = end
    }
    return applied
  }

  /** Removes an element for good. @returns whether it was visible. */
  remove(id: Dot): boolean {
    const element = this.find(id.author, id.seq)
    return element !== undefined && this.removeElement(element)
  }

  /** The visible values in order. */
  toArray(): Value[] {
    const values: Value[] = []
    for (const chunk of this.order.pieces) {
      for (const element of chunk.elements) if (element.value !== undefined) values.push(element.value)
    }
    return values
  }

  /** The visible values in order, one at a time. The list must not change meanwhile. */
  *values(): Generator<Value, void, undefined> {
    for (const element of this.order.elements()) if (element.value !== undefined) yield element.value
  }

  /** The ids of the visible elements in order. The list must not change meanwhile. */
  *ids(): Generator<Dot, void, undefined> {
    for (const element of this.order.elements()) if (element.value !== undefined) yield idOf(element)
  }

  /** A sum that tells the visible elements, their values and their order; the same wherever those are. */
  digest(): Hash64 {
    return sequenceDigest(this.order.pieces)
  }

  /** Lets the next digest work out anew what about as many elements hold. Calls in turn come past all. */
  recheck(elements: number): void {
    const { pieces } = this.order
    for (let left = elements, visited = 0; left > 0 && visited < pieces.length; visited++) {
      const piece = pieces[this.nextPiece % pieces.length] as Chunk
      this.nextPiece = (this.nextPiece + 1) % pieces.length
      piece.digest = undefined
      left -= piece.elements.length
    }
  }

  /** All elements, removed ones too, each after its parent and its right origin. */
  *places(): Generator<PlacedElement, void, undefined> {
    for (const element of this.arrivals) {
      const { value } = element
      yield { id: idOf(element), place: placeOf(element), removed: value === undefined, value }
    }
  }

  /**
   * The elements that `wanted` picks, as few runs as their places allow, in an order in which they can be applied one
   * after another (given that the receiver has those that were not picked).
   */
  *runs(wanted: (author: AuthorId, seq: number) => boolean = () => true): Generator<StoredRun, void, undefined> {
    let run: Element[] = []
    for (const element of this.arrivals) {
      if (!wanted(element.author, element.seq)) continue
      const last = run[run.length - 1]
      if (last !== undefined && !continues(element, last)) {
        yield storedRun(run)
        run = []
      }
      run.push(element)
    }
    if (run.length > 0) yield storedRun(run)
  }

  private find(author: AuthorId, seq: number): Element | undefined {
    return this.byAuthor.get(author)?.get(seq)
  }

  private isIndex(index: number): boolean {
    return Number.isInteger(index) && index >= 0 && index < this.length
  }

  /** Rule of FugueMax: the right child of what stands before, or if that has right children, a left child of what follows. */
  private placeAt(index: number): Place {
    const before = index === 0 ? undefined : this.order.at(index - 1)
    const following = this.order.following(before)
    const followingId = following === undefined ? undefined : idOf(following)
    if ((before ?? this.root).rights === undefined) {
      return { parent: before === undefined ? undefined : idOf(before), side: 'right', rightOrigin: followingId }
    }
    return { parent: followingId, side: 'left', rightOrigin: undefined }
  }

  private unknownUntil(run: StoredRun, from: number): number {
    const known = this.byAuthor.get(run.id.author)
    let end = from + 1
    while (end < run.values.length && known?.has(run.id.seq + end) !== true) end++
    return end
  }

  /** Inserts the elements from .. end - 1 of a run, none of which is known. */
  private insertUnknown(run: StoredRun, from: number, end: number): void {
    const first = this.firstOf(run, from)
    const added = [first]
    for (let i = from + 1, before = first; i < end; i++) {
      const next = new Element(first.author, run.id.seq + i, run.values[i], before, true, continuedRightOrigin(before))
      before.rights = next
      added.push(next)
      before = next
    }
    this.link(first, added)
    this.register(added)
  }

  private firstOf(run: StoredRun, index: number): Element {
    const { author, seq } = run.id
    if (index > 0) {
      const before = this.find(author, seq + index - 1) as Element
      return new Element(author, seq + index, run.values[index], before, true, continuedRightOrigin(before))
    }
    const { parent, side, rightOrigin } = run.place
    return new Element(
      author,
      seq,
      run.values[0],
      parent === undefined ? this.root : this.find(parent.author, parent.seq),
      side === 'right',
      rightOrigin === undefined ? undefined : this.find(rightOrigin.author, rightOrigin.seq),
    )
  }

  /** Hangs an element among its siblings and puts it, with those that follow it in its run, where that is in the list. */
  private link(element: Element, added: readonly Element[]): void {
    const parent = element.parent as Element
    const children = element.isRight ? parent.rights : parent.lefts
    let siblings: Element | Element[] = element
    let before: Element | undefined
    let after: Element | undefined
    if (children !== undefined) {
      siblings = Array.isArray(children) ? children : [children]
      const at = this.siblingIndex(siblings, element)
      before = siblings[at - 1]
      after = siblings[at]
      siblings.splice(at, 0, element)
    }
    if (element.isRight) {
      parent.rights = siblings
      if (before === undefined) this.order.insertAfter(parent === this.root ? undefined : parent, added)
      else this.insertBetween(before, after, added)
    } else {
      parent.lefts = siblings
      if (after === undefined) this.order.insertBefore(parent, added)
      else this.insertBetween(before, after, added)
    }
  }

  private siblingIndex(siblings: readonly Element[], element: Element): number {
    let low = 0
    let high = siblings.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.compareSiblings(siblings[middle] as Element, element) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /**
   * Puts new elements after the subtree of one sibling or, which is the same place, before that of the next: whichever
   * end is nearer, so that a deep subtree on one side costs nothing.
   */
  private insertBetween(before: Element | undefined, after: Element | undefined, added: readonly Element[]): void {
    let last = before
    let first = after
    for (;;) {
      if (last !== undefined) {
        const next = lastChild(last.rights)
        if (next === undefined) {
          this.order.insertAfter(last, added)
          return
        }
        last = next
      }
      if (first !== undefined) {
        const next = firstChild(first.lefts)
        if (next === undefined) {
          this.order.insertBefore(first, added)
          return
        }
        first = next
      }
    }
  }

  /** Right siblings: the one whose right origin stands further right comes first. Otherwise, and on a tie, by id. */
  private compareSiblings(left: Element, right: Element): number {
    if (left.rightOrigin === right.rightOrigin) return compareIds(left, right)
    if (left.rightOrigin === undefined) return -1
    if (right.rightOrigin === undefined) return 1
    return this.order.compare(right.rightOrigin, left.rightOrigin)
  }

  private register(added: readonly Element[]): void {
    const author = (added[0] as Element).author
    let known = this.byAuthor.get(author)
    if (known === undefined) {
      known = new Map()
      this.byAuthor.set(author, known)
    }
    for (const element of added) {
      known.set(element.seq, element)
      this.arrivals.push(element)
    }
  }

  private removeElement(element: Element): boolean {
    if (element.value === undefined) return false
    element.value = undefined
    this.order.hide(element)
    return true
  }
}

function idOf(element: Element): Dot {
  return { author: element.author, seq: element.seq }
}

function placeOf(element: Element): Place {
  const { parent, isRight, rightOrigin } = element
  const isUnderRoot = parent === undefined || parent.parent === undefined
  return {
    parent: isUnderRoot ? undefined : idOf(parent),
    side: isRight ? 'right' : 'left',
    rightOrigin: rightOrigin === undefined ? undefined : idOf(rightOrigin),
  }
}

function storedRun(run: readonly Element[]): StoredRun {
  const first = run[0] as Element
  return { id: idOf(first), place: placeOf(first), values: run.map((element) => element.value) }
}
