import { earliest } from '../earliest.ts'
import { hasSymptoms, type Incident, noSymptoms, noted, type Symptoms } from './incident.ts'
import {
  createIncidentMachine,
  type IncidentEffect,
  type IncidentInput,
  type IncidentMachine,
  type PhaseRules,
  soundPhases,
} from './incident-machine.ts'

const noLoss = { absent: [], missing: [] }
const noTrouble = { lossy: [], slow: [] }
const noDivergence = { diverged: [] }
/** What goes wrong independently of each other is an incident each. By what they leave aside; whoever is not reached at all says nothing about the way to it. */
const without = {
  contact: { ...noTrouble, ...noDivergence },
  quality: { ...noLoss, ...noDivergence },
  divergence: { ...noLoss, ...noTrouble },
}
type Group = keyof typeof without
const groups = Object.keys(without) as Group[]

/** What a recovery manager is made of. */
export interface RecoveryOptions {
  /** How long the same must be seen before it is believed. */
  readonly stableMs: number
  /** A random id that nobody else gives. */
  readonly newId: () => string
  /** Incidents of earlier openings: those that are not closed go on. */
  readonly known?: readonly Incident[]
  /** Closed incidents that are kept in the log. Default 100. */
  readonly keptClosed?: number
  /**
   * Broken phases, for tests.
   * @internal
   */
  readonly phases?: PhaseRules
}

/** Everything that happens to go wrong around one replica, an incident each, until it is well again. */
export interface Recovery {
  /** All that are known, the oldest first. */
  readonly incidents: readonly Incident[]
  /** Those that are not closed. */
  readonly open: readonly Incident[]
  /** Whether somebody has to say by and by, with `covered`, whether states have come together. */
  readonly isVerifying: boolean
  readonly wakeAt: number | undefined
  step(input: IncidentInput): (IncidentEffect | { readonly kind: 'forget'; readonly id: string })[]
}

/**
 * A recovery manager. Per incident `observe -> classify -> choose -> act -> verify -> closed`; each phase is left only by
 * what can be seen from outside. It waits, dials by what is known, then by whatever can be found, then every address of
 * everybody, then calls a person and goes on dialling for ever. It counts as healed once nothing is wrong any more and
 * each side has what the other had.
 */
export function createRecovery(options: RecoveryOptions): Recovery {
  const { stableMs, newId, known = [], keptClosed = 100, phases = soundPhases } = options
  const sorted = (incidents: Incident[]): Incident[] => incidents.sort((a, b) => a.openedAt - b.openedAt)
  const closed: Incident[] = []
  const open = new Map<Group, IncidentMachine>()
  /** What was seen when the last one was closed: what a person dismissed does not begin anew while all is as it was. */
  const quiet = new Map<Group, string>()
  for (const incident of sorted([...known]))
    if (incident.phase === 'closed') closed.push(incident)
    else open.set(groupOf(incident.symptoms), createIncidentMachine(incident, stableMs, phases))

  const begin = (wall: number): IncidentMachine => {
    const id = newId()
    const incident: Incident = {
      id,
      name: id,
      openedAt: wall,
      phase: 'observe',
      rung: 'wait',
      attempts: 0,
      symptoms: noSymptoms,
      timeline: [],
    }
    return createIncidentMachine(noted(incident, wall, 'opened'), stableMs, phases)
  }

  const running = (): Incident[] => [...open.values()].map(({ incident }) => incident)

  return {
    get incidents(): readonly Incident[] {
      return sorted([...closed, ...running()])
    },
    get open(): readonly Incident[] {
      return running()
    },
    get isVerifying(): boolean {
      // One of an earlier opening rests until something is seen.
      return [...open.values()].some(({ incident, wakeAt }) => incident.phase === 'verify' && wakeAt !== undefined)
    },
    get wakeAt(): number | undefined {
      return earliest(open.values())
    },
    step: (input) => {
      const effects: ReturnType<Recovery['step']> = []
      for (const group of groups) {
        const mine = input.kind === 'seen' ? { ...input, symptoms: partOf(input.symptoms, group) } : input
        let machine = open.get(group)
        if (machine === undefined) {
          if (mine.kind !== 'seen' || wrongIn(mine.symptoms) === quiet.get(group)) continue
          quiet.delete(group)
          if (!hasSymptoms(mine.symptoms)) continue
          machine = begin(mine.wall)
          open.set(group, machine)
          effects.push({ kind: 'told', what: 'opened', incident: machine.incident })
        }
        const { id, name } = machine.incident
        // Only who is apart has another side that calls it something.
        if (mine.kind === 'met' && group !== 'contact') continue
        if (mine.kind === 'dismissed' && ![id, name, undefined].includes(mine.which)) continue
        effects.push(...machine.step(mine))
        if (machine.incident.phase !== 'closed') continue
        open.delete(group)
        quiet.set(group, wrongIn(machine.symptoms))
        closed.push(machine.incident)
        while (closed.length > keptClosed) effects.push({ kind: 'forget', id: (closed.shift() as Incident).id })
      }
      return effects
    },
  }
}

function partOf(symptoms: Symptoms, group: Group): Symptoms {
  return { ...symptoms, ...without[group] }
}

/** Whoever else is there says nothing about what is wrong. */
function wrongIn({ here, ...wrong }: Symptoms): string {
  return JSON.stringify(wrong)
}

function groupOf(symptoms: Symptoms): Group {
  return groups.find((group) => hasSymptoms(partOf(symptoms, group))) ?? 'quality'
}
