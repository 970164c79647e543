import type { FencingToken } from '@rejoin/state'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Roster } from '../roster.ts'
import { createHolder, type Holder, type HolderEffect, type HolderInput } from './holder.ts'
import { type HolderState, startHolder } from './holder-state.ts'
import { acceptorAt, maxTtlMs, prepare, rosterOf, three } from './lease.test-helper.ts'
import type { LeaseMessage, LeaseRefusal } from './messages.ts'
import { type HolderOptions, leaseOptionsFault, mostBallotJump } from './options.ts'
import type { Ballot } from './token.ts'

type Answered = 'yes' | LeaseRefusal
type Act = 'tick' | 'acquire' | 'release' | 'renew' | 'paused'

const held: LeaseRefusal = { kind: 'held', holder: 'bob', forMs: 300 }

/** A holder whose voters are played by the test. */
function holderAt(options: Partial<HolderOptions> = {}, roster: Roster = three) {
  const reading = { now: 100, wall: 90_000 }
  const all: HolderOptions = { lease: 'round', ttlMs: 900, maxTtlMs, answerMs: 100, random: () => 0.5, ...options }
  expect(leaseOptionsFault(all)).toBeUndefined()
  const holder: Holder<number> = createHolder(all, startHolder<number>(all.random, reading))
  const at = {
    holder,
    reading,
    said: [] as HolderEffect<number>[],
    step: (input: Omit<HolderInput<number>, 'now' | 'wall'> & { kind: string }): string => {
      at.said = holder.step({ ...input, ...reading } as HolderInput<number>)
      return kindsOf(at.said)
    },
    act: (kind: Act): string => at.step({ kind }),
    pass: (ms: number, wallMs = ms): string => {
      reading.now += ms
      reading.wall += wallMs
      return at.act('tick')
    },
    /** `from` answers the question that is open. */
    answer: (from: string, how: Answered = 'yes', more: object = {}): string => {
      const { phase } = holder.state
      const question = phase.phase === 'asking' || phase.phase === 'held' ? phase.question : undefined
      const said = { epoch: holder.state.roster?.epoch ?? 0, request: question?.request ?? 0 }
      const isPromise = phase.phase === 'asking' && phase.stage !== 'accept'
      const message =
        how !== 'yes'
          ? { kind: 'refused', why: how, ...said, ...more }
          : isPromise
            ? { kind: 'promised', ballot: 4, ...said, ...more }
            : { kind: 'accepted', version: 10, ...said, ...more }
      return at.step({ kind: 'receive', from, message } as never)
    },
    /** Gets the lease from these. */
    get: (...voters: string[]): string => {
      at.act('acquire')
      for (let round = 0; round < 2; round++) for (const voter of voters) at.answer(voter)
      return voters.map((voter, nth) => at.answer(voter, 'yes', { version: 10 + nth })).at(-1) ?? ''
    },
    usable: (): boolean => holder.usableToken(reading) !== undefined,
  }
  at.step({ kind: 'roster', roster } as never)
  return at
}

