import type { Verdict } from './verdict-machine.ts'

/** By so much later than the other end may one find that a link is silent, at most, milliseconds. */
const laterMs = 10_000

/**
 * One-way links by how long they have seemed so. Whoever says that it hears the other end is believed soon where this side reaches it;
 * otherwise it may be gone, and its row says that all is well until it is stale.
 */
export class OneWayProof {
  /** When the next one may be proved; set back by who looks. */
  wakeAt: number = Number.POSITIVE_INFINITY
  readonly #staleAfterMs: number
  /** Since when each seems to work one way only. */
  #since: ReadonlyMap<string, number> = new Map()

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs
  }

  /** A verdict without those that are not proved yet. */
  proved(verdict: Verdict, now: number): Verdict {
    const before = this.#since
    if (verdict.oneWay.length + before.size === 0) return verdict
    const begun = new Map<string, number>()
    this.#since = begun
    const oneWay = verdict.oneWay.filter(({ from, to }) => {
      const key = `${from}\n${to}`
      const since = before.get(key) ?? now
      begun.set(key, since)
      const provedAt = since + (verdict.sides[0]?.includes(to) ? laterMs : this.#staleAfterMs)
      if (now < provedAt) this.wakeAt = Math.min(this.wakeAt, provedAt)
      return now >= provedAt
    })
    return { ...verdict, oneWay }
  }
}
