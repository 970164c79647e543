import { describe, expect, it } from 'vitest'
import { seededRandom } from '../world.test-helper.ts'
import type { Roster } from './roster.ts'
import {
  chaos,
  Group,
  type GroupOptions,
  genesis,
  groupOf,
  isOf,
  next,
  outcomes,
  propose,
  rosters,
} from './roster-group.test-helper.ts'
import { initialRosterLogState, mayHandOver, type RosterLogState } from './roster-record.ts'

describe('a roster that takes over what counted under the one before', () => {
  it('[RL12] is caught where it grants leases without what counted, if a rule of the handover is broken', () => {
    const hasAll = ({ settled }: RosterLogState, epoch: number): boolean => settled >= epoch - 1
    const mutants: Record<string, Partial<GroupOptions>> = {
      'nobody is asked': { mayHandOver: () => true, asksOne: true },
      'one of those before is enough': { asksOne: true },
      'who still votes answers': { mayHandOver: hasAll },
    }
    const isCaught = (mutant: Partial<GroupOptions>, seed: number): boolean => {
      const { float } = seededRandom(seed)
      const ids = [...'abcd'.slice(0, 3 + (seed % 2))]
      try {
        chaos(new Group({ genesis, ids, random: float, ...mutant }), ids, float, 400)
        return false
      } catch (error) {
        return /lacks under/.test((error as Error).message)
      }
    }
    for (const [name, mutant] of Object.entries(mutants))
      expect(
        Array.from({ length: 400 }, (_, seed) => seed).some((seed) => isCaught(mutant, seed)),
        name,
      ).toBe(true)
  })

  it('[RL12] takes nothing from who lost its disk, before it was readmitted or after', () => {
    const run = (broken: typeof mayHandOver): void => {
      const group = groupOf('abc', { mayHandOver: broken })
      group.isHandedOver = false
      group.write(genesis, (id) => 'bc'.includes(id))
      group.loseDisk('c')
      // It takes over what counted before, from one of those that forgot nothing.
      group.handOver('c', (id) => id === 'a')
      group.settle()
      expect(rosters(group)).toEqual(['2abc', '2abc', '2abc'])
      group.handOver('c', (id) => id === 'a')
      expect(group.log('c').state.settled).toBe(1)
      for (const id of 'abc') group.handOver(id, (other) => 'ab'.includes(other))
    }
    expect(() => run((state, epoch) => mayHandOver({ ...state, votesFrom: 1 }, epoch))).toThrow('c lacks under 2')
    run(mayHandOver)
  })

  it('[RL12] takes nothing from who has not all itself', () => {
    const run = (broken: typeof mayHandOver): string => {
      const group = groupOf('abc', { mayHandOver: broken })
      group.isHandedOver = false
      group.write(genesis, (id) => 'ab'.includes(id))
      propose(group, 'a', next('abc'))
      group.flush()
      for (const id of 'ab') group.handOver(id, (other) => 'ab'.includes(other))
      // Whoever is not settled has no part in the next change.
      propose(group, 'c', next('abc', 3))
      expect(outcomes(group)).toEqual(['decided', 'refused'])
      propose(group, 'b', next('abc', 3))
      group.settle(70_000, ({ from, to }) => from !== 'a' && to !== 'a')
      expect([outcomes(group).at(-1), group.latest.epoch]).toEqual(['expired', 2])
      propose(group, 'a', next('abc', 3))
      group.flush(({ to, message }) => !(to === 'c' && isOf(message, 'request', 'accept')))
      group.loseDisk('a')
      group.settle(1500)
      group.handOver('c', (id) => id === 'a')
      return `${group.log('c').roster.epoch}, settled for ${group.log('c').state.settled}`
    }
    const asIfSettled: typeof mayHandOver = (state, epoch) =>
      mayHandOver({ ...state, settled: Math.max(state.settled, epoch - 1), votesFrom: 1 }, epoch)
    expect(() => run(asIfSettled)).toThrow('c lacks under 3')
    expect(run(mayHandOver)).toBe('3, settled for 1')
  })

  it('[RL12] hands over nothing before it has ceased to vote, and nothing across a forced roster', () => {
    const group = groupOf('abc')
    expect(mayHandOver(group.log('b').state, 2)).toBe(false)
    propose(group, 'a', next('abcd'))
    group.flush(({ message }) => !isOf(message, 'answer', 'accept'))
    expect([mayHandOver(group.log('b').state, 2), mayHandOver(group.log('b').state, 3)]).toEqual([true, false])
    group.step('b', { kind: 'force', roster: next('b'), now: 1, wall: 0 })
    const { epoch } = group.log('b').roster
    expect(group.log('b').state.settled).toBe(epoch)
    expect([2, epoch, epoch + 1].map((one) => mayHandOver(group.log('b').state, one))).toEqual([false, true, false])
  })

  it('[RL12] takes the roster before from who tells it, and not its own for it', () => {
    const group = groupOf('abcd')
    group.check = () => undefined
    group.start('d', { ...initialRosterLogState(next('d', 1)), settled: 0 })
    group.isHandedOver = false
    const two = next('abcd')
    group.step('d', { kind: 'learn', roster: two, now: 1 })
    expect(group.log('d').state.previous).toBeUndefined()
    const tell = (previous: Roster): void =>
      group.deliver({ from: 'a', to: 'd', message: { kind: 'roster', roster: two, isPending: false, previous } })
    for (const wrong of [next('a', 3), next('', 1)]) tell(wrong)
    expect(group.log('d').state.previous).toBeUndefined()
    tell(genesis)
    tell(next('z', 1))
    expect([group.log('d').state.previous, group.disks.get('d')?.previous]).toEqual([genesis, genesis])
  })
})
