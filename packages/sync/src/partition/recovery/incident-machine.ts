import { classify, nextRung, patienceMs, strategyFor } from './classify.ts'
import {
  type FailureClass,
  type Happening,
  hasSymptoms,
  type Incident,
  noted,
  type Outcome,
  type Phase,
  type Rung,
  type Symptoms,
  worse,
} from './incident.ts'

/** `operator`: a person should look. Trying goes on. */
export type Told = 'operator' | 'opened' | 'classified' | 'escalated' | 'verifying' | 'closed'

/** What an incident wants done or told. */
export type IncidentEffect =
  /** Reach for whoever is missing, as hard as the rung says. To be answered by `acted` once an address was dialled. */
  | { readonly kind: 'dial'; readonly rung: Rung }
  /** Compare states with all who are reached, and bring them together. To be answered by `covered`. */
  | { readonly kind: 'compare' }
  /** Keep the record. */
  | { readonly kind: 'persist'; readonly incident: Incident }
  /** Tell the application and the log. */
  | { readonly kind: 'told'; readonly what: Told; readonly incident: Incident }

/** What one incident is told. Times are milliseconds, `now` of the monotonic clock. */
export type IncidentInput = { readonly now: number; readonly wall: number } & (
  | { readonly kind: 'seen'; readonly symptoms: Symptoms }
  /** What was asked for with `dial` was done: an address was dialled. */
  | { readonly kind: 'acted' }
  /** Whether each side now has what the other had at contact, in all documents. */
  | { readonly kind: 'covered'; readonly isCovered: boolean }
  /** Somebody on the other side calls the same incident by this name. */
  | { readonly kind: 'met'; readonly name: string }
  /** A person ended it, with why. `which`: its id or its name; all that are open where there is none. */
  | { readonly kind: 'dismissed'; readonly reason: string; readonly which?: string | undefined }
  | { readonly kind: 'tick' }
)

/** What a phase works on. */
export interface Work {
  readonly incident: Incident
  /** What is seen now. */
  readonly symptoms: Symptoms
  readonly stableMs: number
  /** Since when the same is seen. */
  readonly changedAt: number
  hasActed: boolean
  isCovered: boolean
  readonly effects: IncidentEffect[]
  set(change: Partial<Incident>): void
  note(what: Happening, about?: string): void
  tell(what: Told): void
}

/** One phase: what it does when it begins, and by what one sees that it is done. */
export interface PhaseRule {
  run(work: Work): void
  /** The observable outcome, without which nobody goes on. */
  holds(work: Work, now: number): boolean
}

/** The phases before an incident is closed. Tests put in one that does nothing, and must fail. */
export type PhaseRules = { readonly [P in Exclude<Phase, 'closed'>]: PhaseRule }

/** How long states may take to come together before they are compared again. */
const verifyMs = 60_000

/** The phases as they are, in their order. */
export const soundPhases: PhaseRules = {
  observe: {
    run: ({ incident, symptoms, set }) => set({ symptoms: worse(incident.symptoms, symptoms) }),
    holds: ({ incident, changedAt, stableMs }, now) => hasSymptoms(incident.symptoms) && now >= changedAt + stableMs,
  },
  classify: {
    run: ({ incident, symptoms, set, note, tell }) => {
      const failure = classify(symptoms)
      if (failure === undefined) return
      if (failure !== incident.failure) note('classified', failure)
      set({ failure })
      tell('classified')
    },
    holds: ({ incident }) => incident.failure !== undefined,
  },
  choose: {
    run: ({ incident, set, note }) => {
      if (incident.failure === undefined) return
      const strategy = strategyFor(incident.failure, incident.rung)
      if (strategy !== incident.strategy) note('chosen', strategy)
      set({ strategy })
    },
    holds: ({ incident }) => incident.strategy !== undefined,
  },
  act: {
    run: (work) => {
      const { absent, missing } = work.symptoms
      const { strategy, rung, attempts } = work.incident
      work.hasActed = false
      work.set({ attempts: attempts + 1 })
      // Who is reached is not dialled.
      if (strategy !== 'wait-for-heal' && absent.length + missing.length > 0) work.effects.push({ kind: 'dial', rung })
      if (strategy === 'merge-and-verify') work.effects.push({ kind: 'compare' })
      if (strategy === 'operator') work.tell('operator')
    },
    // Whoever comes back by itself is welcome, too.
    holds: ({ symptoms, incident }) => !hasSymptoms(symptoms) || incident.failure === 'divergence',
  },
  verify: {
    run: (work) => {
      if (!hasSymptoms(work.symptoms)) work.note('cleared')
      work.isCovered = false
      work.effects.push({ kind: 'compare' })
      work.tell('verifying')
    },
    holds: ({ isCovered, symptoms }) => isCovered && !hasSymptoms(symptoms),
  },
}

/** In their order. */
export const allPhases: readonly Phase[] = [...(Object.keys(soundPhases) as Phase[]), 'closed']

