import type { Verdict } from './verdict-machine.ts'

/** One-way links by how long they have seemed so: a row of somebody who is gone says that all is well until it is stale. */
export class OneWayProof {
  /** When the next one may be proved; set back by who looks. */
  wakeAt: number = Number.POSITIVE_INFINITY
  readonly #staleAfterMs: number
  /** Since when each seems to work one way only. */
  readonly #since = new Map<string, number>()

  constructor(staleAfterMs: number) {
    this.#staleAfterMs = staleAfterMs
  }

  /** A verdict without those that are not proved yet. */
  proved(verdict: Verdict, now: number): Verdict {
    if (verdict.oneWay.length + this.#since.size === 0) return verdict
    const named = new Map(verdict.oneWay.map((pair) => [`${pair.from}\n${pair.to}`, pair]))
    for (const key of this.#since.keys()) if (!named.has(key)) this.#since.delete(key)
    const oneWay = [...named].flatMap(([key, pair]) => {
      const since = this.#since.get(key) ?? now
      this.#since.set(key, since)
      const provedAt = since + this.#staleAfterMs
      if (now >= provedAt) return [pair]
      this.wakeAt = Math.min(this.wakeAt, provedAt)
      return []
    })
    return { ...verdict, oneWay }
  }
}
