/** Where one island stands with the others, as its partition layer says it. */
import {
  entryWords,
  explainPartition,
  type Incident,
  type Mode,
  type PartitionStatus,
  type Partitions,
} from '@rejoin/sync/partition'
import type { Starter } from './regatta.ts'

/** One island's word on the others. Times are scenario milliseconds. */
export interface IslandStand {
  /** What its side is of the five. */
  readonly side: Mode
  readonly state: PartitionStatus['state']
  /** Who is on its side, itself included. */
  readonly members: readonly number[]
  /** Since when the verdict stands; undefined while there is none. */
  readonly sinceMs: number | undefined
  /** Whether votes of this side can grant a lease. */
  readonly mayGrant: boolean
  readonly suspicions: readonly Doubt[]
  /** What it does about the lease of the regatta; undefined where nothing. */
  readonly lease: { readonly state: 'asking' } | { readonly state: 'held'; readonly token: number } | undefined
  /** Those that were open at time 0 or later, the oldest first. */
  readonly incidents: readonly IncidentFrame[]
  /** Where it stands, in plain sentences. Moments are spelled as in ISO 8601, islands by their names. */
  readonly explained: readonly string[]
}

/** Another island that it suspects of being gone. */
export interface Doubt {
  readonly peer: number
  readonly sinceMs: number
  /** When it takes it to be gone, unless it hears of it. */
  readonly untilMs: number
}

/** The record of an incident at one island. */
export interface IncidentFrame {
  readonly id: string
  /** What all that know of it call it. */
  readonly name: string
  readonly openedMs: number
  readonly closedMs: number | undefined
  readonly failure: Incident['failure'] | undefined
  readonly outcome: Incident['outcome'] | undefined
  readonly timeline: readonly { readonly atMs: number; readonly phase: Incident['phase']; readonly text: string }[]
}

/** `startMs` is the wall clock at time 0, `names` the islands in the order of their numbers. */
export function standOf(
  partitions: Partitions,
  starter: Starter | undefined,
  names: readonly string[],
  startMs: number,
): IslandStand {
  const { status, incidents } = partitions
  const { verdict } = status
  const indexOf = (id: string): number => names.indexOf(id)
  return {
    side: status.side,
    state: status.state,
    members: status.members.map(indexOf),
    sinceMs: verdict === undefined ? undefined : verdict.since - startMs,
    mayGrant: verdict?.capabilities.mayGrantLease === true,
    suspicions: status.suspected.map(({ peer, since, until }) => ({
      peer: indexOf(peer),
      sinceMs: Math.round(since - startMs),
      untilMs: Math.round(until - startMs),
    })),
    lease: leaseOf(starter),
    incidents: incidents
      .filter(({ closedAt }) => closedAt === undefined || closedAt >= startMs)
      .map((incident) => incidentFrame(incident, startMs)),
    explained: explainPartition(verdict),
  }
}

function leaseOf(starter: Starter | undefined): IslandStand['lease'] {
  if (starter?.isBusy !== true) return undefined
  const token = starter.lease?.token
  return token === undefined ? { state: 'asking' } : { state: 'held', token: token.ballot }
}

function incidentFrame(incident: Incident, startMs: number): IncidentFrame {
  const { id, name, openedAt, closedAt, failure, outcome, timeline } = incident
  return {
    id,
    name,
    openedMs: openedAt - startMs,
    closedMs: closedAt === undefined ? undefined : closedAt - startMs,
    failure,
    outcome,
    timeline: timeline.map((entry) => ({ atMs: entry.at - startMs, phase: entry.phase, text: entryWords(entry) })),
  }
}
