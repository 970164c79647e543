import type { Change } from './change.ts'

/**
 * Changes whose context is not covered yet, bounded in bytes. On overflow a change is dropped: the caller fetches
 * `since(version)` instead, so correctness never depends on the room (C2).
 */
export class WaitingRoom {
  readonly #limitBytes: number
  #waiting: { readonly change: Change; readonly bytes: number }[] = []
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get changes(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Keeps a change; false when there is no room for it. */
  admit(change: Change, bytes: number): boolean {
    if (this.#bytes + bytes > this.#limitBytes) return false
    if (this.#waiting.some(({ change: other }) => other.author === change.author && other.seq === change.seq))
      return true
    this.#waiting.push({ change, bytes })
    this.#bytes += bytes
    return true
  }

  /** Takes out everything that waits; what still cannot be applied is admitted again. */
  drain(): readonly { readonly change: Change; readonly bytes: number }[] {
    const waiting = this.#waiting
    this.#waiting = []
    this.#bytes = 0
    return waiting
  }
}
