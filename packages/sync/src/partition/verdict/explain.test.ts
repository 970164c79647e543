import { describe, expect, it } from 'vitest'
import type { Roster } from '../roster.ts'
import { explainPartition } from './explain.ts'
import { fresh, rosterOf, seenBy, splitOf, withoutVotes } from './rows.test-helper.ts'
import type { Circumstances } from './verdict.ts'
import { createVerdictMachine, type Verdict } from './verdict-machine.ts'

function explained(circumstances: Circumstances): string {
  const machine = createVerdictMachine({ gossipIntervalMs: 200, suspicionMinMs: 4000 })
  machine.step({ kind: 'observe', circumstances, now: 0, wall: Date.UTC(2026, 0, 2, 3, 4, 5) })
  machine.step({ kind: 'tick', now: 10_000, wall: Date.UTC(2026, 0, 2, 3, 4, 15) })
  return explainPartition(machine.verdict as Verdict).join('\n')
}

const split = (text: string, rest: Partial<Roster> = {}, self = 'alice'): string =>
  explained(splitOf(text, rest).seen(self))

describe('an explanation', () => {
  it('[VD14] reads well for each side of a split', () => {
    expect(explainPartition(undefined)).toEqual(['No voters are known here yet.'])
    expect(split('abc')).toMatchInlineSnapshot(`
      "All 3 voters have reached each other since 2026-01-02T03:04:05.000Z.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: 3 of 3 votes are here, more than half. The roster can be changed."
    `)
    expect(split('ab|c')).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: 2 of 3 votes are here, more than half. The roster can be changed."
    `)
    expect(split('ab|c', {}, 'carol')).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side is carol: 1 of 3, cut off from all other voters.
      Not reached: alice and bob; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: 1 of 3 votes is here, not more than half. That comes back by itself once enough voters are reached."
    `)
    expect(split('ab|cde')).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 5, a minority.
      Not reached: carol, dave and erin; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: 2 of 5 votes are here, not more than half. That comes back by itself once enough voters are reached."
    `)
    const pairs = [
      fresh('alice', ['bob']),
      fresh('bob', ['alice']),
      fresh('carol', ['dave']),
      fresh('dave', ['carol']),
      fresh('erin', []),
    ]
    expect(
      explained(seenBy('alice', rosterOf(['alice', 'bob', 'carol', 'dave', 'erin', 'frank']), pairs)),
    ).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 6, a minority.
      On the other side, or down: carol and dave.
      On a further side, or down: erin.
      Not reached: frank; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: 2 of 6 votes are here, not more than half. That comes back by itself once enough voters are reached."
    `)
  })

  it('[VD14] says of an even split who may act and why', () => {
    expect(split('ab|cd')).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 4, an even split.
      Not reached: carol and dave; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: of an even split without an arbiter neither half may. That comes back by itself once enough voters are reached."
    `)
    expect(split('ab|cd', { arbiter: 'bob' })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 4, an even split.
      Not reached: carol and dave; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: of an even split the half with the arbiter may, and the arbiter, bob, is here. The roster can be changed."
    `)
    expect(split('ab|cd', { arbiter: 'carol' })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 4, an even split.
      Not reached: carol and dave; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: of an even split the half with the arbiter may, and the arbiter, carol, is not here. That comes back by itself once enough voters are reached."
    `)
  })

  it('[VD14] gives the reason of each policy', () => {
    expect(split('abc|de', { policy: { kind: 'static-quorum', voters: 4 } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice, bob and carol: 3 of 5, a majority.
      Not reached: dave and erin; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: 3 voters are here, and it takes 4. That comes back by itself once enough voters are reached."
    `)
    expect(split('abc|de', { policy: { kind: 'two-thirds' } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice, bob and carol: 3 of 5, a majority.
      Not reached: dave and erin; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: 3 of 5 voters are here, and it takes 4. That comes back by itself once enough voters are reached."
    `)
    expect(split('ab|cde', { policy: { kind: 'keep-oldest' } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 5, a minority.
      Not reached: carol, dave and erin; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: the oldest voter, alice, is here. The roster can be changed."
    `)
    expect(split('ab|cde', { policy: { kind: 'keep-oldest' } }, 'carol')).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are carol, dave and erin: 3 of 5, a majority.
      Not reached: alice and bob; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: the oldest voter, alice, is not here. That comes back by itself once enough voters are reached."
    `)
    expect(split('a|bcd', { policy: { kind: 'keep-oldest' } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side is alice: 1 of 4, cut off from all other voters.
      Not reached: bob, carol and dave; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: the oldest voter, alice, is here, but with nobody else. That comes back by itself once enough voters are reached."
    `)
    expect(split('ab|c', { policy: { kind: 'lease' } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: by the policy of this roster a lease held elsewhere decides."
    `)
    expect(split('ab|c', { policy: { kind: 'none' } })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: by the policy of this roster nobody may."
    `)
  })

  it('[VD14] names links that work one way, that are missing, and who is missed', () => {
    const voters = [
      { id: 'alice', weight: 1, role: 'zone-a' },
      { id: 'bob', weight: 1, role: 'zone-a' },
      { id: 'carol', weight: 1, role: 'zone-b', isCritical: true },
    ]
    expect(split('ab|c', { voters })).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Missing here and marked critical: carol.
      Nobody here has the role zone-b.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: 2 of 3 votes are here, more than half. The roster can be changed."
    `)
    const roster = rosterOf(['alice', 'bob', 'carol', 'dave'])
    const rows = [
      fresh('alice', ['bob', 'carol']),
      fresh('bob', ['alice', 'carol', 'dave']),
      fresh('carol', ['bob', 'dave']),
      fresh('dave', ['bob', 'carol']),
    ]
    expect(explained(seenBy('alice', roster, rows))).toMatchInlineSnapshot(`
      "All 4 voters have been connected since 2026-01-02T03:04:05.000Z, some only through others.
      The link between carol and alice works one way only: alice hears carol, carol does not hear alice.
      Without a direct link, through others only: alice with dave.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: 4 of 4 votes are here, more than half. The roster can be changed."
    `)
    expect(explained(seenBy('alice', roster, rows.slice(0, 3)))).toMatchInlineSnapshot(`
      "All 4 voters have been connected since 2026-01-02T03:04:05.000Z, as far as is known.
      Nothing recent is known of what dave sees.
      The link between carol and alice works one way only: alice hears carol, carol does not hear alice.
      Without a direct link, through others only: alice with dave.
      Data can be read and written here as always.
      Leases can be granted and history pruned here, with the votes of a quorum: 3 of 4 votes are here, more than half. The roster can be changed."
    `)
  })

  it('[VD14] tells what is the matter with this replica itself', () => {
    const seen = splitOf('abc').seen('alice')
    expect(explained({ ...seen, isPaused: true })).toMatchInlineSnapshot(`
      "alice did not run for a while; it has been finding out who is there since 2026-01-02T03:04:05.000Z.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: others may have acted meanwhile."
    `)
    expect(explained({ ...seen, isOffline: true })).toMatchInlineSnapshot(`
      "alice has had no network since 2026-01-02T03:04:05.000Z; nothing is known of the others.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: nobody can be asked."
    `)
    expect(explained({ ...seen, next: rosterOf(['alice'], { epoch: 2 }) })).toMatchInlineSnapshot(`
      "All 3 voters have reached each other since 2026-01-02T03:04:05.000Z.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: the roster is being changed, and should those who join or leave be on another side, the voters here are not enough."
    `)
    expect(
      explained({ ...splitOf('ab|c').seen('alice'), next: rosterOf(['alice', 'carol'], { epoch: 2 }) }),
    ).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: the roster is being changed, and should those who join or leave be on another side, the voters here are not enough."
    `)
    expect(explained({ ...seen, self: 'guest', rows: [...seen.rows, fresh('guest', ['bob'])] })).toMatchInlineSnapshot(`
      "All 3 voters have reached each other since 2026-01-02T03:04:05.000Z.
      Data can be read and written here as always.
      Leases can be had from here, with the votes of a quorum: 3 of 3 votes are here, more than half. This replica has no vote itself."
    `)
    expect(explained(withoutVotes(seen, 'alice'))).toMatch(/this voter has no vote, as its disk does not say/)
    expect(explained(withoutVotes(splitOf('ab|c').seen('alice'), 'bob'))).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      On this side are alice and bob: 2 of 3, a majority.
      Not reached: carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be granted, the roster not changed and history not pruned here: bob does not vote now, as who helps to change the roster or whose disk does not say what it promised, and without that too few votes are here. That comes back by itself once enough of them vote again."
    `)
    expect(
      explained(
        withoutVotes({ ...seen, self: 'guest', rows: [...seen.rows, fresh('guest', ['bob'])] }, 'bob', 'carol'),
      ),
    ).toMatch(/Leases cannot be had from here: bob and carol do not vote now/)
    const alone = seenBy('alice', rosterOf(['alice']), [fresh('alice', [])])
    expect(explained(alone)).toMatch(/^The only voter, alice, has been here since 2026-01-02T03:04:05\.000Z\.\n/)
    const guest = seenBy('guest', rosterOf(['alice']), [fresh('alice', ['guest']), fresh('guest', ['alice'])])
    expect(explained(guest)).toMatch(/^The only voter, alice, has been reached since/)
    expect(explained(seenBy('guest', seen.roster, []))).toMatchInlineSnapshot(`
      "The voters have been split since 2026-01-02T03:04:05.000Z.
      From here no voter is reached: 0 of 3.
      Not reached: alice, bob and carol; whether down or cut off cannot be told from here.
      Data can be read and written here as always.
      Leases cannot be had from here: 0 of 3 votes are here, not more than half. That comes back by itself once enough voters are reached."
    `)
  })
})
