import { classify, failureWords, nextRung, strategyFor } from './classify.ts'
import {
  hasSymptoms,
  type Incident,
  noted,
  type Outcome,
  type Phase,
  type Rung,
  type Symptoms,
  worse,
} from './incident.ts'

/** What an incident wants done or told. */
export type IncidentEffect =
  /** Reach for whoever is missing, as hard as the rung says. To be answered by `acted` once an address was dialled. */
  | { readonly kind: 'dial'; readonly rung: Rung }
  /** Compare states with all who are reached, and bring them together. To be answered by `covered`. */
  | { readonly kind: 'compare' }
  /** Keep the record. */
  | { readonly kind: 'persist'; readonly incident: Incident }
  /** Tell the application and the log. */
  | {
      readonly kind: 'told'
      readonly what: 'opened' | 'classified' | 'escalated' | 'verifying' | 'closed'
      readonly incident: Incident
    }
  /** A person should look. Trying goes on. */
  | { readonly kind: 'operator'; readonly incident: Incident }

/** What one incident is told. Times are milliseconds, `now` of the monotonic clock. */
export type IncidentInput = { readonly now: number; readonly wall: number } & (
  | { readonly kind: 'seen'; readonly symptoms: Symptoms }
  /** What was asked for with `dial` was done: an address was dialled. */
  | { readonly kind: 'acted' }
  /** Whether each side now has what the other had at contact, in all documents. */
  | { readonly kind: 'covered'; readonly isCovered: boolean }
  /** Somebody on the other side calls the same incident by this name. */
  | { readonly kind: 'met'; readonly name: string }
  /** A person ended it, with why. */
  | { readonly kind: 'dismissed'; readonly reason: string }
  | { readonly kind: 'tick' }
)

/** What a phase works on. */
export interface Work {
  incident: Incident
  /** What is seen now. */
  symptoms: Symptoms
  readonly stableMs: number
  /** Since when the same is seen. */
  changedAt: number
  /** When the phase began. */
  since: number
  hasActed: boolean
  isCovered: boolean
  readonly effects: IncidentEffect[]
  note(text: string): void
}

/** One phase: what it does when it begins, and by what one sees that it is done. */
export interface PhaseRule {
  run(work: Work): void
  /** The observable outcome, without which nobody goes on. */
  holds(work: Work, now: number): boolean
}

/** The phases before an incident is closed. Tests put in one that does nothing, and must fail. */
export type PhaseRules = { readonly [P in Exclude<Phase, 'closed'>]: PhaseRule }

/** How long a rung is given; `operator` is tried again for ever at this pace. */
const patienceMs: { readonly [R in Rung]: number } = {
  wait: 10_000,
  known: 30_000,
  discover: 60_000,
  widen: 120_000,
  operator: 600_000,
}
/** How long states may take to come together before they are compared again. */
const verifyMs = 60_000

/** The phases as they are. */
export const soundPhases: PhaseRules = {
  observe: {
    run: (work) => {
      work.incident = { ...work.incident, symptoms: worse(work.incident.symptoms, work.symptoms) }
    },
    holds: ({ incident, changedAt, stableMs }, now) => hasSymptoms(incident.symptoms) && now >= changedAt + stableMs,
  },
  classify: {
    run: (work) => {
      const failure = classify(work.symptoms)
      if (failure === undefined) return
      if (failure !== work.incident.failure) work.note(failureWords[failure])
      work.incident = { ...work.incident, failure }
      work.effects.push({ kind: 'told', what: 'classified', incident: work.incident })
    },
    holds: ({ incident }) => incident.failure !== undefined,
  },
  choose: {
    run: (work) => {
      const { failure, rung } = work.incident
      if (failure === undefined) return
      const strategy = strategyFor(failure, rung)
      if (strategy !== work.incident.strategy) work.note(strategyWords[strategy])
      work.incident = { ...work.incident, strategy }
    },
    holds: ({ incident }) => incident.strategy !== undefined,
  },
  act: {
    run: (work) => {
      const { strategy, rung } = work.incident
      work.hasActed = false
      work.incident = { ...work.incident, attempts: work.incident.attempts + 1 }
      if (strategy === 'active-reconnection' || strategy === 'operator') work.effects.push({ kind: 'dial', rung })
      if (strategy === 'merge-and-verify') work.effects.push({ kind: 'compare' })
      if (strategy === 'operator') work.effects.push({ kind: 'operator', incident: work.incident })
    },
    // Whoever comes back by itself is welcome, too.
    holds: ({ symptoms, incident }) => !hasSymptoms(symptoms) || incident.failure === 'divergence',
  },
  verify: {
    run: (work) => {
      if (!hasSymptoms(work.symptoms)) work.note('Nothing is wrong any more: bringing the states together.')
      work.isCovered = false
      work.effects.push({ kind: 'compare' }, { kind: 'told', what: 'verifying', incident: work.incident })
    },
    holds: ({ isCovered, symptoms }) => isCovered && !hasSymptoms(symptoms),
  },
}

const strategyWords = {
  'wait-for-heal': 'Waiting for it to pass.',
  'active-reconnection': 'Dialling whoever is missing.',
  'merge-and-verify': 'Bringing the states together.',
  operator: 'It does not pass: a person should look. Dialling goes on.',
} as const

