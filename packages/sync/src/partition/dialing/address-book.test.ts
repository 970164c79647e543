import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Roster } from '../roster.ts'
import { compareRosters } from '../roster-record.ts'
import {
  type AddressRecord,
  addressKey,
  mostAddressesAtOnce,
  mostAddressesOfPeer,
  type PeerAddress,
} from './address.ts'
import { type AddressBook, type AddressBookInput, addressBookFault, createAddressBook } from './address-book.ts'

const day = 86_400_000
const at = (address: string, peer?: string): PeerAddress =>
  peer === undefined ? { transport: 'tcp', address } : { transport: 'tcp', address, peer }
const keyOf = (address: string): string => addressKey(at(address))
const roster = (epoch: number, ...ids: string[]): Roster => ({
  epoch,
  voters: ids.map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
})
const book = (options: Partial<Parameters<typeof createAddressBook>[0]> = {}): AddressBook =>
  createAddressBook({ self: 'me', wall: 0, ...options })
const learn = (source: string, ...addresses: PeerAddress[]): AddressBookInput => ({
  kind: 'learn',
  source,
  addresses,
  wall: 0,
})
const failOften = (made: AddressBook, key: string, times = 1000): void => {
  for (let time = 0; time < times; time++) made.step({ kind: 'failed', key, hasOtherLink: true })
}
const tierAt = (made: AddressBook, address: string): string | undefined => made.records.get(keyOf(address))?.tier

