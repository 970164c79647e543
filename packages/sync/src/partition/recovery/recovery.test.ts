import { describe, expect, it } from 'vitest'
import type { FailureClass, Incident, Rung, Symptoms } from './incident.ts'
import { noSymptoms } from './incident.ts'
import { type IncidentEffect, type PhaseRules, soundPhases } from './incident-machine.ts'
import { incidentReport } from './incident-report.ts'
import { createRecovery, type Recovery } from './recovery.ts'

const stableMs = 5000
const wallFrom = Date.UTC(2030, 0, 1)

/** A side of three of five voters. The others come back once somebody dials hard enough, and not by themselves. */
interface Script {
  readonly symptoms: Symptoms
  /** The rung at which dialling brings everything back; undefined where nothing does. */
  readonly cure?: Rung
  /** When it passes by itself, seconds. */
  readonly passesAt?: number
  /** Seconds from the comparison of states to their being the same. */
  readonly transferS?: number
  /** Whether dialling is really done. */
  readonly dials?: boolean
  /** Seconds between two looks. */
  readonly every?: number
}

const cut: Symptoms = { ...noSymptoms, here: ['a', 'b', 'c'], absent: ['d', 'e'] }

interface Played {
  readonly recovery: Recovery
  readonly effects: (IncidentEffect | { readonly kind: 'forget'; readonly id: string })[]
  readonly closedAtS: number | undefined
}

let ids = 0
const newId = (): string => `incident-${(ids++).toString().padStart(4, '0')}`

function play(script: Script, seconds: number, phases: PhaseRules = soundPhases): Played {
  const recovery = createRecovery({ stableMs, newId, phases })
  return playOn(recovery, script, seconds)
}

function playOn(recovery: Recovery, script: Script, seconds: number): Played {
  const { symptoms, cure, passesAt, transferS = 2, dials = true, every = 1 } = script
  const played: Played['effects'][number][] = []
  let isWell = false
  let comparedAt: number | undefined
  let closedAtS: number | undefined
  for (let second = 0; second <= seconds; second += every) {
    const time = { now: second * 1000, wall: wallFrom + second * 1000 }
    if (passesAt !== undefined && second >= passesAt) isWell = true
    const isCovered = isWell && comparedAt !== undefined && second >= comparedAt + transferS
    const inputs: Parameters<Recovery['step']>[0][] = [
      { kind: 'seen', symptoms: isWell ? { ...noSymptoms, here: symptoms.here } : symptoms, ...time },
      { kind: 'tick', ...time },
    ]
    if (isCovered) inputs.push({ kind: 'covered', isCovered, ...time })
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
      for (const effect of recovery.step(input)) {
        played.push(effect)
        if (effect.kind === 'dial' && dials) {
          inputs.push({ kind: 'acted', ...time })
          if (effect.rung === cure) isWell = true
        }
        if (effect.kind === 'compare') comparedAt ??= second
        if (effect.kind === 'told' && effect.what === 'closed') closedAtS ??= second
      }
    }
  }
  return { recovery, effects: played, closedAtS }
}

const only = ({ recovery }: Played): Incident => {
  expect(recovery.incidents).toHaveLength(1)
  return recovery.incidents[0] as Incident
}

const rungsOf = ({ effects }: Played): Rung[] => [
  ...new Set(effects.flatMap((effect) => (effect.kind === 'dial' ? effect.rung : []))),
]

