import type { NodeId } from '../roster.ts'

/** What went wrong, as far as it can be told from here. */
export type FailureClass =
  /** Nobody else can be reached. */
  | 'isolation'
  /** One other is gone for everybody here: it crashed, or is alone. From here the two look alike. */
  | 'node-lost'
  /** Several others are gone: they are on another side, or crashed together. From here the two look alike. */
  | 'partition'
  /** All can be reached, but not by all. */
  | 'partial-partition'
  /** All can be reached, but much gets lost on the way. */
  | 'message-loss'
  /** All can be reached, but slowly. */
  | 'slowness'
  /** Two hold different states at the same version. */
  | 'divergence'

/** What is done about it. None of them deletes anything. */
export type Strategy = 'wait-for-heal' | 'active-reconnection' | 'merge-and-verify' | 'operator'

/** Where the work on an incident stands. */
export type Phase = 'observe' | 'classify' | 'choose' | 'act' | 'verify' | 'closed'

/** How an incident ended: all is well again, or a person said that it is over. */
export type Outcome = 'healed' | 'dismissed'

/** How hard it is tried to reach the others: by the addresses known to work, by all that can be found, by every address of each. */
export type Rung = 'wait' | 'known' | 'discover' | 'widen' | 'operator'

/** What is seen that should not be. Nothing of it where all is well. */
export interface Symptoms {
  /** Voters that are reached, this one included. */
  readonly here: readonly NodeId[]
  /** Voters that are not. */
  readonly absent: readonly NodeId[]
  /** Links that are missing between voters of this side, or work the other way only: nothing gets from the first to the second. */
  readonly missing: readonly (readonly [NodeId, NodeId])[]
  /** Those to whom much gets lost. */
  readonly lossy: readonly NodeId[]
  /** Those who answer slowly. */
  readonly slow: readonly NodeId[]
  /** Documents of which two hold different states at the same version. */
  readonly diverged: readonly string[]
}

/** What an incident records of itself. `cleared`: nothing was wrong any more, and states are brought together. `relapsed`: it came back. */
export type Happening =
  | 'opened'
  | 'classified'
  | 'chosen'
  | 'escalated'
  | 'cleared'
  | 'relapsed'
  | 'named'
  | 'healed'
  | 'dismissed'

/** One line of the record of an incident; `incidentReport` puts it into words. */
export interface TimelineEntry {
  /** Wall clock, Unix milliseconds. */
  readonly at: number
  readonly phase: Phase
  readonly what: Happening
  /** The failure, strategy, rung, name or reason that it is about, where there is one. */
  readonly about?: string | undefined
}

/** The record of an incident: plain data, kept on the disk and exported. */
export interface Incident {
  /** Random: of this replica, and for ever the same. */
  readonly id: string
  /** What both sides call it: the smallest of the ids that they gave it. */
  readonly name: string
  /** Wall clock, Unix milliseconds. */
  readonly openedAt: number
  readonly closedAt?: number
  readonly phase: Phase
  readonly failure?: FailureClass
  readonly strategy?: Strategy
  readonly rung: Rung
  /** Actions taken so far. */
  readonly attempts: number
  /** The symptoms at their worst: with the most absent. */
  readonly symptoms: Symptoms
  readonly outcome?: Outcome
  /** The last of them; the first is always kept. */
  readonly timeline: readonly TimelineEntry[]
}

/** No symptom at all. */
export const noSymptoms: Symptoms = { here: [], absent: [], missing: [], lossy: [], slow: [], diverged: [] }

const mostEntries = 100

/** Whether anything is wrong. */
export function hasSymptoms({ here, ...wrong }: Symptoms): boolean {
  return Object.values(wrong).some(({ length }) => length > 0)
}

/** The worse of what was seen: whoever reads the record wants to know how bad it became. */
export function worse(before: Symptoms, now: Symptoms): Symptoms {
  const weight = ({ absent, missing, lossy, slow, diverged }: Symptoms): number =>
    1e6 * (absent.length + diverged.length) + 1e3 * missing.length + lossy.length + slow.length
  return weight(now) >= weight(before) ? now : before
}

/** An incident with a line more in its record. */
export function noted(incident: Incident, at: number, what: Happening, about?: string): Incident {
  const { timeline, phase } = incident
  const kept = timeline.filter((_, line) => line !== 1 || timeline.length < mostEntries)
  return { ...incident, timeline: [...kept, { at, phase, what, about }] }
}
