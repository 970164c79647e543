import { describe, expect, it } from 'vitest'
import { fresh, splitOf, withoutVotes } from './rows.test-helper.ts'
import type { Circumstances } from './verdict.ts'
import { createVerdictMachine, stableAfterMs, type VerdictMachine, verdictOptionsFault } from './verdict-machine.ts'

const options = { gossipIntervalMs: 200, suspicionMinMs: 4000 }
const whole = splitOf('abc').seen('alice')
const most = splitOf('ab|c').seen('alice')
const alone = splitOf('a|bc').seen('alice')
const none = { mayGrantLease: false, mayChangeRoster: false, mayPrune: false }
const all = { mayGrantLease: true, mayChangeRoster: true, mayPrune: true }

const observe = (machine: VerdictMachine, circumstances: Circumstances, now: number) =>
  machine.step({ kind: 'observe', circumstances, now, wall: 1_000_000 + now })
const tick = (machine: VerdictMachine, now: number) => machine.step({ kind: 'tick', now, wall: 1_000_000 + now })

describe('a verdict over time', () => {
  it('[VD10] regains power only after the side was a quorum for long enough, and loses it at once', () => {
    const machine = createVerdictMachine(options)
    expect(observe(machine, whole, 0)).toMatchObject([
      { verdict: { mode: 'full', powerless: 'settling', capabilities: none } },
    ])
    expect(machine.wakeAt).toBe(5000)
    expect(tick(machine, 4999)).toEqual([])
    expect(tick(machine, 5000)).toMatchObject([{ verdict: { powerless: undefined, capabilities: all } }])
    expect(machine.wakeAt).toBeUndefined()
    // Another side, and still a quorum all the time.
    expect(observe(machine, most, 6000)).toMatchObject([{ verdict: { mode: 'majority', capabilities: all } }])
    expect(observe(machine, alone, 7000)).toMatchObject([{ verdict: { mode: 'isolated', capabilities: none } }])
    observe(machine, most, 7001)
    expect(machine.wakeAt).toBe(12_001)
    observe(machine, alone, 11_000)
    observe(machine, most, 11_001)
    expect(tick(machine, 12_001)).toEqual([])
    expect(tick(machine, 16_001)).toMatchObject([{ verdict: { capabilities: all } }])
  })

  it('[VD12] is as old as the own side, also when rows of the other side grow old', () => {
    const machine = createVerdictMachine(options)
    const heard = {
      ...most,
      rows: most.rows.map((held) => ({
        ...held,
        isFresh: true,
        row: { ...held.row, links: held.row.observer === 'carol' ? [] : held.row.links },
      })),
    }
    observe(machine, heard, 1000)
    expect(machine.verdict?.sides).toEqual([['alice', 'bob'], ['carol']])
    const before = machine.verdict?.sides
    observe(machine, { ...most, rows: most.rows.filter(({ row }) => row.observer !== 'carol') }, 9000)
    expect(machine.verdict?.sides).not.toEqual(before)
    expect(machine.verdict).toMatchObject({ mode: 'majority', since: 1_001_000 })
  })

  it('[VD10] waits 5 s, or twice the rounds that a rumour takes and the shortest suspicion', () => {
    expect([1, 3, 16, 255].map((voters) => stableAfterMs(voters, options))).toEqual([5000, 5000, 5600, 7200])
  })

  it('[VD10] waits anew where nobody watched: after a late tick, and under another roster', () => {
    const machine = createVerdictMachine(options)
    observe(machine, whole, 0)
    tick(machine, 3_600_000)
    expect(machine.verdict?.capabilities).toMatchObject(none)
    tick(machine, 3_605_000)
    expect(machine.verdict?.capabilities).toMatchObject(all)
    observe(machine, { ...whole, roster: { ...whole.roster, epoch: 2 } }, 3_605_001)
    expect(machine.verdict?.capabilities).toMatchObject(none)
    tick(machine, 3_610_001)
    observe(machine, { ...whole, roster: { ...whole.roster, epoch: 2 } }, 3_610_002)
    expect(machine.verdict?.capabilities).toMatchObject(all)
    observe(machine, { ...whole, roster: { ...whole.roster, epoch: 2, arbiter: 'alice' } }, 3_610_003)
    expect(machine.verdict?.capabilities).toMatchObject(none)
  })

  it('[VD10] loses power with the network and with a pause', () => {
    for (const blow of [{ isPaused: true }, { isOffline: true }]) {
      const machine = createVerdictMachine(options)
      observe(machine, whole, 0)
      tick(machine, 5000)
      observe(machine, { ...whole, ...blow }, 5001)
      expect(machine.verdict?.capabilities).toMatchObject(none)
    }
  })

  it('[VD11] allows no other change of the roster while one is on its way', () => {
    const machine = createVerdictMachine(options)
    observe(machine, { ...whole, next: { ...whole.roster, epoch: 2 } }, 0)
    tick(machine, 5000)
    expect(machine.verdict?.capabilities).toMatchObject({ ...all, mayChangeRoster: false })
  })

  it('[VD12] says since when, and is silent while only the versions of rows go up', () => {
    const machine = createVerdictMachine(options)
    observe(machine, most, 0)
    tick(machine, 5000)
    const rows = most.rows.map(({ row, isFresh }) => ({ row: { ...row, version: 2 }, isFresh }))
    expect(observe(machine, { ...most, rows }, 6000)).toEqual([])
    expect(machine.verdict).toMatchObject({
      since: 1_000_000,
      evidence: [{ version: 2 }, { version: 2 }, { version: 2 }],
    })
    observe(machine, alone, 7000)
    expect(machine.verdict?.since).toBe(1_007_000)
  })

  it('[VD21] says whether leases may be had from here, by whom it may be that has no vote', () => {
    const mayHold = (circumstances: Circumstances): unknown => {
      const machine = createVerdictMachine(options)
      observe(machine, circumstances, 0)
      return machine.verdict?.capabilities.mayHoldLease
    }
    const guest = (split: string): Circumstances => {
      const seen = splitOf(split).seen('alice')
      return { ...seen, self: 'guest', rows: [...seen.rows, fresh('guest', ['alice'])] }
    }
    expect([whole, most, alone].map(mayHold)).toEqual([true, true, false])
    expect([guest('abc'), guest('ab|c'), guest('a|bc')].map(mayHold)).toEqual([true, true, false])
    expect(mayHold({ ...whole, isPaused: true })).toBe(false)
    // It has a quorum around it, and no vote itself.
    const machine = createVerdictMachine(options)
    observe(machine, withoutVotes(whole, whole.self), 0)
    tick(machine, 60_000)
    expect(machine.verdict).toMatchObject({ powerless: 'no-vote', capabilities: { mayHoldLease: true, ...none } })
  })

  it('[VD13] says what is wrong with its options', () => {
    expect(verdictOptionsFault(options)).toBeUndefined()
    expect(verdictOptionsFault({ ...options, gossipIntervalMs: 1 })).toMatch(/gossipIntervalMs/)
    expect(verdictOptionsFault({ ...options, suspicionMinMs: Number.NaN })).toMatch(/suspicionM/)
  })
})