describe('the recovery manager', () => {
  it('[RC1] lets what passes by itself pass, without one dial, and closes once the states came together', () => {
    // Before it is believed, and while it is waited for.
    for (const [passesAt, attempts] of [
      [3, 0],
      [12, 1],
    ] as const) {
      const played = play({ symptoms: cut, passesAt }, 60)
      expect(only(played)).toMatchObject({ phase: 'closed', outcome: 'healed', rung: 'wait', attempts })
      expect(rungsOf(played)).toEqual([])
      expect(played.closedAtS).toBeLessThanOrEqual(passesAt + 3)
    }
  })

  it('[RC2] tries harder by rungs, each for its time, until it is well', () => {
    for (const [cure, rungs] of [
      ['known', ['known']],
      ['discover', ['known', 'discover']],
      ['widen', ['known', 'discover', 'widen']],
    ] as const) {
      const played = play({ symptoms: cut, cure }, 600)
      expect(only(played)).toMatchObject({ outcome: 'healed', rung: cure, failure: 'partition' })
      expect(rungsOf(played)).toEqual(rungs)
      const escalations = played.effects.filter((effect) => effect.kind === 'told' && effect.what === 'escalated')
      expect(escalations).toHaveLength(rungs.length)
    }
    const { timeline } = only(play({ symptoms: cut }, 600))
    const times = timeline
      .filter(({ what }) => what === 'escalated')
      .map(({ at, about }) => `${about} ${at - wallFrom}`)
    expect(times).toEqual(['known 15000', 'discover 45000', 'widen 105000', 'operator 225000'])
  })

  it('[RC3] calls a person when nothing helps, goes on dialling for ever, and heals a month later', () => {
    const seconds = 30 * 86_400
    const played = play({ symptoms: cut, passesAt: seconds - 300, every: 30 }, seconds)
    const calls = played.effects.filter((effect) => effect.kind === 'told' && effect.what === 'operator')
    expect(calls.length).toBeGreaterThan(4000)
    const dials = played.effects.filter((effect) => effect.kind === 'dial' && effect.rung === 'operator')
    expect(dials.length).toBeGreaterThan(4000)
    expect(only(played)).toMatchObject({ outcome: 'healed', rung: 'operator' })
    expect(only(played).timeline.length).toBeLessThanOrEqual(100)
  })

  it('[RC4] counts an attempt only when it was made: what nobody dialled is asked for again', () => {
    const played = play({ symptoms: cut, dials: false }, 3600)
    expect(only(played)).toMatchObject({ rung: 'known', phase: 'act' })
    expect(only(played).attempts).toBeGreaterThan(10)
  })

  it('[RC5] names the failure by what is seen, and again when that changes', () => {
    const here = ['a', 'b', 'c']
    const cases: [Symptoms, FailureClass][] = [
      [{ ...noSymptoms, here: ['a'], absent: ['b', 'c'] }, 'isolation'],
      [{ ...noSymptoms, here, absent: ['d'] }, 'node-lost'],
      [cut, 'partition'],
      [{ ...noSymptoms, here, missing: [['a', 'b']] }, 'partial-partition'],
      [{ ...noSymptoms, here, lossy: ['b'] }, 'message-loss'],
      [{ ...noSymptoms, here, slow: ['b'] }, 'slowness'],
      [{ ...noSymptoms, here, diverged: ['raid'] }, 'divergence'],
    ]
    for (const [symptoms, failure] of cases) {
      const incident = only(play({ symptoms }, 12))
      expect(incident.failure).toBe(failure)
      // Who is gone may have crashed or be cut off.
      const isGone = failure === 'node-lost' || failure === 'partition'
      expect(incidentReport(incident).includes('From here the two look alike.')).toBe(isGone)
    }
    const recovery = createRecovery({ stableMs, newId })
    playOn(recovery, { symptoms: cut }, 20)
    recovery.step({ kind: 'seen', symptoms: cases[0]?.[0] as Symptoms, now: 21_000, wall: wallFrom + 21_000 })
    expect(recovery.incidents[0]?.failure).toBe('isolation')
  })

  it('[RC6] keeps what goes wrong independently apart', () => {
    const recovery = createRecovery({ stableMs, newId })
    playOn(recovery, { symptoms: { ...cut, lossy: ['b'], diverged: ['raid'] } }, 20)
    expect(recovery.incidents.map(({ failure }) => failure)).toEqual(['partition', 'message-loss', 'divergence'])
  })

  it('[RC7] does not dial those who are reached: loss and slowness only call a person, when they last', () => {
    const played = play({ symptoms: { ...noSymptoms, here: ['a', 'b'], lossy: ['b'] } }, 600)
    expect(rungsOf(played)).toEqual([])
    expect(only(played).rung).toBe('operator')
    const told = played.effects.flatMap((effect) => (effect.kind === 'told' ? effect.what : []))
    // Nothing was tried harder before.
    expect(told).toEqual(['opened', 'classified', 'escalated', 'operator'])
  })

  it('[RC8] goes on where an earlier opening was, also in the middle', () => {
    for (let seconds = 0; seconds < 260; seconds += 7) {
      const first = play({ symptoms: cut, cure: 'widen' }, seconds)
      const kept = JSON.parse(JSON.stringify(first.recovery.incidents)) as Incident[]
      const recovery = createRecovery({ stableMs, newId, known: kept })
      const second = playOn(recovery, { symptoms: cut, cure: 'widen' }, 400)
      const again = recovery.incidents.filter(({ id }) => id === kept[0]?.id)
      expect(again).toHaveLength(1)
      expect(again[0]).toMatchObject({ outcome: 'healed' })
      if (kept[0]?.phase !== 'closed') expect(only(second).attempts).toBeGreaterThanOrEqual(kept[0]?.attempts ?? 0)
    }
  })

  it('[RC9] takes the smaller of two names, on both sides', () => {
    const [left, right] = [createRecovery({ stableMs, newId }), createRecovery({ stableMs, newId })]
    for (const side of [left, right]) playOn(side, { symptoms: cut }, 20)
    const nameOf = (side: Recovery): string => side.incidents[0]?.name ?? ''
    const [ours, theirs] = [nameOf(left), nameOf(right)]
    const time = { now: 21_000, wall: wallFrom + 21_000 }
    left.step({ kind: 'met', name: theirs, ...time })
    right.step({ kind: 'met', name: ours, ...time })
    expect([nameOf(left), nameOf(right)]).toEqual([ours, ours])
    expect(right.incidents[0]?.id).toBe(theirs)
  })

  it('[RC10] comes back to the beginning when what was healed breaks before the states came together', () => {
    const recovery = createRecovery({ stableMs, newId })
    playOn(recovery, { symptoms: cut, passesAt: 30, transferS: 1000 }, 60)
    expect(recovery.incidents[0]?.phase).toBe('verify')
    recovery.step({ kind: 'seen', symptoms: cut, now: 61_000, wall: wallFrom + 61_000 })
    expect(recovery.incidents).toHaveLength(1)
    expect(recovery.incidents[0]?.phase).toBe('observe')
  })

  it('[RC21] tries harder what breaks again and again, and calls a person at the usual pace', () => {
    const recovery = createRecovery({ stableMs, newId })
    const calls: number[] = []
    const well: Symptoms = { ...noSymptoms, here: ['a', 'b', 'c', 'd', 'e'] }
    for (let second = 0; second <= 3600; second++) {
      const time = { now: second * 1000, wall: wallFrom + second * 1000 }
      const symptoms = second % 14 < 7 ? cut : well
      for (const input of [{ kind: 'seen', symptoms, ...time } as const, { kind: 'tick', ...time } as const])
        for (const effect of recovery.step(input)) {
          if (effect.kind === 'dial') recovery.step({ kind: 'acted', ...time })
          if (effect.kind === 'told' && effect.what === 'operator') calls.push(second)
        }
    }
    expect(recovery.open[0]?.rung).toBe('operator')
    expect(calls[0]).toBeLessThan(600)
    expect(calls.length).toBeLessThanOrEqual(6)
  })

  describe('[RC11] a person', () => {
    const both: Symptoms = { ...cut, diverged: ['raid'] }
    const at = (second: number) => ({ now: second * 1000, wall: wallFrom + second * 1000 })
    const outcomes = ({ incidents }: Recovery) => incidents.map(({ failure, outcome }) => `${failure} ${outcome}`)
    const opened = (): Recovery => {
      const recovery = createRecovery({ stableMs, newId })
      playOn(recovery, { symptoms: both }, 20)
      return recovery
    }

    it('dismisses all that is open, with why', () => {
      const recovery = opened()
      recovery.step({ kind: 'dismissed', reason: 'They were taken out of service.', ...at(21) })
      expect(outcomes(recovery)).toEqual(['partition dismissed', 'divergence dismissed'])
      expect(recovery.open).toEqual([])
      expect(recovery.incidents[0]?.timeline.at(-1)).toMatchObject({ about: 'They were taken out of service.' })
    })

    it('dismisses one by its id, or by the name that both sides know', () => {
      for (const by of ['id', 'name'] as const) {
        const recovery = opened()
        recovery.step({ kind: 'met', name: 'a-smaller-name', ...at(21) })
        const which = recovery.incidents[0]?.[by]
        recovery.step({ kind: 'dismissed', reason: 'Planned.', which: 'nobody', ...at(21) })
        expect(recovery.open).toHaveLength(2)
        recovery.step({ kind: 'dismissed', reason: 'Planned.', which, ...at(21) })
        expect(outcomes(recovery)).toEqual(['partition dismissed', 'divergence undefined'])
      }
    })

    it('is not told of it again while all is as it was, but when something else is wrong, or the same again after it was well', () => {
      const well = { ...noSymptoms, here: cut.here }
      const more: Symptoms = { ...cut, here: ['a', 'b'], absent: ['c', 'd', 'e'] }
      for (const [then, count] of [
        [[both], 2],
        [[more], 3],
        [[well], 2],
        [[well, both], 4],
      ] as const) {
        const recovery = opened()
        recovery.step({ kind: 'dismissed', reason: 'Planned.', ...at(21) })
        const seen = [both, both, ...then]
        for (const [index, symptoms] of seen.entries()) {
          recovery.step({ kind: 'seen', symptoms, ...at(22 + index) })
          recovery.step({ kind: 'tick', ...at(22 + index) })
        }
        expect(recovery.incidents).toHaveLength(count)
      }
    })

    it('is not told again of a way that loses much by who else comes and goes', () => {
      const lossy: Symptoms = { ...noSymptoms, here: ['a', 'b', 'c'], lossy: ['b'] }
      const recovery = createRecovery({ stableMs, newId })
      playOn(recovery, { symptoms: lossy }, 20)
      recovery.step({ kind: 'dismissed', reason: 'The radio is as it is.', ...at(21) })
      recovery.step({ kind: 'seen', symptoms: { ...lossy, here: ['a', 'b'], absent: ['c'] }, ...at(22) })
      recovery.step({ kind: 'seen', symptoms: lossy, ...at(23) })
      expect(recovery.incidents.map(({ symptoms }) => symptoms.lossy)).toEqual([['b'], []])
    })
  })

  it('[RC12] keeps a log that does not grow for ever', () => {
    const recovery = createRecovery({ stableMs, newId, keptClosed: 3 })
    const forgotten: string[] = []
    for (let at = 0; at < 10; at++) {
      const { effects } = playOn(recovery, { symptoms: cut, passesAt: 3 }, 20)
      forgotten.push(...effects.flatMap((effect) => (effect.kind === 'forget' ? effect.id : [])))
    }
    expect(recovery.incidents).toHaveLength(3)
    expect(forgotten).toHaveLength(7)
  })

  describe.each(['observe', 'classify', 'choose', 'act', 'verify'] as const)(
    '[RC13] with a phase %s that does nothing',
    (phase) => {
      it('heals nothing', () => {
        const idle: PhaseRules = { ...soundPhases, [phase]: { ...soundPhases[phase], run: () => undefined } }
        const script: Script = { symptoms: cut, cure: 'known' }
        expect(only(play(script, 3600)).outcome).toBe('healed')
        expect(only(play(script, 3600, idle)).outcome).toBeUndefined()
      })
    },
  )
})