/** The work on one incident. It goes on until it is closed, and takes nothing away from anybody. */
export interface IncidentMachine {
  readonly incident: Incident
  /** When a `tick` is wanted. */
  readonly wakeAt: number | undefined
  /** What is seen now. */
  readonly symptoms: Symptoms
  step(input: IncidentInput): IncidentEffect[]
}

/** Begins, or goes on with, an incident that `kept` is the record of. Its first input tells what is seen now. */
export function createIncidentMachine(kept: Incident, stableMs: number, phases: PhaseRules): IncidentMachine {
  let incident = kept
  let { symptoms } = kept
  let changedAt = Number.NEGATIVE_INFINITY
  /** When the phase began. */
  let since = 0
  /** When it was tried last, and the same of what broke again since. */
  let triedAt: number | undefined
  let again: number | undefined
  let wall = 0
  let isStarted = false
  const set = (change: Partial<Incident>): void => {
    incident = { ...incident, ...change }
  }
  const note = (what: Happening, about?: string): void => {
    incident = noted(incident, wall, what, about)
  }
  const tell = (what: Told): void => {
    work.effects.push({ kind: 'told', what, incident })
  }
  const work: Work & IncidentMachine = {
    get incident(): Incident {
      return incident
    },
    get symptoms(): Symptoms {
      return symptoms
    },
    get changedAt(): number {
      return changedAt
    },
    get wakeAt(): number | undefined {
      return isStarted ? deadline() : undefined
    },
    stableMs,
    hasActed: false,
    isCovered: false,
    effects: [],
    set,
    note,
    tell,
    step: (input) => {
      const { now } = input
      const before = incident
      if (before.phase === 'closed') return []
      wall = input.wall
      switch (input.kind) {
        case 'seen':
          if (isStarted && JSON.stringify(symptoms) === JSON.stringify(input.symptoms)) break
          symptoms = input.symptoms
          changedAt = now
          seen(now)
          break
        case 'acted':
          work.hasActed = true
          break
        case 'covered':
          work.isCovered = input.isCovered
          break
        case 'met':
          if (input.name >= incident.name) break
          set({ name: input.name })
          note('named', input.name)
          break
        case 'dismissed':
          close('dismissed', now, input.reason)
          break
      }
      if (isStarted) advance(now)
      if (incident !== before) work.effects.push({ kind: 'persist', incident })
      return work.effects.splice(0)
    },
  }

  const enter = (phase: Phase, now: number): void => {
    set({ phase })
    since = now
    if (phase === 'act') {
      // What breaks again and again is not tried anew each time, and patience with it ends.
      triedAt = since = again ?? now
      again = undefined
    }
    if (phase !== 'closed' && since === now) phases[phase].run(work)
  }
  const close = (outcome: Outcome, now: number, why?: string): void => {
    enter('closed', now)
    note(outcome, why)
    set({ closedAt: wall, outcome })
    tell('closed')
  }
  const escalate = (now: number): void => {
    const rung = nextRung(incident.rung)
    const isHarder = rung !== incident.rung && strategyFor(incident.failure as FailureClass, rung) !== 'wait-for-heal'
    set({ rung })
    if (isHarder) {
      note('escalated', rung)
      tell('escalated')
    }
    enter('choose', now)
  }
  /** The patience with what is done at the moment. */
  const deadline = (): number => {
    const { phase, rung } = incident
    if (phase === 'observe') return changedAt + stableMs
    if (phase === 'act') return since + patienceMs[rung]
    return phase === 'verify' ? since + verifyMs : Number.POSITIVE_INFINITY
  }
  const seen = (now: number): void => {
    const { phase } = incident
    if (phase === 'verify' && hasSymptoms(symptoms)) {
      note('relapsed')
      again = triedAt
      enter('observe', now)
    } else if (phase === 'observe' || !isStarted) enter('observe', now)
    else {
      set({ symptoms: worse(incident.symptoms, symptoms) })
      // What is left while it heals is not what went wrong.
      const isWorst = incident.symptoms === symptoms
      if (isWorst && hasSymptoms(symptoms) && classify(symptoms) !== incident.failure) enter('classify', now)
    }
    isStarted = true
  }
  /** Goes on for as long as phases are done. */
  const advance = (now: number): void => {
    for (;;) {
      const { phase, strategy, failure } = incident
      if (phase === 'closed') return
      const at = deadline()
      // It passed before anything was done; what was written apart must come together all the same.
      if (phase === 'observe' && !hasSymptoms(symptoms)) enter('verify', now)
      else if (phases[phase].holds(work, now)) {
        if (phase === 'verify') close('healed', now)
        else enter(allPhases[allPhases.indexOf(phase) + 1] as Phase, now)
      } else if (now < at || phase === 'observe') return
      // What was asked for must have been done before it counts as an attempt that failed; much to transfer takes its time.
      else if (phase === 'act' ? strategy !== 'active-reconnection' || work.hasActed : failure === 'divergence')
        escalate(now)
      else enter(phase, now)
    }
  }

  return work
}
