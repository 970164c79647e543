import { readdirSync } from 'node:fs'
import {
  createRandom,
  faultScripts,
  type GenerateVoterOptions,
  generateVoterScript,
  playVoters,
  readReplayFile,
  type VoterResult,
  writeReplayFile,
} from '@rejoin/sim'
import { describe, expect, it } from 'vitest'
import { corpus, majorityCutOff, replayFile } from './voter-scripts.ts'

function expectWell(result: VoterResult): void {
  expect(result.wrong, `npm run replay -- ${result.script.seed} --world voters`).toEqual([])
}

const short = (seed: number): GenerateVoterOptions => ({
  voters: 3,
  clients: seed % 6 === 0 ? 1 : 0,
  outageMs: seed % 10 === 0 ? 31_000 : 1_000,
})

describe('worlds of voters', () => {
  it.each(readdirSync(corpus))('[VW4] are well where one was not before: %s', (name) => {
    expectWell(playVoters(replayFile(name)))
  })

  it('[PL9] [VW1] [VW2] [VW3] keep exclusive power, lose nothing, heal in bounds and close what was wrong, in 100 worlds', () => {
    const total = { writes: 0, merges: 0, cuts: 0, crashes: 0, sleeps: 0, wipes: 0, rounds: 0, held: 0, pauses: 0 }
    for (let seed = 0; seed < 100; seed += 1) {
      // Mostly three voters and short outages: the soak plays all sizes and the longer ones.
      const isWhole = seed % 25 === 24
      const result = playVoters(generateVoterScript(seed, isWhole ? {} : short(seed)))
      expectWell(result)
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    }
    for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(0)
  }, 300_000)

  it('[VW16] [VW17] are well whatever operators do, in 15 worlds', () => {
    const total = { cuts: 0, crashes: 0, wipes: 0, rounds: 0, rosters: 0 }
    for (let seed = 0; seed < 15; seed += 1) {
      const result = playVoters(
        generateVoterScript(seed, { script: 'operators', voters: 3, clients: 0, outageMs: 1_000 }),
      )
      expectWell(result)
      for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key]
    }
    for (const [what, count] of Object.entries(total)) expect(count, what).toBeGreaterThan(0)
  }, 120_000)

  it('[VW16] have operators who do everything, in scripts that files hold', () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 300; seed += 1) {
      const script = generateVoterScript(seed, { script: 'operators' })
      expect(readReplayFile(writeReplayFile(script))).toEqual(script)
      for (const fault of script.faults) seen.add('isSpared' in fault ? 'spared' : fault.kind)
      seen.add(script.founders === undefined ? 'all vote' : 'some vote')
      const sides = script.faults.filter(({ kind }) => kind === 'force')
      if (sides.length > 1) seen.add('forced twice')
    }
    for (const what of ['spared', 'wipe', 'crash', 'roster', 'force', 'forced twice', 'want', 'rest', 'disk', 'cut'])
      expect(seen).toContain(what)
    expect([seen.has('all vote'), seen.has('some vote')]).toEqual([true, true])
  })

  it.each([
    [3, 3, 0, [28, 32, 36]],
    [3, 3, 1, [30, 38]],
    [7, 3, 0, [36]],
    [7, 3, 2, [32, 36]],
    [3, 5, 3, [40, 48]],
    [3, 5, 4, [36, 44]],
  ] as const)(
    '[VW12] begin nothing again that counted: seed %i, of %i voters %i is given the majority %j ms before it is cut off',
    (seed, voters, node, delays) => {
      let rounds = 0
      for (const afterMs of delays) {
        const result = playVoters(majorityCutOff(seed, voters, node, afterMs), { everyEvent: false })
        expectWell(result)
        rounds += result.rounds
      }
      expect(rounds).toBeGreaterThan(delays.length)
    },
  )

  it('[VW1] go through every fault script with every outage, and with a core that is well while the rest stays broken', () => {
    const seeds = Array.from({ length: 3 * faultScripts.length }, (_, seed) => generateVoterScript(seed))
    const seen = new Set(seeds.map(({ script }) => script))
    expect([...seen].sort()).toEqual([...faultScripts].sort())
    expect(seeds.some(({ core }) => core !== undefined)).toBe(true)
    for (const name of faultScripts) {
      const ofOne = seeds.filter(({ script }) => script === name).map(({ faults }) => JSON.stringify(faults))
      expect(new Set(ofOne).size).toBe(3)
    }
  })

  it('[SM2] [VW5] play alike twice, and the same from a replay file', () => {
    for (const seed of [createRandom(7).int(1_000), 33]) {
      const script = generateVoterScript(seed, { voters: 3, outageMs: 1_000 })
      const first = playVoters(script)
      expect(first.events).toBeGreaterThan(500)
      expect(playVoters(script).fingerprint).toBe(first.fingerprint)
    }
  })
})
