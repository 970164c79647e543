import { describe, expect, it } from 'vitest'
import { seededRandom } from '../world.test-helper.ts'
import type { NodeId, Policy, Roster } from './roster.ts'
import { chaos, Group, type GroupOptions, type Parcel, votersOf } from './roster-group.test-helper.ts'
import { createRosterLog } from './roster-log.ts'
import { type RosterLogEffect, type RosterLogOptions, rosterLogOptionsFault } from './roster-log-interface.ts'
import { initialRosterLogState, lostRosterLogState, type RosterMessage, type RosterPhase } from './roster-record.ts'

const majority: Policy = { kind: 'keep-majority' }
const genesis: Roster = { epoch: 1, voters: votersOf('abc'), policy: majority }
const next = (ids: string, epoch = 2, rest: Partial<Roster> = {}): Roster => ({
  epoch,
  voters: votersOf(ids),
  policy: majority,
  ...rest,
})
const groupOf = (ids: string, rest: Partial<GroupOptions> = {}): Group =>
  new Group({ genesis, ids: [...ids], random: seededRandom(7).float, ...rest })
const outcomes = (group: Group) =>
  group.told.flatMap(({ effect }) => (effect.kind === 'settled' ? [effect.outcome] : []))
const propose = (group: Group, id: NodeId, roster: Roster): void =>
  group.step(id, { kind: 'propose', roster, now: group.now })
const rosters = (group: Group): string[] =>
  [...group.logs.values()].map(({ roster }) => `${roster.epoch}${roster.voters.map(({ id }) => id).join('')}`)

const isOf = (message: RosterMessage, kind: 'request' | 'answer', phase: RosterPhase): boolean =>
  message.kind === kind && message.phase === phase

