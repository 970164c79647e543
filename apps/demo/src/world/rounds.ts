/**
 * What it took to agree: rounds, messages and bytes since the sea last agreed or a storm lifted.
 *
 * A round is one hop of news: a boat carries the depth of its sender plus one, an island takes the greatest depth it
 * has been brought. The depth at agreement is the longest chain of boats that the news needed.
 */
import type { SealFrame } from '../frame.ts'

export class Rounds {
  #digests: string[] = ['', '', '', '', '']
  #depth = [0, 0, 0, 0, 0]
  #messages = 0
  #bytes = 0
  #since = 0
  #agreed = true
  #shown: SealFrame = { converged: true, digests: 1, since: 0, rounds: 0, messages: 0, bytes: 0 }
  readonly #cargo = new Map<number, number>()

  get seal(): SealFrame {
    return this.#shown
  }

  /** A boat with changes leaves. */
  sent(id: number, from: number): void {
    this.#cargo.set(id, this.#depth[from] ?? 0)
  }

  /** It lands. */
  arrived(id: number, to: number, bytes: number): void {
    const depth = this.#cargo.get(id)
    if (depth === undefined) return
    this.#cargo.delete(id)
    if (this.#agreed) return
    this.#messages += 1
    this.#bytes += bytes
    this.#depth[to] = Math.max(this.#depth[to] ?? 0, depth + 1)
  }

  sunk(id: number): void {
    this.#cargo.delete(id)
  }

  /** A storm lifted: what follows is the heal, counted from here. */
  lifted(at: number): void {
    if (!this.#agreed) this.#begin(at)
  }

  /** An island's state is another one. Answers the seal when this made the sea agree. */
  state(seat: number, digest: string, at: number): SealFrame | undefined {
    if (this.#agreed) this.#begin(at)
    this.#digests[seat] = digest
    const count = new Set(this.#digests).size
    if (count > 1) {
      this.#agreed = false
      this.#shown = { converged: false, digests: count, since: this.#since, rounds: 0, messages: 0, bytes: 0 }
      return undefined
    }
    if (this.#agreed) return undefined
    this.#agreed = true
    this.#shown = {
      converged: true,
      digests: 1,
      since: at,
      rounds: Math.max(...this.#depth),
      messages: this.#messages,
      bytes: this.#bytes,
    }
    return this.#shown
  }

  /** Sets the starting point: all islands agree. */
  start(digest: string): void {
    this.#digests = this.#digests.map(() => digest)
  }

  get startedAt(): number {
    return this.#since
  }

  #begin(at: number): void {
    this.#since = at
    this.#depth = [0, 0, 0, 0, 0]
    this.#messages = 0
    this.#bytes = 0
  }
}