describe('the report of an incident', () => {
  it('[RC14] names a way that is missing once, in the direction in which nothing arrives', () => {
    const missing = [
      ['a', 'b'],
      ['a', 'b'],
      ['b', 'c'],
    ] as const
    const { recovery } = play({ symptoms: { ...noSymptoms, here: ['a', 'b', 'c'], missing } }, 20)
    const ways = incidentReport(recovery.incidents[0] as Incident).match(/- No way .*/g)
    expect(ways).toEqual(['- No way from a to b', '- No way from b to c'])
  })

  it('[RC14] fills in what a post-mortem asks for', () => {
    ids = 0
    const { recovery } = play({ symptoms: cut, cure: 'discover' }, 300)
    expect(incidentReport(recovery.incidents[0] as Incident)).toMatchInlineSnapshot(`
      "# Incident incident-0000

      - Began: 2030-01-01T00:00:00.000Z
      - Ended: 2030-01-01T00:00:48.000Z, after 48 s
      - Here: under this name

      ## Timeline

      - 2030-01-01T00:00:00.000Z (observe) Something is wrong.
      - 2030-01-01T00:00:05.000Z (classify) Several voters are gone: they are on another side, or crashed together. From here the two look alike.
      - 2030-01-01T00:00:05.000Z (choose) Waiting for it to pass.
      - 2030-01-01T00:00:15.000Z (act) Trying harder: the addresses that are known.
      - 2030-01-01T00:00:15.000Z (choose) Dialling whoever is missing.
      - 2030-01-01T00:00:45.000Z (act) Trying harder: whatever can be found.
      - 2030-01-01T00:00:46.000Z (verify) Nothing is wrong any more: bringing the states together.
      - 2030-01-01T00:00:48.000Z (closed) Each side has what the other had.

      ## Impact

      - Reached: a, b, c
      - Not reached: d, e

      ## Root cause

      Several voters are gone: they are on another side, or crashed together. From here the two look alike.

      ## Resolution

      Healed. It was tried 3 times, at last by: discover.

      ## Prevention

      (to be filled in)
      "
    `)
  })
})
