import { describe, expect, it } from 'vitest'
import { linkPresets } from './dial-options.ts'
import { createDialWorld, mostInOneSecond } from './dial-world.test-helper.ts'
import { seededRandom } from './event-heap.test-helper.ts'
import { outage, quantile } from './outage.test-helper.ts'

// More seeds, more addresses and 30 days of outage: DIALING_RUNS=100 npx vitest run --project unit packages/sync/src/partition/dialing
declare const process: { readonly env: Readonly<Record<string, string | undefined>> }
const runs = Number(process.env['DIALING_RUNS'] ?? 0)
const isLong = runs > 0
const timeout = isLong ? 3_600_000 : 60_000
const seeds = (short: number): number[] => Array.from({ length: isLong ? runs : short }, (_, at) => at + 1)

const names = Array.from({ length: 500 }, (_, at) => `r${at}`)

/** Restarts all at once; answers how long it took until all had their least links and were one network. */
function restart(seed: number, knownCount: number): { connectedAfterMs: number; mostDialsInOneSecond: number } {
  const random = seededRandom(seed, 'known')
  const known = (): string[] => Array.from({ length: knownCount }, () => names[Math.floor(random() * 500)] as string)
  const bootstrap = ['not-there', ...names.slice(0, 4)]
  const world = createDialWorld({ seed, names, bootstrap, known, limits: linkPresets.large })
  const all = [...world.nodes.values()]
  for (const node of all) node.input({ kind: 'start' })
  let connectedAfterMs = Number.POSITIVE_INFINITY
  for (let now = 500; now <= 60_000 && connectedAfterMs > now; now += 500) {
    world.time.runUntil(now)
    const { min } = linkPresets.large
    if (all.every(({ planner }) => planner.connected.size >= min) && world.components().length === 1)
      connectedAfterMs = now
  }
  return { connectedAfterMs, mostDialsInOneSecond: Math.max(...all.map(({ dialTimes }) => mostInOneSecond(dialTimes))) }
}

describe('500 replicas that start at once', () => {
  it('[DB15] are one network, each with its least links, within 30 s, and nobody dials more than three times a second', {
    timeout,
  }, () => {
    const all = seeds(1).map((seed) => restart(seed, isLong ? 499 : 30))
    if (isLong)
      report(
        'restart',
        all.map(({ connectedAfterMs }) => connectedAfterMs),
      )
    for (const { connectedAfterMs, mostDialsInOneSecond } of all) {
      expect(connectedAfterMs).toBeLessThanOrEqual(30_000)
      expect(mostDialsInOneSecond).toBeLessThanOrEqual(3)
    }
  })
})

const day = 86_400_000
const outages: [number, number][] = [
  [1000, 10],
  [31_000, 10],
  [91_000, 10],
  [day + 1000, 1],
  ...(isLong ? [[30 * day, 1] as [number, number]] : []),
]

describe('two halves that lost each other', () => {
  for (const [length, short] of outages) {
    const count = length > day ? Math.min(short, 1) : short
    it(`[DB16] are one again within 65 s unaided, and within 3 s with a hint, after ${length / 1000} s`, {
      timeout,
    }, () => {
      for (const hint of length > day && !isLong ? [false] : [false, true]) {
        const all = (length > day ? [1] : seeds(count)).map((seed) => outage(seed, length, hint))
        if (isLong)
          report(
            `${length / 1000} s${hint ? ', hint' : ''}`,
            all.map(({ healedAfterMs }) => healedAfterMs),
          )
        for (const { healedAfterMs, mostDialsInOneSecond, perAbsentIn30s } of all) {
          // A link that broke is noticed by its ends after 2 to 8 s here: before that no hint can help.
          expect(healedAfterMs).toBeLessThanOrEqual(hint && length > 8000 ? 3000 : 65_000)
          expect(mostDialsInOneSecond).toBeLessThanOrEqual(3)
          if (length > day) expect(perAbsentIn30s).toBeGreaterThan(0.8)
          if (length > day) expect(perAbsentIn30s).toBeLessThan(1.2)
        }
      }
    })
  }
})

function report(what: string, times: readonly number[]): void {
  const [p50, p99] = [0.5, 0.99].map((share) => Math.round(quantile(times, share)))
  console.log(`${what}: p50 ${p50} ms, p99 ${p99} ms (${times.length} runs)`)
}
