import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areForcedApart, epochAt, forcedEpochAfter, forceOf, isForced } from './forced-epoch.ts'
import type { NodeId, Roster } from './roster.ts'
import {
  type Group,
  genesis,
  groupOf,
  isOf,
  majority,
  next,
  type Parcel,
  propose,
  rosters,
  votersOf,
} from './roster-group.test-helper.ts'
import { initialRosterLogState, lostRosterLogState, type RosterLogState } from './roster-record.ts'

/** The least epoch that is forced. */
const forced = 2 ** 36
/** Operators who draw the same. */
const drawnAlike = { random: () => 0 }
/** A group of which some ran without memory before anybody was told so, and nobody checks what an operator sets apart. */
function lostAmong(ids: string, lost: string): Group {
  const group = groupOf(ids)
  group.check = () => undefined
  for (const id of lost) group.start(id, lostRosterLogState(genesis))
  for (const id of lost) group.step(id, { kind: 'contact', peer: 'c', now: 0 })
  group.flush()
  return group
}

describe('a roster log, beside other groups and forces', () => {
  it('[RL6] forces a roster without asking, and whoever comes back can merge and not act', () => {
    const group = groupOf('abcd', drawnAlike)
    group.check = () => undefined
    group.step('c', { kind: 'force', roster: { voters: votersOf('c'), policy: majority }, now: 0, wall: 0 })
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

  it('[RL6] keeps of two that were forced the same one everywhere, and says so', () => {
    const kept = [false, true].map((isSwapped) => {
      const group = groupOf('abc', drawnAlike)
      group.check = () => undefined
      for (const id of isSwapped ? 'ba' : 'ab')
        group.step(id, { kind: 'force', roster: { voters: votersOf(id), policy: majority }, now: 0, wall: 0 })
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
    const group = lostAmong('cdefg', 'def')
    // What it was before is not known of this process.
    group.start('f', lostRosterLogState(genesis))
    group.step('c', { kind: 'force', roster: { voters: votersOf('cdefg'), policy: majority }, now: 0, wall: 0 })
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
    const group = lostAmong('cde', 'de')
    group.step('c', { kind: 'force', roster: { voters: votersOf('cde'), policy: majority }, now: 0, wall: 0 })
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

  it('[RL20] admits them also where it was started anew before it had told them', () => {
    const group = lostAmong('cde', 'de')
    const onlyWritten = 1
    group.step(
      'c',
      { kind: 'force', roster: { voters: votersOf('cde'), policy: majority }, now: 0, wall: 0 },
      onlyWritten,
    )
    expect(group.parcels).toEqual([])
    group.settle()
    expect([...'cde'].map((id) => group.log(id).mayVote)).toEqual([true, true, true])
    // Under the next one they are voters like the others.
    propose(group, 'c', { ...group.log('c').roster, epoch: group.log('c').roster.epoch + 1 })
    group.settle()
    expect([...'cde'].map((id) => group.disks.get(id)?.admitted)).toEqual([undefined, undefined, undefined])
  })

  it('[RL21] makes itself known again to who tells its roster, as the first word may be lost, and not each time', () => {
    const group = groupOf('cd', { genesis: next('c', 1) })
    group.check = () => undefined
    group.start('d', lostRosterLogState(next('d', 1)))
    const asks = (): number => {
      group.deliver({ from: 'c', to: 'd', message: { kind: 'roster', roster: next('c', 1), isPending: false } })
      return group.parcels.filter(({ message }) => message.kind === 'ask').length
    }
    const asked = [0, 500, 999, 1000].map((ms) => {
      group.now = ms
      return asks()
    })
    expect(asked).toEqual([1, 1, 1, 2])
    group.parcels.shift()
    group.flush()
    group.step('c', { kind: 'force', roster: { voters: votersOf('cd'), policy: majority }, now: group.now, wall: 0 })
    group.flush()
    expect([group.log('c').mayVote, group.log('d').mayVote]).toEqual([true, true])
  })

  it('[RL16] votes at once, too, where it was alone and another one forced a roster with it', () => {
    const group = groupOf('ad', { genesis: next('a', 1) })
    group.check = () => undefined
    group.start('d', lostRosterLogState(next('a', 1)))
    group.settle()
    group.step('d', { kind: 'force', roster: { voters: votersOf('ad'), policy: majority }, now: group.now, wall: 0 })
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
    group.step('a', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: group.now, wall: 0 })
    group.flush()
    expect([...'abc'].map((id) => group.log(id).mayVote)).toEqual([true, true, true])
    // Who was not may have been there before.
    group.step('b', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: group.now, wall: 0 })
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
    group.step('a', { kind: 'force', roster: { voters: votersOf('ad'), policy: majority }, now: group.now, wall: 0 })
    group.flush()
    expect([...'ad'].map((id) => group.log(id).mayVote)).toEqual([true, true])
  })

  it('[RL15] draws another epoch for each that is forced, of which the greater is kept, and says so', () => {
    const group = groupOf('abc')
    group.check = () => undefined
    for (const id of 'ab')
      group.step(id, { kind: 'force', roster: { voters: votersOf(id), policy: majority }, now: 0, wall: 0 })
    const epochs = [...'ab'].map((id) => group.log(id).roster.epoch)
    expect(epochs.map(isForced)).toEqual([true, true])
    expect(epochs[0]).not.toBe(epochs[1])
    group.settle()
    expect(new Set([...group.logs.values()].map(({ roster }) => roster.epoch))).toEqual(new Set([Math.max(...epochs)]))
    expect(group.told.some(({ effect }) => effect.kind === 'conflict')).toBe(true)
    // Who knows of the one forces the next: nothing is dropped that anybody asked for.
    const before = group.told.length
    group.step('c', { kind: 'force', roster: { voters: votersOf('c'), policy: majority }, now: group.now, wall: 0 })
    group.settle()
    expect(new Set(rosters(group)).size).toBe(1)
    expect(group.log('a').roster).toMatchObject({ voters: votersOf('c') })
    expect(group.told.slice(before).some(({ effect }) => effect.kind === 'conflict')).toBe(false)
  })

  it('[RL15] keeps the one that was forced later, though nobody there knew of the other', () => {
    const minute = 60_000
    const now = Date.UTC(2026, 11, 1)
    const draws = [0.99, 0]
    const group = groupOf('abc', { random: () => draws[0] as number })
    group.check = () => undefined
    const force = (id: NodeId, wall: number): void =>
      group.step(id, { kind: 'force', roster: { voters: votersOf(id), policy: majority }, now: 0, wall })
    force('a', now)
    draws.shift()
    force('b', now + minute)
    group.settle()
    expect(new Set(rosters(group))).toEqual(new Set([`${group.log('b').roster.epoch}b`]))
    // As somebody may whose disk was lost, too.
    group.start('b', lostRosterLogState(genesis))
    group.parcels = []
    force('b', now + 2 * minute)
    expect(group.log('b').roster.epoch).toBeGreaterThan(group.log('a').roster.epoch)
  })

  it('[RL15] is beyond all that may have been changed since, at whatever time that is thought to be', () => {
    const anyEpoch = fc.oneof(fc.integer({ min: 1, max: 2 ** 30 }), fc.integer({ min: forced, max: 2 ** 52 }))
    const anyWall = fc.oneof(fc.integer({ min: -(2 ** 45), max: 2 ** 45 }), fc.constant(Date.UTC(2026, 5, 1)))
    const below = { min: 0, max: 1, maxExcluded: true, noNaN: true }
    fc.assert(
      fc.property(anyEpoch, anyWall, fc.double(below), fc.double(below), (epoch, wall, draw, other) => {
        const first = forcedEpochAfter(epoch, draw, wall)
        expect(first - epoch).toBeGreaterThan(0)
        expect([isForced(first), Number.isSafeInteger(first), forceOf(first + 2 ** 18 - 1)]).toEqual([
          true,
          true,
          forceOf(first),
        ])
        const second = forcedEpochAfter(first + 7, other, wall)
        expect(second).toBeGreaterThan(first + 2 ** 18 - 1)
        expect(areForcedApart(first, second)).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('[SL42] is below that of a store that begins 10 s later, above one of 10 s before; and one that nobody forced below both', () => {
    const apart = 10_000
    const anyWall = fc.integer({ min: Date.UTC(2026, 0, 5), max: Date.UTC(2060, 0, 1) })
    const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    const changed = fc.integer({ min: 0, max: 2 ** 18 - 1 })
    fc.assert(
      fc.property(anyWall, fc.integer({ min: 1, max: forced - 1 }), share, changed, (wall, epoch, draw, changes) => {
        const first = forcedEpochAfter(epoch, draw, wall) + changes
        const store = epochAt(wall + apart)
        expect(store).toBeGreaterThan(first)
        expect(forcedEpochAfter(first, draw, wall + 2 * apart)).toBeGreaterThan(store)
        expect(epochAt(wall)).toBeGreaterThan(epoch)
      }),
      { numRuns: 2000 },
    )
  })

  it('[RL6] reconciles two that were forced without a common voter, also where one of them was changed since', () => {
    const force = (group: Group, id: NodeId, ids: string): void =>
      group.step(id, { kind: 'force', roster: { voters: votersOf(ids), policy: majority }, now: 0, wall: 0 })
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
    group.step('a', { kind: 'force', roster: { voters: heavy, policy: majority }, now: 0, wall: 0 })
    group.parcels = []
    group.step('b', { kind: 'force', roster: { voters: votersOf('abc'), policy: majority }, now: 0, wall: 0 })
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
      group.step(id, { kind: 'force', roster: { voters, policy: majority }, now: 0, wall: 0 })
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
})
