/**
 * When the replica that begins epochs looks whether one is due (EP2 of `@rejoin/state`). A fold is sound at any moment; it is a
 * matter of cost, and of having heard of every epoch that anybody is in.
 */
import { beginEpoch } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'

/** How many times in `epochMs` somebody looks: hourly where that is the usual 14 days. */
const looks = 336

/** Looks now and then. One for each document. */
export class EpochPace {
  readonly #epochMs: number
  /** On the monotonic clock, as the next one. */
  readonly #from: number
  #nextAt = 0

  /** `startedAt`: since when this process runs, on the monotonic clock. */
  constructor(epochMs: number, startedAt: number) {
    this.#epochMs = epochMs
    this.#from = startedAt + epochMs
  }

  /** Whether it is time to look. */
  isDue(at: number): boolean {
    if (at < this.#from || at < this.#nextAt) return false
    this.#nextAt = at + this.#epochMs / looks
    return true
  }
}

/**
 * Begins an epoch where enough would go. The record is one row: there after a crash with all that came before it, or not at
 * all, and nobody hears of it before it is there (RI3).
 */
export function beginEpochOf(core: DocumentCore): boolean {
  const { hub, store } = core
  const bundle = beginEpoch(store, hub.limits.epochItems)
  if (bundle === undefined) return false
  core.persistBundle(bundle)
  hub.metrics.epochs += 1
  return true
}
