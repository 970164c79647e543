import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Roster } from '../roster.ts'
import { type AddressTier, addressKey, type PeerAddress } from './address.ts'
import { type AddressBook, createAddressBook } from './address-book.ts'
import { createBreaker } from './breaker.ts'
import { createDialBudget } from './dial-budget.ts'
import { type DialPace, dialFault, linkPresets } from './dial-options.ts'
import { createDialPlanner } from './dial-planner.ts'
import type { DialPlanner, DialPlannerEffect, DialPlannerInput } from './dial-types.ts'
import { mostInOneSecond } from './dial-world.test-helper.ts'
import { seededRandom } from './event-heap.test-helper.ts'

const address = (peer: string): PeerAddress => ({ transport: 'tcp', address: peer, peer })
const nameless = (at: string): PeerAddress => ({ transport: 'tcp', address: at })
const key = (at: string): string => addressKey(nameless(at))
const rosterOf = (...ids: string[]): Roster => ({
  epoch: 1,
  voters: ids.map((id) => ({ id, weight: 1 })),
  policy: { kind: 'keep-majority' },
})

interface Dialled {
  readonly at: number
  readonly dial: number
  readonly to: string
}

/** A planner by hand. */
class Bench {
  now = 0
  readonly book: AddressBook
  readonly planner: DialPlanner
  readonly breaker = createBreaker({ random: () => 0.5 })
  readonly dialled: Dialled[] = []
  readonly effects: DialPlannerEffect[] = []
  links = 0
  answered = 0

  constructor(
    tiers: Partial<Record<AddressTier, readonly (string | PeerAddress)[]>>,
    {
      random = (): number => 0.5,
      self = 'm',
      pace = {} as Partial<DialPace>,
      links = linkPresets.lan,
      isVoter = false,
    } = {},
  ) {
    this.book = createAddressBook({ self, wall: 0 })
    const all = (tier: AddressTier) => (tiers[tier] ?? []).map((at) => (typeof at === 'string' ? address(at) : at))
    const voters = (tiers.voter ?? []).map(String)
    if (voters.length > 0) this.book.step({ kind: 'roster', roster: rosterOf(...voters, ...(isVoter ? [self] : [])) })
    for (const tier of ['anchor', 'bootstrap'] as const)
      this.book.step({ kind: 'configure', tier, addresses: all(tier), wall: 0 })
    for (const at of [...all('voter'), ...all('known')])
      this.book.step({ kind: 'learn', source: `of ${at.address}`, addresses: [at], wall: 0 })
    this.planner = createDialPlanner({
      self,
      book: this.book,
      breaker: this.breaker,
      budget: createDialBudget(pace.perSecond ?? 3),
      links,
      pace,
      random,
    })
  }
  step(input: Record<string, unknown>): DialPlannerEffect[] {
    const made = this.planner.step({ ...input, now: this.now, wall: this.now } as unknown as DialPlannerInput)
    for (const effect of made)
      if (effect.kind === 'dial')
        this.dialled.push({ at: this.now, dial: effect.dial, to: effect.addresses[0]?.address as string })
    this.effects.push(...made.filter(({ kind }) => kind !== 'persist'))
    return made
  }
  /** Lets time pass; whoever is dialled is handled by `answer`. */
  run(until: number, answer: (dialled: Dialled) => void = () => undefined): void {
    for (;;) {
      for (; this.answered < this.dialled.length; ) answer(this.dialled[this.answered++] as Dialled)
      const { wakeAt } = this.planner
      if (wakeAt === undefined || wakeAt > until) break
      this.now = Math.max(this.now, wakeAt)
      this.step({ kind: 'tick' })
    }
    this.now = until
  }
  up({ dial, to }: { dial?: number; to: string }, peer = to): number {
    this.links += 1
    const ours = dial === undefined ? {} : { dial, key: key(to) }
    this.step({ kind: 'up', link: this.links, peer, ...ours })
    return this.links
  }
  down(link: number, productive = false, refused = false): void {
    this.step({ kind: 'down', link, productive, refused })
  }
  readonly fail = ({ dial }: Dialled): void => {
    this.step({ kind: 'failed', dial, refused: false })
  }
  closed(): string[] {
    return this.effects.flatMap((effect) => (effect.kind === 'close' ? `${effect.link} ${effect.reason}` : []))
  }
  to(): string[] {
    return this.dialled.map(({ to }) => to)
  }
}
const begin = (...given: ConstructorParameters<typeof Bench>): Bench => {
  const bench = new Bench(...given)
  bench.step({ kind: 'start' })
  return bench
}
const waitsOf = ({ dialled }: Bench): number[] =>
  dialled.slice(1).map(({ at }, n) => Math.round((at - (dialled[n]?.at as number)) / 500))
