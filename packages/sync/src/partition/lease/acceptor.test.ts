import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createAcceptor } from './acceptor.ts'
import { bootAcceptor, emptyMemory } from './acceptor-state.ts'
import { accept, acceptorAt, maxTtlMs, prepare, release, rosterOf, three, waitMs } from './lease.test-helper.ts'
import type { LeaseMessage } from './messages.ts'
import { mostBallotJump, mostLeases } from './options.ts'

describe('an acceptor', () => {
  it('[LT3] persists a promise and a vote before it answers, and a renewal not at all', () => {
    const v1 = acceptorAt()
    expect(v1.ask('alice', prepare(1))).toBe('persist promised')
    expect(v1.ask('alice', accept(1))).toBe('persist accepted')
    expect(v1.ask('alice', accept(1, { renewal: true }))).toBe('accepted')
    expect(v1.ask('alice', accept(1, { renewal: true, ttlMs: 500 }))).toBe('persist accepted')
    expect(v1.ask('alice', release(1))).toBe('persist')
  })

  it('[LT4] promises each ballot to one replica, and takes nothing below', () => {
    const v1 = acceptorAt()
    expect(v1.ask('alice', prepare(3))).toBe('persist promised')
    expect(v1.ask('alice', prepare(3))).toBe('promised')
    expect(v1.ask('bob', prepare(3))).toBe('outbid')
    expect(v1.ask('bob', accept(3))).toBe('outbid')
    expect(v1.ask('bob', prepare(2))).toBe('outbid')
    expect(v1.ask('bob', prepare(4))).toBe('persist promised')
    expect(v1.ask('alice', accept(3))).toBe('outbid')
    expect(v1.ask('bob', accept(4))).toBe('persist accepted')
  })

  it('[LT4] lets ballots grow by steps that leave an epoch enough of them for ever', () => {
    const v1 = acceptorAt()
    for (const ballot of [mostBallotJump + 1, 2 ** 52, Number.MAX_SAFE_INTEGER]) {
      expect(v1.ask('mallory', prepare(ballot))).toBe('outbid')
      expect(v1.ask('mallory', accept(ballot))).toBe('outbid')
    }
    expect(v1.ask('bob', prepare(mostBallotJump))).toBe('persist promised')
    expect(v1.ask('bob', accept(2 * mostBallotJump))).toBe('persist accepted')
    // Of another lease it knows nothing: it may be new here only.
    expect(v1.ask('bob', prepare(mostBallotJump + 1, { lease: 'other' }))).toBe('outbid')
  })

  it('[LT5] asked beforehand says what it would do, and promises nothing', () => {
    const v1 = acceptorAt()
    v1.ask('alice', prepare(3))
    expect(v1.ask('bob', prepare(0, { preVote: true }))).toBe('promised')
    expect(v1.effects).toEqual([
      { kind: 'send', to: 'bob', message: { kind: 'promised', epoch: 1, request: 7, ballot: 3 } },
    ])
    expect(v1.ask('alice', accept(3))).toBe('persist accepted')
    expect(v1.ask('bob', prepare(0, { preVote: true }))).toBe('held')
  })

  it('[LT6] votes for nobody else while the lease may live, and says whose it is and for how long', () => {
    const v1 = acceptorAt()
    v1.ask('alice', prepare(1))
    v1.ask('alice', accept(1))
    v1.pass(waitMs - 1)
    expect(v1.ask('bob', prepare(2))).toBe('held')
    expect(v1.effects).toMatchObject([{ message: { why: { holder: 'alice', forMs: 1 } } }])
    expect(v1.ask('bob', accept(2))).toBe('held')
    expect(v1.ask('alice', accept(1, { renewal: true }))).toBe('accepted')
    v1.pass(waitMs - 1)
    expect(v1.ask('bob', prepare(2))).toBe('held')
    v1.pass(1)
    expect(v1.ask('bob', prepare(2))).toBe('persist promised')
    expect(v1.ask('alice', accept(1, { renewal: true }))).toBe('outbid')
  })

  it('[LT40] grants nothing while it may lack what counted before, and renews', () => {
    const v1 = acceptorAt()
    v1.isBehind = true
    expect([v1.ask('alice', prepare(1)), v1.ask('alice', accept(1))]).toEqual(['behind', 'behind'])
    expect(v1.ask('alice', prepare(0, { preVote: true }))).toBe('behind')
    expect(v1.ask('alice', accept(1, { renewal: true }))).toBe('persist accepted')
    expect(v1.ask('bob', prepare(2))).toBe('held')
    v1.isBehind = false
    v1.pass(waitMs)
    expect(v1.ask('bob', prepare(2))).toBe('persist promised')
  })

  it('[LT7] counts the clock that went less, and what one was put back by not at all', () => {
    for (const [nowMs, wallMs] of [
      [waitMs, 10],
      [10, waitMs],
      [waitMs, -waitMs],
    ] as const) {
      const v1 = acceptorAt()
      v1.ask('alice', accept(1))
      v1.pass(nowMs, wallMs)
      expect(v1.ask('bob', prepare(2))).toBe('held')
      v1.pass(waitMs)
      expect(v1.ask('bob', prepare(2))).toBe('persist promised')
    }
  })

  it('[LT8] waits in full again after a boot', () => {
    const v1 = acceptorAt()
    v1.ask('alice', accept(1))
    v1.pass(waitMs)
    const again = v1.boot()
    again.pass(waitMs - 1)
    expect(again.ask('bob', prepare(2))).toBe('held')
    expect(again.ask('alice', accept(1, { renewal: true }))).toBe('accepted')
    again.pass(waitMs)
    expect(again.ask('bob', prepare(1))).toBe('outbid')
    expect(again.ask('bob', prepare(2))).toBe('persist promised')
  })

  it('[LT9] gives a released lease to another at once, and no vote that was asked for before', () => {
    const v1 = acceptorAt()
    v1.ask('alice', accept(1))
    expect(v1.ask('bob', release(1))).toBe('')
    expect(v1.ask('alice', release(2))).toBe('')
    expect(v1.ask('bob', prepare(2))).toBe('held')
    expect(v1.ask('alice', release(1))).toBe('persist')
    expect(v1.ask('alice', accept(1, { renewal: true }))).toBe('outbid')
    expect(v1.ask('bob', prepare(2))).toBe('persist promised')
  })

  it('[LT10] without memory votes only once a quorum of others told what they promised, and after a wait', () => {
    const v1 = acceptorAt('nothing')
    const learnt = (ballot: number, request: number, epoch = 1): LeaseMessage<number> => ({
      kind: 'learnt',
      epoch,
      request,
      ballot,
    })
    const asked = v1.tick()
    expect(asked.map((effect) => effect.kind === 'send' && effect.to)).toEqual(['v2', 'v3'])
    const request = v1.acceptor.state.recovery?.request ?? 0
    v1.pass(999)
    expect(v1.tick()).toEqual([])
    v1.pass(1)
    expect(v1.tick()).toEqual(asked)
    v1.pass(waitMs)
    // None of these teaches it: of another boot, of another roster, by itself, by nobody's voter, the same twice, no number.
    v1.ask('v3', learnt(9, request + 1))
    v1.ask('v3', learnt(9, request, 2))
    v1.ask('v1', learnt(9, request))
    v1.ask('stranger', learnt(9, request))
    v1.ask('v2', learnt(6, request))
    v1.ask('v2', learnt(9, request))
    v1.ask('v3', learnt(Number.NaN, request))
    expect(v1.ask('alice', prepare(8))).toBe('recovering')
    expect(v1.ask('alice', accept(8, { renewal: true }))).toBe('recovering')
    expect(v1.ask('v2', { kind: 'learn', epoch: 1, request: 1 })).toBe('')
    v1.ask('v3', learnt(7, request))
    expect(v1.tick().map(({ kind }) => kind)).toEqual(['persist'])
    expect(v1.ask('alice', prepare(7))).toBe('outbid')
    expect(v1.ask('alice', prepare(8))).toBe('persist promised')

    const early = acceptorAt('nothing')
    const { request: nonce } = early.acceptor.state.recovery ?? { request: 0 }
    early.ask('v2', learnt(0, nonce))
    early.ask('v3', learnt(0, nonce))
    early.pass(waitMs - 1)
    expect(early.ask('alice', prepare(1))).toBe('recovering')
    expect(early.acceptor.wakeAt).toBe(5000 + waitMs)
    early.pass(1)
    expect(early.ask('alice', prepare(1))).toBe('persist persist promised')
  })

  it('[LT11] tells who lost its memory the highest ballot it promised, of any lease', () => {
    const v1 = acceptorAt()
    v1.ask('alice', prepare(3))
    v1.ask('alice', prepare(5, { lease: 'other' }))
    expect(v1.ask('v2', { kind: 'learn', epoch: 1, request: 1 })).toBe('learnt')
    expect(v1.effects).toMatchObject([{ message: { ballot: 5, request: 1 } }])
    expect(v1.ask('stranger', { kind: 'learn', epoch: 1, request: 1 })).toBe('')
    expect(v1.ask('v2', { kind: 'learn', epoch: 2, request: 1 })).toBe('')
  })

  it('[LT12] only renews for a while once it has a new roster, also after a boot', () => {
    const v1 = acceptorAt()
    v1.ask('alice', accept(4))
    v1.pass(waitMs)
    const two = rosterOf(2, 'v1', 'v2', 'v4')
    expect(v1.roster(two).map(({ kind }) => kind)).toEqual(['persist'])
    expect(v1.ask('bob', prepare(5))).toBe('epoch')
    expect(v1.ask('bob', prepare(1, { epoch: 2 }))).toBe('newRoster')
    expect(v1.ask('bob', accept(1, { epoch: 2, token: { epoch: 2, ballot: 1 } }))).toBe('newRoster')
    expect(v1.ask('bob', accept(3, { epoch: 2, renewal: true }))).toBe('outbid')
    expect(v1.ask('alice', accept(4, { epoch: 2, renewal: true }))).toBe('accepted')
    v1.pass(waitMs - 1)
    const booted = acceptorAt(v1.memory ?? 'nothing', {}, two)
    booted.pass(waitMs - 1)
    expect(booted.ask('bob', prepare(1, { epoch: 2, lease: 'other' }))).toBe('newRoster')
    booted.pass(1)
    expect(booted.ask('bob', prepare(1, { epoch: 2, lease: 'other' }))).toBe('persist promised')
    expect(booted.memory?.newRosterMs).toBe(0)
  })

  it('[LT12] takes another roster of its epoch for a new one: prolongs no vote of before, and uses no ballot again', () => {
    const epoch = 2 ** 36
    const [low, high] = [rosterOf(epoch, 'v1', 'v2', 'v3'), rosterOf(epoch, 'v1', 'v2', 'v4')]
    const asked = { epoch, token: { epoch, ballot: 4 } }
    const v1 = acceptorAt(emptyMemory(epoch), {}, low)
    expect(v1.ask('alice', accept(4, asked))).toBe('persist accepted')
    const before = v1.memory
    expect(v1.roster(high).map(({ kind }) => kind)).toEqual(['persist'])
    expect(v1.roster(low)).toEqual([])
    expect(v1.ask('alice', accept(4, { ...asked, renewal: true }))).toBe('outbid')
    expect(v1.ask('bob', prepare(5, { epoch }))).toBe('held')
    expect(v1.ask('bob', prepare(6, { epoch, lease: 'other' }))).toBe('newRoster')
    v1.pass(waitMs)
    expect(v1.ask('bob', prepare(5, { epoch, lease: 'other' }))).toBe('outbid')
    expect(v1.ask('bob', prepare(6, { epoch }))).toBe('persist promised')
    // The same where it was not in memory when the roster came.
    const booted = acceptorAt(before ?? 'nothing', {}, high)
    expect(booted.ask('bob', prepare(6, { epoch, lease: 'other' }))).toBe('newRoster')
    const same = acceptorAt(before ?? 'nothing', {}, low)
    expect(same.ask('bob', prepare(6, { epoch, lease: 'other' }))).toBe('persist promised')
  })

  it('[LT13] votes under the roster it has, which never goes back, and only as a voter of it', () => {
    const v1 = acceptorAt(emptyMemory(2), {}, rosterOf(2, 'v1', 'v2', 'v3'))
    expect(v1.roster(three)).toEqual([])
    expect(v1.ask('alice', prepare(1))).toBe('epoch')
    expect(v1.ask('alice', prepare(1, { epoch: 2 }))).toBe('persist promised')
    const stale = acceptorAt(emptyMemory(2))
    expect(stale.ask('alice', prepare(1))).toBe('')
    const stranger = acceptorAt(emptyMemory(1), { self: 'carol' })
    expect(stranger.ask('alice', prepare(1))).toBe('')
  })

  it('[LT14] keeps so many leases; one that does not live makes room, and its ballots stay used', () => {
    const v1 = acceptorAt()
    for (let at = 0; at < mostLeases; at++) v1.ask('alice', accept(3, { lease: `l${at}` }))
    expect(v1.ask('bob', prepare(9))).toBe('full')
    v1.pass(waitMs)
    expect(v1.ask('bob', prepare(9))).toBe('persist promised')
    expect(v1.memory?.leases.length).toBe(mostLeases)
    expect(v1.boot().ask('bob', prepare(3, { lease: 'l0' }))).toBe('outbid')
    expect(v1.ask('bob', prepare(4, { lease: 'l0' }))).toBe('persist promised')
  })

  it('[LT15] leaves aside what makes no sense', () => {
    const v1 = acceptorAt()
    const nonsense: LeaseMessage<number>[] = [
      ...[-1, 0.5, Number.NaN, 2 ** 60].flatMap((ballot) => [prepare(ballot), accept(ballot), release(ballot)]),
      ...[0, -1, Number.NaN, maxTtlMs + 1, Number.POSITIVE_INFINITY].map((ttlMs) => accept(1, { ttlMs })),
      prepare(1, { lease: '' }),
      prepare(1, { lease: 'x'.repeat(129) }),
      accept(1, { token: { epoch: 2, ballot: 1 } }),
      accept(1, { token: { epoch: 2, ballot: 1 }, renewal: true }),
      accept(1, { token: { epoch: 0, ballot: 1 } }),
      { kind: 'promised', epoch: 1, request: 7, ballot: 3 },
      { kind: 'learnt', epoch: 1, request: 7, ballot: 3 },
    ]
    const before = v1.acceptor.state.leases
    for (const message of nonsense) expect([message, v1.ask('alice', message)]).toEqual([message, ''])
    expect(v1.acceptor.state.leases).toEqual(before)
  })

  it('[LT16] goes on alike from its state at any point', () => {
    const step = fc.record({
      from: fc.constantFrom('alice', 'bob', 'v2'),
      message: fc.oneof(
        fc.tuple(fc.nat(4), fc.boolean()).map(([ballot, preVote]) => prepare(ballot, { preVote })),
        fc.tuple(fc.nat(4), fc.boolean()).map(([ballot, renewal]) => accept(ballot, { renewal })),
        fc.nat(4).map(release),
        fc.constant<LeaseMessage<number>>({ kind: 'learn', epoch: 1, request: 3 }),
      ),
      ms: fc.constantFrom(0, 400, 1050),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(12), (steps, cut) => {
        const options = { self: 'v1', maxTtlMs, random: () => 0.5 }
        let now = 0
        let kept = createAcceptor<number>(options, bootAcceptor(emptyMemory(1), { now, wall: 0 }))
        const whole = createAcceptor<number>(options, kept.state)
        const roster = { kind: 'roster', roster: three, now, wall: 0 } as const
        kept.step(roster)
        whole.step(roster)
        for (const [at, { ms, ...received }] of steps.entries()) {
          now += ms
          if (at === cut) kept = createAcceptor(options, JSON.parse(JSON.stringify(kept.state)))
          const input = { kind: 'receive', ...received, version: at, now, wall: now } as const
          expect(kept.step(input)).toEqual(whole.step(input))
        }
      }),
      { numRuns: 200 },
    )
  })
})
