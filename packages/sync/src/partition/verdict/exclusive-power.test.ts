/**
 * Never two sides with power, looked at in every case there is, up to a size. All of it with EXHAUSTIVE=1; a part of it each time.
 */
import { describe, expect, it } from 'vitest'
import { isQuorum, weightOf } from '../policy.ts'
import type { NodeId, Roster } from '../roster.ts'
import { createRosterLog } from '../roster-log.ts'
import { initialRosterLogState, mayDecide } from '../roster-record.ts'
import {
  among,
  type Bits,
  directed,
  type Hears,
  mutual,
  named,
  ofPartition,
  partitions,
  quorumTable,
  reached,
  rostersOf,
  rowsAt,
  undirected,
} from './explore.test-helper.ts'
import { seenBy } from './rows.test-helper.ts'
import { type Circumstances, type Judgement, judgePartition } from './verdict.ts'

const isWhole = process.env['EXHAUSTIVE'] === '1'
const timeout = isWhole ? 1_800_000 : 20_000
const report = (what: string, cases: number): void => {
  if (isWhole) console.log(`${what}: ${cases} cases`)
}

/** Whether a replica thinks that its side may act. */
type HasPower = (circumstances: Circumstances) => boolean
const asJudged: HasPower = (circumstances) => judgePartition(circumstances).powerless === undefined
const wrongly =
  (quorum: (judgement: Judgement) => boolean): HasPower =>
  (seen) =>
    quorum(judgePartition(seen))
const mutants: Record<string, HasPower> = {
  'does not count itself': wrongly(({ roster, confirmed, self }) =>
    isQuorum(roster, new Set(confirmed.filter((id) => id !== self))),
  ),
  'gives an even split to both': wrongly(
    ({ roster, confirmed }) =>
      isQuorum(roster, new Set(confirmed)) ||
      2 * weightOf(roster.voters, new Set(confirmed)) === weightOf(roster.voters),
  ),
  'takes who is heard of for all': wrongly(({ confirmed, sides }) => 2 * confirmed.length > (sides[0]?.length ?? 0)),
  'takes a stale row for a proof of life': wrongly(({ roster, sides }) => isQuorum(roster, new Set(sides[0]))),
}

function fail(what: string, ...about: unknown[]): never {
  throw new Error(`${what}: ${JSON.stringify(about)}`)
}

/** One graph under every roster: power is where a quorum is connected, so on one side at most. Gives how many cases that were. */
function checkGraph(ids: readonly NodeId[], rosters: readonly Roster[], hears: Hears, hasPower: HasPower): number {
  const links = mutual(hears)
  const all = (1 << ids.length) - 1
  const sides = ids.map((_, at) => reached(at, links))
  const rows = ids.map((_, at) => rowsAt(at, ids, hears, all))
  for (const roster of rosters) {
    const powers = new Set<Bits>()
    for (const [at, self] of ids.entries()) {
      const side = sides[at] as Bits
      const has = hasPower(seenBy(self, roster, rows[at] ?? []))
      if (has) powers.add(side)
      if (has !== isQuorum(roster, new Set(among(ids, side))))
        fail('power is not where a quorum is', roster, hears, self)
    }
    if (powers.size > 1) fail('two sides have power', roster, hears)
  }
  return rosters.length * ids.length
}

/**
 * Some voters of a side know an epoch and some another: whose votes count in an epoch is who knows it. Power needs a quorum of those.
 */
function checkStaleRosters(ids: readonly NodeId[], rosters: readonly Roster[], hasPower: HasPower): number {
  const all = (1 << ids.length) - 1
  let cases = 0
  for (let side = 1; side <= all; side++) {
    const hears = ids.map((_, at) => ((side >> at) & 1 ? side : 1 << at))
    for (let knowing = side; knowing > 0; knowing = (knowing - 1) & side) {
      for (const [at, self] of ids.entries()) {
        if (((knowing >> at) & 1) === 0) continue
        const rows = rowsAt(at, ids, hears, knowing | (all & ~side))
        for (const roster of rosters) {
          cases += 1
          const has = hasPower(seenBy(self, roster, rows))
          if (has !== isQuorum(roster, new Set(among(ids, knowing))))
            fail('power without the votes of the epoch', roster, among(ids, side), among(ids, knowing))
        }
      }
    }
  }
  return cases
}

