import type { Change } from './change.ts'
import type { AuthorId } from './ids.ts'

/** A change that waits, with its size. */
export interface WaitingChange {
  readonly change: Change
  readonly bytes: number
}

/** Changes that wait at once: each that is merged asks all authors again. */
const maxChanges = 4096

/**
 * Changes whose context is not covered yet, bounded in bytes and number. On overflow a change is dropped: the caller fetches
 * `since(version)` instead, so correctness never depends on the room (C2).
 */
export class WaitingRoom {
  readonly #limitBytes: number
  readonly #byAuthor = new Map<AuthorId, Map<number, WaitingChange>>()
  #changes = 0
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get changes(): number {
    return this.#changes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Authors of whom something waits. */
  authors(): AuthorId[] {
    return [...this.#byAuthor.keys()]
  }

  /** Keeps a change; false when there is no room for it. */
  admit(change: Change, bytes: number): boolean {
    const waiting = this.#byAuthor.get(change.author)
    if (waiting?.has(change.seq)) return true
    if (this.#bytes + bytes > this.#limitBytes || this.#changes >= maxChanges) return false
    if (waiting === undefined) this.#byAuthor.set(change.author, new Map([[change.seq, { change, bytes }]]))
    else waiting.set(change.seq, { change, bytes })
    this.#changes++
    this.#bytes += bytes
    return true
  }

  /** Takes out the change of an author that begins at `seq`, and drops those before it, which are merged by now. */
  take(author: AuthorId, seq: number): WaitingChange | undefined {
    const waiting = this.#byAuthor.get(author)
    if (waiting === undefined) return undefined
    const found = waiting.get(seq)
    if (found !== undefined) this.#remove(waiting, seq)
    else for (const other of waiting.keys()) if (other < seq) this.#remove(waiting, other)
    if (waiting.size === 0) this.#byAuthor.delete(author)
    return found
  }

  #remove(waiting: Map<number, WaitingChange>, seq: number): void {
    this.#changes--
    this.#bytes -= waiting.get(seq)?.bytes ?? 0
    waiting.delete(seq)
  }
}
