import { describe, expect, it } from 'vitest'
import type { NodeId, Roster } from './roster.ts'
import {
  genesis,
  groupOf,
  isOf,
  majority,
  next,
  outcomes,
  type Parcel,
  propose,
  rosters,
  votersOf,
} from './roster-group.test-helper.ts'
import { createRosterLog } from './roster-log.ts'
import { type RosterLogOptions, rosterLogOptionsFault } from './roster-log-interface.ts'
import { initialRosterLogState, lostRosterLogState, type RosterMessage } from './roster-record.ts'

/** The least epoch that is forced. */
const forced = 2 ** 36

describe('a roster log', () => {
  it('[RL1] puts a roster in force that a quorum accepted, and tells the others', () => {
    const group = groupOf('abcd')
    propose(group, 'a', next('abcd'))
    group.flush()
    expect([outcomes(group), rosters(group)]).toEqual([['decided'], ['2abcd', '2abcd', '2abcd', '2abcd']])
    propose(group, 'd', next('abd', 3))
    group.flush(({ to }) => to !== 'b')
    expect(rosters(group)).toEqual(['3abd', '2abcd', '3abd', '3abd'])
  })

  it('[RL1] decides nothing in a minority, and gives up after a while', () => {
    const group = groupOf('abc')
    propose(group, 'a', next('a'))
    group.settle(70_000, ({ to }) => to === 'a')
    expect([outcomes(group), rosters(group)]).toEqual([['expired'], ['1abc', '1abc', '1abc']])
    expect(group.log('b').state.promised.round).toBe(0)
  })

  it('[RL1] needs a quorum of the next roster too, so that it can act once it is in force', () => {
    const group = groupOf('abcdef')
    propose(group, 'a', next('def'))
    group.flush(({ to }) => 'abc'.includes(to))
    expect(rosters(group)[0]).toBe('1abc')
    group.settle()
    expect(group.latest.voters.map(({ id }) => id).join('')).toBe('def')
  })

  it('[RL1] goes to a roster that lets nobody act by a quorum of the present alone, and from there by force only', () => {
    const group = groupOf('abc')
    propose(group, 'a', next('abc', 2, { policy: { kind: 'none' } }))
    group.flush()
    propose(group, 'a', next('abc', 3))
    group.settle(70_000)
    expect([outcomes(group), group.log('a').roster.epoch]).toEqual([['decided', 'expired'], 2])
  })

  it('[RL2] asks before it attempts: who is cut off raises no ballot, and who is at work is not disturbed', () => {
    const group = groupOf('abc')
    propose(group, 'c', next('ab'))
    for (let at = 0; at < 40; at++) {
      group.now += 1000
      group.tick('c')
    }
    expect(group.log('c').state.promised.round).toBe(0)
    group.parcels = []
    propose(group, 'a', next('abcd'))
    group.flush(({ message }) => !isOf(message, 'request', 'accept'))
    expect(group.log('b').state.promised).toEqual({ round: 1, by: 'a' })
    group.now += 10
    const ballot = { round: 9, by: 'c' }
    group.step('b', {
      kind: 'receive',
      from: 'c',
      message: { kind: 'request', phase: 'query', epoch: 2, ballot },
      now: group.now,
    })
    expect(group.parcels.at(-1)?.message.kind).toBe('refused')
  })

  it('[RL2] outdoes the ballot that it is refused for, and counts no answer to another', () => {
    const group = groupOf('abc')
    const ballot = { round: 9, by: 'c' }
    for (const id of 'bc') group.start(id, { ...initialRosterLogState(genesis), promised: ballot })
    propose(group, 'a', next('abcd'))
    group.flush()
    for (const from of 'bc')
      for (const phase of ['query', 'prepare', 'accept'] as const)
        group.deliver({ from, to: 'a', message: { kind: 'answer', phase, epoch: 2, ballot } })
    expect(group.log('a').roster.epoch).toBe(1)
    group.settle(5000)
    expect([outcomes(group), group.log('b').roster.epoch]).toEqual([['decided'], 2])
  })

  it('[RL3] finishes what may have been decided, whoever began it', () => {
    const group = groupOf('abcd')
    propose(group, 'a', next('abcd'))
    // Three accept, and nobody hears of it.
    group.flush(({ message }) => !isOf(message, 'answer', 'accept'))
    group.logs.delete('a')
    expect(group.log('b').pending).toEqual(next('abcd'))
    propose(group, 'c', next('bc'))
    for (const id of 'bcd') group.restart(id)
    group.settle()
    expect([rosters(group), group.log('b').pending]).toEqual([['2abcd', '2abcd', '2abcd'], undefined])
    propose(group, 'b', next('bcd', 3))
    expect(group.log('b').pending).toEqual(next('bcd', 3))
  })

  it('[RL3] goes on with what was accepted, of two such with that of the greater ballot, and not with its own', () => {
    const group = groupOf('abcde', { genesis: next('abcde', 1) })
    const held: Parcel[] = []
    const within = (ids: string, answers = true): void =>
      group.flush((parcel) => {
        const isAnswer = isOf(parcel.message, 'answer', 'accept')
        if (isAnswer && !answers) held.push(parcel)
        return (
          ids.includes(parcel.from) &&
          ids.includes(parcel.to) &&
          parcel.message.kind !== 'roster' &&
          (answers || !isAnswer)
        )
      })
    const isAccepting = (id: NodeId): string | undefined =>
      group
        .log(id)
        .state.accepted?.roster.voters.map((voter) => voter.id)
        .join('')
    // e alone accepts its own.
    propose(group, 'e', next('bcde'))
    group.flush(({ to, message }) => to === 'e' || !isOf(message, 'request', 'accept'))
    group.now = 1500
    // a, b and c accept another, of a greater ballot, and nobody hears of it.
    propose(group, 'a', next('abcd'))
    within('abc', false)
    expect([...'abcde'].map(isAccepting)).toEqual(['abcd', 'abcd', 'abcd', undefined, 'bcde'])
    // d wants a third; c and e tell it of both.
    group.now = 3000
    propose(group, 'd', next('bde'))
    group.flush(({ from, to, message }) => {
      if (isOf(message, 'answer', 'prepare') && from === 'c') group.deliver({ from, to, message })
      return (
        'cde'.includes(from) &&
        'cde'.includes(to) &&
        message.kind !== 'roster' &&
        !(from === 'c' && isOf(message, 'answer', 'prepare'))
      )
    })
    expect(isAccepting('d')).toBe('abcd')
    for (const parcel of held) group.deliver(parcel)
    expect(group.latest).toEqual(next('abcd'))
  })

  it('[RL3] tells who is behind, whoever speaks first', () => {
    const group = groupOf('abcd')
    group.check = () => undefined
    propose(group, 'a', next('abcd'))
    group.flush(({ to }) => !'d'.includes(to) || group.log('a').roster.epoch === 1)
    expect(group.log('d').roster.epoch).toBe(1)
    propose(group, 'd', next('abc'))
    propose(group, 'b', next('abc', 3))
    const ask = { kind: 'request', phase: 'query', epoch: 3, ballot: { round: 1, by: 'b' } } as const
    group.parcels = []
    group.deliver({ from: 'b', to: 'd', message: ask })
    group.flush()
    expect(group.log('d').roster.epoch).toBe(2)
    group.step('a', { kind: 'learn', roster: next('abc', 5), now: 0 })
    group.parcels = []
    group.deliver({ from: 'b', to: 'a', message: ask })
    group.flush()
    expect(group.log('b').roster.epoch).toBe(5)
  })

  it('[RL3] lets who has accepted a roster act under the one before no more', () => {
    const group = groupOf('abc')
    expect(group.log('b').mayVote).toBe(true)
    propose(group, 'a', next('abcd'))
    group.flush(({ message }) => !isOf(message, 'answer', 'accept'))
    expect(group.log('b').mayVote).toBe(false)
    group.restart('b')
    expect(group.log('b').mayVote).toBe(false)
    group.settle()
    expect(group.log('b').mayVote).toBe(true)
  })

  it('[RL12] takes the roster before from whoever tells it later, where it was told of the present one alone', () => {
    const group = groupOf('abc')
    group.check = () => undefined
    const [before, roster] = [group.log('a').roster, next('abc')]
    group.step('a', { kind: 'learn', roster, now: 0 })
    expect(group.log('a').state.previous).toBeUndefined()
    group.step('a', { kind: 'learn', roster, previous: { ...before, epoch: 7 }, now: 1 })
    expect(group.log('a').state.previous).toBeUndefined()
    group.step('a', { kind: 'learn', roster, previous: before, now: 1 })
    expect(group.log('a').state.previous).toEqual(before)
  })

  it('[RL14] takes from another server of the cluster what was decided after the roster here, though its voters are gone', () => {
    const later = (ids: string, epoch: number, before?: Roster): RosterMessage => ({
      kind: 'roster',
      roster: next(ids, epoch),
      previous: before,
      isPending: false,
    })
    const taken = (message: RosterMessage, mine = genesis, self = 'a', from = 'd'): boolean => {
      const group = groupOf('abcdefgh', { genesis: mine })
      group.check = () => undefined
      group.deliver({ from, to: self, message })
      return group.log(self).roster.epoch !== mine.epoch
    }
    expect({
      'the next one': taken(later('de', 2, genesis)),
      'one after some of the voters here': taken(later('def', 3, next('ade', 2))),
      'one of which it was made a voter': taken(later('efg', 4, next('def', 3)), genesis, 'f'),
      'one that came after an operator forced one': taken(later('de', forced + 3, next('de', forced + 2))),
    }).toEqual({
      'the next one': true,
      'one after some of the voters here': true,
      'one of which it was made a voter': true,
      'one that came after an operator forced one': true,
    })
    expect({
      'of a stranger': taken(later('zbc', 2, genesis), genesis, 'a', 'z'),
      'of a server that founded its own': taken(later('d', 9, next('d', 8))),
      'of one that wants this one for its own': taken(later('da', 9, next('d', 8))),
      'of one that founded its own, at who has no vote': taken(later('d', 9, next('d', 8)), genesis, 'f'),
      'after another of this epoch': taken(later('de', 2, next('ade', 1))),
      'without the one before': taken(later('de', 2)),
      'with one that is not before': taken(later('de', 9, genesis)),
      'an earlier one': taken(later('de', 2, genesis), next('abc', 3)),
    }).toEqual({
      'of a stranger': false,
      'of a server that founded its own': false,
      'of one that wants this one for its own': false,
      'of one that founded its own, at who has no vote': false,
      'after another of this epoch': false,
      'without the one before': false,
      'with one that is not before': false,
      'an earlier one': false,
    })
  })

  it('[RL13] asks those who would join first: where too few of them would, all go on under the present roster', () => {
    for (const lost of [false, true]) {
      const group = groupOf('ade', { genesis: next('a', 1) })
      if (lost) for (const id of 'de') group.start(id, lostRosterLogState(next('a', 1)))
      propose(group, 'a', next('ade'))
      group.settle(70_000, ({ to, message }) => (lost ? message.kind !== 'ask' : to !== 'e'))
      expect(outcomes(group)).toEqual([lost ? 'expired' : 'decided'])
      if (!lost) continue
      const reasons = group.told.flatMap(({ effect }) => (effect.kind === 'settled' ? [effect.reason] : []))
      expect(reasons[0]).toMatch(/nothing came: d, e\./)
      expect([group.log('a').mayVote, group.log('a').state.promised.round, group.log('a').pending]).toEqual([
        true,
        0,
        undefined,
      ])
      propose(group, 'a', next('a'))
      expect(rosters(group)[0]).toBe('2a')
    }
  })

  it('[RL13] finishes what was accepted, though who would join another one is away', () => {
    const group = groupOf('abcd')
    for (const id of 'bc') propose(group, id, next('d'))
    group.parcels = []
    propose(group, 'a', next('abc'))
    group.flush(({ message }) => !isOf(message, 'answer', 'accept'))
    expect([...'bc'].map((id) => group.log(id).state.accepted?.roster)).toEqual([next('abc'), next('abc')])
    for (const id of 'ad') group.logs.delete(id)
    group.settle(20_000)
    expect(rosters(group)).toEqual(['2abc', '2abc'])
  })

  it.each([
    ['a', 'ad'],
    ['a', 'ade'],
    ['abc', 'ade'],
  ])(
    '[RL13] lets those join that do not know their past, once they know that the next epoch is undecided: %s to %s',
    (from, to) => {
      const group = groupOf('abcde', { genesis: next(from, 1) })
      for (const id of 'de') group.start(id, lostRosterLogState(next(from, 1)))
      propose(group, 'a', next(to))
      group.settle()
      expect([outcomes(group), rosters(group)[0], [...to].every((id) => group.log(id).mayVote)]).toEqual([
        ['decided'],
        `2${to}`,
        true,
      ])
    },
  )

  it('[RL13] lets nobody join that cannot know, and no voter vote again by joining', () => {
    const group = groupOf('abcd')
    const ballot = { round: 5, by: 'b' }
    const accept = { kind: 'request', phase: 'accept', epoch: 2, ballot, roster: next('abcd') } as const
    const accepts = (id: NodeId): boolean => {
      group.deliver({ from: 'b', to: id, message: accept })
      return group.log(id).state.accepted !== undefined
    }
    group.start('d', lostRosterLogState(genesis))
    expect(accepts('d')).toBe(false)
    // A voter that is readmitted with the next roster has forgotten what it promised about that.
    group.start('c', { ...lostRosterLogState(genesis), votesFrom: 2 })
    expect(accepts('c')).toBe(false)
    group.start('d', { ...lostRosterLogState(genesis), votesFrom: 3 })
    expect(accepts('d')).toBe(false)
    group.start('d', { ...lostRosterLogState(genesis), votesFrom: 2 })
    expect(accepts('d')).toBe(true)
    expect(group.log('d').mayVote).toBe(false)
  })

  it('[RL7] only renews leases for the longest of them after a change, and after a restart', () => {
    const group = groupOf('abc')
    expect(group.log('a').grantsHeldUntil).toBe(10_500)
    group.now = 50_000
    propose(group, 'a', next('ab'))
    group.flush()
    expect([...group.logs.values()].map(({ grantsHeldUntil }) => grantsHeldUntil)).toEqual([60_500, 60_500, 60_500])
    group.now = 70_000
    group.restart('b')
    expect(group.log('b').grantsHeldUntil).toBe(80_500)
    const unborn = createRosterLog({
      self: 'a',
      stored: initialRosterLogState(genesis),
      maxTtlMs: 1000,
      random: () => 0,
    })
    expect(unborn.grantsHeldUntil).toBe(Number.POSITIVE_INFINITY)
  })

  it('[RL8] refuses a roster that is unsound, of a wrong epoch, with a browser as a new voter, or beside another', () => {
    const group = groupOf('abcd')
    const browser = [...votersOf('abc'), { id: 'd', weight: 1, role: 'browser' }]
    const wrong = [next('', 2), next('ab', 3), next('ab', 2, { arbiter: 'z' }), next('', 2, { voters: browser })]
    for (const roster of wrong) propose(group, 'a', roster)
    propose(group, 'd', next('abcd'))
    propose(group, 'a', next('abcd'))
    propose(group, 'a', next('ab'))
    group.step('a', { kind: 'force', roster: { voters: browser, policy: majority }, now: 0, wall: 0 })
    const reasons = group.told.flatMap(({ effect }) => (effect.kind === 'settled' ? [effect.reason] : []))
    expect(reasons).toEqual([
      'The count of voters is a number from 1 to 255.',
      'The next epoch is 2.',
      'The arbiter is one of the voters.',
      'A browser is no voter.',
      'This replica does not vote.',
      'Another change is on its way.',
      'A browser is no voter.',
    ])
  })

  it('[RL10] says what is wrong with its options', () => {
    const sound: RosterLogOptions = {
      self: 'a',
      stored: lostRosterLogState(genesis),
      maxTtlMs: 10_000,
      random: () => 0,
    }
    expect(rosterLogOptionsFault(sound)).toBeUndefined()
    expect(rosterLogOptionsFault({ ...sound, maxTtlMs: Number.NaN })).toMatch(/maxTtlMs/)
    expect(rosterLogOptionsFault({ ...sound, answerTimeoutMs: 1 })).toMatch(/answerTimeoutMs/)
    expect(rosterLogOptionsFault({ ...sound, proposalMs: 5000 })).toMatch(/proposalMs/)
    expect(rosterLogOptionsFault({ ...sound, stored: lostRosterLogState(next('')) })).toMatch(/voters/)
  })
})