const day = 86_400_000

describe('a dial planner', () => {
  it('[DB1] never gives up: after 30 days of failures an address is dialled as often as after an hour', () => {
    for (const [tier, cap, days] of [
      ['bootstrap', 600_000, 30],
      ['voter', 600_000, 30],
      ['anchor', 60_000, 3],
      ['known', 900_000, 30],
    ] as const) {
      const pace = tier === 'known' ? {} : { capMs: cap }
      const bench = begin({ [tier]: ['a'] }, { random: seededRandom(1), pace })
      bench.run(days * day, bench.fail)
      const times = bench.dialled.map(({ at }) => at)
      const meanWait = (2 * day) / times.filter((at) => at >= (days - 2) * day).length
      expect(Math.abs(meanWait / (cap / 2) - 1)).toBeLessThan(0.2)
      expect(Math.max(...times.slice(-5000).map((at, n, last) => at - (last[n - 1] ?? at)))).toBeLessThanOrEqual(cap)
    }
  })

  it('[DB2] waits uniformly below a ceiling that doubles up to 60 s, or 15 min for others; a refusal costs half of it at least', () => {
    const known = begin({ known: ['a'] })
    known.run(3_600_000, known.fail)
    expect(waitsOf(known).slice(0, 12)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
    const voter = begin({ voter: ['a'] })
    voter.run(600_000, voter.fail)
    expect(waitsOf(voter).slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    const low = begin({ voter: ['a'] }, { random: () => 0 })
    low.run(100_000, ({ dial }) => low.step({ kind: 'failed', dial, refused: true }))
    expect(waitsOf(low).slice(0, 3)).toEqual([60, 60, 60])
  })

  it('[DB3] forgets failures only after a connection that lived 30 s or carried data, so that flapping is no hot loop', () => {
    const flapping = begin({ voter: ['a'] }, { random: seededRandom(3) })
    flapping.run(3_600_000, (dialled) => flapping.down(flapping.up(dialled)))
    expect(flapping.dialled.length).toBeLessThan(150)
    for (const [livedFor, productive] of [
      [30_000, false],
      [10, true],
    ] as const) {
      const bench = begin({ voter: ['a'] })
      bench.run(200_000, bench.fail)
      const link = bench.up({ to: 'a' })
      bench.run(bench.now + livedFor)
      bench.down(link, productive)
      expect((bench.planner.wakeAt as number) - bench.now).toBe(500)
    }
    const short = begin({ voter: ['a'] })
    short.run(200_000, short.fail)
    const link = short.up({ to: 'a' })
    short.run(short.now + 29_999)
    short.down(link)
    expect((short.planner.wakeAt as number) - short.now).toBe(30_000)
  })

  it('[DB4] dials at most three in any second, whatever asks for it', () => {
    const peers = Array.from({ length: 60 }, (_, at) => `p${at}`)
    const bench = begin(
      { bootstrap: peers.slice(0, 20), voter: peers.slice(20, 40), known: peers.slice(40) },
      { random: seededRandom(4) },
    )
    const random = seededRandom(5)
    bench.run(60_000, (dialled) => {
      bench.fail(dialled)
      if (random() < 0.3) bench.step({ kind: 'hint' })
      if (random() < 0.3) bench.down(bench.up({ to: peers[Math.floor(random() * 60)] as string }))
    })
    expect(bench.dialled.length).toBeGreaterThan(100)
    expect(mostInOneSecond(bench.dialled.map(({ at }) => at))).toBe(3)
  })

  it('[DB5] below its least links dials three at once: anchors, voters, then others; to its target one at a time; then none', () => {
    const names = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8']
    const bench = begin({ anchor: ['a1', 'a2'], voter: ['v1'], known: names })
    bench.run(9000)
    expect(bench.to()).toEqual(['a2', 'a1', 'v1'])
    expect(bench.planner.dials).toBe(3)
    for (const dialled of [...bench.dialled]) bench.up(dialled)
    // Those that began below the least number go on.
    expect([bench.planner.connected.size, bench.planner.dials]).toEqual([3, 2])
    for (const dialled of bench.dialled.slice(-2)) bench.fail(dialled)
    for (let wanted = 4; wanted <= 6; wanted++) {
      bench.run(bench.now + 5000)
      expect(bench.planner.dials).toBe(1)
      bench.up(bench.dialled.at(-1) as Dialled)
    }
    bench.run(bench.now + 60_000)
    expect([bench.planner.connected.size, bench.planner.dials, bench.dialled.length]).toEqual([6, 0, 8])
  })

  it('[DB5] prefers the best of the others, and takes three in ten from a random source, also past what fails on top', () => {
    const known = Array.from({ length: 50 }, (_, at) => nameless(`k${at}`))
    const bench = new Bench({ known: ['best', ...known] })
    bench.book.step({ kind: 'ok', key: key('best'), peer: 'best', wall: 0 })
    bench.step({ kind: 'start' })
    expect(bench.to()[0]).toBe('best')
    const dead = Array.from({ length: 20 }, (_, at) => `v${at}`)
    const crowded = begin({ voter: dead, known }, { random: seededRandom(6) })
    crowded.run(40_000, crowded.fail)
    expect(new Set(crowded.to().filter((to) => to.startsWith('k'))).size).toBeGreaterThan(10)
    // One source with many addresses is asked no more often than each with one.
    const loud = new Bench({ known: known.slice(0, 9) }, { random: seededRandom(7) })
    for (let n = 0; n < 60; n++)
      loud.book.step({ kind: 'learn', source: 'loud', addresses: [nameless(`l${n}`)], wall: 0 })
    for (const { address: at } of known.slice(0, 9))
      for (let n = 0; n < 50; n++) loud.book.step({ kind: 'failed', key: key(at), hasOtherLink: true })
    loud.step({ kind: 'start' })
    loud.run(10_000, ({ dial }) => loud.step({ kind: 'failed', dial, refused: true }))
    const random = loud.to().filter((to) => to.startsWith('k')).length
    expect(random).toBeGreaterThan(4)
  })

  it('[DB6] tries all bootstrap addresses at the start, though the first ones say nothing', () => {
    const dead = ['b1', 'b2', 'b3', 'b4', 'b5', 'b6', 'b7', 'b8'].map(nameless)
    const bench = begin({ bootstrap: dead, known: ['k'] })
    bench.run(2700)
    expect(new Set(bench.to())).toEqual(new Set([...dead.map(({ address: at }) => at), 'k']))
    expect(bench.planner.dials).toBe(9)
  })

  it('[DB7] looks at an untried or absent address every two minutes when it has links enough, and hangs up again', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const bench = begin({ known: names }, { links: { min: 1, target: 2, max: 3 } })
    bench.run(1000, (dialled) => void bench.up(dialled))
    bench.step({ kind: 'side', reachable: new Set(names) })
    const before = bench.dialled.length
    bench.run(1_200_000, (dialled) => void bench.up(dialled))
    // Three were dialled at once at the start: three are untried.
    expect([before, bench.dialled.length - before]).toEqual([3, 3])
    expect(bench.closed().filter((how) => how.endsWith('feeler')).length).toBe(3)
    expect(bench.planner.connected.size).toBe(3)
    // One that was lost is kept: it may be the far side of a split.
    const lost = names.filter((name) => !bench.planner.connected.has(name))[0] as string
    bench.step({ kind: 'side', reachable: new Set(names.filter((name) => name !== lost)) })
    bench.run(1_400_000, (dialled) => void bench.up(dialled))
    expect(bench.planner.connected.has(lost)).toBe(true)
  })

  it('[DB8] waits as many times as long for whom its side has lost as there are voters on its side', () => {
    const side = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9']
    for (const others of [0, 4, 9]) {
      const near = side.slice(0, others)
      const links = { min: 1, target: 9, max: 50 }
      const bench = begin({ voter: [...near, 'lost'] }, { random: seededRandom(8), isVoter: true, links })
      for (const to of near) bench.up({ to })
      const madeUp = Array.from({ length: 99 }, (_, n) => `made up ${n}`)
      bench.step({ kind: 'side', reachable: new Set([...near, ...madeUp]) })
      bench.run(day, bench.fail)
      const times = bench.dialled.filter(({ to, at }) => to === 'lost' && at > 3_600_000).length
      // All of this side together dial it once in 30 s on average.
      expect(Math.abs((times * (others + 1)) / ((day - 3_600_000) / 30_000) - 1)).toBeLessThan(0.15)
    }
  })

  it('[DB8] does not dial at once whom all of its side lose at once', () => {
    const links = { min: 1, target: 1, max: 9 }
    const bench = new Bench({ voter: ['lost'] }, { isVoter: true, links })
    bench.up({ to: 'near' })
    bench.step({ kind: 'side', reachable: new Set(['near', 'lost']) })
    bench.step({ kind: 'start' })
    bench.step({ kind: 'side', reachable: new Set(['near']) })
    bench.run(499)
    expect(bench.to()).toEqual([])
    bench.run(500)
    expect(bench.to()).toEqual(['lost'])
  })

  it('[DB9] dials all at once on a hint, gives up what hangs in the old network, and takes many hints for one', () => {
    const bench = begin({ voter: ['a', 'b', 'c'] }, { random: () => 0.9 })
    bench.run(300_000, bench.fail)
    const before = bench.dialled.length
    bench.step({ kind: 'hint' })
    expect(bench.dialled.length - before).toBe(3)
    bench.now += 100
    for (let n = 0; n < 50; n++) bench.step({ kind: 'hint' })
    expect(bench.dialled.length - before).toBe(3)
    // What came too soon is made up for, once: the network may have changed again.
    bench.run(bench.now + 5000)
    expect(bench.dialled.length - before).toBe(6)
    expect(bench.effects.filter(({ kind }) => kind === 'give-up').length).toBe(3)
    expect(bench.planner.dials).toBe(3)
    for (const dialled of bench.dialled.slice(-3)) bench.fail(dialled)
    // Before it was all in vain, which says nothing about the new network.
    expect((bench.planner.wakeAt as number) - bench.now).toBeLessThanOrEqual(1000)
  })

  it('[DB10] when somebody of the far side shows up, dials the others who were lost at once, but only once in ten seconds', () => {
    const far = ['v1', 'v2', 'v3', 'v4']
    const make = (): Bench => {
      const bench = begin(
        { voter: [...far, 'near'], known: ['k'] },
        { random: () => 0.9, isVoter: true, links: { min: 1, target: 1, max: 9 } },
      )
      bench.up({ to: 'near' })
      bench.run(400_000, bench.fail)
      return bench
    }
    const called = make()
    const before = called.dialled.length
    const link = called.up({ to: 'v1' })
    expect(new Set(called.to().slice(before))).toEqual(new Set(['v2', 'v3', 'v4']))
    for (const dialled of called.dialled.slice(before)) called.fail(dialled)
    called.down(link)
    called.run(called.now + 1500)
    called.up({ to: 'v2' })
    expect(called.dialled.length - before).toBe(3)
    const told = make()
    const then = told.dialled.length
    told.step({ kind: 'side', reachable: new Set(['near', 'v1']) })
    expect(new Set(told.to().slice(then))).toEqual(new Set(['v2', 'v3', 'v4']))
  })

  it('[DB12] refuses others when it has its most links, but voters and anchors; and knows itself', () => {
    const bench = begin(
      { voter: ['v'], anchor: ['a'], bootstrap: [nameless('mine')] },
      { links: { min: 1, target: 1, max: 2 } },
    )
    const mine = bench.dialled.find(({ to }) => to === 'mine') as Dialled
    bench.up(mine, 'm')
    expect(bench.closed()).toEqual(['1 self'])
    const own = bench.dialled.length
    for (const to of ['x', 'y', 'z']) bench.up({ to })
    expect(bench.closed()).toEqual(['1 self', '4 full'])
    for (const to of ['v', 'a']) bench.up({ to })
    expect([...bench.planner.connected]).toEqual(['x', 'y', 'v', 'a'])
    bench.run(400_000)
    expect(bench.to().slice(own).includes('mine')).toBe(false)
    const alone = begin({ bootstrap: [nameless('mine')] })
    const itself = (dialled: Dialled): void => void alone.up(dialled, 'm')
    alone.run(600_000, itself)
    expect(alone.dialled.length).toBe(1)
    alone.run(900_000, itself)
    expect(alone.dialled.length).toBe(2)
  })

  it('[CB3] leaves out an address whose breaker is open, but not below its least links', () => {
    for (const [isBelowMin, expected] of [
      [true, ['tcp a', 'web-socket b']],
      [false, ['web-socket b']],
    ] as const) {
      const bench = new Bench({ known: ['a', { transport: 'web-socket', address: 'b', peer: 'a' }] })
      for (let n = 0; n < 9; n++) bench.breaker.step({ kind: 'failed', key: 'tcp a', now: 0 })
      if (!isBelowMin) for (const to of ['x', 'y', 'z']) bench.up({ to })
      const dialled = bench
        .step({ kind: 'start' })
        .flatMap((effect) => (effect.kind === 'dial' ? effect.addresses : []))
      expect(dialled.map(addressKey)).toEqual(expected)
    }
  })

  it('[DB17] is told once of each failure, and gives up a dial of which nothing is heard', () => {
    const other: PeerAddress = { transport: 'web-socket', address: 'b', peer: 'a' }
    const bench = begin({ known: ['a', other, 'x'] })
    bench.up(bench.dialled.find(({ to }) => to === 'x') as Dialled)
    const { dial } = bench.dialled.find(({ to }) => to === 'a') as Dialled
    bench.step({ kind: 'attempt-failed', dial, key: key('a') })
    bench.step({ kind: 'attempt-failed', dial, key: key('a') })
    bench.run(10_000)
    expect(bench.effects.filter((effect) => effect.kind === 'give-up')).toEqual([{ kind: 'give-up', dial }])
    bench.step({ kind: 'failed', dial, refused: false })
    expect([...bench.book.records.values()].map(({ failures }) => failures)).toEqual([1, 1, 0])
  })

  it('[DB17] goes on to others when another answers than whom it dialled', () => {
    const bench = begin({ voter: ['v'] })
    bench.run(60_000, (dialled) => bench.down(bench.up(dialled, 'stranger')))
    expect(bench.dialled.length).toBeLessThan(12)
    expect([...bench.book.records.values()].map(({ peer, tier }) => `${peer} ${tier}`)).toEqual(['v voter'])
  })

  it('[DB17] stays bounded, deterministic and within its budget whatever comes in', () => {
    const peers = ['m', 'a', 'b', 'c', 'd', 'e']
    const peer = fc.constantFrom(...peers)
    const small = fc.nat(8)
    const input = fc.oneof(
      fc.record({ kind: fc.constantFrom('start', 'tick', 'hint') }),
      fc.record({ kind: fc.constant('up'), link: small, peer, dial: small, key: peer.map(key) }),
      fc.record({ kind: fc.constant('up'), link: small, peer }),
      fc.record({ kind: fc.constant('down'), link: small, productive: fc.boolean(), refused: fc.boolean() }),
      fc.record({ kind: fc.constant('failed'), dial: small, refused: fc.boolean() }),
      fc.record({ kind: fc.constant('attempt-failed'), dial: small, key: peer.map(key) }),
      fc.record({ kind: fc.constant('side'), reachable: fc.uniqueArray(peer).map((ids) => new Set(ids)) }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(input, fc.nat(3000)), { maxLength: 60 }), fc.integer(), (inputs, seed) => {
        const play = (): Bench => {
          const bench = new Bench(
            { bootstrap: ['a'], voter: ['b', 'c'], known: ['d', 'e'] },
            { random: seededRandom(seed), links: { min: 1, target: 2, max: 3 } },
          )
          for (const [given, later] of inputs) {
            bench.now += later
            bench.step(given)
          }
          expect(bench.planner.wakeAt ?? Number.POSITIVE_INFINITY).toBeGreaterThan(bench.now)
          return bench
        }
        const bench = play()
        expect(play().effects).toEqual(bench.effects)
        expect(mostInOneSecond(bench.dialled.map(({ at }) => at))).toBeLessThanOrEqual(3)
        expect(bench.planner.dials).toBeLessThanOrEqual(4)
        expect(bench.planner.connected.size).toBeLessThanOrEqual(5)
        // Nothing that came in can keep it from dialling later.
        bench.step({ kind: 'start' })
        for (let link = 0; link <= 8; link++) bench.down(link)
        const before = bench.dialled.length
        bench.run(bench.now + 130_000)
        expect(bench.dialled.length).toBeGreaterThan(before)
      }),
      { numRuns: 100 },
    )
  })

  it('[DB17] does nothing before it is started, and nothing but giving up its dials when it is stopped', () => {
    const bench = new Bench({ voter: ['a'] })
    expect([bench.step({ kind: 'hint' }), bench.planner.wakeAt]).toEqual([[], undefined])
    bench.step({ kind: 'start' })
    expect(bench.step({ kind: 'stop' })).toEqual([{ kind: 'give-up', dial: 1 }])
    expect([bench.step({ kind: 'hint' }), bench.planner.wakeAt]).toEqual([[], undefined])
  })

  it('[DB18] says what is wrong with limits and paces; all presets are in order', () => {
    for (const preset of Object.values(linkPresets)) expect(dialFault(preset)).toBeUndefined()
    const { lan } = linkPresets
    expect(linkPresets.browser).toEqual({ min: 1, target: 3, max: 10 })
    expect(linkPresets.large).toEqual({ min: 4, target: 8, max: 100 })
    for (const bad of [{ min: 0 }, { target: 2 }, { max: 5 }, { max: 1001 }, { min: 1.5 }])
      expect(dialFault({ ...lan, ...bad })).toMatch(/Links/)
    const paces: [Partial<DialPace>, RegExp][] = [
      [{ perSecond: 0 }, /perSecond is a whole number from 1 to 100/],
      [{ parallel: 1.5 }, /parallel/],
      [{ timeoutMs: Number.NaN }, /timeoutMs is a number/],
      [{ capMs: Number.POSITIVE_INFINITY }, /capMs/],
      [{ baseMs: 50_000, capMs: 2000 }, /baseMs is not above capMs/],
    ]
    for (const [pace, said] of paces) expect(dialFault(lan, pace)).toMatch(said)
  })
})
