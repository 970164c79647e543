import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { NodeId } from '../roster.ts'
import {
  createReachability,
  handedOn,
  type PeerLink,
  type Reachability,
  type ReachabilityEffect,
  type ReachabilityRow,
  reachabilityOptionsFault,
} from './reachability.ts'
import { rosterOf, rowOf } from './rows.test-helper.ts'

const roster = rosterOf(['alice', 'bob', 'carol'])
const staleAfterMs = 3 * 200 + 10_000

function matrixOf(self: NodeId): Reachability {
  const matrix = createReachability({ self, gossipIntervalMs: 200, suspicionMaxMs: 10_000 })
  matrix.step({ kind: 'roster', roster, now: 0 })
  return matrix
}

function hear(matrix: Reachability, from: NodeId, row: ReachabilityRow, now = 0, ageMs = 0): ReachabilityEffect[] {
  return matrix.step({ kind: 'hear', from, rows: [{ row, ageMs }], now })
}

const held = (matrix: Reachability, id: NodeId) => matrix.rows.find(({ row }) => row.observer === id)
const changed = [{ kind: 'changed' }]

describe('a reachability matrix', () => {
  it('[RM1] publishes the own row at once when a link changes, and again each gossip round, with a version that goes up', () => {
    const matrix = matrixOf('alice')
    const links: PeerLink[] = [{ peer: 'bob', kind: 'direct', since: 5 }]
    const [first, told] = matrix.step({ kind: 'links', links, mayVote: true, contact: 'kept', now: 10 })
    expect(first).toEqual({
      kind: 'publish',
      row: { observer: 'alice', rosterEpoch: 1, version: 2, mayVote: true, contact: 'kept', links },
    })
    expect(told).toEqual({ kind: 'changed' })
    expect(matrix.step({ kind: 'links', links, mayVote: true, contact: 'kept', now: 20 })).toEqual([])
    expect(matrix.wakeAt).toBe(210)
    expect(matrix.step({ kind: 'tick', now: 209 })).toEqual([])
    expect(matrix.step({ kind: 'tick', now: 210 })).toMatchObject([{ kind: 'publish', row: { version: 3 } }])
  })

  it('[RM1] publishes the row of a replica that is no voter as well: others without a vote go by it', () => {
    const matrix = matrixOf('guest')
    const links = [{ peer: 'bob', kind: 'direct', since: 0 }] as const
    const effects = matrix.step({ kind: 'links', links, mayVote: false, contact: 'kept', now: 0 })
    expect(effects).toMatchObject([{ kind: 'publish', row: { observer: 'guest', links } }, ...changed])
    expect(held(matrix, 'guest')?.row.links.length).toBe(1)
  })

  it('[RM8] publishes the own row at once when this replica begins or ceases to vote, and judges anew when another does', () => {
    const matrix = matrixOf('alice')
    expect(matrix.step({ kind: 'links', links: [], mayVote: true, contact: 'kept', now: 0 })).toMatchObject([
      { kind: 'publish', row: { mayVote: true } },
      ...changed,
    ])
    expect(matrix.step({ kind: 'links', links: [], mayVote: true, contact: 'kept', now: 1 })).toEqual([])
    expect(matrix.step({ kind: 'links', links: [], mayVote: false, contact: 'kept', now: 2 })).toMatchObject([
      { kind: 'publish', row: { mayVote: false, contact: 'kept', version: 3 } },
      ...changed,
    ])
    hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 5 }), 3)
    const { revision } = matrix
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 6, mayVote: false }), 4)).toEqual(changed)
    expect([matrix.revision, held(matrix, 'bob')?.row.mayVote]).toEqual([revision + 1, false])
  })

  it('[RM9] publishes the own row at once when contact is lost, met or kept again, and judges anew when that of another is', () => {
    const matrix = matrixOf('alice')
    for (const contact of ['lost', 'met', 'kept'] as const) {
      const links = { kind: 'links', links: [], mayVote: true, contact, now: 0 } as const
      expect(matrix.step(links)).toMatchObject([{ kind: 'publish', row: { contact } }, ...changed])
      expect(matrix.step(links)).toEqual([])
    }
    hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 5 }), 3)
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 6, contact: 'met' }), 4)).toEqual(changed)
    expect(held(matrix, 'bob')?.row.contact).toBe('met')
  })

  it('[RM2] takes the newest row of each observer, and says when it tells something else', () => {
    const matrix = matrixOf('alice')
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 5 }))).toEqual(changed)
    expect(hear(matrix, 'carol', rowOf('bob', [], { version: 4 }))).toEqual([])
    expect(hear(matrix, 'bob', rowOf('bob', [], { version: 5 }))).toEqual([])
    expect(held(matrix, 'bob')?.row.links.length).toBe(1)
    expect(hear(matrix, 'carol', rowOf('bob', ['alice'], { version: 6 }))).toEqual([])
    expect(hear(matrix, 'carol', rowOf('bob', [], { version: 7 }))).toEqual(changed)
    expect(held(matrix, 'bob')?.row.version).toBe(7)
  })

  it('[RM3] takes a row as stale after three gossip rounds and the longest suspicion, whatever way it went', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('carol', ['bob']), 1000, 400)
    expect(handedOn(matrix, 'alice', 1100)).toMatchObject([{ ageMs: 500 }])
    const stale = 600 + staleAfterMs
    matrix.step({ kind: 'tick', now: stale - 1 })
    expect(held(matrix, 'carol')?.isFresh).toBe(true)
    expect(matrix.wakeAt).toBe(stale)
    expect(matrix.step({ kind: 'tick', now: stale })).toContainEqual({ kind: 'changed' })
    expect(held(matrix, 'carol')?.isFresh).toBe(false)
    expect(handedOn(matrix, 'alice', stale)).toEqual([])
    // It does not become young again by being told of as old.
    expect(hear(matrix, 'bob', rowOf('carol', ['bob']), stale, staleAfterMs)).toEqual([])
    expect(held(matrix, 'carol')?.isFresh).toBe(false)
  })

  it('[RM3] takes a lower version where the one it has is stale: the observer restarted', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 900 }))
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 1 }), 100)).toEqual([])
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 2 }), staleAfterMs)).toEqual(changed)
    expect(held(matrix, 'bob')?.row.version).toBe(2)
  })

  it('[RM3] outdoes what is still around of itself from before a restart', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('alice', ['bob'], { version: 70 }))
    expect(matrix.step({ kind: 'tick', now: 200 })).toMatchObject([
      { kind: 'publish', row: { version: 71, links: [] } },
    ])
  })

  it('[RM4] is not harmed by rows of strangers, of another epoch, of nonsense, or about itself', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 5 }))
    const before = JSON.stringify(matrix.rows)
    const hostile = [
      rowOf('mallory', ['alice']),
      rowOf('carol', ['alice'], { rosterEpoch: 2 }),
      rowOf('carol', ['alice'], { version: Number.NaN }),
      rowOf('carol', ['alice'], { version: -1 }),
      rowOf('alice', []),
      rowOf('bob', [], { version: Number.MAX_SAFE_INTEGER }),
    ]
    for (const row of hostile) expect(hear(matrix, 'mallory', row)).toEqual([])
    expect(hear(matrix, 'mallory', rowOf('carol', ['alice']), 0, Number.NaN)).toEqual([])
    expect(hear(matrix, 'mallory', rowOf('carol', ['alice']), 0, -1)).toEqual([])
    expect(JSON.stringify(matrix.rows)).toBe(before)
  })

  it('[RM4] keeps of a row one link to each other voter', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('bob', ['mallory', 'bob', ...Array<NodeId>(200).fill('alice'), 'carol']))
    expect(held(matrix, 'bob')?.row.links.map(({ peer }) => peer)).toEqual(['alice', 'carol'])
  })

  it('[RM5] believes an observer on its own connection rather than hearsay that would shut it out', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'mallory', rowOf('bob', ['carol'], { version: Number.MAX_SAFE_INTEGER }))
    expect(hear(matrix, 'bob', rowOf('bob', ['alice'], { version: 3 }))).toEqual(changed)
    // What mallory said of bob is still handed around by carol.
    expect(hear(matrix, 'carol', rowOf('bob', ['carol'], { version: Number.MAX_SAFE_INTEGER }))).toEqual([])
    expect(held(matrix, 'bob')?.row.version).toBe(3)
  })

  it('[RM6] begins anew with another roster, and stays bounded by its voters', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('bob', ['alice']))
    expect(matrix.step({ kind: 'roster', roster: { ...roster, epoch: 2 }, now: 1 })).toMatchObject([
      { kind: 'publish', row: { rosterEpoch: 2 } },
      { kind: 'changed' },
    ])
    expect(matrix.rows.map(({ row }) => row.observer)).toEqual(['alice'])
  })

  it('[RM6] begins anew with another roster of the same epoch', () => {
    const matrix = matrixOf('alice')
    hear(matrix, 'bob', rowOf('bob', ['alice']))
    expect(matrix.step({ kind: 'roster', roster: { ...roster }, now: 1 })).toEqual([])
    const voters = roster.voters.filter(({ id }) => id !== 'bob')
    expect(matrix.step({ kind: 'roster', roster: { ...roster, voters }, now: 1 }).at(-1)?.kind).toBe('changed')
    hear(matrix, 'bob', rowOf('bob', ['alice']))
    expect(matrix.rows.map(({ row }) => row.observer)).toEqual(['alice'])
  })

  it('[RM6] never throws, and never holds more than a row of each voter, whatever it hears', () => {
    const id = fc.constantFrom('alice', 'bob', 'carol', 'mallory', '__proto__', '')
    const link = fc.record({
      peer: id,
      kind: fc.constantFrom('direct' as const, 'relayed' as const, 'unreachable' as const),
      since: fc.double(),
    })
    const row = fc.record({
      observer: id,
      rosterEpoch: fc.constantFrom(0, 1, 2, Number.NaN),
      version: fc.oneof(fc.nat(9), fc.double(), fc.maxSafeInteger()),
      mayVote: fc.boolean(),
      contact: fc.constantFrom('kept', 'lost', 'met'),
      links: fc.array(link, { maxLength: 6 }),
    })
    const heard = fc.record({ row, ageMs: fc.oneof(fc.nat(20_000), fc.double()) })
    const steps = fc.array(fc.tuple(id, fc.array(heard, { maxLength: 5 }), fc.nat(5000)), { maxLength: 20 })
    fc.assert(
      fc.property(steps, (rounds) => {
        const matrix = matrixOf('alice')
        let now = 0
        for (const [from, rows, wait] of rounds) {
          now += wait
          matrix.step({ kind: 'hear', from, rows, now })
          const observers = matrix.rows.map(({ row: { observer } }) => observer)
          expect(['alice', 'bob', 'carol'].filter((voter) => observers.includes(voter))).toEqual(observers)
          expect(matrix.rows[0]?.row.links).toEqual([])
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[RM7] says what is wrong with its options', () => {
    const sound = { self: 'alice', gossipIntervalMs: 200, suspicionMaxMs: 10_000 }
    expect(reachabilityOptionsFault(sound)).toBeUndefined()
    expect(reachabilityOptionsFault({ ...sound, gossipIntervalMs: Number.NaN })).toMatch(/gossipIntervalMs/)
    expect(reachabilityOptionsFault({ ...sound, suspicionMaxMs: 1 })).toMatch(/suspicionM/)
  })
})
