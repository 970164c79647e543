import { describe, expect, it } from 'vitest'
import type { NodeId, Roster } from './roster.ts'
import {
  type Group,
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
import { initialRosterLogState, lostRosterLogState, type RosterLogState, type RosterMessage } from './roster-record.ts'

/** The least epoch that is forced. */
const forced = 2 ** 36
/** Operators who draw the same. */
const drawnAlike = { random: () => 0 }

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

  it('[RL6] forces a roster without asking, and whoever comes back can merge and not act', () => {
    const group = groupOf('abcd', drawnAlike)
    group.check = () => undefined
    group.step('c', { kind: 'force', roster: { voters: votersOf('c'), policy: majority }, now: 0 })
    expect(group.log('c').roster).toEqual(next('c', forced))
    expect(group.log('c').mayVote).toBe(true)
    propose(group, 'c', next('cd', forced + 1))
    group.parcels = []
    propose(group, 'a', next('abcd'))
    group.flush(({ to }) => to !== 'c')
    expect(group.log('a').roster.epoch).toBe(2)
    // The old majority returns.
    group.step('c', { kind: 'contact', peer: 'a', now: 0 })
    group.flush()
    expect([group.log('a').roster.epoch, group.log('a').mayVote]).toEqual([forced, false])
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

  it('[RL6] keeps of two that were forced the same one everywhere, and says so', () => {
    const kept = [false, true].map((isSwapped) => {
      const group = groupOf('abc', drawnAlike)
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
      [[`${forced}b`, `${forced}b`, `${forced}b`], ['a']],
      [
        [`${forced}b`, `${forced}b`, `${forced}b`],
        ['a', 'c'],
      ],
    ])
  })

  it('[RL16] that is forced of servers without memory lets those vote that ran before, and no others', () => {
    const group = groupOf('cdefg')
    group.check = () => undefined
    for (const id of 'def') group.start(id, lostRosterLogState(genesis))
    for (const id of 'def') group.step(id, { kind: 'contact', peer: 'c', now: 0 })
    group.flush()
    // What it was before is not known of this process.
    group.start('f', lostRosterLogState(genesis))
    group.step('c', { kind: 'force', roster: { voters: votersOf('cdefg'), policy: majority }, now: 0 })
    const tellsAlone = ({ to, message }: Parcel): boolean => message.kind === 'admit' || to !== 'f'
    group.flush(tellsAlone)
    const votes = (): string => [...'cdefg'].filter((id) => group.log(id).mayVote).join('')
    expect(votes()).toBe('cdeg')
    expect(group.disks.get('d')?.votesFrom).toBe(group.log('c').roster.epoch)
    // One that has voted there and lost its disk since is another process.
    group.start('d', lostRosterLogState(genesis))
    group.step('d', { kind: 'contact', peer: 'c', now: 0 })
    group.flush(({ from, to }) => 'cd'.includes(from) && 'cd'.includes(to))
    expect([votes(), group.log('d').roster]).toEqual(['ceg', group.log('c').roster])
    // The rest is for those who vote.
    group.settle()
    expect(votes()).toBe('cdefg')
  })

  it('[RL16] admits who comes back as the process that it was, and nobody on the word of a stranger', () => {
    const group = groupOf('cde')
    group.check = () => undefined
    for (const id of 'de') group.start(id, lostRosterLogState(genesis))
    for (const id of 'de') group.step(id, { kind: 'contact', peer: 'c', now: 0 })
    group.flush()
    group.step('c', { kind: 'force', roster: { voters: votersOf('cde'), policy: majority }, now: 0 })
    const admits = group.parcels.filter(({ message }) => message.kind === 'admit')
    expect(admits.map(({ to }) => to)).toEqual(['d', 'e'])
    group.parcels = []
    for (const parcel of admits) group.deliver({ ...parcel, from: 'z' })
    expect(group.log('d').roster.epoch).toBe(1)
    group.step('d', { kind: 'contact', peer: 'c', now: 1 })
    group.flush(({ from, to }) => from !== 'e' && to !== 'e')
    expect([group.log('d').mayVote, group.log('e').mayVote]).toEqual([true, false])
    // Nor under a roster that was decided, whoever says so.
    const decided = { kind: 'admit', roster: next('cde', 5), nonce: 1 } as const
    group.deliver({ from: 'c', to: 'e', message: decided })
    expect(group.log('e').roster.epoch).not.toBe(5)
  })

  it('[RL16] votes at once, too, where it was alone and another one forced a roster with it', () => {
    const group = groupOf('ad', { genesis: next('a', 1) })
    group.check = () => undefined
    group.start('d', lostRosterLogState(next('a', 1)))
    group.settle()
    group.step('d', { kind: 'force', roster: { voters: votersOf('ad'), policy: majority }, now: group.now })
    group.settle()
    expect([...'ad'].map((id) => group.log(id).mayVote)).toEqual([true, true])
  })

  it('[RL17] moves no sole voter of a group that was decided, and no other by a roster that names it', () => {
    const told = (stored: RosterLogState, roster: Roster, answers?: number): Roster => {
      const group = groupOf('ab')
      group.check = () => undefined
      group.start('a', stored)
      group.deliver({ from: 'b', to: 'a', message: { kind: 'roster', roster, isPending: false, answers } })
      return group.log('a').roster
    }
    const alone = next('a', 1)
    expect({
      'later, and names it': told(initialRosterLogState(alone), next('ab', 2)),
      'of the same epoch': told(initialRosterLogState(alone), next('ab', 1)),
      'later, without it': told(initialRosterLogState(alone), next('bc', 2)),
      'later, without it, where it has no memory': told(lostRosterLogState(alone), next('bc', 2)),
      'of the same epoch, where it has no memory': told(lostRosterLogState(alone), next('bc', 1)),
      'where it was decided that it is the only one': told(initialRosterLogState(next('a', 3)), next('ab', 1)),
      'later than what was decided': told(initialRosterLogState(next('a', 3)), next('bc', 5, {})),
    }).toEqual({
      'later, and names it': next('ab', 2),
      'of the same epoch': alone,
      'later, without it': alone,
      'later, without it, where it has no memory': next('bc', 2),
      'of the same epoch, where it has no memory': next('bc', 1),
      'where it was decided that it is the only one': next('a', 3),
      'later than what was decided': next('a', 3),
    })
  })

  it.each([
    ['forced', 'abcde', next('adx', 2 ** 36 + 5), undefined],
    ['of others than the group of one that told it', 'a', next('adx', 3), next('ax')],
  ])(
    '[RL19] that lost its disk votes under no roster that is %s by what it was told of the next epoch elsewhere',
    (_, voters, roster, previous) => {
      const group = groupOf('d', { genesis: next(voters, 1) })
      group.check = () => undefined
      group.start('d', lostRosterLogState(next(voters, 1)))
      const ask = group.log('d').step({ kind: 'contact', peer: 'a', now: 0 })
      const nonce = ask.flatMap((effect) =>
        effect.kind === 'send' && effect.message.kind === 'ask' ? effect.message.nonce : [],
      )[0]
      const hear = (from: string, told: Roster, before: Roster | undefined, answers?: number): void =>
        group.deliver({
          from,
          to: 'd',
          message: { kind: 'roster', roster: told, previous: before, isPending: false, answers },
        })
      for (const from of voters) if (from !== 'd') hear(from, next(voters, 1), undefined, nonce)
      expect(group.log('d').state.votesFrom).toBe(2)
      hear('a', roster, previous)
      expect([group.log('d').roster.epoch, group.log('d').mayVote]).toEqual([roster.epoch, false])
      for (const from of 'ax') hear(from, roster, previous, nonce)
      expect(group.log('d').state.votesFrom).toBe(roster.epoch + 1)
    },
  )

  it('[RL19] that never lost its disk votes under one that was forced elsewhere, and so does one that was in reach of who did that', () => {
    const group = groupOf('abc')
    group.check = () => undefined
    group.loseDisk('c')
    group.settle()
    expect([group.log('c').mayVote, group.log('c').roster.epoch]).toEqual([true, 2])
    for (const id of 'bc') group.restart(id)
    group.settle()
    group.step('a', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: group.now })
    group.flush()
    expect([...'abc'].map((id) => group.log(id).mayVote)).toEqual([true, true, true])
    // Who was not may have been there before.
    group.step('b', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: group.now })
    group.restart('c')
    group.flush()
    expect([...'abc'].map((id) => group.log(id).mayVote)).toEqual([true, true, false])
    group.settle()
    expect([...'abc'].map((id) => group.log(id).mayVote)).toEqual([true, true, true])
  })

  it('[RL17] that was alone takes no roster as one that remembers, also where it is not named there, or has a change on its way', () => {
    for (const isAsking of [false, true]) {
      const group = groupOf('d', { genesis: next('d', 1) })
      group.check = () => undefined
      if (isAsking) propose(group, 'd', next('de'))
      const hear = (from: string, roster: Roster, previous?: Roster): void =>
        group.step('d', {
          kind: 'receive',
          from,
          isOfServer: true,
          message: { kind: 'roster', roster, previous, isPending: false },
          now: 0,
        })
      hear('s', next('ax', 5), next('axd', 4))
      hear('a', next('axd', 6), next('ax', 5))
      expect([group.log('d').roster.epoch, group.log('d').mayVote], String(isAsking)).toEqual([6, false])
    }
  })

  it('[RL17] that was alone is not moved by who asked for it once, and is connected again without asking', () => {
    const group = groupOf('ad', { genesis: next('a', 1) })
    group.check = () => undefined
    group.start('d', initialRosterLogState(next('d', 1)))
    propose(group, 'a', next('ad'))
    // The connection ends before it is answered.
    group.flush(({ to, message }) => to === 'd' && message.kind === 'request')
    group.restart('a')
    group.settle()
    expect(rosters(group)).toEqual(['1a', '1d'])
    propose(group, 'a', next('ad'))
    group.settle()
    expect(rosters(group)).toEqual(['2ad', '2ad'])
  })

  it('[RL17] that waits to be told who votes tells nobody that it does', () => {
    const group = groupOf('abc', { genesis: next('a', 1) })
    group.check = () => undefined
    for (const id of 'bc') group.start(id, lostRosterLogState(next(id, 1)))
    group.settle(10_000, ({ from, to }) => from !== 'a' && to !== 'a')
    expect(rosters(group)).toEqual(['1a', '1b', '1c'])
    // One way after the other.
    group.settle(10_000, ({ from, to }) => from + to === 'ab' || from + to === 'ba')
    expect(rosters(group)).toEqual(['1a', '1a', '1c'])
    group.settle(10_000, ({ from, to }) => from !== 'a' && to !== 'a')
    expect(rosters(group)).toEqual(['1a', '1a', '1a'])
  })

  it('[RL17] begins anew where it gives up its own, whatever it promised there', () => {
    const group = groupOf('ad', { genesis: next('a', 1), alone: ['d'] })
    group.start('d', { ...initialRosterLogState(next('d', 1)), promised: { round: 3, by: 'd' } })
    propose(group, 'a', next('ad'))
    group.settle()
    expect(rosters(group)).toEqual(['2ad', '2ad'])
  })

  it('[RL16] lets one vote that was alone, and however many asked since it began', () => {
    const group = groupOf('ad', { genesis: next('a', 1), alone: ['d'] })
    group.check = () => undefined
    const ask = (from: string): void =>
      group.step('a', { kind: 'receive', from, isOfServer: true, message: { kind: 'ask', nonce: 1 }, now: 0 })
    for (let other = 0; other < 300; other++) ask(`other ${other}`)
    group.settle()
    group.step('a', { kind: 'force', roster: { voters: votersOf('ad'), policy: majority }, now: group.now })
    group.flush()
    expect([...'ad'].map((id) => group.log(id).mayVote)).toEqual([true, true])
  })

  it('[RL15] draws another epoch for each that is forced, of which the greater is kept, and says so', () => {
    const group = groupOf('abc')
    group.check = () => undefined
    for (const id of 'ab') group.step(id, { kind: 'force', roster: { voters: votersOf(id), policy: majority }, now: 0 })
    const epochs = [...'ab'].map((id) => group.log(id).roster.epoch)
    expect(new Set(epochs.map((epoch) => [epoch >= forced, epoch < 2 * forced, epoch % 2 ** 20].join()))).toEqual(
      new Set(['true,true,0']),
    )
    expect(epochs[0]).not.toBe(epochs[1])
    group.settle()
    expect(new Set([...group.logs.values()].map(({ roster }) => roster.epoch))).toEqual(new Set([Math.max(...epochs)]))
    expect(group.told.some(({ effect }) => effect.kind === 'conflict')).toBe(true)
    // Who knows of the one forces the next: nothing is dropped that anybody asked for.
    const before = group.told.length
    group.step('c', { kind: 'force', roster: { voters: votersOf('c'), policy: majority }, now: group.now })
    group.settle()
    expect(new Set([...group.logs.values()].map(({ roster }) => Math.floor(roster.epoch / forced)))).toEqual(
      new Set([2]),
    )
    expect(group.told.slice(before).some(({ effect }) => effect.kind === 'conflict')).toBe(false)
  })

  it('[RL6] reconciles two that were forced without a common voter, also where one of them was changed since', () => {
    const force = (group: Group, id: NodeId, ids: string): void =>
      group.step(id, { kind: 'force', roster: { voters: votersOf(ids), policy: majority }, now: 0 })
    for (const isChanged of [false, true]) {
      const group = groupOf('abcd', drawnAlike)
      group.check = () => undefined
      force(group, 'a', 'a')
      force(group, 'b', 'bc')
      group.flush(({ from, to }) => (from === 'a') === (to === 'a'))
      if (isChanged) propose(group, 'a', next('a', forced + 1))
      group.parcels = []
      expect(rosters(group)).toEqual([
        isChanged ? `${forced + 1}a` : `${forced}a`,
        `${forced}bc`,
        `${forced}bc`,
        '1abc',
      ])
      // A stranger may say what it likes.
      const told = (from: NodeId, to: NodeId): void =>
        group.deliver({ from, to, message: { kind: 'roster', roster: group.log('a').roster, isPending: false } })
      told('z', 'b')
      group.flush()
      expect(group.log('b').roster.epoch).toBe(forced)
      expect(group.log('b').roster.voters.length).toBe(2)
      group.settle()
      // By their text, where they are of one epoch.
      expect(new Set(rosters(group))).toEqual(new Set([isChanged ? `${forced + 1}a` : `${forced}bc`]))
      expect(group.told.some(({ effect }) => effect.kind === 'conflict')).toBe(true)
      expect([...'abc'].filter((id) => group.log(id).mayVote).join('')).toBe(isChanged ? 'a' : 'bc')
    }
  })

  it('[RL6] tells those of both that one of two of an epoch holds, as nothing else there tells them apart', () => {
    const group = groupOf('abc', drawnAlike)
    group.check = () => undefined
    const heavy = votersOf('abc').map((voter) => (voter.id === 'a' ? { ...voter, weight: 3 } : voter))
    group.step('a', { kind: 'force', roster: { voters: heavy, policy: majority }, now: 0 })
    group.parcels = []
    group.step('b', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: 0 })
    group.flush(({ to }) => to !== 'a')
    expect(rosters(group)).toEqual([`${forced}abc`, `${forced}abc`, `${forced}abc`])
    // a and b meet, and c is connected with b only.
    for (const [from, to] of ['ab', 'ba']) group.step(from as string, { kind: 'contact', peer: to as string, now: 0 })
    group.flush(({ from, to }) => !'acac'.includes(from + to))
    expect(new Set([...group.logs.values()].map(({ roster }) => roster.voters[0]?.weight)).size).toBe(1)
  })

  it('[RL6] uses no number of an attempt again under another roster of the same epoch', () => {
    const group = groupOf('ab', { genesis: next('ab', 1), ...drawnAlike })
    group.check = () => undefined
    const force = (id: NodeId, weight: number): void => {
      const voters = votersOf('ab').map((voter) => ({ ...voter, weight }))
      group.step(id, { kind: 'force', roster: { voters, policy: majority }, now: 0 })
    }
    force('a', 1)
    group.flush()
    propose(group, 'a', next('ab', forced + 1))
    group.flush(({ message }) => !isOf(message, 'answer', 'prepare') && message.kind !== 'roster')
    expect(group.log('a').state.promised.round).toBe(1)
    const roster = { ...group.log('a').roster, voters: votersOf('ab').map((voter) => ({ ...voter, weight: 2 })) }
    group.step('a', { kind: 'learn', roster, now: 1 })
    expect([group.log('a').roster.voters[0]?.weight, group.log('a').state.promised.round]).toEqual([2, 1])
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
    group.step('a', { kind: 'force', roster: { voters: browser, policy: majority }, now: 0 })
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