describe('an address book', () => {
  it('[AB1] never forgets bootstrap addresses, anchors and voters, for failures or for age; of others, what is old and fails', () => {
    const made = book()
    made.step({ kind: 'roster', roster: roster(1, 'v') })
    made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('b')], wall: 0 })
    made.step({ kind: 'configure', tier: 'anchor', addresses: [at('a', 'anna')], wall: 0 })
    made.step(learn('friend', at('v', 'v'), at('k', 'kim'), at('quiet', 'quim')))
    for (const address of ['a', 'b', 'v', 'k']) failOften(made, keyOf(address))
    expect(made.step({ kind: 'age', wall: 89 * day })).toEqual([])
    expect(made.step({ kind: 'age', wall: 10_000 * day })).toEqual([{ kind: 'forget', key: keyOf('k') }])
    expect([...made.records.keys()]).toEqual(['b', 'a', 'v', 'quiet'].map(keyOf))
  })

  it('[AB2] gives voters their tier until a later roster says otherwise', () => {
    const made = book()
    made.step(learn('friend', at('x', 'ann'), at('y', 'bob')))
    made.step({ kind: 'roster', roster: roster(2, 'ann') })
    expect([tierAt(made, 'x'), tierAt(made, 'y')]).toEqual(['voter', 'known'])
    expect(made.step({ kind: 'roster', roster: roster(1, 'bob') })).toEqual([])
    expect(made.voters.has('ann')).toBe(true)
    expect(made.step({ kind: 'roster', roster: roster(3, 'bob') }).length).toBe(2)
    expect([tierAt(made, 'x'), tierAt(made, 'y')]).toEqual(['known', 'voter'])
    // Before a roster is there, a voter of the last run is one.
    const again = book({ rows: [...made.records.values()] })
    expect(tierAt(again, 'y')).toBe('voter')
  })

  it('[AB2] takes of two rosters of one epoch the same one as all others, whichever is told first', () => {
    const forced = [roster(2 ** 20, 'ann'), roster(2 ** 20, 'bob')].sort(compareRosters)
    for (const told of [forced, forced.toReversed()]) {
      const made = book()
      made.step(learn('friend', at('x', 'ann'), at('y', 'bob')))
      for (const each of told) made.step({ kind: 'roster', roster: each })
      expect([tierAt(made, 'x'), tierAt(made, 'y')]).toEqual(['known', 'voter'])
      expect([...made.voters]).toEqual(['bob'])
    }
  })

  it('[AB3] counts failures only while another link works', () => {
    const made = book()
    made.step(learn('friend', at('x')))
    expect(made.step({ kind: 'failed', key: keyOf('x'), hasOtherLink: false })).toEqual([])
    failOften(made, keyOf('x'), 3)
    expect(made.records.get(keyOf('x'))?.failures).toBe(3)
    made.step({ kind: 'healthy', key: keyOf('x') })
    expect(made.records.get(keyOf('x'))?.failures).toBe(0)
  })

  it('[AB4] gives up what is too much of the source that told most, and hearsay before what was proved', () => {
    const made = book({ capacity: 16 })
    for (let n = 0; n < 6; n++) made.step(learn('honest', at(`h${n}`, `h${n}`)))
    for (let n = 0; n < 3; n++) made.step({ kind: 'ok', key: keyOf(`h${n}`), peer: `h${n}`, wall: 1 })
    for (let n = 0; n < 500; n++) made.step(learn('flood', at(`f${n}`, `f${n}`)))
    expect(made.records.size).toBe(16)
    for (let n = 0; n < 6; n++) expect(made.records.has(keyOf(`h${n}`))).toBe(true)
    // Many sources can push out hearsay, and nothing that was proved.
    for (let n = 0; n < 500; n++) made.step(learn(`flood-${n}`, at(`g${n}`, `g${n}`)))
    for (let n = 0; n < 3; n++) expect(made.records.has(keyOf(`h${n}`))).toBe(true)
  })

  it('[AB5] keeps at most eight addresses of a peer, whoever claims them; the word of the peer itself has room', () => {
    const made = book()
    made.step({ kind: 'roster', roster: roster(1, 'v') })
    made.step(learn('v', at('true', 'v')))
    made.step({ kind: 'ok', key: keyOf('true'), peer: 'v', wall: 1 })
    for (let n = 0; n < 100; n++) made.step(learn('liar', at(`lie${n}`, 'v')))
    expect(made.records.size).toBe(mostAddressesOfPeer)
    expect(tierAt(made, 'true')).toBe('voter')
    for (let n = 0; n < 20; n++) {
      made.step(learn('v', at(`moved${n}`, 'v')))
      expect(tierAt(made, `moved${n}`)).toBe('voter')
      made.step({ kind: 'ok', key: keyOf(`moved${n}`), peer: 'v', wall: 2 + n })
    }
    expect(made.records.size).toBe(mostAddressesOfPeer)
  })

  it('[AB6] lets nobody say who answers at an address that is configured, proved, or told by another', () => {
    const made = book()
    made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('b')], wall: 0 })
    made.step(learn('friend', at('x', 'ann'), at('y', 'bob')))
    made.step({ kind: 'ok', key: keyOf('y'), peer: 'bob', wall: 1 })
    made.step(learn('liar', at('b', 'liar'), at('x', 'liar2'), at('y', 'liar')))
    made.step(learn('mallory', at('y', 'mallory'), at('b', 'mallory')))
    expect([...made.records.values()].map(({ peer }) => peer)).toEqual([undefined, 'ann', 'bob'])
    // Its own word replaces what others told of it.
    made.step(learn('carol', at('x', 'carol')))
    expect(made.records.get(keyOf('x'))?.peer).toBe('carol')
    // What was heard of an address before it was configured counts no more.
    made.step(learn('liar', at('c', 'liar2')))
    made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('b'), at('c')], wall: 0 })
    expect(made.records.get(keyOf('c'))?.peer).toBeUndefined()
    expect(made.step(learn('liar', at('mine', 'me')))).toEqual([])
  })

  it('[AB7] gives what is not configured any more its tier by the roster', () => {
    const made = book()
    made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('b'), at('c')], wall: 0 })
    expect(made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('c')], wall: 0 }).length).toBe(1)
    expect([tierAt(made, 'b'), tierAt(made, 'c')]).toEqual(['known', 'bootstrap'])
  })

  it('[AB8] comes back from its rows; what is damaged, doubled or too much is skipped and counted', () => {
    const made = book()
    made.step({ kind: 'configure', tier: 'bootstrap', addresses: [at('b')], wall: 5 })
    made.step(learn('friend', at('x', 'ann'), at('y', 'bob')))
    made.step({ kind: 'ok', key: keyOf('x'), peer: 'ann', wall: 7 })
    failOften(made, keyOf('y'), 2)
    const rows = JSON.parse(JSON.stringify([...made.records.values()])) as AddressRecord[]
    const again = book({ rows, wall: 10 })
    expect([...again.records]).toEqual([...made.records])
    const [first] = rows
    const bad = [null, 7, 'x', [], {}, first, { ...first, address: '' }, { ...first, address: 'q', failures: -1 }]
    const damaged = book({ rows: [...rows, ...bad, { ...first, address: 'z', tier: 'voter' }], wall: 10 })
    expect([...damaged.records]).toEqual([...made.records])
    expect(damaged.skippedRows).toBe(bad.length + 1)
    // A clock that was ahead does not make an address young for ever.
    expect(book({ rows: [{ ...first, addedAt: 1e15 }], wall: 3 }).records.get(keyOf('b'))?.addedAt).toBe(3)
    const many = Array.from({ length: 500 }, (_, n) => ({ ...first, address: `b${n}` }))
    expect(book({ rows: many }).skippedRows).toBe(500 - mostAddressesAtOnce)
  })

  it('[AB9] tells storage exactly what changed', () => {
    const hostile = fc.oneof(
      fc.record({
        transport: fc.constantFrom('tcp', 'web-socket', 'No Name', ''),
        address: fc.constantFrom('a', 'b', 'c', 'd', ''),
      }),
      fc.record({
        transport: fc.constant('tcp'),
        address: fc.string({ maxLength: 3 }),
        peer: fc.constantFrom('me', 'p', 'q', 'r'),
      }),
      fc.anything(),
    ) as fc.Arbitrary<PeerAddress>
    const addresses = fc.array(hostile, { maxLength: 20 })
    const wall = fc.nat(1000)
    const key = fc.constantFrom('a', 'b', 'c', 'x').map(keyOf)
    const input: fc.Arbitrary<AddressBookInput> = fc.oneof(
      fc.record({ kind: fc.constant('learn' as const), source: fc.constantFrom('p', 'q', 's', ''), addresses, wall }),
      fc.record({
        kind: fc.constant('configure' as const),
        tier: fc.constantFrom('bootstrap' as const, 'anchor' as const),
        addresses,
        wall,
      }),
      fc.record({ kind: fc.constant('ok' as const), key, peer: fc.constantFrom('p', 'q'), wall }),
      fc.record({ kind: fc.constant('failed' as const), key, hasOtherLink: fc.boolean() }),
      fc.record({ kind: fc.constant('age' as const), wall: fc.nat(10 * day) }),
      fc.record({
        kind: fc.constant('roster' as const),
        roster: fc.nat(9).map((epoch) => roster(epoch, epoch % 2 ? 'p' : 'q')),
      }),
    )
    fc.assert(
      fc.property(fc.array(input, { maxLength: 40 }), (inputs) => {
        const made = book({ capacity: 16, forgetMs: 3_600_000 })
        const stored = new Map<string, AddressRecord>()
        for (const given of inputs) {
          for (const effect of made.step(given)) {
            if (effect.kind === 'persist') stored.set(effect.key, effect.record)
            else stored.delete(effect.key)
          }
          expect(new Map(made.records)).toEqual(stored)
          const inTargets = [...made.targets.values()].flatMap((target) => target.addresses)
          expect(new Set(inTargets)).toEqual(new Set(made.records.values()))
          expect([...made.records.values()].filter(({ tier }) => tier === 'known').length).toBeLessThanOrEqual(16)
        }
        expect(book({ rows: [...stored.values()], wall: 10 * day }).skippedRows).toBe(0)
      }),
      { numRuns: 100 },
    )
  })

  it('[AB10] says what is wrong with its numbers', () => {
    expect(addressBookFault({})).toBeUndefined()
    expect(addressBookFault({ capacity: 15 })).toMatch(/capacity/)
    expect(addressBookFault({ capacity: Number.NaN })).toMatch(/capacity/)
    expect(addressBookFault({ forgetMs: 1000 })).toMatch(/hour/)
  })
})
