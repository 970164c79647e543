import { describe, expect, it } from 'vitest'
import { type MemoryLink, memoryLink } from '../memory-link.ts'
import { lossyLink, seededRandom, type World } from '../world.test-helper.ts'
import { Cluster, isAll } from './cluster.test-helper.ts'
import { LinkQuality, type LinkReading, type LinkTrouble } from './link-quality.ts'

/** Looks at a connection that sent 1,000 frames more each time; how many of them again, and how long the last answer took. */
function follow(...looks: readonly (readonly [resent: number, tookMs?: number])[]): LinkTrouble[] {
  const quality = new LinkQuality(500)
  let resent = 0
  const readings = looks.map(([more, tookMs], at): LinkReading => {
    resent += more
    return { peer: 'b', framesOut: 1000 * at, resent, last: tookMs === undefined ? undefined : { tookMs } }
  })
  return readings.map((reading) => quality.look([reading]))
}

describe('the way to another', () => {
  it('[RC15] is lossy from 8 of 100 frames on that were sent again, and until it is less than 4', () => {
    const isLossy = (...resent: number[]) => follow([0], ...resent.map((more) => [more] as const)).at(-1)?.lossy
    expect(isLossy(79)).toEqual([])
    expect(isLossy(80)).toEqual(['b'])
    expect(isLossy(80, 40)).toEqual(['b'])
    expect(isLossy(80, 39)).toEqual([])
    expect(isLossy(80, 39, 79)).toEqual([])
  })

  it('[RC15] is judged by enough frames, and anew on another connection', () => {
    const quality = new LinkQuality(500)
    const look = (framesOut: number, resent: number) =>
      quality.look([{ peer: 'b', framesOut, resent, last: undefined }]).lossy
    look(0, 0)
    for (let frames = 1; frames < 100; frames++) expect(look(frames, frames)).toEqual([])
    expect(look(100, 100)).toEqual(['b'])
    // It begins with the handshake, which may have been lost as often.
    expect(look(50, 50)).toEqual([])
    expect(look(150, 50)).toEqual([])
    look(250, 90)
    quality.look([])
    expect(look(1000, 90)).toEqual([])
  })

  it('[RC16] is slow from the second late answer in a row on, until one is well in time', () => {
    const isSlow = (...took: number[]) => follow([0, 1], ...took.map((ms) => [0, ms] as const)).at(-1)?.slow
    expect(isSlow(30_000)).toEqual([])
    expect(isSlow(30_000, 499)).toEqual([])
    expect(isSlow(30_000, 499, 30_000)).toEqual([])
    expect(isSlow(500, 500)).toEqual(['b'])
    expect(isSlow(500, 500, 250)).toEqual(['b'])
    expect(isSlow(500, 500, 249)).toEqual([])
  })

  it('[RC16] is not slow where it takes at its best a third of that or more, as to another continent', () => {
    const isSlow = (...took: number[]) => follow(...took.map((ms) => [0, ms] as const)).at(-1)?.slow
    expect(isSlow(600, 900, 1799)).toEqual([])
    expect(isSlow(600, 1800, 1800)).toEqual(['b'])
    expect(isSlow(1800, 1800, 600, 1799)).toEqual([])
  })

  it('[RC16] is not slow by one late answer that is looked at twice', () => {
    const quality = new LinkQuality(500)
    const first = { tookMs: 1 }
    const last = { tookMs: 30_000 }
    quality.look([{ peer: 'b', framesOut: 0, resent: 0, last: first }])
    for (let look = 0; look < 3; look++)
      expect(quality.look([{ peer: 'b', framesOut: 0, resent: 0, last }]).slow).toEqual([])
  })
})

describe('three voters', () => {
  const failuresIn = (cluster: Cluster): string[] =>
    cluster.nodes.map(({ watch }) => watch.status.open.map(({ failure }) => failure ?? 'new').join(' '))
  const isEach = (cluster: Cluster, failure: string) => (): boolean =>
    failuresIn(cluster).every((open) => open === failure)
  const over = (wire: (world: World) => MemoryLink): Cluster => {
    const cluster = new Cluster(['a', 'b', 'c'], {}, {}, undefined, wire)
    cluster.until('all are there', () => isAll(cluster, 'full'), 30)
    return cluster
  }
  /** Over links that do what `faults` says at each moment. */
  const overLossy = (seed: number) => {
    const faults = { loss: 0, duplicate: 0, spreadMs: 2 }
    const random = seededRandom(seed)
    return { faults, cluster: over((world) => lossyLink(world.time.timers, random, faults)) }
  }
  /** Over links that lose nothing and keep the order, each way as long as `delay` says. */
  const overSlow = () => {
    const delay = { ms: 5 }
    const wire = (world: World): MemoryLink => {
      const { clock, timers } = world.time
      let lastAt = 0
      const set: typeof timers.set = (_, fire) => {
        lastAt = Math.max(lastAt, clock.monotonic() + delay.ms)
        return timers.set(lastAt - clock.monotonic(), fire)
      }
      return memoryLink({ name: 'slow', timers: { ...timers, set }, latencyMs: 1 })
    }
    return { delay, cluster: over(wire) }
  }

  it.each([0.05, 0.1, 0.4])(
    '[RC15] name a loss of %d, by which nobody seems gone, and are done with it once nothing gets lost',
    (loss) => {
      const { cluster, faults } = overLossy(7)
      faults.loss = loss
      cluster.until('somebody names it', () => failuresIn(cluster).includes('message-loss'), loss < 0.1 ? 1200 : 60)
      cluster.world.advance(120_000)
      const others = cluster.nodes.flatMap(({ told }) => told.filter((what) => !/message-loss|opened/.test(what)))
      expect(others).toEqual([])
      expect(isAll(cluster, 'full')).toBe(true)
      faults.loss = 0
      cluster.until('all are done with it', isEach(cluster, ''), 120)
      expect(cluster.nodes.map(({ watch }) => watch.metrics().redials)).toEqual([0, 0, 0])
    },
  )

  it('[RC15] say nothing of a loss of 1 in 100', () => {
    const { cluster, faults } = overLossy(8)
    faults.loss = 0.01
    cluster.world.advance(1_800_000)
    expect(cluster.nodes.flatMap(({ watch }) => watch.incidents)).toEqual([])
  })

  it('[RC16] name answers that come late, by which nobody seems gone, and are done with it once they come in time', () => {
    const { cluster, delay } = overSlow()
    delay.ms = 50
    cluster.world.advance(60_000)
    expect(cluster.nodes.flatMap(({ watch }) => watch.incidents)).toEqual([])
    delay.ms = 500
    cluster.until('all name it', isEach(cluster, 'slowness'), 60)
    cluster.world.advance(120_000)
    expect(cluster.nodes[0]?.watch.status.open[0]?.symptoms).toMatchObject({ slow: ['b', 'c'], absent: [] })
    expect(isAll(cluster, 'full')).toBe(true)
    delay.ms = 50
    cluster.until('all are done with it', isEach(cluster, ''), 60)
  })
})