/**
 * Voters have decided for the next roster, and some have heard so: one side goes by that one, another still by the one before,
 * and counts nobody who ceased to vote under it. Never do both have power.
 */
function checkHalfChanged(count: number, hasPower: HasPower): number {
  const ids = named(count)
  const all = (1 << count) - 1
  const rosters = Array.from({ length: all }, (_, at) => among(ids, at + 1)).flatMap((voters) => [...rostersOf(voters)])
  const tables = rosters.map((roster) => quorumTable(roster, ids))
  const judged = new Map<string, boolean>()
  /** Whether a side takes itself to have power, of whom only some still vote. */
  const may = (at: number, side: Bits, voting: Bits): boolean => {
    const key = `${at} ${side} ${voting}`
    const known = judged.get(key)
    if (known !== undefined) return known
    const hears = ids.map((_, id) => ((side >> id) & 1 ? side : 1 << id))
    // One that votes: they all see the same, and who has ceased to has no power of its own.
    const self = ids.findIndex((_, id) => ((side & voting) >> id) & 1)
    const rows = rowsAt(self, ids, hears, all).map(({ row, isFresh }) => ({
      row: { ...row, mayVote: ((voting >> ids.indexOf(row.observer)) & 1) === 1 },
      isFresh,
    }))
    const has = self >= 0 && hasPower(seenBy(ids[self] as NodeId, rosters[at] as Roster, rows))
    judged.set(key, has)
    return has
  }
  let cases = 0
  for (const [from, present] of rosters.entries()) {
    for (const [to, next] of rosters.entries()) {
      for (let deciding = 1; deciding <= all; deciding++) {
        if (!tables[from]?.[deciding] || !mayDecide(present, next, new Set(among(ids, deciding)))) continue
        for (let later = 1; later < all; later++) {
          cases += 1
          // Who heard of the decision has ceased to vote under the one before as well.
          const before = all & ~later
          if (may(from, before, before & ~deciding) && may(to, later, later))
            fail('two sides have power during a change', present, next, among(ids, deciding), among(ids, later))
        }
      }
    }
  }
  return cases
}

/** Any set that may decide to go from one roster to another has somebody of every quorum of both, so that none acts without knowing. */
function checkChanges(count: number, hold: Hold, isFenced: boolean): { changes: number; leases: number } {
  const ids = named(count)
  const known = new Map([0, half, ttl].map((time) => [time, hold(time)]))
  const holdOf: Hold = (learnedAt) => known.get(learnedAt) ?? Number.NaN
  const rosters = Array.from({ length: (1 << count) - 1 }, (_, at) => among(ids, at + 1)).flatMap((voters) => [
    ...rostersOf(voters),
  ])
  const tables = rosters.map((roster) => quorumTable(roster, ids))
  let changes = 0
  let leases = 0
  for (const [from, present] of rosters.entries()) {
    for (const [to, next] of rosters.entries()) {
      const [before, after] = [tables[from], tables[to]] as [boolean[], boolean[]]
      const isOfSome = after.includes(true)
      for (let deciding = 1; deciding < 1 << count; deciding++) {
        const may = before[deciding] === true && (!isOfSome || after[deciding] === true)
        if (!may) continue
        changes += 1
        const rest = ~deciding & ((1 << count) - 1)
        if (before[rest] || after[rest])
          fail('a quorum knows nothing of the change', present, next, among(ids, deciding))
        leases += checkLease(deciding, before, after, holdOf, isFenced)
      }
      // Some of the real function's answers, as the tables above repeat it.
      const some = (from * 7 + to) % (1 << count)
      const may = before[some] === true && (!isOfSome || after[some] === true)
      if (mayDecide(present, next, new Set(among(ids, some))) !== may) fail('mayDecide', present, next, some)
    }
  }
  return { changes, leases }
}

/** From when on a voter grants to another holder, that learned of a roster at some time. */
type Hold = (learnedAt: number) => number
const ttl = 1000
const half = ttl / 2

/** What a roster log says. */
const asLogged: Hold = (learnedAt) => {
  const roster: Roster = { epoch: 1, voters: [{ id: 'a', weight: 1 }], policy: { kind: 'keep-majority' } }
  const log = createRosterLog({ self: 'a', stored: initialRosterLogState(roster), maxTtlMs: ttl, random: () => 0 })
  log.step({ kind: 'start', now: -1e6 })
  log.step({ kind: 'learn', roster: { ...roster, epoch: 2 }, now: learnedAt })
  return log.grantsHeldUntil as number
}

