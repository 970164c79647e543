import {
  type CutFigures,
  createMembersWorld,
  type MembersWorld,
  measureCut,
  percentile,
  watchMembers,
} from '@rejoin/sim'
import { detectorPresets } from '@rejoin/sync/partition'
import { describe, expect, it } from 'vitest'

const { lan } = detectorPresets
const isSoak = process.env['SOAK'] !== undefined
const firstSeed = Number(process.env['SEED'] ?? 1)
const cuts = Number(process.env['CUTS'] ?? (isSoak ? 400 : 4))
const nodeHours = Number(process.env['NODE_HOURS'] ?? (isSoak ? 20_000 : 20))

/** For long runs: what was measured. */
const say = (...words: unknown[]): void => {
  if (isSoak) console.log(...words)
}

describe('ten replicas', () => {
  it.each([
    ['in silence', false],
    ['over connections that break', true],
  ])(
    '[SW1] cut into halves %s suspect the other side in 5 s, find it unreachable in 20 s, and alive once it is back',
    (_, breaks) => {
      const figures = Array.from({ length: cuts }, (__, at) => measureCut(firstSeed + at, lan, 10, breaks))
      const of = (name: keyof CutFigures): readonly number[] => {
        const all = figures.map((figure) => figure[name])
        const three = [percentile(all, 0.5), percentile(all, 0.99), Math.max(...all)]
        say(breaks ? 'broken' : 'silent', cuts, 'cuts', name, 'p50, p99, most:', ...three.map(Math.round))
        return three
      }
      expect(of('firstSuspicionMs')[0]).toBeLessThan(5000)
      expect(of('firstSuspicionMs')[1]).toBeLessThan(8000)
      expect(of('allUnreachableMs')[1]).toBeLessThan(20_000)
      expect(of('allAliveMs')[1]).toBeLessThan(5000)
      expect(of('ownSide')[2]).toBe(0)
    },
    3_600_000,
  )

  it('[SW2] that lose one message of a hundred and are paused for up to a minute accuse nobody wrongly', () => {
    const started = process.cpuUsage()
    const figures = watchMembers(firstSeed, lan, { nodes: 10, hours: nodeHours, loss: 0.01, mostPauseMs: 60_000 })
    const used = process.cpuUsage(started)
    const seconds = (used.user + used.system) / 1e6
    say(
      figures,
      'node-hours a minute of one core:',
      (60 * nodeHours) / seconds,
      'events a second:',
      figures.events / seconds,
    )
    expect(figures).toMatchObject({ falseUnreachable: 0, bySleepers: 0, isWhole: true })
    expect(figures.falseSuspicions).toBeLessThanOrEqual(nodeHours / 24)
    expect(Math.min(figures.pauses, figures.suspicions, figures.unreachable)).toBeGreaterThan(0)
  }, 36_000_000)

  it('[SW3] do not flap where links go one way, where one is deaf, or where two reach each other only through others', () => {
    const changes = (cut: (cluster: MembersWorld) => void): string[] => {
      const seen: string[] = []
      let isCut = false
      const cluster: MembersWorld = createMembersWorld({
        seed: firstSeed,
        settings: lan,
        nodes: 10,
        loss: 0.01,
        onEffect: (at, effect) => {
          if (isCut && effect.kind === 'stateChanged') seen.push(`${at + 1}: ${effect.peer} ${effect.to}`)
        },
      })
      cluster.run(60_000)
      isCut = true
      cut(cluster)
      cluster.run(isSoak ? 3_600_000 : 600_000)
      return seen
    }
    expect(changes((cluster) => cluster.cut(0, 1, true))).toEqual([])
    const bothWays = (cluster: MembersWorld): void => {
      cluster.cut(0, 1, true)
      cluster.cut(1, 0, true)
    }
    // A probe through three others fails where all three lose a message of four: of an hour's 3,600 that may be one.
    const between = changes(bothWays)
    expect(between.filter((change) => !change.endsWith(' alive')).length).toBeLessThanOrEqual(isSoak ? 2 : 0)
    expect(between.filter((change) => change.endsWith(' unreachable'))).toEqual([])
    const deaf = changes((cluster) => {
      for (let from = 1; from < 10; from++) cluster.cut(from, 0, true)
    })
    // Who hears nobody finds all unreachable; the others hear it, and each other.
    expect(deaf.filter((change) => !change.startsWith('1: '))).toEqual([])
    expect(deaf.length).toBe(18)
  })

  it('[SW23] are all alive again after outages of any length, and when a link flaps', () => {
    const day = 86_400_000
    for (const outageMs of [1000, 31_000, 91_000, ...(isSoak ? [day + 1000, 30 * day] : [])]) {
      const { allAliveMs } = measureCut(firstSeed, lan, 3, false, outageMs)
      say('outage', outageMs, 'ms, alive after', allAliveMs)
      expect(allAliveMs).toBeLessThanOrEqual(5000)
    }
    for (const everyMs of [100, 3000, 20_000]) {
      const cluster = createMembersWorld({ seed: firstSeed, settings: lan, nodes: 5 })
      cluster.run(60_000)
      for (let flap = 0; flap < 20; flap++) {
        cluster.cutHalves(2, flap % 2 === 0)
        cluster.run(everyMs)
      }
      cluster.cutHalves(2, false)
      cluster.run(5000)
      for (const { detector } of cluster.nodes)
        expect(detector.swim.members.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'alive'))
    }
  }, 3_600_000)
})