/** `accept*3` for three messages of the kind; other effects by kind. */
function kindsOf(effects: HolderEffect<number>[]): string {
  const counts = new Map<string, number>()
  for (const effect of effects) {
    const kind = effect.kind === 'send' ? effect.message.kind : effect.kind
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return [...counts].map(([kind, count]) => (count === 1 ? kind : `${kind}*${count}`)).join(' ')
}

const token = { lease: 'round', epoch: 1, ballot: 5 }

describe('a holder', () => {
  it('[LT20] asks beforehand, then for a promise above every promise it heard of, then for votes: a quorum each', () => {
    const alice = holderAt()
    expect(alice.act('acquire')).toBe('prepare*3')
    expect(alice.said[0]).toMatchObject({ message: { preVote: true, ballot: 0 } })
    expect(alice.answer('v1', 'yes', { ballot: 2 })).toBe('')
    expect(alice.answer('v3', 'yes', { ballot: 4 })).toBe('prepare*3')
    expect(alice.said[0]).toMatchObject({ message: { preVote: false, ballot: 5 } })
    expect([alice.answer('v1'), alice.answer('v2')]).toEqual(['', 'accept*3'])
    expect(alice.said[0]).toMatchObject({ message: { token: { epoch: 1, ballot: 5 }, ttlMs: 900, renewal: false } })
    expect([alice.answer('v2'), alice.answer('v3')]).toEqual(['', 'acquired'])
    expect(alice.said).toEqual([{ kind: 'acquired', token, versions: [10, 10] }])
  })

  it('[LT21] is usable once its document covers what the voters of the grant had', () => {
    const alice = holderAt()
    expect(alice.get('v1', 'v2')).toBe('acquired')
    expect(alice.said).toEqual([{ kind: 'acquired', token, versions: [10, 11] }])
    expect(alice.usable()).toBe(false)
    expect(alice.step({ kind: 'covered', token: { ...token, ballot: 4 } } as never)).toBe('')
    expect(alice.usable()).toBe(false)
    expect(alice.step({ kind: 'covered', token } as never)).toBe('usable')
    expect(alice.usable()).toBe(true)
    expect(alice.step({ kind: 'covered', token } as never)).toBe('')
  })

  it('[LT22] counts only votes of voters of its roster, once each, for the latest question', () => {
    const alice = holderAt()
    alice.act('acquire')
    expect(alice.answer('v1')).toBe('')
    expect(alice.answer('v1')).toBe('')
    expect(alice.answer('stranger')).toBe('')
    expect(alice.answer('v2', 'yes', { epoch: 2 })).toBe('')
    expect(alice.answer('v2', 'yes', { request: 1 })).toBe('')
    expect(alice.answer('v2', 'yes', { ballot: Number.MAX_SAFE_INTEGER })).toBe('')
    expect(alice.answer('v2', 'yes', { kind: 'accepted', version: 1 })).toBe('')
    expect(alice.answer('v2')).toBe('prepare*3')
  })

  it('[LT23] lets go after ttl * (1 - epsilon) by its fastest clock from when it asked', () => {
    for (const [nowMs, wallMs] of [
      [855, 855],
      [1, 855],
      [855, -5000],
    ] as const) {
      const alice = holderAt()
      alice.act('acquire')
      for (const voter of ['v1', 'v2', 'v1', 'v2', 'v1']) alice.answer(voter)
      alice.pass(60)
      alice.answer('v2')
      alice.step({ kind: 'covered', token } as never)
      alice.reading.now += nowMs - 60 - 1
      alice.reading.wall += wallMs - 60 - 1
      expect(alice.usable()).toBe(true)
      alice.reading.now += 1
      alice.reading.wall += 1
      expect(alice.usable()).toBe(false)
      expect(alice.act('tick')).toBe('lost')
      expect(alice.said).toEqual([{ kind: 'lost', token, reason: 'It was not renewed in time.' }])
    }
  })

  it('[LT24] renews at a third under the same token, counted anew from when it asked for that', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    alice.step({ kind: 'covered', token } as never)
    expect(alice.holder.wakeAt).toBe(400)
    expect([alice.pass(299), alice.pass(1)]).toEqual(['', 'accept*3'])
    expect(alice.said[0]).toMatchObject({ message: { token: { epoch: 1, ballot: 5 }, renewal: true } })
    alice.pass(50)
    expect([alice.answer('v2', held), alice.answer('v1'), alice.answer('v3')]).toEqual(['', 'vote', 'vote renewed'])
    expect(alice.pass(249)).toBe('')
    expect(alice.pass(1)).toBe('accept*3')
    expect(alice.pass(100)).toBe('accept*3')
    expect(alice.usable()).toBe(true)
    alice.pass(455)
    expect(alice.said.at(-1)).toEqual({
      kind: 'lost',
      token,
      reason: 'It was not renewed in time. No quorum: v1, v2, v3 did not answer.',
    })
    expect(alice.act('renew')).toBe('')
  })

  it('[LT25] says why it was denied: who holds it for how long, and which voters are missing', () => {
    const alice = holderAt()
    alice.act('acquire')
    alice.answer('v1', held)
    expect(alice.pass(100)).toBe('denied')
    expect(alice.said).toEqual([
      {
        kind: 'denied',
        reason: 'bob holds it, for 1 s more unless it is renewed; v2, v3 did not answer.',
        holder: 'bob',
        forMs: 300,
        missing: ['v2', 'v3'],
      },
    ])
    const kinds: LeaseRefusal[] = [
      { kind: 'outbid' },
      { kind: 'epoch' },
      { kind: 'newRoster', forMs: 9 },
      { kind: 'recovering' },
      { kind: 'full' },
    ]
    for (const why of kinds) {
      const bob = holderAt()
      bob.act('acquire')
      bob.answer('v2', why, { epoch: 9 })
      // No quorum is possible any more: it does not wait for the third, and does not call it silent.
      expect(bob.answer('v1', why)).toBe('denied')
      expect((bob.said[0] as { reason: string }).reason).toMatch(/^No quorum: v2, v1 [^;]+\.$/)
    }
    const none = holderAt({}, { ...three, policy: { kind: 'none' } })
    none.act('acquire')
    expect(none.pass(100)).toBe('denied')
    expect(none.said[0]).toMatchObject({ reason: 'The policy of the roster, "none", lets no voters grant a lease.' })
  })

  it('[LT26] asks again after a random wait below a ceiling that doubles, and never gives up', () => {
    const alice = holderAt({ random: () => 0.999, retryBaseMs: 100, retryCapMs: 700 })
    alice.act('acquire')
    const waits: number[] = []
    for (let attempt = 0; attempt < 60; attempt++) {
      expect(alice.pass(100)).toBe('denied')
      const wait = (alice.holder.wakeAt ?? 0) - alice.reading.now
      waits.push(Math.round(wait / 100))
      expect(alice.pass(wait)).toBe('prepare*3')
    }
    expect(waits.slice(0, 6)).toEqual([1, 2, 4, 7, 7, 7])
  })

  it('[LT27] gives back the promises and votes of an attempt that failed', () => {
    const alice = holderAt()
    alice.act('acquire')
    for (const voter of ['v1', 'v2', 'v1', 'v2', 'v1']) alice.answer(voter)
    expect(alice.pass(100)).toBe('release*3 denied')
    expect(alice.said[0]).toMatchObject({ message: { token: { epoch: 1, ballot: 5 } } })
  })

  it('[LT28] is void at once when the process stood still', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    alice.step({ kind: 'covered', token } as never)
    expect(alice.act('paused')).toBe('lost')
    expect(alice.said).toEqual([{ kind: 'lost', token, reason: 'The process stood still.' }])
    expect(alice.usable()).toBe(false)
    alice.act('tick')
    expect(alice.pass(50)).toBe('prepare*3')
    expect(alice.act('paused')).toBe('denied')
  })

  it('[LT29] releases: gives it up before it says so', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    expect(alice.act('release')).toBe('lost release*3')
    expect([alice.usable(), alice.holder.wakeAt, alice.pass(5000)]).toEqual([false, undefined, ''])
    expect(alice.act('acquire')).toBe('prepare*3')
    expect(alice.act('release')).toBe('')
  })

  it('[LT30] under a new roster begins anew, and gives back what was voted for under the one before', () => {
    const alice = holderAt()
    alice.act('acquire')
    for (const voter of ['v1', 'v2']) alice.answer(voter)
    expect(alice.step({ kind: 'roster', roster: rosterOf(2, 'v4', 'v5') } as never)).toBe('release*3 prepare*2')
  })

  it('[LT30] under a new roster counts its votes only, and renews there with the token it has', () => {
    const alice = holderAt()
    const two = rosterOf(2, 'v2', 'v3', 'v4')
    alice.act('acquire')
    alice.answer('v2')
    expect(alice.step({ kind: 'roster', roster: two } as never)).toBe('prepare*3')
    for (const voter of ['v3', 'v4', 'v3', 'v4', 'v3', 'v4']) alice.answer(voter)
    expect(alice.holder.state.phase).toMatchObject({ phase: 'held', token: { epoch: 2, ballot: 5 } })
    expect(alice.step({ kind: 'roster', roster: rosterOf(3, 'v4', 'v5', 'v6') } as never)).toBe('accept*3')
    expect(alice.said[0]).toMatchObject({ message: { epoch: 3, token: { epoch: 2, ballot: 5 }, renewal: true } })
    expect([alice.answer('v4', 'yes', { epoch: 2 }), alice.answer('v5'), alice.answer('v6')]).toEqual([
      '',
      'vote',
      'vote renewed',
    ])
  })

  it('[LT30] under another roster of the same epoch or of an earlier epoch loses what it holds, whichever comes first', () => {
    const [low, high] = [rosterOf(1, 'v1', 'v2', 'v3'), rosterOf(1, 'v1', 'v2', 'v4')]
    const carol = holderAt({}, rosterOf(2, 'v1', 'v2', 'v4'))
    carol.get('v1', 'v2')
    expect(carol.step({ kind: 'roster', roster: rosterOf(2, 'v1', 'v2', 'v4') } as never)).toBe('')
    expect(carol.holder.state.phase.phase).toBe('held')
    expect(carol.step({ kind: 'roster', roster: high } as never)).toBe('lost')
    const alice = holderAt({}, high)
    alice.get('v1', 'v2')
    expect(alice.step({ kind: 'roster', roster: low } as never)).toBe('lost')
    const bob = holderAt({}, low)
    bob.get('v1', 'v2')
    expect(bob.step({ kind: 'roster', roster: high } as never)).toBe('lost')
    expect(bob.said).toEqual([{ kind: 'lost', token, reason: 'Another roster holds.' }])
    bob.pass(1000)
    expect(bob.said.flatMap((effect) => (effect.kind === 'send' ? [effect.to] : []))).toEqual(['v1', 'v2', 'v4'])
  })

  it('[LT30] under a forced roster loses what it holds, also after changes of that', () => {
    for (const epoch of [2 ** 36, 2 ** 37 + 2]) {
      const alice = holderAt()
      alice.get('v1', 'v2')
      expect(alice.step({ kind: 'roster', roster: rosterOf(epoch, 'v1', 'v2', 'v3') } as never)).toBe('lost')
      const carol = holderAt({}, rosterOf(epoch, 'v1', 'v2', 'v3'))
      carol.get('v1', 'v2')
      expect(carol.step({ kind: 'roster', roster: rosterOf(epoch + 1, 'v1', 'v2', 'v3') } as never)).toBe('accept*3')
    }
  })

  it('[LT41] whose document was written under a greater token lets go, and is granted one above that', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    const { token } = alice.holder.state.phase as { token: FencingToken }
    const outdone = (by: Ballot): string => alice.step({ kind: 'outdone', by } as never)
    // It wrote that itself.
    expect(outdone(token)).toBe('')
    expect(outdone({ epoch: 1, ballot: 40 })).toBe('release*3 lost')
    alice.pass(1000)
    for (const voter of ['v1', 'v2', 'v1', 'v2', 'v1', 'v2']) alice.answer(voter)
    expect(alice.holder.state.phase).toMatchObject({ phase: 'held', token: { epoch: 1, ballot: 41 } })
    // Of which there is no end: no voter follows so far at once.
    expect(outdone({ epoch: 1, ballot: 2 ** 50 })).toBe('release*3 lost')
    alice.pass(1000)
    for (const voter of ['v1', 'v2']) alice.answer(voter)
    expect(alice.said[0]).toMatchObject({ message: { kind: 'prepare', ballot: mostBallotJump + 4 } })
  })

  it('[LT41] asks for nothing where the document was written under a later roster, and says so', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    expect(alice.step({ kind: 'outdone', by: { epoch: 3, ballot: 1 } } as never)).toBe('release*3 lost')
    expect(alice.pass(1000)).toBe('denied')
    expect(alice.said).toMatchObject([{ reason: expect.stringContaining('under a roster of epoch 3') }])
    alice.step({ kind: 'roster', roster: rosterOf(3, 'v1', 'v2', 'v3') } as never)
    expect(alice.pass(20_000)).toBe('prepare*3')
  })

  it('[LT39] tells of each vote for the grant that it holds, under the present roster, whenever it comes', () => {
    const alice = holderAt()
    alice.get('v1', 'v2')
    const since = (alice.holder.state.phase as { since: number }).since
    const vote = (from: string, request: number, more: object = {}): string => {
      const message = { kind: 'accepted', epoch: 1, request, version: 3, ...more }
      return alice.step({ kind: 'receive', from, message } as never)
    }
    // Of the grant itself, when it was there already.
    expect(vote('v3', since)).toBe('vote')
    expect(alice.said).toEqual([{ kind: 'vote', by: 'v3', version: 3 }])
    expect([vote('v3', since - 1), vote('v3', since + 1), vote('v9', since)]).toEqual(['', '', ''])
    expect(alice.act('renew')).toBe('accept*3')
    expect([vote('v1', since + 1), vote('v2', since + 1), vote('v3', since + 1)]).toEqual([
      'vote',
      'vote renewed',
      'vote',
    ])
    alice.step({ kind: 'roster', roster: rosterOf(2, 'v1', 'v2', 'v3') } as never)
    expect([vote('v1', since + 1), vote('v1', since + 2, { epoch: 2 })]).toEqual(['', 'vote'])
    alice.act('paused')
    expect(vote('v1', since + 2, { epoch: 2 })).toBe('')
  })

  it('[LT31] has let go before any acceptor votes for another, whatever the rates of the clocks within epsilon', () => {
    // At the very bound both end at one instant, and the rounding of their sums decides.
    const within = (epsilon: number) => epsilon * (1 - 1e-9)
    const rate = (epsilon: number) => fc.double({ min: 1 - within(epsilon), max: 1 + within(epsilon), noNaN: true })
    const anyCase = fc.constantFrom(0.001, 0.05, 0.2, 0.5).chain((epsilon) =>
      fc.record({
        epsilon: fc.constant(epsilon),
        ofHolder: rate(epsilon),
        ofAcceptor: rate(epsilon),
        ttlMs: fc.integer({ min: 100, max: 1000 }),
        // In sixteenths of the lease: how long the answer is on its way, and from when on and for how long the machine of the holder sleeps.
        backIn: fc.nat(2),
        sleep: fc.tuple(fc.integer({ min: 4, max: 12 }), fc.nat(8)),
        // How long the question was on its way, and where either wall clock is put meanwhile.
        lateMs: fc.nat(10),
        jumps: fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: -5000, max: 5000 })),
      }),
    )
    let grants = 0
    fc.assert(
      fc.property(anyCase, ({ epsilon, ofHolder, ofAcceptor, ttlMs, backIn, sleep, lateMs, jumps }) => {
        const alice = holderAt({ ttlMs, epsilon, answerMs: ttlMs / 6 })
        alice.act('acquire')
        for (let round = 0; round < 2; round++) for (const voter of ['v1', 'v2']) alice.answer(voter)
        const v1 = acceptorAt(undefined, { epsilon })
        v1.ask('alice', {
          kind: 'accept',
          lease: 'round',
          epoch: 1,
          request: 1,
          token: { epoch: 1, ballot: 5 },
          ttlMs,
          renewal: false,
        })
        // Time is told from when the acceptor voted, `lateMs` after the holder asked; each as its own clocks say.
        alice.pass(lateMs * ofHolder)
        const stepMs = ttlMs / 16
        for (let at = 0; at < 64; at++) {
          if (at === backIn) {
            for (const voter of ['v1', 'v2']) alice.answer(voter)
            alice.step({ kind: 'covered', token } as never)
            grants += Number(alice.usable())
          }
          const isGiven = v1.ask('bob', prepare(6, { preVote: true })) === 'promised'
          if (isGiven) expect(alice.usable()).toBe(false)
          // Asleep only its wall clock goes on.
          const isAsleep = at >= sleep[0] && at < sleep[0] + sleep[1]
          alice.reading.now += isAsleep ? 0 : stepMs * ofHolder
          alice.reading.wall += stepMs * ofHolder + (at === 3 ? jumps[0] : 0)
          if (!isAsleep) alice.act('tick')
          v1.pass(stepMs * ofAcceptor, stepMs * ofAcceptor + (at === 3 ? jumps[1] : 0))
        }
      }),
      { numRuns: 300 },
    )
    expect(grants).toBeGreaterThan(200)
  })

  it('[LT16] goes on alike from its state at any point', () => {
    const options: HolderOptions = { lease: 'round', ttlMs: 900, maxTtlMs, random: () => 0.5 }
    const acts = fc.array(
      fc.oneof(
        fc.constantFrom<Act>('tick', 'acquire', 'release', 'renew', 'paused'),
        fc.constantFrom('v1', 'v2', 'v3'),
        fc.constant('covered'),
      ),
      { minLength: 8, maxLength: 30 },
    )
    fc.assert(
      fc.property(acts, fc.nat(30), (inputs, cut) => {
        const start = startHolder<number>(options.random, { now: 0, wall: 0 })
        const whole = createHolder(options, start)
        let kept = createHolder(options, start)
        const both = (input: HolderInput<number>): void => expect(kept.step(input)).toEqual(whole.step(input))
        both({ kind: 'roster', roster: three, now: 0, wall: 0 })
        for (const [at, act] of inputs.entries()) {
          if (at === cut) kept = createHolder(options, JSON.parse(JSON.stringify(kept.state)) as HolderState<number>)
          const reading = { now: at * 30, wall: at * 30 }
          const { phase } = whole.state
          const request = 'question' in phase ? (phase.question?.request ?? 0) : 0
          const isPromise = phase.phase === 'asking' && phase.stage !== 'accept'
          const message: LeaseMessage<number> = isPromise
            ? { kind: 'promised', epoch: 1, request, ballot: 0 }
            : { kind: 'accepted', epoch: 1, request, version: at }
          if (act === 'covered') both({ kind: 'covered', token: { ...token, ballot: 1 }, ...reading })
          else if (act.startsWith('v')) both({ kind: 'receive', from: act, message, ...reading })
          else both({ kind: act as 'tick', ...reading })
        }
      }),
      { numRuns: 200 },
    )
  })
})

describe('the options of a lease', () => {
  it('[LT17] are refused with what is wrong with them', () => {
    const sound: HolderOptions = { lease: 'round', ttlMs: 900, maxTtlMs, random: () => 0.5 }
    const faults: [Partial<HolderOptions>, RegExp][] = [
      [{ maxTtlMs: 99 }, /maxTtlMs/],
      [{ maxTtlMs: Number.NaN }, /maxTtlMs/],
      [{ epsilon: -0.1 }, /epsilon/],
      [{ epsilon: 0.6 }, /epsilon/],
      [{ lease: '' }, /name/],
      [{ ttlMs: 1001 }, /ttlMs/],
      [{ answerMs: 151 }, /answerMs/],
      [{ retryBaseMs: 0 }, /retryBaseMs/],
      [{ retryBaseMs: 901 }, /retryBaseMs/],
      [{ retryCapMs: Number.POSITIVE_INFINITY }, /retryCapMs/],
    ]
    expect(leaseOptionsFault(sound)).toBeUndefined()
    expect(leaseOptionsFault({ maxTtlMs })).toBeUndefined()
    for (const [wrong, said] of faults) expect(leaseOptionsFault({ ...sound, ...wrong })).toMatch(said)
  })
})