/**
 * A lease that is granted under the present roster as late as can be while the next is decided, and the earliest grant under
 * that one. Voters accept at 0 or at half the life of a lease, and learn of the decision when it falls or that much later.
 */
function checkLease(
  deciding: Bits,
  before: readonly boolean[],
  after: readonly boolean[],
  hold: Hold,
  isFenced: boolean,
): number {
  const all = before.length - 1
  let cases = 0
  for (
    let acceptedEarly = deciding;
    acceptedEarly >= 0;
    acceptedEarly = acceptedEarly === 0 ? -1 : (acceptedEarly - 1) & deciding
  ) {
    const decidedAt = acceptedEarly === deciding ? 0 : half
    const lateAt = decidedAt + half
    const [earlyHold, lateHold] = [hold(decidedAt), hold(lateAt)]
    for (let learnedEarly = 0; learnedEarly <= all; learnedEarly++) {
      cases += 1
      // Granted right before these moments, by those that neither accepted nor learned by then.
      const grants: [number, Bits][] = [
        [0, 0],
        [half, acceptedEarly],
        [lateAt, isFenced ? deciding | learnedEarly : learnedEarly],
      ]
      const lastGrantAt = Math.max(...grants.map(([at, stopped]) => (before[all & ~stopped] ? at : 0)))
      const next = after[learnedEarly] ? earlyHold : lateHold
      if (after[all] && next < lastGrantAt + ttl) fail('two holders of a lease', before, after, deciding)
    }
  }
  return cases
}

const small = { partitions: 4, undirected: 4, directed: 3, stale: 4 }
const whole = { partitions: 7, undirected: 6, directed: 4, stale: 5 }

function checkAll(hasPower: HasPower, most: typeof small): void {
  const check = (what: string, count: number, graphs: (count: number) => Iterable<Hears>): void => {
    let cases = 0
    for (let many = 1; many <= count; many++) {
      const ids = named(many)
      const rosters = [...rostersOf(ids)]
      for (const hears of graphs(many)) cases += checkGraph(ids, rosters, hears, hasPower)
    }
    report(`${what} of up to ${count}`, cases)
  }
  check('set partitions', most.partitions, (count) => [...partitions(count)].map(ofPartition))
  check('undirected graphs', most.undirected, undirected)
  check('directed graphs', most.directed, directed)
  const ids = named(most.stale)
  report('sides of mixed epochs', checkStaleRosters(ids, [...rostersOf(ids)], hasPower))
}

describe('exclusive power', () => {
  it(
    '[VD20] is on one side at most, and where a quorum is, over every split, graph, policy and mixture of epochs',
    () => checkAll(asJudged, isWhole ? whole : small),
    timeout,
  )

  it(
    '[VD22] is on one side at most where some go by the next roster, and those that helped to decide it vote no more by the one before',
    () => report('sides of a half-known change', checkHalfChanged(isWhole ? 4 : 3, asJudged)),
    timeout,
  )

  it('[VD22] is caught on two sides where those are counted that have ceased to vote', () => {
    const counted = wrongly(({ roster, confirmed }) => isQuorum(roster, new Set(confirmed)))
    expect(() => checkHalfChanged(3, counted)).toThrow('two sides have power during a change')
  })

  it('[VD20] is caught on two sides, or missing on the right one, where a rule is broken', () => {
    for (const [name, mutant] of Object.entries(mutants)) expect(() => checkAll(mutant, small), name).toThrow(/power/)
  })

  it(
    '[RL11] goes over from one roster to the next: no quorum is left that does not know, and no lease is left when another is granted',
    () => {
      const { changes, leases } = checkChanges(isWhole ? 4 : 3, asLogged, true)
      report('changes of rosters', changes)
      report('leases over a change', leases)
      expect(changes).toBeGreaterThan(1000)
    },
    timeout,
  )

  it('[RL11] is caught in two hands where leases are granted right after a change, or under a roster that is being left', () => {
    expect(() => checkChanges(3, (learnedAt) => learnedAt, true)).toThrow('two holders')
    expect(() => checkChanges(3, asLogged, false)).toThrow('two holders')
  })
})
