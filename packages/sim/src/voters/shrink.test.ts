import { counter, mvRegister, schema } from '@rejoin/state'
import { describe, expect, it } from 'vitest'
import type { SimulatedApp } from './app.ts'
import { generateVoterScript } from './generate.ts'
import { readReplayFile } from './replay-file.ts'
import { lanesBetween, type VoterScript } from './script.ts'
import { kindOfFailure, shrinkVoterScript } from './shrink.ts'
import { simulate } from './simulate.ts'

describe('a failing script that is made smaller', () => {
  it('[VW18] fails in the way it did, whatever else is wrong in smaller worlds', () => {
    const Plan = schema({ at: mvRegister<number>(), edits: counter(0) })
    const plan: SimulatedApp<typeof Plan> = {
      schema: Plan,
      write: (draft, random) => {
        draft.at.set(random.int(1000))
        draft.edits.add(1)
      },
      // The one takes a cut, the other only time.
      check: ({ at, edits }) =>
        at.length > 1 ? `${at.length} plans at once` : edits > 8 ? 'too many edits' : undefined,
    }
    const lanes = lanesBetween([[0], [1, 2]])
    const script: VoterScript = {
      ...generateVoterScript(1, { script: 'halves', voters: 3, clients: 0, mode: 'safety' }),
      faults: [
        { kind: 'cut', atMs: 1000, forMs: 6000, lanes },
        { kind: 'clock', atMs: 40_000, forMs: 1000, node: 1, byMs: 50 },
      ],
    }
    const { failures } = simulate(plan, { first: [script], seeds: [1, 0], shrinkRuns: 8 })
    expect(failures[0]?.wrong[0]).toMatch(/r\d: 2 plans at once/)
    const smallest = readReplayFile(failures[0]?.replay ?? '') as VoterScript
    expect(smallest.faults.map(({ kind }) => kind)).toEqual(['cut'])
    const calm = { ...script, faults: script.faults.slice(1) }
    expect(simulate(plan, { first: [calm], seeds: [1, 0], shrinkRuns: 0 }).failures[0]?.wrong[0]).toContain('too many')
  })

  it('[VW18] is of a kind by its first words, wherever, whenever and however often it was', () => {
    const kinds = [
      ['4000 ms: the lease is held by r1 and by r3', '91250 ms: the lease is held by r2 and by r1'],
      ['not so after 65 s: r2 is minority; r3 is unknown', 'not so after 10.5 s: r14 is minority; r1 is down'],
      [
        'not so after 60 s: r3 is still at the roster of epoch 2',
        'not so after 60 s: r1 is still at the roster of epoch 81',
      ],
      ['not so after 60 s: r3 is not settled', 'not so after 60 s: r3 is not settled; r4 is not settled'],
      ['lost: r1: acknowledged as durable and gone: ab12:3..4', 'lost: r2: acknowledged as durable and gone: fe:1..2'],
      ['0 ms: r1: 12 seats were sold twice', '7000 ms: r3: 4 seats were sold twice'],
    ].map((alike) => new Set(alike.map(kindOfFailure)))
    expect(kinds.map(({ size }) => size)).toEqual(kinds.map(() => 1))
    expect(new Set(kinds.flatMap((kind) => [...kind])).size).toBe(kinds.length)
  })

  it('[VW19] keeps the force that lost disks need, as long as they are lost', () => {
    const losesDisks = ({ faults }: VoterScript): boolean =>
      faults.some((fault) => fault.kind === 'wipe' && fault.isSpared !== true)
    const forces = ({ faults }: VoterScript): boolean => faults.some(({ kind }) => kind === 'force')
    let count = 0
    for (let seed = 1; seed <= 40; seed += 1) {
      const script = generateVoterScript(seed, { script: 'operators', mode: 'safety' })
      if (!losesDisks(script) || !forces(script)) continue
      count += 1
      const { script: smallest } = shrinkVoterScript(script, losesDisks)
      expect(forces(smallest), `seed ${seed}`).toBe(true)
      expect(smallest.faults.length).toBeLessThan(script.faults.length)
      // Both go where what is looked for takes neither.
      expect(shrinkVoterScript(script, () => true).script.faults).toEqual([])
    }
    expect(count).toBeGreaterThan(5)
  })
})
