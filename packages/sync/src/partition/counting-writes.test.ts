import { authorIdFrom, type Change, rejoinError, Version } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import { deferred } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { virtualTime } from '../world.test-helper.ts'
import { CountingWrites } from './counting-writes.ts'
import { rosterOf } from './lease/lease.test-helper.ts'

const author = authorIdFrom('00000000000000a1')
const upTo = (seq: number): Version => Version.from([[author, seq]])

/** The writes of one holder; the test plays its lease and the disks of others. */
function holder() {
  const { clock, timers, advance } = virtualTime()
  const core = { clock, timers, batch: <T>(run: () => T): T => run() }
  const at = { advance, roster: rosterOf(1, 'a', 'b', 'c'), isAsking: false, renewals: 0, told: [] as string[] }
  const writes = new CountingWrites({
    core,
    roster: () => at.roster,
    isAsking: () => at.isAsking,
    renew: () => {
      at.renewals += 1
      at.isAsking = true
    },
  })
  /** Answers how to say that a quorum has it on their disks. */
  const write = (seq: number | undefined): { stored(): void; fail(code: 'refused'): void } => {
    const stored = deferred<void>()
    const change = seq === undefined ? undefined : ({ author, seq, span: 1 } as Change)
    writes.wait({ change } as Receipt, stored.later).then(
      () => at.told.push(`${seq}`),
      (error: unknown) => at.told.push(`${seq} ${(error as { code: string }).code}`),
    )
    return { stored: () => stored.resolve(undefined), fail: (code) => stored.reject(rejoinError(code)) }
  }
  const renewed = (): void => {
    at.isAsking = false
    writes.renew()
  }
  return { at, writes, write, renewed }
}

describe('a fenced write', () => {
  it('[LX7] counts by votes of a quorum that had it when they voted, and not by disks alone', () => {
    const { at, writes, write } = holder()
    const one = write(1)
    expect(at.renewals).toBe(0)
    one.stored()
    expect([at.renewals, at.told]).toEqual([1, []])
    writes.voted('a', upTo(1))
    writes.voted('b', upTo(0))
    writes.voted('z', upTo(9))
    expect(at.told).toEqual([])
    writes.voted('c', upTo(4))
    expect(at.told).toEqual(['1'])
    // What voters had before it was waited for counts too.
    write(3)
    writes.voted('b', upTo(3))
    expect(at.told).toEqual(['1', '3'])
  })

  it('[LX7] counts by votes under one roster, of two of one epoch, too', () => {
    const { at, writes, write } = holder()
    write(1).stored()
    writes.voted('a', upTo(1))
    at.roster = { ...at.roster, policy: { kind: 'static-quorum', voters: 2 } }
    writes.voted('b', upTo(1))
    expect(at.told).toEqual([])
    writes.voted('a', upTo(1))
    expect(at.told).toEqual(['1'])
  })

  it('[LX7] counts by votes under one roster, each of which may come in any order', () => {
    const { at, writes, write } = holder()
    write(2).stored()
    writes.voted('a', upTo(2))
    at.roster = rosterOf(2, 'a', 'b', 'c')
    writes.voted('b', upTo(2))
    expect(at.told).toEqual([])
    writes.voted('c', upTo(5))
    writes.voted('c', upTo(1))
    expect(at.told).toEqual(['2'])
  })

  it('[LX7] shares a renewal with others, is not taken for covered by one that was under way, and asks again at a pace', () => {
    const { at, writes, write, renewed } = holder()
    at.isAsking = true
    for (const seq of [1, 2, 3]) write(seq).stored()
    expect(at.renewals).toBe(0)
    for (const id of 'abc') writes.voted(id, upTo(0))
    renewed()
    expect(at.renewals).toBe(1)
    writes.voted('a', upTo(3))
    // The fast ones have answered, and do not have it: the slow one does.
    for (let answers = 0; answers < 100; answers += 1) {
      writes.voted('b', upTo(0))
      renewed()
      at.advance(1)
    }
    expect(at.renewals).toBeLessThanOrEqual(3)
    writes.voted('c', upTo(3))
    expect(at.told).toEqual(['1', '2', '3'])
    const before = at.renewals
    renewed()
    at.advance(1000)
    expect(at.renewals).toBe(before)
  })

  it('[LX7] is told when the grant is over, when it is refused, and where nothing was written', () => {
    const { at, writes, write } = holder()
    write(1).fail('refused')
    write(undefined).stored()
    expect(at.told).toEqual(['1 refused', 'undefined'])
    const two = write(2)
    two.stored()
    writes.voted('a', upTo(2))
    writes.fail(() => rejoinError('fencing-token-stale'))
    expect(at.told.slice(2)).toEqual(['2 fencing-token-stale'])
    // Votes for a grant before say nothing of the next.
    write(2).stored()
    writes.voted('b', upTo(2))
    expect(at.told.length).toBe(3)
  })
})
