import type { AuthorId } from './ids.ts'
import type { Row } from './rows.ts'
import type { Version } from './version.ts'

/**
 * One author in a store: its highest seq, and the recency list of everything of it that is still there, in seq order.
 * The list is the delta log: what a peer lacks is found by walking back from the tail.
 */
export class AuthorSlot {
  readonly id: AuthorId
  /** What rows call it; from 1 on. */
  readonly number: number
  max = 0
  /** The context of its last change that was merged: the next one mostly says little more. */
  context: Version | undefined = undefined
  head: Row = 0
  tail: Row = 0
  /** What a version says of this author: kept for the version that was asked last. */
  #askedOf: Version | undefined = undefined
  #answer = 0

  constructor(id: AuthorId, number: number) {
    this.id = id
    this.number = number
  }

  /** How far a version goes for this author. */
  seqIn(version: Version): number {
    // Items of one merge are mostly of one author, and asked about one version.
    if (this.#askedOf !== version) {
      this.#askedOf = version
      this.#answer = version.get(this.id)
    }
    return this.#answer
  }
}
