import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AddressRecord, addressKey } from './address.ts'
import { createDialBudget } from './dial-budget.ts'
import { createRace, type RaceInput, raceOrder } from './happy-eyeballs.ts'

const record = (transport: string, address: string, lastOk?: number, failures = 0): AddressRecord => ({
  transport,
  address,
  peer: 'p',
  tier: 'known',
  source: 's',
  addedAt: 0,
  failures,
  ...(lastOk === undefined ? {} : { lastOk }),
})
const some = (count: number): AddressRecord[] => Array.from({ length: count }, (_, at) => record('tcp', `a${at}`))
const key = (at: number): string => `tcp a${at}`
const race = (count: number, perSecond = 100) =>
  createRace({ addresses: some(count), budget: createDialBudget(perSecond) })

describe('a race for addresses', () => {
  it('[DB13] staggers attempts by 250 ms, goes on at once after a failure, and keeps the first handshake that completes', () => {
    const made = race(4)
    expect(made.step({ kind: 'start', now: 0 })).toEqual([{ kind: 'attempt', key: key(0) }])
    expect(made.wakeAt).toBe(250)
    expect(made.step({ kind: 'tick', now: 249 })).toEqual([])
    expect(made.step({ kind: 'tick', now: 250 })).toEqual([{ kind: 'attempt', key: key(1) }])
    expect(made.step({ kind: 'failed', key: key(0), now: 300 })).toEqual([{ kind: 'attempt', key: key(2) }])
    expect(made.step({ kind: 'succeeded', key: key(1), now: 400 })).toEqual([
      { kind: 'won', key: key(1) },
      { kind: 'hangUp', key: key(2) },
    ])
    expect([made.outcome, made.wakeAt]).toEqual([{ won: key(1) }, undefined])
    // The other one was quicker than our word.
    expect(made.step({ kind: 'succeeded', key: key(2), now: 401 })).toEqual([{ kind: 'hangUp', key: key(2) }])
    expect(made.step({ kind: 'succeeded', key: key(1), now: 402 })).toEqual([])
  })

  it('[DB13] is lost when all failed, and can be stopped', () => {
    const made = race(2)
    made.step({ kind: 'start', now: 0 })
    made.step({ kind: 'failed', key: key(0), now: 1 })
    expect(made.step({ kind: 'failed', key: key(1), now: 2 })).toEqual([{ kind: 'lost' }])
    const stopped = race(2)
    stopped.step({ kind: 'start', now: 0 })
    expect(stopped.step({ kind: 'stop' })).toEqual([{ kind: 'hangUp', key: key(0) }])
    expect(stopped.step({ kind: 'tick', now: 1000 })).toEqual([])
    expect(race(0).step({ kind: 'start', now: 0 })).toEqual([{ kind: 'lost' }])
  })

  it('[DB14] tries first what worked last, then one of each transport in turn', () => {
    const addresses = [
      record('tcp', 'a'),
      record('tcp', 'b'),
      record('tcp', 'c'),
      record('web-socket', 'd', undefined, 3),
      record('web-socket', 'e', 7),
      record('relay', 'f'),
    ]
    expect(raceOrder(addresses).map(({ address }) => address)).toEqual(['e', 'a', 'f', 'd', 'b', 'c'])
    expect(new Set(raceOrder(addresses).map(addressKey)).size).toBe(addresses.length)
  })

  it('[DB4] counts its attempts after the first in the common budget', () => {
    const budget = createDialBudget(3)
    budget.spend(0)
    const made = createRace({ addresses: some(8), budget })
    made.step({ kind: 'start', now: 0 })
    const at: number[] = []
    let now = 0
    for (let failing = 0; made.outcome === undefined && failing < 8; failing++) {
      for (const effect of made.step({ kind: 'failed', key: key(failing), now }))
        if (effect.kind === 'attempt') at.push(now)
      while (made.wakeAt !== undefined && at.length <= failing) {
        now = made.wakeAt
        for (const effect of made.step({ kind: 'tick', now })) if (effect.kind === 'attempt') at.push(now)
      }
    }
    expect(at).toEqual([0, 0, 1000, 1000, 1000, 2000, 2000])
  })

  it('[DB13] hangs up all but the winner, whatever comes in', () => {
    const input: fc.Arbitrary<RaceInput> = fc.oneof(
      fc.record({ kind: fc.constantFrom('start' as const, 'tick' as const), now: fc.nat(5000) }),
      fc.record({
        kind: fc.constantFrom('succeeded' as const, 'failed' as const),
        key: fc.nat(5).map(key),
        now: fc.nat(5000),
      }),
      fc.constant({ kind: 'stop' as const }),
    )
    fc.assert(
      fc.property(fc.array(input, { maxLength: 30 }), (inputs) => {
        const made = race(4)
        const open = new Set<string>()
        for (const given of inputs) {
          if (given.kind === 'failed') open.delete(given.key)
          if (given.kind === 'succeeded') open.add(given.key)
          for (const effect of made.step(given)) {
            if (effect.kind === 'attempt') open.add(effect.key)
            if (effect.kind === 'hangUp') open.delete(effect.key)
          }
        }
        const { outcome } = made
        if (outcome === 'stopped' || outcome === 'lost') expect(open.size).toBe(0)
        if (typeof outcome === 'object') for (const left of open) expect(left).toBe(outcome.won)
      }),
    )
  })
})
