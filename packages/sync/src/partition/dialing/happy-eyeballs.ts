/**
 * Several addresses of one peer, tried in a staggered race (RFC 8305, Happy Eyeballs Version 2): the next one starts when
 * the one before has failed, or has not finished its handshake within the attempt delay. The first to finish wins, the rest are
 * hung up.
 */
import { type AddressRecord, addressKey } from './address.ts'
import type { DialBudget } from './dial-budget.ts'

/** Who runs, and at what pace. */
export interface RaceOptions {
  /** In the order of `raceOrder`. */
  readonly addresses: readonly AddressRecord[]
  /** Between one attempt and the next, milliseconds: 100 to 2,000 (RFC 8305, section 5). Default 250. */
  readonly delayMs?: number
  /** What attempts after the first are counted in; the first was paid for by whoever began the race. */
  readonly budget: DialBudget
}

/** What a race hears. `now` is of a monotonic clock, milliseconds; keys are those of `addressKey`. */
export type RaceInput =
  | { readonly kind: 'start' | 'tick'; readonly now: number }
  /** The handshake is complete there: whoever answers has said and shown who it is. */
  | { readonly kind: 'succeeded'; readonly key: string; readonly now: number }
  | { readonly kind: 'failed'; readonly key: string; readonly now: number }
  | { readonly kind: 'stop' }

/** What is to be done about one of its attempts; `won` and `lost` come once, at its end. */
export type RaceEffect =
  | { readonly kind: 'attempt' | 'hangUp' | 'won'; readonly key: string }
  /** All have failed. */
  | { readonly kind: 'lost' }

/** The attempts at one peer, until one succeeds. */
export interface Race {
  step(input: RaceInput): RaceEffect[]
  /** What was won, or `lost`, `stopped`; undefined while it goes on. */
  readonly outcome: { readonly won: string } | 'lost' | 'stopped' | undefined
  readonly wakeAt: number | undefined
}

/**
 * The order in which to try addresses: what worked last comes first, then one of each transport in turn, so that one that is
 * blocked costs one delay and not one for each of its addresses (RFC 8305, section 4).
 */
export function raceOrder(addresses: readonly AddressRecord[]): AddressRecord[] {
  if (addresses.length === 1) return [...addresses]
  const byUse = [...addresses].sort((a, b) => (b.lastOk ?? -1) - (a.lastOk ?? -1) || a.failures - b.failures)
  const byTransport = new Map<string, AddressRecord[]>()
  for (const at of byUse) byTransport.set(at.transport, [...(byTransport.get(at.transport) ?? []), at])
  const columns = [...byTransport.values()]
  return byUse.flatMap((_, row) => columns.flatMap((column) => column[row] ?? []))
}

/** Makes a race; it begins with `start`. */
export function createRace({ addresses, delayMs = 250, budget }: RaceOptions): Race {
  const waiting = addresses.map(addressKey)
  const running = new Set<string>()
  let outcome: Race['outcome']
  let nextAt = 0
  let hasBegun = false

  const attempt = (now: number): RaceEffect[] => {
    const key = waiting.shift() as string
    running.add(key)
    nextAt = now + delayMs
    return [{ kind: 'attempt', key }]
  }
  const goOn = (now: number): RaceEffect[] => {
    if (waiting.length === 0) {
      if (running.size > 0) return []
      outcome = 'lost'
      return [{ kind: 'lost' }]
    }
    if (now < nextAt) return []
    nextAt = budget.nextAt(now)
    if (now < nextAt) return []
    budget.spend(now)
    return attempt(now)
  }
  const hangUpAll = (): RaceEffect[] => {
    const effects = [...running].map((key): RaceEffect => ({ kind: 'hangUp', key }))
    running.clear()
    waiting.length = 0
    return effects
  }

  return {
    get outcome(): Race['outcome'] {
      return outcome
    },
    get wakeAt(): number | undefined {
      return hasBegun && outcome === undefined && waiting.length > 0 ? nextAt : undefined
    },
    step: (input) => {
      if (outcome !== undefined) {
        // It finished while it was being hung up.
        return input.kind === 'succeeded' && !isWinner(outcome, input.key) ? [{ kind: 'hangUp', key: input.key }] : []
      }
      switch (input.kind) {
        case 'start':
          if (hasBegun) return []
          hasBegun = true
          return waiting.length === 0 ? goOn(input.now) : attempt(input.now)
        case 'tick':
          return hasBegun ? goOn(input.now) : []
        case 'succeeded':
          if (!running.delete(input.key)) return [{ kind: 'hangUp', key: input.key }]
          outcome = { won: input.key }
          return [{ kind: 'won', key: input.key }, ...hangUpAll()]
        case 'failed':
          if (!running.delete(input.key)) return []
          nextAt = input.now
          return goOn(input.now)
        case 'stop':
          outcome = 'stopped'
          return hangUpAll()
      }
    },
  }
}

const isWinner = (outcome: Race['outcome'], key: string): boolean => typeof outcome === 'object' && outcome.won === key
