/**
 * The books of a mixed schedule of the store model: who hears whom, what of whom is durable, who still counts, and how high
 * floors may be.
 *
 * 1. Whoever counts has on its disk all that lies below any floor, the records of epochs aside: it is never sent the whole
 *    state. Who is put back to an older copy, or lacks some of the cut of an epoch, counts no more.
 * 2. No floor is higher than those who may free removal records have raised theirs. It travels, and nobody adds to it.
 * 3. Whoever does not count any more may go on writing for as long as it likes, and counts again once its disk has all
 *    that lies below any floor.
 */
import type { RandomStream } from '@rejoin/sim'
import { type AuthorId, Version } from '@rejoin/state'
import type { Tally } from './store-model.ts'

export class Members {
  readonly #tally: Tally
  #groups: number[] = []
  readonly #evicted = new Set<number>()
  /** What each has on its disk; of the first store that is all it has. */
  readonly #durable = new Map<number, Version>()
  readonly #epochs: (readonly [AuthorId, number])[] = []
  #highest = Version.empty

  constructor(tally: Tally) {
    this.#tally = tally
  }

  /** Draws who hears whom: all, or groups of any size. */
  partition(random: RandomStream, stores: number): void {
    const groups = random.chance(0.35) ? 1 : 2 + random.int(2)
    if (groups > 1) this.#tally.partitions += 1
    this.#groups = Array.from({ length: stores }, () => random.int(groups))
  }

  hear(from: number, to: number): boolean {
    return (this.#groups[from] ?? 0) === (this.#groups[to] ?? 0)
  }

  counts(at: number): boolean {
    return !this.#evicted.has(at)
  }

  evict(at: number): void {
    if (this.#evicted.has(at)) return
    this.#evicted.add(at)
    this.#tally.evictions += 1
  }

  /** A store has all of this on its disk. */
  isDurable(at: number, version: Version): void {
    this.#durable.set(at, version)
    if (!this.#evicted.has(at) || !this.#lacksNothing(version)) return
    this.#evicted.delete(at)
    this.#tally.returns += 1
  }

  /** A store has an older copy on its disk than it had acknowledged. */
  wasPutBack(at: number, version: Version): void {
    this.#durable.set(at, version)
    this.#tally.restored += 1
    this.evict(at)
  }

  /** What everybody who counts has on its disk; the first store has all that it knows. */
  stable(ofFirst: Version, stores: number): Version {
    let stable = ofFirst
    for (let at = 1; at < stores; at += 1) {
      if (this.counts(at)) stable = stable.meet(this.#durable.get(at) ?? Version.empty)
    }
    return stable
  }

  /** Somebody who may has raised its floor to this. */
  allowed(floor: Version): void {
    this.#highest = this.#highest.merge(floor)
  }

  /** An epoch began: who lacks some of its cut is sent the whole state. */
  epochBegan(author: AuthorId, cut: Version, stores: number): void {
    this.#epochs.push([author, 1])
    this.#highest = this.#highest.merge(cut)
    for (let at = 1; at < stores; at += 1) {
      if (!this.#lacksNothing(this.#durable.get(at) ?? Version.empty)) this.evict(at)
    }
  }

  /** What is wrong with the floor of a store, in words. */
  floorFault(floor: Version): string | undefined {
    if (this.#highest.patched(this.#epochs).covers(floor)) return undefined
    return `its floor ${floor.describe()} is above ${this.#highest.describe()}, which is all that was allowed`
  }

  #lacksNothing(version: Version): boolean {
    return version.patched(this.#epochs).covers(this.#highest)
  }
}
