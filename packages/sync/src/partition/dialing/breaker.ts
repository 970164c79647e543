/**
 * A circuit breaker for each address (Nygard, Release It!): `closed` while all is well, `open` for a while after failures in
 * a row, then `half-open`: one attempt shows whether it closes again.
 *
 * Invariant: it chooses among routes and never takes away the last one. Who is below the least number of links, or has no
 * other address of a peer, tries all the same.
 */
/** When breakers open, and for how long. */
export interface BreakerOptions {
  /** Failures in a row that open it: 1 to 100. Default 5. */
  readonly threshold?: number
  /** First time that it stays open, milliseconds; it doubles each time the trial fails. Default 30 s. */
  readonly openMs?: number
  /** Greatest time that it stays open, milliseconds. Default 15 min. */
  readonly capMs?: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** What came of an attempt. `now` is of a monotonic clock, milliseconds. */
export type BreakerInput = { readonly kind: 'ok' | 'failed'; readonly key: string; readonly now: number }
/** `open`: not to be tried for now; `half-open`: one attempt may show whether it closes. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** Breakers of all addresses, by key. */
export interface Breaker {
  step(input: BreakerInput): void
  stateOf(key: string, now: number): BreakerState
  /** Those of some addresses to try now, in their order. A half-open one that is among them is on trial until its result. */
  admit(keys: readonly string[], when: { readonly isBelowMin: boolean; readonly now: number }): readonly string[]
}

/** What is wrong with the numbers of a breaker, in words; undefined where nothing is. */
export function breakerFault({
  threshold = 5,
  openMs = 30_000,
  capMs = 900_000,
}: Partial<BreakerOptions>): string | undefined {
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > 100)
    return 'A breaker opens after 1 to 100 failures in a row.'
  if (!(openMs >= 100 && capMs >= openMs && capMs <= 86_400_000))
    return 'A breaker stays open for 100 ms at least, and for a cap from there to a day (86400000 ms) at most.'
  return undefined
}

/** Addresses that fail, of which something is kept. The one that failed first is dropped for one more. */
export const mostBroken = 4096

interface Broken {
  failures: number
  /** How often it opened in a row. */
  openings: number
  reopensAt: number
  trialAt: number
}

/** Makes a breaker in which all is closed. */
export function createBreaker(options: BreakerOptions): Breaker {
  const { threshold = 5, openMs = 30_000, capMs = 900_000, random } = options
  const broken = new Map<string, Broken>()

  const fail = (key: string, now: number): void => {
    const entry = broken.get(key) ?? { failures: 0, openings: 0, reopensAt: now, trialAt: Number.NEGATIVE_INFINITY }
    if (!broken.has(key) && broken.size >= mostBroken) broken.delete(broken.keys().next().value as string)
    broken.set(key, entry)
    entry.failures += 1
    entry.trialAt = Number.NEGATIVE_INFINITY
    // An attempt that was made although it is open says nothing about the trial.
    if (entry.failures < threshold || now < entry.reopensAt) return
    const openFor = Math.min(capMs, openMs * 2 ** Math.min(entry.openings, 30))
    entry.openings += 1
    entry.reopensAt = now + openFor * (0.8 + 0.4 * random())
  }
  const stateOf = (key: string, now: number): BreakerState => {
    const entry = broken.get(key)
    if (entry === undefined || entry.failures < threshold) return 'closed'
    return now < entry.reopensAt ? 'open' : 'half-open'
  }
  const mayTry = (key: string, now: number): boolean => {
    const state = stateOf(key, now)
    if (state !== 'half-open') return state === 'closed'
    // A trial whose result never comes does not keep the address shut for good.
    return now - (broken.get(key) as Broken).trialAt >= openMs
  }

  return {
    stateOf,
    step: ({ kind, key, now }) => {
      if (kind === 'ok') broken.delete(key)
      else fail(key, now)
    },
    admit: (keys, { isBelowMin, now }) => {
      const closed = keys.filter((key) => mayTry(key, now))
      const admitted = isBelowMin || closed.length === 0 ? keys : closed
      for (const key of admitted) if (stateOf(key, now) === 'half-open') (broken.get(key) as Broken).trialAt = now
      return admitted
    },
  }
}
