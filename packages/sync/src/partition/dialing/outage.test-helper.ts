import type { Roster } from '../roster.ts'
import { createDialWorld, type DialWorld, mostInOneSecond } from './dial-world.test-helper.ts'

export interface Outage {
  /** From the return of the links until all voters are connected by links that work, directly or through others. */
  readonly healedAfterMs: number
  readonly mostDialsInOneSecond: number
  /** Dials of all of one side to one of the other, in 30 s, on average after the first minute. */
  readonly perAbsentIn30s: number
}

const everyBody = (world: DialWorld): boolean => world.components().length === 1

/** Ten voters in two halves without a way between them for a while. With `hint` one half is told of the return. */
export function outage(seed: number, lengthMs: number, hint: boolean, split = 5): Outage {
  const names = Array.from({ length: 10 }, (_, at) => `v${at}`)
  const left = new Set(names.slice(0, split))
  const roster: Roster = {
    epoch: 1,
    voters: names.map((id) => ({ id, weight: 1 })),
    policy: { kind: 'keep-majority' },
  }
  const world = createDialWorld({ seed, names, roster })
  const { time, nodes } = world
  for (const node of nodes.values()) node.input({ kind: 'start' })
  time.runUntil(60_000)
  let isOut = true
  world.isCut = (from, to) => isOut && left.has(from) !== left.has(to)
  world.breakLinks()
  const start = time.now
  time.runUntil(start + lengthMs)
  isOut = false
  const back = time.now
  if (hint) for (const name of left) nodes.get(name)?.input({ kind: 'hint' })
  // Links that were not given up before the return are cut all the same: their ends are gone.
  time.runUntil(back + 600_000, () => everyBody(world))
  const times = [...nodes.values()].map(({ dialTimes }) => dialTimes)
  const settled = start + 60_000
  const late = [...left].flatMap((name) => nodes.get(name)?.dialTimes.filter((at) => at >= settled && at < back) ?? [])
  return {
    healedAfterMs: everyBody(world) ? time.now - back : Number.POSITIVE_INFINITY,
    mostDialsInOneSecond: Math.max(...times.map(mostInOneSecond)),
    perAbsentIn30s: (late.length / (10 - split) / Math.max(1, back - settled)) * 30_000,
  }
}

/** The value below which a share of some numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number
}
