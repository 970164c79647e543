import type { LatestRow, WriteQueue } from '../write-queue.ts'

/** What a line asks of a replica. */
interface Ground {
  readonly queue: Pick<WriteQueue, 'pushLatest'>
  batch(run: () => void): void
}

/**
 * Carries out effects in their order, whichever step they come from: what follows on one that has to be on the disk waits
 * until it is there, and rows do not wait for each other. Each state of a row stands for all before: of those that go to the disk at
 * once the last is written.
 */
export class DurableLine<E> {
  readonly #core: Ground
  readonly #rowOf: (effect: E) => LatestRow | undefined
  readonly #carryOut: (effect: E) => void
  /** What waits for the last row that is on its way. */
  #behind: E[] | undefined

  /** `rowOf` says what of an effect has to be on the disk, and undefined for all that is to be carried out. */
  constructor(core: Ground, rowOf: (effect: E) => LatestRow | undefined, carryOut: (effect: E) => void) {
    this.#core = core
    this.#rowOf = rowOf
    this.#carryOut = carryOut
  }

  /** Whether all rows so far are on the disk, and what followed on them is carried out. */
  get isIdle(): boolean {
    return this.#behind === undefined
  }

  push(effects: readonly E[]): void {
    for (const effect of effects) {
      const row = this.#rowOf(effect)
      if (row !== undefined) this.#write(row)
      else if (this.#behind !== undefined) this.#behind.push(effect)
      else this.#carryOut(effect)
    }
  }

  #write(row: LatestRow): void {
    const behind: E[] = []
    this.#behind = behind
    this.#core.queue.pushLatest(row, () =>
      this.#core.batch(() => {
        // Also what comes behind while it is gone through.
        for (const effect of behind) this.#carryOut(effect)
        if (this.#behind === behind) this.#behind = undefined
      }),
    )
  }
}
