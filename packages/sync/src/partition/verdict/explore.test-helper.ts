import { isQuorum } from '../policy.ts'
import type { NodeId, Policy, Roster, Voter } from '../roster.ts'
import type { HeldRow } from './reachability.ts'
import { rowOf } from './rows.test-helper.ts'

/** A set of replicas, one bit each. */
export type Bits = number

export const named = (count: number): NodeId[] => Array.from({ length: count }, (_, at) => `v${at}`)

export function among(ids: readonly NodeId[], bits: Bits): NodeId[] {
  return ids.filter((_, at) => (bits >> at) & 1)
}

export function policiesFor(count: number): Policy[] {
  const statics = Array.from({ length: count }, (_, at) => at + 1).filter((voters) => 2 * voters > count)
  return [
    { kind: 'keep-majority' },
    ...statics.map((voters): Policy => ({ kind: 'static-quorum', voters })),
    { kind: 'two-thirds' },
    { kind: 'keep-oldest' },
    { kind: 'lease' },
    { kind: 'none' },
  ]
}

/** Rosters of some voters: all policies, of the majority also with each arbiter, with equal weights and with one that weighs three. */
export function* rostersOf(ids: readonly NodeId[], epoch = 1): Generator<Roster> {
  const weighted = (most: number): Voter[] => ids.map((id, at) => ({ id, weight: at === 0 ? most : 1 }))
  for (const policy of policiesFor(ids.length)) {
    yield { epoch, voters: weighted(1), policy }
    if (policy.kind !== 'keep-majority') continue
    yield { epoch, voters: weighted(3), policy }
    for (const arbiter of ids) for (const most of [1, 3]) yield { epoch, voters: weighted(most), policy, arbiter }
  }
}

/** The side of each of `count` replicas, for every way to part them. */
export function* partitions(count: number, sides: readonly number[] = []): Generator<readonly number[]> {
  if (sides.length === count) yield sides
  else for (let side = 0; side <= Math.max(-1, ...sides) + 1; side++) yield* partitions(count, [...sides, side])
}

/** For each replica, whom it hears, with itself. */
export type Hears = readonly Bits[]

export function ofPartition(sides: readonly number[]): Hears {
  return sides.map((side) => sides.reduce((bits, other, at) => bits | (other === side ? 1 << at : 0), 0))
}

export function* undirected(count: number): Generator<Hears> {
  const pairs = pairsOf(count).filter(([a, b]) => a < b)
  for (let graph = 0; graph < 1 << pairs.length; graph++) {
    const hears = named(count).map((_, at) => 1 << at)
    for (const [at, [a, b]] of pairs.entries()) {
      if (((graph >> at) & 1) === 0) continue
      hears[a] = (hears[a] as number) | (1 << b)
      hears[b] = (hears[b] as number) | (1 << a)
    }
    yield hears
  }
}

export function* directed(count: number): Generator<Hears> {
  const pairs = pairsOf(count)
  for (let graph = 0; graph < 1 << pairs.length; graph++) {
    const hears = named(count).map((_, at) => 1 << at)
    for (const [at, [a, b]] of pairs.entries()) if ((graph >> at) & 1) hears[a] = (hears[a] as number) | (1 << b)
    yield hears
  }
}

function pairsOf(count: number): [number, number][] {
  const all = named(count).map((_, at) => at)
  return all.flatMap((a) => all.filter((b) => a !== b).map((b): [number, number] => [a, b]))
}

/** Whoever is reached from one, over some steps. */
export function reached(from: number, steps: Hears): Bits {
  let bits = 1 << from
  for (;;) {
    const more = steps.reduce((sum, next, at) => ((bits >> at) & 1 ? sum | next : sum), bits)
    if (more === bits) return bits
    bits = more
  }
}

/** The links that work both ways. */
export function mutual(hears: Hears): Hears {
  return hears.map((bits, a) =>
    hears.reduce((sum, other, b) => ((bits >> b) & (other >> a) & 1 ? sum | (1 << b) : sum), 0),
  )
}

/**
 * The rows that one replica holds: fresh of all whose word reaches it on whatever way, and of the same epoch as its own; of others
 * that were of its epoch the ones from before the split, when all reached each other.
 */
export function rowsAt(self: number, ids: readonly NodeId[], hears: Hears, isSameEpoch: Bits): HeldRow[] {
  const heard = reached(self, hears)
  return ids.flatMap((id, at) => {
    if (((isSameEpoch >> at) & 1) === 0) return []
    const isFresh = ((heard >> at) & 1) === 1
    const direct = isFresh ? (hears[at] as Bits) : -1
    return [{ row: rowOf(id, among(ids, direct & ~(1 << at))), isFresh }]
  })
}

/** Which sets of replicas are quorums, by their bits. */
export function quorumTable(roster: Roster, ids: readonly NodeId[]): boolean[] {
  return Array.from({ length: 1 << ids.length }, (_, bits) => isQuorum(roster, new Set(among(ids, bits))))
}