const rungWords: { readonly [R in Rung]: string } = {
  wait: 'it may pass',
  known: 'the addresses that are known',
  discover: 'whatever can be found',
  widen: 'every address of everybody',
  operator: 'a person is called',
}

const order: readonly Phase[] = ['observe', 'classify', 'choose', 'act', 'verify', 'closed']

/** The work on one incident. It goes on until it is closed, and takes nothing away from anybody. */
export interface IncidentMachine {
  readonly incident: Incident
  /** When a `tick` is wanted. */
  readonly wakeAt: number | undefined
  step(input: IncidentInput): IncidentEffect[]
}

/** Begins, or goes on with, an incident that `incident` is the record of. Its first input tells what is seen now. */
export function createIncidentMachine(incident: Incident, stableMs: number, phases: PhaseRules): IncidentMachine {
  const work: Work = {
    incident,
    symptoms: incident.symptoms,
    stableMs,
    changedAt: Number.NEGATIVE_INFINITY,
    since: 0,
    hasActed: false,
    isCovered: false,
    effects: [],
    note: () => undefined,
  }
  let wall = 0
  work.note = (text) => {
    work.incident = noted(work.incident, wall, text)
  }
  let isStarted = false

  const enter = (phase: Phase, now: number): void => {
    work.incident = { ...work.incident, phase }
    work.since = now
    if (phase !== 'closed') phases[phase].run(work)
  }
  const close = (outcome: Outcome, now: number): void => {
    enter('closed', now)
    if (outcome === 'healed') work.note('Each side has what the other had.')
    work.incident = { ...work.incident, closedAt: wall, outcome }
    work.effects.push({ kind: 'told', what: 'closed', incident: work.incident })
  }
  const escalate = (now: number): void => {
    const rung = nextRung(work.incident.rung)
    if (rung !== work.incident.rung) {
      work.incident = { ...work.incident, rung }
      work.note(`Trying harder: ${rungWords[rung]}.`)
      work.effects.push({ kind: 'told', what: 'escalated', incident: work.incident })
    }
    enter('choose', now)
  }
  /** The patience with what is done at the moment; undefined where there is no end to it. */
  const deadline = (): number | undefined => {
    const { phase, rung } = work.incident
    if (phase === 'observe') return work.changedAt + stableMs
    if (phase === 'act') return work.since + patienceMs[rung]
    return phase === 'verify' ? work.since + verifyMs : undefined
  }
  const seen = (symptoms: Symptoms, now: number): void => {
    if (isSame(symptoms, work.symptoms) && isStarted) return
    work.symptoms = symptoms
    work.changedAt = now
    const { phase } = work.incident
    if (phase === 'verify' && hasSymptoms(symptoms)) {
      work.note('It came back.')
      enter('observe', now)
    } else if (phase === 'observe' || !isStarted) enter('observe', now)
    else {
      work.incident = { ...work.incident, symptoms: worse(work.incident.symptoms, symptoms) }
      // What is left while it heals is not what went wrong.
      const isWorst = work.incident.symptoms === symptoms
      if (isWorst && hasSymptoms(symptoms) && classify(symptoms) !== work.incident.failure) enter('classify', now)
    }
    isStarted = true
  }
  /** Goes on for as long as phases are done. */
  const advance = (now: number): void => {
    for (;;) {
      const { phase, strategy, failure } = work.incident
      if (phase === 'closed') return
      if (phase === 'observe' && !hasSymptoms(work.symptoms)) {
        // It passed before anything was done; what was written apart must come together all the same.
        enter('verify', now)
        continue
      }
      if (phases[phase].holds(work, now)) {
        const next = order[order.indexOf(phase) + 1] as Phase
        if (next === 'closed') close('healed', now)
        else enter(next, now)
        continue
      }
      const at = deadline()
      if (at === undefined || now < at || phase === 'observe') return
      // What was asked for must have been done before it counts as an attempt that failed; much to transfer takes its time.
      const isTried = phase === 'act' ? strategy !== 'active-reconnection' || work.hasActed : failure === 'divergence'
      if (isTried) escalate(now)
      else enter(phase, now)
    }
  }

  return {
    get incident(): Incident {
      return work.incident
    },
    get wakeAt(): number | undefined {
      return work.incident.phase === 'closed' ? undefined : deadline()
    },
    step: (input) => {
      if (work.incident.phase === 'closed') return []
      wall = input.wall
      const before = work.incident
      work.effects.length = 0
      switch (input.kind) {
        case 'seen':
          seen(input.symptoms, input.now)
          break
        case 'acted':
          work.hasActed = true
          break
        case 'covered':
          work.isCovered = input.isCovered
          break
        case 'met':
          if (input.name >= work.incident.name) break
          work.incident = { ...work.incident, name: input.name }
          work.note(`The other side calls it ${input.name}.`)
          break
        case 'dismissed':
          work.note(input.reason)
          close('dismissed', input.now)
          break
        case 'tick':
          break
      }
      if (isStarted) advance(input.now)
      if (work.incident !== before) work.effects.push({ kind: 'persist', incident: work.incident })
      return work.effects.splice(0)
    },
  }
}

function isSame(left: Symptoms, right: Symptoms): boolean {
  return JSON.stringify(left) === JSON.stringify(right)
}
