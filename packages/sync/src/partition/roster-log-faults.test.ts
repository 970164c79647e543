import { describe, expect, it } from 'vitest'
import { seededRandom } from '../world.test-helper.ts'
import type { NodeId, Roster } from './roster.ts'
import {
  chaos,
  Group,
  type GroupOptions,
  genesis,
  groupOf,
  isOf,
  next,
  outcomes,
  type Parcel,
  propose,
  rosters,
} from './roster-group.test-helper.ts'
import type { RosterLogEffect } from './roster-log-interface.ts'
import { initialRosterLogState, lostRosterLogState, type RosterMessage } from './roster-record.ts'

const timeout = process.env['EXHAUSTIVE'] === '1' ? 600_000 : 20_000
const seeds = process.env['EXHAUSTIVE'] === '1' ? 10_000 : 60

describe('a roster log, where things go wrong', () => {
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
    // What it promises itself is on disk before others hear of its attempt.
    propose(group, 'c', next('abc'))
    const granted = { kind: 'answer', phase: 'query', epoch: 2, ballot: { round: 1, by: 'c' } } as const
    const turn = group.log('c').step({ kind: 'receive', from: 'b', message: granted, now: 1 })
    expect(turn.map(({ kind }) => kind)).toEqual(['persist', 'send', 'send'])
    const own = groupOf('a', { genesis: next('a', 1) }).log('a')
    const kinds = own.step({ kind: 'propose', roster: next('a'), now: 1 }).map(({ kind }) => kind)
    expect(kinds).toEqual(['persist', 'persist', 'persist', 'roster', 'settled'])
  })

  it(
    `[RL4] [RL12] has one roster for each epoch, and one that can act and has all that counted, through crashes at any point, losses and lost disks: ${seeds} runs`,
    () => {
      let decided = 0
      let counted = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const { float } = seededRandom(seed)
        const ids = [...'abcde'.slice(0, 3 + (seed % 3))]
        const group = new Group({ genesis, ids, random: float })
        chaos(group, ids, float, 400)
        decided += group.latest.epoch - 1
        counted += group.counted
      }
      if (seeds > 60) console.log(`in ${seeds} runs ${decided} rosters were decided, and ${counted} writes counted`)
      expect(decided).toBeGreaterThan(seeds)
      expect(counted).toBeGreaterThan(seeds)
    },
    timeout,
  )

  it(
    `[RL17] is the same of a group that servers join which begin as groups of their own, also after their disks were lost: ${seeds} runs`,
    () => {
      let decided = 0
      let joined = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const { float } = seededRandom(seed)
        const ids = [...'abcde']
        const group = new Group({ genesis, ids, random: float, alone: seed % 2 === 0 ? ids : [...'de'] })
        chaos(group, ids, float, 400)
        decided += group.latest.epoch - 1
        joined += [...'de'].filter((id) => !group.isAlone(id)).length
      }
      if (seeds > 60) console.log(`in ${seeds} runs ${decided} rosters were decided, and ${joined} servers joined`)
      expect(decided).toBeGreaterThan(seeds)
      expect(joined).toBeGreaterThan(seeds)
    },
    timeout,
  )

  it(
    '[RL4] comes to an end of it once all are connected',
    () => {
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
    },
    timeout,
  )

  it(
    '[RL6] goes by one roster everywhere once all are connected, whoever forced what and changed it meanwhile',
    () => {
      let conflicts = 0
      for (let seed = 1; seed <= seeds; seed++) {
        const { float } = seededRandom(seed)
        const ids = [...'abcde']
        const group = new Group({ genesis, ids, random: float })
        // There may be several of one epoch, and some who can act under each, as long as they do not meet.
        group.check = () => undefined
        const pick = (): NodeId => ids[Math.floor(float() * ids.length)] as NodeId
        const sideOf = new Map(ids.map((id) => [id, float() < 0.5]))
        for (let step = 0; step < 12; step++) {
          const id = pick()
          const { roster } = group.log(id)
          const voters = ids.filter((other) => float() < 0.5 && sideOf.get(other) === sideOf.get(id))
          if (voters.length === 0) continue
          const asked = { policy: roster.policy, voters: voters.map((voter) => ({ id: voter, weight: 1 })) }
          if (float() < 0.3) group.step(id, { kind: 'force', roster: asked, now: group.now, wall: 0 })
          else propose(group, id, { ...asked, epoch: roster.epoch + 1 })
          group.flush(({ from, to }) => sideOf.get(from) === sideOf.get(to))
        }
        group.settle()
        group.settle()
        const isForced = [...group.logs.values()].some(({ roster }) => roster.epoch >= 2 ** 36)
        if (isForced) expect([seed, new Set(rosters(group)).size]).toEqual([seed, 1])
        conflicts += Number(group.told.some(({ effect }) => effect.kind === 'conflict'))
      }
      expect(conflicts).toBeGreaterThan(seeds / 20)
    },
    timeout,
  )

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
    group.settle(60_000)
    for (const id of 'bc') expect(group.log(id).state.votesFrom).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('[RL5] counts no answer of who has accepted a next roster, and none about an earlier roster', () => {
    const pending = groupOf('abc')
    propose(pending, 'a', next('abcd'))
    pending.flush(({ message }) => !isOf(message, 'request', 'accept'))
    pending.loseDisk('c')
    pending.flush()
    expect(pending.log('c').state.votesFrom).toBe(Number.MAX_SAFE_INTEGER)
    const group = groupOf('abcde', { genesis: next('abcde', 1), afterLoss: () => lostRosterLogState(next('abcde', 1)) })
    group.check = () => undefined
    group.loseDisk('c')
    group.flush(({ from, to }) => !'de'.includes(from + to) && !'de'.includes(to))
    group.step('d', { kind: 'learn', roster: next('abcde', 2), now: 0 })
    group.step('d', { kind: 'contact', peer: 'c', now: 0 })
    group.now = 1000
    group.flush()
    group.tick('c')
    group.flush(({ from, to }) => 'cd'.includes(from) && 'cd'.includes(to))
    expect([group.log('c').roster.epoch, group.log('c').state.votesFrom]).toEqual([2, Number.MAX_SAFE_INTEGER])
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
    group.deliver({
      from: 'b',
      to: 'a',
      message: { kind: 'answer', phase: 'accept', epoch: 2, ballot: { round: 1, by: 'a' } },
    })
    expect(group.log('a').pending).toEqual(next('abcd'))
    group.settle()
    expect([outcomes(group), group.latest]).toEqual([['decided'], next('abcd')])
  })
})
