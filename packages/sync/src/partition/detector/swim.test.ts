import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../world.test-helper.ts'
import { createRumours, transmissionsOf } from './rumours.ts'
import { suspicionTimeoutMs } from './suspicion.ts'
import {
  alice,
  changesIn,
  gossip,
  lan,
  others,
  rumour,
  run,
  sentIn,
  statusOf,
  suspectingBob,
  tableOf,
} from './swim.test-helper.ts'
import { createSwim } from './swim.ts'
import {
  type MemberStatus,
  mostMembers,
  mostRaise,
  mostRumours,
  mostStrangerRaise,
  type SwimMessage,
} from './swim-messages.ts'
import type { SwimInput } from './swim-types.ts'

describe('swim', () => {
  it('[SW4] believes a member alive only at a higher incarnation, and an accusation from the known one on', () => {
    const cases: [MemberStatus, number, MemberStatus][] = [
      ['alive', 5, 'suspect'],
      ['alive', 6, 'alive'],
      ['suspect', 4, 'suspect'],
      ['unreachable', 6, 'suspect'],
      ['left', 4, 'suspect'],
      ['left', 5, 'left'],
    ]
    for (const [status, incarnation, after] of cases) {
      const swim = alice()
      swim.step({ kind: 'message', from: 'bob', now: 1, message: tableOf('bob', 5) })
      swim.step({ kind: 'closed', peer: 'bob', isLost: true, now: 2 })
      swim.step({ kind: 'message', from: 'carol', now: 3, message: gossip(rumour('bob', 'suspect', 4, 'carol')) })
      expect(statusOf(swim, 'bob')).toBe('alive')
      swim.step({ kind: 'message', from: 'carol', now: 3, message: gossip(rumour('bob', 'suspect', 5, 'carol')) })
      expect(statusOf(swim, 'bob')).toBe('suspect')
      const by = status === 'left' || status === 'alive' ? 'bob' : 'dave'
      swim.step({ kind: 'message', from: 'dave', now: 4, message: gossip(rumour('bob', status, incarnation, by)) })
      expect([status, incarnation, statusOf(swim, 'bob')]).toEqual([status, incarnation, after])
    }
  })

  it('[SW5] refutes what is said of itself by a higher incarnation, at once and in every answer', () => {
    const swim = alice()
    for (const [status, told, after] of [
      ['suspect', 1, 2],
      ['unreachable', 2, 3],
      ['left', 3, 4],
      ['suspect', 1, 4],
      ['alive', 4, 4],
      // Somebody remembers an earlier run.
      ['alive', 9, 10],
    ] as const) {
      const message: SwimMessage = {
        kind: 'probe',
        seq: 7,
        rumours: [rumour('alice', status, told, status === 'alive' || status === 'left' ? 'alice' : 'bob')],
      }
      const acks = sentIn(swim.step({ kind: 'message', from: 'bob', now: 1, message }), 'ack')
      expect(acks.map((ack) => ack.message)).toMatchObject([{ kind: 'ack', seq: 7, incarnation: after }])
      expect(swim.incarnation).toBe(after)
    }
    // Nobody makes it use up its incarnations.
    for (const told of [Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, Number.NaN, 1e300, 0.5, -1])
      swim.step({ kind: 'message', from: 'bob', now: 1, message: gossip(rumour('alice', 'suspect', told, 'bob')) })
    expect(swim.incarnation).toBe(10 + mostRaise + 1)
  })

  it('[SW5] catches up with whatever incarnation others made up for it', () => {
    const swim = alice()
    const bob = createSwim({ self: 'bob', settings: lan, random: seededRandom(5).float })
    bob.step({ kind: 'join', peer: 'alice', now: 0 })
    bob.step({ kind: 'opened', peer: 'alice', now: 0 })
    const lie = gossip(rumour('bob', 'suspect', Number.MAX_SAFE_INTEGER, 'carol'))
    for (let times = 0; times < 3; times++) swim.step({ kind: 'message', from: 'carol', now: 0, message: lie })
    expect(swim.memberOf('bob')?.incarnation).toBe(1 + 3 * mostRaise)
    for (let now = 0; now < 60_000; now += 100) {
      for (const { to, message } of sentIn(swim.step({ kind: 'tick', now })))
        for (const answer of to === 'bob' ? sentIn(bob.step({ kind: 'message', from: 'alice', now, message })) : [])
          expect(changesIn(swim.step({ kind: 'message', from: 'bob', now, message: answer.message }))).toEqual([])
    }
    expect(bob.incarnation).toBe(2 + 3 * mostRaise)
    expect(swim.memberOf('bob')).toMatchObject({ status: 'alive', incarnation: bob.incarnation })
  })

  it('[SW6] does not suspect by hearsay whom it hears itself, but tells the accused, and counts it later', () => {
    const swim = alice()
    const accused = gossip(rumour('bob', 'suspect', 1, 'carol'))
    const effects = swim.step({ kind: 'message', from: 'carol', now: 1000, message: accused })
    expect(changesIn(effects)).toEqual([])
    expect(sentIn(effects, 'probe')).toMatchObject([
      { to: 'bob', message: { rumours: expect.arrayContaining([rumour('bob', 'suspect', 1, 'carol')]) } },
    ])
    expect(sentIn(swim.step({ kind: 'message', from: 'carol', now: 1000, message: accused }))).toEqual([])
    run(swim, 1000, 3000, ['carol', 'dave', 'erin'])
    expect(statusOf(swim, 'bob')).toBe('alive')
    const silent = [
      ...swim.step({ kind: 'silent', peer: 'bob', now: 3000 }),
      ...run(swim, 3000, 12_000, ['carol', 'dave', 'erin']),
    ]
    // With Carol's word it takes 11.4 s; alone it would be 24.
    expect(changesIn(silent)).toEqual(['bob alive>suspect'])
    expect(changesIn(run(swim, 12_000, 15_500, ['carol', 'dave', 'erin']))).toEqual(['bob suspect>unreachable'])
  })

  it('[SW7] takes what others find unreachable as a suspicion of its own, which may be refuted', () => {
    for (const message of [
      gossip(rumour('bob', 'unreachable', 1, 'carol')),
      { kind: 'table', isAnswer: true, rumours: [rumour('bob', 'unreachable', 1, 'carol')] } as const,
    ]) {
      const swim = alice()
      swim.step({ kind: 'closed', peer: 'bob', isLost: false, now: 1 })
      expect(changesIn(swim.step({ kind: 'message', from: 'carol', now: 2, message }))).toEqual(['bob alive>suspect'])
      expect(changesIn(swim.step({ kind: 'message', from: 'dave', now: 3, message: tableOf('bob', 2) }))).toEqual([
        'bob suspect>alive',
      ])
    }
  })

  it('[SW8] lets a suspicion last from the most to the least, by how many distinct others share it', () => {
    const last = (members: number, confirmers: number): number =>
      Math.round(suspicionTimeoutMs(lan, 1000, members, confirmers))
    expect([0, 1, 2, 3].map((confirmers) => last(10, confirmers))).toEqual([24_000, 11_381, 4000, 4000])
    expect([last(1000, 0), last(1000, 2), last(3, 0), last(1, 0)]).toEqual([72_000, 12_000, 4000, 4000])
    const { swim, at } = suspectingBob()
    const accuse = (by: string, from = by): void => {
      swim.step({ kind: 'message', from, now: at, message: gossip(rumour('bob', 'suspect', 1, by)) })
    }
    const due = (): number => Math.min(...[swim.wakeAt ?? 0])
    expect(due()).toBeGreaterThan(0)
    // Its own, again and again, is no confirmation.
    accuse('alice', 'carol')
    accuse('alice', 'dave')
    accuse('bob', 'dave')
    accuse('stranger', 'dave')
    expect(changesIn(run(swim, at, at + 20_000, ['carol', 'dave', 'erin']))).toEqual([])
    accuse('carol')
    accuse('carol', 'dave')
    expect(changesIn(run(swim, at + 20_000, at + 20_600, ['carol', 'dave', 'erin']))).toEqual([
      'bob suspect>unreachable',
    ])
  })

  it('[SW9] never forgets who is unreachable: it is a member, is probed and is in the table, a month on', () => {
    const { swim, at } = suspectingBob()
    run(swim, at, 60_000, ['carol', 'dave', 'erin'])
    expect(statusOf(swim, 'bob')).toBe('unreachable')
    const month = 30 * 86_400_000
    // Time between is skipped; nothing depends on it.
    const effects = run(swim, month, month + 300_000, ['carol', 'dave', 'erin'])
    expect(
      sentIn(effects, 'indirect').filter(({ message }) => message.kind === 'indirect' && message.subject === 'bob')
        .length,
    ).toBeGreaterThan(5)
    expect(sentIn(effects, 'indirect').length).toBeLessThanOrEqual(3 * 11)
    expect(statusOf(swim, 'bob')).toBe('unreachable')
    const opened = swim.step({ kind: 'opened', peer: 'bob', now: month + 300_000 })
    expect(sentIn(opened, 'table')).toMatchObject([{ to: 'bob' }])
    expect(JSON.stringify(opened)).toContain('"id":"bob","status":"unreachable","incarnation":1')
    // Rumours go to it too: it may hear, and only be unable to answer.
    swim.step({ kind: 'message', from: 'carol', now: month + 300_000, message: tableOf('dave', 2) })
    const told = sentIn(run(swim, month + 300_000, month + 301_000, ['carol', 'dave', 'erin']), 'gossip')
    expect(told.some(({ to }) => to === 'bob')).toBe(true)
    // Whatever it says first, it is told what is believed of it, and what it answers ends that.
    const belief = { id: 'bob', status: 'unreachable', incarnation: 1 }
    const nack: SwimMessage = { kind: 'nack', seq: 0, isNeighbour: true }
    for (const [at, said] of [
      [month + 400_000, { kind: 'heard', peer: 'bob' }],
      [month + 500_000, { kind: 'message', from: 'bob', message: nack }],
    ] as const) {
      run(swim, at - 100_000, at - 1, ['carol', 'dave', 'erin'])
      const confronted = swim.step({ ...said, now: at })
      expect(changesIn(confronted)).toEqual([])
      const [probe] = sentIn(confronted, 'probe')
      expect(probe).toMatchObject({
        to: 'bob',
        message: { rumours: expect.arrayContaining([expect.objectContaining(belief)]) },
      })
    }
    swim.step({ kind: 'message', from: 'bob', now: month + 500_001, message: tableOf('bob', 2) })
    expect(statusOf(swim, 'bob')).toBe('alive')
  })

  it('[SW10] knows members by the roster alone: none come by gossip, none go by time, and each leaves for itself', () => {
    const swim = alice()
    swim.step({ kind: 'message', from: 'bob', now: 1, message: tableOf('mallory', 1) })
    swim.step({ kind: 'message', from: 'mallory', now: 1, message: gossip(rumour('bob', 'suspect', 1, 'mallory')) })
    expect(swim.members.map(({ id }) => id)).toEqual(others)
    // Of one that it hears, from that one; of another, from anybody.
    const gone = gossip(rumour('bob', 'left', 1))
    expect(changesIn(swim.step({ kind: 'message', from: 'carol', now: 1, message: gone }))).toEqual([])
    const left = swim.step({ kind: 'message', from: 'bob', now: 1, message: gone })
    expect(changesIn(left)).toEqual(['bob alive>left'])
    expect(changesIn(run(swim, 1, 100_000, ['carol', 'dave', 'erin']))).toEqual([])
    swim.step({ kind: 'closed', peer: 'erin', isLost: false, now: 100_000 })
    const told = swim.step({ kind: 'message', from: 'dave', now: 100_000, message: gossip(rumour('erin', 'left', 1)) })
    expect(changesIn(told)).toEqual(['erin alive>left'])
    expect(changesIn(swim.step({ kind: 'removed', peer: 'carol', now: 100_000 }))).toEqual(['carol alive>removed'])
    expect(swim.members.map(({ id }) => id)).toEqual(['bob', 'dave', 'erin'])
    // Somebody new is not there before anybody heard of it.
    swim.step({ kind: 'join', peer: 'frank', now: 100_000 })
    expect(statusOf(swim, 'frank')).toBe('unreachable')
    for (let at = 0; at < 2 * mostMembers; at++) swim.step({ kind: 'join', peer: `n${at}`, now: 100_000 })
    expect(swim.members.length).toBe(mostMembers)
  })

  it('[SW17] sends each rumour a bounded number of times, those first that were sent least, one for each member', () => {
    const rumours = createRumours()
    for (let at = 0; at < 20; at++) rumours.add(`r${at}`)
    rumours.add('r0')
    expect(rumours.size).toBe(20)
    const sent = new Map<string, number>()
    for (let message = 0; rumours.size > 0; message++) {
      const taken = rumours.take(5, 8)
      expect(taken.length).toBeLessThanOrEqual(5)
      for (const id of taken) sent.set(id, (sent.get(id) ?? 0) + 1)
      if (message === 3) expect(sent.size).toBe(20)
    }
    expect([...new Set(sent.values())]).toEqual([8])
    expect([1, 9, 10, 99, 100].map((members) => transmissionsOf(4, members))).toEqual([4, 4, 8, 8, 12])
  })

  it('[SW18] exchanges all it knows with a member that is alive, now and then, and with whoever connects', () => {
    const swim = alice()
    const exchanged = sentIn(run(swim, 0, 600_000, others), 'table')
    expect(exchanged.length).toBeGreaterThanOrEqual(19)
    expect(exchanged.length).toBeLessThanOrEqual(21)
    expect(new Set(exchanged.map(({ to }) => to)).size).toBe(4)
    const [asked] = sentIn(
      swim.step({
        kind: 'message',
        from: 'bob',
        now: 600_000,
        message: { kind: 'table', rumours: [], isAnswer: false },
      }),
    )
    expect(asked?.message).toMatchObject({ kind: 'table', isAnswer: true })
    expect(asked?.message.kind === 'table' && asked.message.rumours.map(({ id }) => id)).toEqual(['alice', ...others])
  })

  it('[SW20] says that it leaves, is silent then, and is alive again under a higher incarnation', () => {
    const swim = alice()
    const told = sentIn(swim.step({ kind: 'leave', now: 10 }))
    expect(told.map(({ to }) => to)).toEqual(others)
    expect(told[0]?.message).toEqual(gossip(rumour('alice', 'left', 1)))
    expect(swim.wakeAt).toBeUndefined()
    const probe: SwimMessage = { kind: 'probe', seq: 1, rumours: [] }
    expect(swim.step({ kind: 'message', from: 'bob', now: 11, message: probe })).toEqual([])
    expect(swim.step({ kind: 'tick', now: 99_999 })).toEqual([])
    const back = swim.step({ kind: 'rejoin', now: 100_000 })
    expect(sentIn(back, 'table').map(({ to }) => to)).toEqual(others)
    expect(swim.incarnation).toBe(2)
    const bob = createSwim({ self: 'bob', settings: lan, random: seededRandom(2).float })
    bob.step({ kind: 'join', peer: 'alice', now: 0 })
    const hear = (message: SwimMessage | undefined): MemberStatus | undefined => {
      if (message !== undefined) bob.step({ kind: 'message', from: 'alice', now: 1, message })
      return statusOf(bob, 'alice')
    }
    expect([hear(tableOf('alice', 1)), hear(told[0]?.message), hear(sentIn(back, 'table')[0]?.message)]).toEqual([
      'alive',
      'left',
      'alive',
    ])
  })

  it('[SW20] is asked now and then while it is connected, and says nothing about who asks by its silence', () => {
    const swim = alice()
    swim.step({ kind: 'message', from: 'bob', now: 1, message: gossip(rumour('bob', 'left', 1)) })
    const health = new Set<number>()
    let asked = 0
    for (let now = 0; now < 60_000; now += 100) {
      asked += sentIn(run(swim, now, now + 100, ['carol', 'dave', 'erin']), 'probe').filter(
        ({ to }) => to === 'bob',
      ).length
      health.add(swim.health)
    }
    expect([statusOf(swim, 'bob'), asked > 0, [...health]]).toEqual(['left', true, [0]])
  })

  it('[SW26] is alive again, too, where it was started anew and does not count who remembers that it left', () => {
    const bob = createSwim({ self: 'bob', settings: lan, random: seededRandom(2).float })
    bob.step({ kind: 'join', peer: 'alice', now: 0 })
    bob.step({ kind: 'opened', peer: 'alice', now: 0 })
    bob.step({ kind: 'message', from: 'alice', now: 1, message: tableOf('alice', 1) })
    bob.step({ kind: 'message', from: 'alice', now: 2, message: gossip(rumour('alice', 'left', 1)) })
    const probes = (now: number): SwimMessage[] =>
      sentIn(bob.step({ kind: 'tick', now }), 'probe').map(({ message }) => message)
    // While it goes down it says nothing, which proves nothing; nor is anybody asked who is not connected.
    let health = 0
    for (let now = 1000; now < 20_000; now += 100) {
      probes(now)
      health = Math.max(health, bob.health)
    }
    expect([statusOf(bob, 'alice'), health]).toEqual(['left', 0])
    bob.step({ kind: 'closed', peer: 'alice', isLost: true, now: 20_000 })
    expect(run(bob, 20_000, 120_000, []).filter(({ kind }) => kind === 'send')).toEqual([])
    bob.step({ kind: 'opened', peer: 'alice', now: 120_000 })
    let asked: SwimMessage[] = []
    let now = 120_000
    for (; asked.length === 0 && now < 160_000; now += 500) asked = probes(now)
    expect(asked[0]).toMatchObject({ kind: 'probe', rumours: [rumour('alice', 'left', 1)] })
    // Alice begins with the incarnation that she had, and has nobody for a member.
    const alice = createSwim({ self: 'alice', settings: lan, random: seededRandom(3).float })
    const [ack] = sentIn(alice.step({ kind: 'message', from: 'bob', now: 1, message: asked[0] as SwimMessage }))
    bob.step({ kind: 'message', from: 'alice', now, message: ack?.message as SwimMessage })
    expect(statusOf(bob, 'alice')).toBe('alive')
  })

  it('[SW22] stays bounded and answers in kind, whatever comes, and the same to the same', () => {
    const id = fc.constantFrom('alice', 'bob', 'carol', 'dave', 'mallory', '')
    const number = fc.oneof(
      fc.nat(4),
      fc.constantFrom(-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER),
    )
    const said = fc.record({
      id,
      status: fc.constantFrom<MemberStatus>('alive', 'suspect', 'unreachable', 'left'),
      incarnation: number,
      by: fc.array(id, { maxLength: 12 }),
    })
    const rumours = fc.array(said, { maxLength: 40 })
    const message: fc.Arbitrary<SwimMessage> = fc.oneof(
      fc.record({ kind: fc.constant('probe' as const), seq: number, rumours }),
      fc.record({ kind: fc.constant('ack' as const), seq: number, incarnation: number, rumours }),
      fc.record({ kind: fc.constant('indirect' as const), seq: number, subject: id, rumours }),
      fc.record({ kind: fc.constant('nack' as const), seq: number, isNeighbour: fc.boolean() }),
      fc.record({ kind: fc.constant('gossip' as const), rumours }),
      fc.record({ kind: fc.constant('table' as const), rumours, isAnswer: fc.boolean() }),
    )
    const input: fc.Arbitrary<(now: number) => SwimInput> = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(id, message).map(
          ([from, sent]) =>
            (now: number): SwimInput => ({ kind: 'message', from, message: sent, now }),
        ),
      },
      { weight: 4, arbitrary: fc.constant((now: number): SwimInput => ({ kind: 'tick', now })) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(
            fc.constantFrom(
              'heard' as const,
              'silent' as const,
              'opened' as const,
              'join' as const,
              'removed' as const,
            ),
            id,
          )
          .map(
            ([kind, peer]) =>
              (now: number): SwimInput => ({ kind, peer, now }),
          ),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(id, fc.boolean()).map(
          ([peer, isLost]) =>
            (now: number): SwimInput => ({ kind: 'closed', peer, isLost, now }),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('leave' as const, 'rejoin' as const, 'hidden' as const, 'visible' as const).map(
          (kind) =>
            (now: number): SwimInput => ({ kind, now }),
        ),
      },
      {
        weight: 1,
        arbitrary: fc.nat(9000).map(
          (ms) =>
            (now: number): SwimInput => ({ kind: 'paused', until: now + ms, now }),
        ),
      },
    )
    const steps = fc.array(fc.tuple(fc.nat(3000), input), { maxLength: 60 })
    const play = (inputs: readonly (readonly [number, (now: number) => SwimInput])[]): string => {
      const swim = alice(['bob', 'carol', 'dave'])
      const log: unknown[] = []
      let now = 0
      for (const [wait, make] of inputs) {
        now += wait
        const before = new Map(swim.members.map((member) => [member.id, member]))
        const effects = swim.step(make(now))
        for (const effect of effects) {
          if (effect.kind === 'send' && 'rumours' in effect.message) {
            expect(effect.message.rumours.length).toBeLessThanOrEqual(
              effect.message.kind === 'table' ? mostMembers : mostRumours,
            )
            for (const { incarnation } of effect.message.rumours) expect(Number.isSafeInteger(incarnation)).toBe(true)
          }
          if (effect.kind === 'stateChanged' && effect.to === 'unreachable')
            expect(before.get(effect.peer)?.status).toBe('suspect')
        }
        for (const member of swim.members) {
          const was = before.get(member.id)
          if (was !== undefined) expect(member.incarnation).toBeGreaterThanOrEqual(was.incarnation)
        }
        expect(swim.health >= 0 && swim.health <= 7 && Number.isSafeInteger(swim.incarnation)).toBe(true)
        log.push(effects, swim.wakeAt)
      }
      return JSON.stringify(log)
    }
    fc.assert(
      fc.property(steps, (inputs) => {
        const first = play(inputs)
        expect(play(inputs)).toBe(first)
      }),
      { numRuns: 150 },
    )
  })

  it('[SW25] tell whoever watches without being a member, and takes them to be gone, that they are there', () => {
    const swim = alice()
    const accusation = rumour('alice', 'unreachable', 1, 'page')
    const answers = (message: SwimMessage): unknown[] =>
      sentIn(swim.step({ kind: 'message', from: 'page', now: 10, message })).map(({ message: answer }) => answer)
    expect(answers({ kind: 'probe', seq: 1, rumours: [accusation] })).toMatchObject([{ kind: 'ack', incarnation: 2 }])
    // Said again: nothing is left to refute.
    expect(answers({ kind: 'probe', seq: 2, rumours: [accusation] })).toMatchObject([{ kind: 'ack', incarnation: 2 }])
    // Of an earlier opening of this replica, which had come further.
    const ahead = rumour('alice', 'unreachable', 9, 'page')
    expect(answers({ kind: 'probe', seq: 3, rumours: [ahead] })).toMatchObject([{ kind: 'ack', incarnation: 10 }])
    const absurd = rumour('alice', 'unreachable', 2 ** 50, 'page')
    const most = 10 + mostStrangerRaise + 1
    expect(answers({ kind: 'probe', seq: 4, rumours: [absurd] })).toMatchObject([{ kind: 'ack', incarnation: most }])
    const known = rumour('alice', 'suspect', most, 'page')
    const table = answers({ kind: 'table', isAnswer: false, rumours: [known, rumour('bob', 'unreachable', 1, 'page')] })
    expect(table).toEqual([{ kind: 'table', isAnswer: true, rumours: [rumour('alice', 'alive', most + 1)] }])
    expect(answers({ kind: 'table', isAnswer: true, rumours: [] })).toEqual([])
    expect(statusOf(swim, 'bob')).toBe('alive')
  })
})
