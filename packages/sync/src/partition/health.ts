import type { PartitionStatus, Partitions } from './partitions.ts'
import { hasQuorums } from './policy.ts'
import type { FailureClass } from './recovery/incident.ts'
import type { NodeId } from './roster.ts'

/**
 * Why not all is well. `unknown`: who is there is not known yet. `paused`: this replica did not run for a while. `offline`: the platform says so.
 * `split`: voters are on another side, or down. `healing`: a side still lacks something. `through-others`: some voters reach each other only so.
 * `one-way`: a link works in one direction. `critical-missing`, `role-missing`: what the roster marks is not here. `suspected`: a voter may be gone.
 * `no-quorum`, `no-vote`: nothing may be done here for all, for want of voters, or of the own vote. `message-loss`, `slowness`, `divergence`: an
 * incident of that kind is open.
 */
export type HealthCode =
  | 'unknown'
  | 'paused'
  | 'offline'
  | 'split'
  | 'healing'
  | 'through-others'
  | 'one-way'
  | 'critical-missing'
  | 'role-missing'
  | 'suspected'
  | 'no-quorum'
  | 'no-vote'
  | Extract<FailureClass, 'message-loss' | 'slowness' | 'divergence'>

/** One of the reasons. */
export interface HealthReason {
  readonly code: HealthCode
  /** A sentence for a person. */
  readonly text: string
}

/**
 * How well a replica does among the voters. `degraded` is no reason to send anybody away: data can be read and written as always, and it heals by
 * itself.
 */
export interface Health {
  readonly status: 'well' | 'degraded'
  /** None where all is well. */
  readonly reasons: readonly HealthReason[]
}

/** How well a replica does, by where it stands (`Partitions.status`), and why it does not do better. */
export function healthOf(status: PartitionStatus): Health {
  const reasons = Object.entries(texts).flatMap(([code, textOf]) => {
    const text = textOf(status)
    return text === undefined ? [] : { code: code as HealthCode, text }
  })
  return healthFor(reasons)
}

function healthFor(reasons: readonly HealthReason[]): Health {
  return { status: reasons.length === 0 ? 'well' : 'degraded', reasons }
}

/** What stands on no look at others, which may be another a moment later. */
const sure: readonly HealthCode[] = ['paused', 'offline', 'no-vote']

/**
 * Calls back when the reasons for which not all is well are others than before. What others bring about counts once an incident of it is
 * classified, which takes as long as a verdict is to be believed, and until that is closed: a link that flaps does not make it flap, and a planned
 * restart is nothing to hear of. Returns the way to stop; it ends with the partition layer too.
 */
export function onHealth(partitions: Partitions, listener: (health: Health) => void): () => void {
  const believed = (): Health => {
    const { status } = partitions
    const isSure = status.open.some(({ failure }) => failure !== undefined)
    // There is an event of its own for whoever may be gone.
    return healthFor(
      healthOf(status).reasons.filter(({ code }) => (isSure ? code !== 'suspected' : sure.includes(code))),
    )
  }
  let told = namesOf(believed())
  const look = (): void => {
    const health = believed()
    const names = namesOf(health)
    if (names === told) return
    told = names
    listener(health)
  }
  const stops = [
    partitions.onVerdict(look),
    partitions.onIncident(look),
    partitions.on('split', look),
    partitions.on('healing', look),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function namesOf({ reasons }: Health): string {
  return reasons.map(({ code }) => code).join()
}

type TextOf = (status: PartitionStatus) => string | undefined

/** What each says where it is so, the worst first. */
const texts: { readonly [C in HealthCode]: TextOf } = {
  paused: ({ isPaused }) =>
    isPaused ? 'This replica did not run for a while, and finds out anew who is there.' : undefined,
  offline: ({ verdict }) => (verdict?.powerless === 'offline' ? 'This replica has no network.' : undefined),
  divergence: ofIncident('divergence', ({ diverged }) => `Two replicas hold different states of ${list(diverged)}.`),
  split: (status) => (status.state === 'split' ? `On another side, or down: ${list(status.absent)}.` : undefined),
  unknown: ({ state, isPaused, verdict }) =>
    state === 'unknown' && !isPaused && verdict?.powerless !== 'offline'
      ? 'Which voters are there is not known yet.'
      : undefined,
  // By some policies nobody ever is one.
  'no-quorum': ({ verdict, isPaused }) =>
    verdict === undefined || verdict.hasQuorum || isPaused || !hasQuorums(verdict.roster)
      ? undefined
      : 'Too few voters are here for leases.',
  'no-vote': ({ verdict }) =>
    verdict?.powerless === 'no-vote' ? 'This voter has no vote, as its disk does not say what it promised.' : undefined,
  healing: (status) =>
    status.state === 'healing'
      ? `All are there again; ${status.progress.changes} changes in ${status.progress.documents} documents are on their way.`
      : undefined,
  suspected: ({ suspected }) =>
    suspected.length > 0 ? `May be gone: ${list(suspected.map(({ peer }) => peer))}.` : undefined,
  'critical-missing': ({ verdict }) => missing(verdict?.missingCritical, 'Missing, and marked critical'),
  'role-missing': ({ verdict }) => missing(verdict?.missingRoles, 'Nobody is here for the role'),
  'through-others': ({ verdict }) =>
    missing(
      verdict?.missingLinks.map(([a, b]) => `${a} with ${b}`),
      'Only through others',
    ),
  'one-way': ({ oneWay }) =>
    missing(
      oneWay.map(({ from, to }) => `${from} to ${to}`),
      'Nothing comes back from what goes',
    ),
  'message-loss': ofIncident('message-loss', ({ lossy }) => `Much gets lost on the way to ${list(lossy)}.`),
  slowness: ofIncident('slowness', ({ slow }) => `Late answers come from ${list(slow)}.`),
}

/** All that there are, the worst first. */
export const healthCodes: readonly HealthCode[] = Object.keys(texts) as HealthCode[]

type Open = PartitionStatus['open'][number]

function ofIncident(failure: FailureClass, textOf: (symptoms: Open['symptoms']) => string): TextOf {
  return ({ open }) => {
    const incident = open.find((one) => one.failure === failure)
    return incident === undefined ? undefined : textOf(incident.symptoms)
  }
}

function missing(names: readonly NodeId[] = [], what: string): string | undefined {
  return names.length > 0 ? `${what}: ${list(names)}.` : undefined
}

function list(names: readonly string[]): string {
  return names.join(', ')
}
