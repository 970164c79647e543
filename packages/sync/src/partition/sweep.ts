/** How many machines are stepped in a millisecond at most: about a thirtieth of the time. */
const pace = 100

/**
 * When to step all of very many machines because one of them wants it: no oftener than they are few, and without asking each of them
 * when. Those that are late by it see for themselves what time it is.
 */
export class Sweep {
  #dueAt = Number.POSITIVE_INFINITY
  #notBefore = Number.NEGATIVE_INFINITY

  get wakeAt(): number | undefined {
    return this.#dueAt === Number.POSITIVE_INFINITY ? undefined : Math.max(this.#dueAt, this.#notBefore)
  }

  /** A machine was stepped. */
  wants({ wakeAt }: { readonly wakeAt: number | undefined }): void {
    if (wakeAt !== undefined && wakeAt < this.#dueAt) this.#dueAt = wakeAt
  }

  /** Whether all `count` are to be stepped now; each says then what it `wants`. */
  begin(count: number, now: number): boolean {
    if (now < this.#notBefore) return false
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#notBefore = now + count / pace
    return true
  }
}