const seeds = process.env['EXHAUSTIVE'] === '1' ? 20_000 : 150

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

  it('[RL3] finishes what may have been decided, whoever began it', () => {
    const group = groupOf('abcd')
    propose(group, 'a', next('abcd'))
    // Three accept, and nobody hears of it.
    group.flush(({ message }) => !isOf(message, 'answer', 'accept'))
    group.logs.delete('a')
    expect(group.log('b').pending).toEqual(next('abcd'))
    propose(group, 'c', next('bc'))
    group.settle()
    expect([rosters(group), group.log('b').pending]).toEqual([['2abcd', '2abcd', '2abcd'], undefined])
    propose(group, 'b', next('bcd', 3))
    expect(group.log('b').pending).toEqual(next('bcd', 3))
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

  it('[RL4] persists before it answers', () => {
    const group = groupOf('abc')
    const ballot = { round: 1, by: 'b' }
    const messages: RosterMessage[] = [
      { kind: 'request', phase: 'prepare', epoch: 2, ballot },
      { kind: 'request', phase: 'accept', epoch: 2, ballot, roster: next('ab') },
    ]
    for (const message of messages) {
      const effects = group.log('a').step({ kind: 'receive', from: 'b', message, now: 1 })
      expect(effects.map(({ kind }) => kind)).toEqual(['persist', 'send'])
    }
    const own = groupOf('a', { genesis: next('a', 1) }).log('a')
    const kinds = own.step({ kind: 'propose', roster: next('a'), now: 1 }).map(({ kind }) => kind)
    expect(kinds).toEqual(['persist', 'persist', 'persist', 'roster', 'settled'])
  })

  it(`[RL4] has one roster for each epoch, and one that can act, through crashes at any point, losses and lost disks: ${seeds} runs`, () => {
    let decided = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const { float } = seededRandom(seed)
      const ids = [...'abcde'.slice(0, 3 + (seed % 3))]
      const group = new Group({ genesis, ids, random: float })
      chaos(group, ids, float, 400)
      decided += group.latest.epoch - 1
    }
    expect(decided).toBeGreaterThan(seeds)
  })

  it('[RL4] comes to an end of it once all are connected', () => {
    for (let seed = 1; seed <= seeds / 3; seed++) {
      const { float } = seededRandom(seed)
      const ids = [...'abcd']
      const group = new Group({ genesis, ids, random: float })
      propose(group, 'a', next('abcd'))
      propose(group, 'b', next('bc'))
      for (let at = 0; at < 40; at++) {
        const index = Math.floor(float() * group.parcels.length)
        const [parcel] = group.parcels.splice(index, 1)
        if (parcel && float() < 0.7) group.deliver(parcel, float() < 0.1 ? 1 : undefined)
      }
      group.settle()
      // Who is no voter under either roster hears of it when it is met.
      group.settle()
      expect(new Set(rosters(group)).size).toBe(1)
      for (const log of group.logs.values()) expect([log.pending, log.wakeAt]).toEqual([undefined, undefined])
    }
  })

  it('[RL5] does not vote after its disk was lost, until a roster is in force for which it cannot have voted', () => {
    const group = groupOf('abc')
    group.loseDisk('c')
    expect(group.log('c').mayVote).toBe(false)
    group.flush()
    expect(group.log('c').state.votesFrom).toBe(2)
    expect(group.log('c').mayVote).toBe(false)
    group.settle()
    expect([rosters(group), group.log('c').mayVote]).toEqual([['2abc', '2abc', '2abc'], true])
    const alone = groupOf('ab', { genesis: next('ab', 1) })
    alone.loseDisk('b')
    alone.settle(60_000)
    expect([alone.log('b').mayVote, alone.latest.epoch]).toEqual([false, 1])
  })

  it('[RL5] counts no answer from before its restart, and none of who forgot itself', () => {
    const group = groupOf('abc')
    group.loseDisk('c')
    const told = (from: NodeId, answers: number): void =>
      group.deliver({ from, to: 'c', message: { kind: 'roster', roster: genesis, isPending: false, answers } })
    group.parcels = []
    told('a', 1)
    told('b', 1)
    expect(group.log('c').state.votesFrom).toBe(Number.MAX_SAFE_INTEGER)
    group.loseDisk('b')
    group.flush(({ from, to }) => `${from}${to}` !== 'cb')
    group.settle(60_000)
    expect([group.log('b').mayVote, group.log('c').mayVote]).toEqual([false, false])
  })

  it('[RL5] keeps a promise that it forgot, where learning what others promised would not be enough', () => {
    const run = (restart: (group: Group) => void): Group => {
      const group = groupOf('abcde', { genesis: next('abcde', 1) })
      propose(group, 'e', next('bcde'))
      const held: Parcel[] = []
      group.flush((parcel) => {
        const isLate = isOf(parcel.message, 'request', 'prepare') && parcel.to !== 'c'
        if (isLate && parcel.to === 'b') held.push(parcel)
        return !isLate
      })
      expect(group.log('c').state.promised).toEqual({ round: 1, by: 'e' })
      restart(group)
      propose(group, 'a', next('abcd'))
      group.flush(({ from, to, message }) => /[acd]{2}/.test(from + to) && message.kind !== 'roster')
      for (const parcel of held) group.deliver(parcel)
      group.flush(({ message }) => message.kind !== 'roster')
      return group
    }
    // What b, d and e would have told: e is not asked, the others have heard of nothing.
    expect(() => run((group) => group.start('c', initialRosterLogState(next('abcde', 1))))).toThrow('two rosters')
    for (const restart of [(group: Group) => group.loseDisk('c'), (group: Group) => group.restart('c')])
      expect(run(restart).latest).toEqual(next('bcde'))
  })

  it('[RL4] [RL5] is caught where a disk is written after the answer, and where a lost disk is taken for a new one', () => {
    const late = (effects: RosterLogEffect[]): RosterLogEffect[] =>
      effects.toSorted((x, y) => Number(x.kind === 'persist') - Number(y.kind === 'persist'))
    const mutants: Partial<GroupOptions>[] = [{ reorder: late }, { afterLoss: () => initialRosterLogState(genesis) }]
    const ids = [...'abc']
    const isCaught = (mutant: Partial<GroupOptions>, seed: number): boolean => {
      const { float } = seededRandom(seed)
      try {
        chaos(new Group({ genesis, ids, random: float, ...mutant }), ids, float, 400)
        return false
      } catch (error) {
        return /can act|two rosters/.test((error as Error).message)
      }
    }
    for (const mutant of mutants)
      expect(Array.from({ length: 300 }, (_, seed) => seed).some((seed) => isCaught(mutant, seed))).toBe(true)
  })

  it('[RL6] forces a roster without asking, and whoever comes back can merge and not act', () => {
    const group = groupOf('abcd')
    group.check = () => undefined
    group.step('c', { kind: 'force', roster: { voters: votersOf('c'), policy: majority }, now: 0 })
    expect(group.log('c').roster).toEqual(next('c', 2 ** 20))
    expect(group.log('c').mayVote).toBe(true)
    propose(group, 'c', next('cd', 2 ** 20 + 1))
    group.parcels = []
    propose(group, 'a', next('abcd'))
    group.flush(({ to }) => to !== 'c')
    expect(group.log('a').roster.epoch).toBe(2)
    // The old majority returns.
    group.step('c', { kind: 'contact', peer: 'a', now: 0 })
    group.flush()
    expect([group.log('a').roster.epoch, group.log('a').mayVote]).toEqual([2 ** 20, false])
  })

  it('[RL6] keeps of two that were forced the same one everywhere, and says so', () => {
    const kept = [false, true].map((isSwapped) => {
      const group = groupOf('abc')
      group.check = () => undefined
      for (const id of isSwapped ? 'ba' : 'ab')
        group.step(id, { kind: 'force', roster: { voters: votersOf(id), policy: majority }, now: 0 })
      group.parcels = []
      const roster = group.log(isSwapped ? 'a' : 'b').roster
      for (const to of 'abc') {
        group.step(to, { kind: 'learn', roster, now: 1 })
        group.step(to, { kind: 'learn', roster: group.log('b').roster, now: 1 })
      }
      const conflicts = group.told.filter(({ effect }) => effect.kind === 'conflict')
      return [rosters(group), conflicts.map(({ id }) => id)]
    })
    expect(kept).toEqual([
      [['1048576b', '1048576b', '1048576b'], ['a']],
      [
        ['1048576b', '1048576b', '1048576b'],
        ['a', 'c'],
      ],
    ])
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
    group.step('a', { kind: 'force', roster: { voters: browser, policy: majority }, now: 0 })
    const reasons = group.told.flatMap(({ effect }) => (effect.kind === 'settled' ? [effect.reason] : []))
    expect(reasons).toEqual([
      'A roster has 1 to 255 voters.',
      'The next epoch is 2.',
      'The arbiter is one of the voters.',
      'A browser is no voter.',
      'This replica does not vote.',
      'Another change is on its way.',
      'A browser is no voter.',
    ])
  })

  it('[RL9] is not moved by who is no voter, by ballots of others, or by nonsense', () => {
    const group = groupOf('abc')
    const ballot = { round: 5, by: 'b' }
    const hostile: [NodeId, RosterMessage][] = [
      ['z', { kind: 'request', phase: 'prepare', epoch: 2, ballot: { round: 5, by: 'z' } }],
      ['z', { kind: 'roster', roster: next('z', 99), isPending: false }],
      ['z', { kind: 'readmit', epoch: 2 }],
      ['c', { kind: 'request', phase: 'prepare', epoch: 2, ballot }],
      ['b', { kind: 'request', phase: 'prepare', epoch: 2, ballot: { round: Number.NaN, by: 'b' } }],
      ['b', { kind: 'request', phase: 'accept', epoch: 2, ballot, roster: next('', 2) }],
      ['b', { kind: 'request', phase: 'accept', epoch: 2, ballot, roster: next('z', 7) }],
      ['b', { kind: 'roster', roster: next('', 9), isPending: false }],
      ['b', { kind: 'answer', phase: 'accept', epoch: 2, ballot: { round: 1, by: 'a' } }],
      [
        'b',
        {
          kind: 'answer',
          phase: 'prepare',
          epoch: 2,
          ballot: { round: 1, by: 'a' },
          accepted: { ballot, roster: next('z', 2) },
        },
      ],
      ['b', { kind: 'refused', epoch: 2, promised: { round: Number.POSITIVE_INFINITY, by: '' } }],
    ]
    const before = JSON.stringify(group.log('a').state)
    for (const [from, message] of hostile) group.deliver({ from, to: 'a', message })
    expect([JSON.stringify(group.log('a').state), group.log('a').wakeAt]).toEqual([before, undefined])
  })

  it('[RL9] takes no roster for decided that a stranger, or nobody sound, says was accepted', () => {
    const group = groupOf('abc')
    propose(group, 'a', next('abcd'))
    group.flush(({ message }) => !isOf(message, 'answer', 'prepare'))
    const evil = next('z', 2)
    const said = (from: NodeId, roster: Roster): void => {
      const ballot = { round: 1, by: 'a' }
      const accepted = { ballot: { round: 9, by: from }, roster }
      group.deliver({ from, to: 'a', message: { kind: 'answer', phase: 'prepare', epoch: 2, ballot, accepted } })
    }
    said('z', evil)
    said('b', next('', 2, { policy: { kind: 'keep-oldest' } }))
    expect(group.log('a').pending).toEqual(next('abcd'))
    group.settle()
    expect([outcomes(group), group.latest]).toEqual([['decided'], next('abcd')])
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
