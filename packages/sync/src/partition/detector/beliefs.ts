/**
 * What one replica believes of the others, and what it says of itself.
 *
 * Invariants
 * 1. `alive` holds against what is known only at a higher incarnation, and only the member itself raises its own.
 * 2. An accusation holds at the known incarnation or above. Those by others are hearsay: they start no suspicion of whom this
 *    replica hears itself, are passed on to the accused instead, and never make anybody `unreachable` at once.
 * 3. Only an own suspicion that ran out, of one that this replica does not hear, makes `unreachable`; nothing but the member itself ends that,
 *    and nothing forgets it.
 * 4. `left` is by the member itself.
 */
import type { NodeId } from '../roster.ts'
import type { DetectorSettings } from './presets.ts'
import { createRumours, type Rumours, transmissionsOf } from './rumours.ts'
import { confirmersWanted, suspicionTimeoutMs } from './suspicion.ts'
import { type MemberStatus, mostAccusers, mostMembers, mostRaise, mostRumours, type Rumour } from './swim-messages.ts'

/** Over what a member answers this replica. */
export type Reach =
  | { readonly via: 'direct' }
  | { readonly via: 'relayed'; readonly by: NodeId }
  | { readonly via: 'none' }

/** Why a belief changed. */
export type SwimEvidence =
  /** Neither it nor `helpers` that we asked gave a sign of it; `nacks` of these said so. */
  | { readonly kind: 'unanswered'; readonly helpers: number; readonly nacks: number }
  | { readonly kind: 'hearsay'; readonly by: NodeId }
  /** It did not refute in time. `by`: all who accused it, the first one first. */
  | { readonly kind: 'expired'; readonly by: readonly NodeId[] }
  /** It said so itself, under this incarnation. */
  | { readonly kind: 'said'; readonly incarnation: number }
  | { readonly kind: 'roster' }

/** A belief changed. */
export interface StateChanged {
  readonly kind: 'stateChanged'
  readonly peer: NodeId
  readonly from: MemberStatus
  readonly to: MemberStatus | 'removed'
  readonly evidence: SwimEvidence
}

/** Somebody is suspected. Times are milliseconds, of a monotonic clock where nothing else is said. */
export interface Suspicion {
  readonly peer: NodeId
  readonly since: number
  /** When it counts as unreachable, unless it gives a sign of life. Sooner when others come to share the suspicion. */
  readonly until: number
}

export interface Member {
  readonly id: NodeId
  status: MemberStatus
  /** 0: never heard of. */
  incarnation: number
  /** `lost`: it was connected, and the connection broke. `none`: it is not meant to be. */
  link: 'open' | 'lost' | 'none'
  /** Phi of the open link says so. */
  isSilent: boolean
  /** Not heard since this replica was paused. */
  isUnheard: boolean
  reach: Reach
  suspectedAt: number
  /** Who accused it at this incarnation, the first one first. */
  readonly accusers: Set<NodeId>
  /** While it is unreachable: not probed before. */
  probeAt: number
}

export const hears = ({ link, isSilent }: Member): boolean => link === 'open' && !isSilent

/** As far as one message may raise what is known. Whoever is really that far ahead is caught up with by and by. */
const plausible = (at: number, known: number): number =>
  Number.isSafeInteger(at) ? Math.min(at, known + mostRaise) : Number.NEGATIVE_INFINITY

export interface BeliefsOptions {
  readonly self: NodeId
  readonly settings: DetectorSettings
  readonly incarnation: number
  /** The present probe interval. */
  readonly intervalMs: () => number
  readonly changed: (effect: StateChanged) => void
  /** Somebody accuses a member that we hear: it should know. */
  readonly tell: (member: Member, now: number) => void
  /** This replica had to refute what was said of it. */
  readonly refuted: () => void
}

export interface Beliefs {
  readonly members: ReadonlyMap<NodeId, Member>
  readonly rumours: Rumours
  readonly incarnation: number
  /** Members that have not left, this replica included. */
  readonly count: number
  readonly suspicions: readonly Suspicion[]
  /** When the first suspicion runs out. */
  readonly expiresAt: number
  join(id: NodeId): Member | undefined
  remove(id: NodeId): void
  /** Takes in what `from` says. */
  hear(rumour: Rumour, from: NodeId, now: number): void
  /** A sign of life under an incarnation. */
  alive(member: Member, incarnation: number): void
  accuse(member: Member, incarnation: number, by: NodeId, evidence: SwimEvidence, now: number): void
  expire(now: number): void
  /** Nobody is accused before `until`, and suspicions begin anew then. */
  quiet(until: number): void
  /** Raises the own incarnation and says so. */
  raise(beyond: number): void
  /** Rumours to send to a member: what it is accused of, then those that wait. */
  rumoursFor(member: Member): Rumour[]
  /** Everything known, of oneself first. */
  table(): Rumour[]
}

export function createBeliefs(options: BeliefsOptions): Beliefs {
  const { self, settings, changed } = options
  const members = new Map<NodeId, Member>()
  const suspects = new Set<Member>()
  const rumours = createRumours()
  let incarnation = options.incarnation
  let quietUntil = Number.NEGATIVE_INFINITY
  /** Members that have not left, with this one. */
  let count = 1

  const become = (member: Member, to: MemberStatus, evidence: SwimEvidence): void => {
    const from = member.status
    member.status = to
    count += Number(from === 'left') - Number(to === 'left')
    if (to === 'suspect') suspects.add(member)
    else suspects.delete(member)
    if (to === 'alive' || to === 'left') member.accusers.clear()
    rumours.add(member.id)
    if (from !== to) changed({ kind: 'stateChanged', peer: member.id, from, to, evidence })
  }
  const expiresAt = ({ suspectedAt, accusers }: Member): number =>
    suspectedAt + suspicionTimeoutMs(settings, options.intervalMs(), count, accusers.size - 1)

  const saidOf = ({ id, incarnation: at, accusers }: Member, status: MemberStatus): Rumour => ({
    id,
    status,
    incarnation: at,
    by: status === 'alive' ? [] : [...accusers].slice(0, mostAccusers),
  })
  const saidOfSelf = (): Rumour => ({ id: self, status: 'alive', incarnation, by: [] })
  const rumourOf = (id: NodeId): Rumour[] => {
    const member = members.get(id)
    if (member === undefined) return id === self ? [saidOfSelf()] : []
    return [saidOf(member, member.status)]
  }
  const raise = (beyond: number): void => {
    incarnation = Math.max(incarnation, beyond) + 1
    rumours.add(self)
  }
  const hearOfSelf = (status: MemberStatus, at: number): void => {
    // 'Alive' at our own incarnation is what we said.
    if (at < incarnation || (status === 'alive' && at === incarnation)) return
    raise(at)
    options.refuted()
  }
  const alive = (member: Member, at: number): void => {
    // Invariant 1.
    if (at <= member.incarnation) return
    member.incarnation = at
    become(member, 'alive', { kind: 'said', incarnation: at })
  }
  const left = (member: Member, at: number, from: NodeId): void => {
    // Invariant 4: whoever leaves tells all it is connected with.
    if ((from !== member.id && hears(member)) || at < member.incarnation || member.status === 'left') return
    member.incarnation = at
    become(member, 'left', { kind: 'said', incarnation: at })
  }
  const accuse = (member: Member, at: number, by: NodeId, evidence: SwimEvidence, now: number): void => {
    const { accusers, status } = member
    if (at < member.incarnation || (status !== 'alive' && status !== 'suspect')) return
    if (at > member.incarnation && status === 'alive') accusers.clear()
    member.incarnation = at
    // More would change nothing; our own word always counts.
    if (accusers.has(by) || (by !== self && accusers.size > confirmersWanted(settings.suspicionMult, count))) return
    if (status === 'suspect') {
      accusers.add(by)
      rumours.add(member.id)
    } else if (by !== self && (hears(member) || now < quietUntil)) {
      // Invariant 2. It counts once this replica comes to suspect the member itself.
      accusers.add(by)
      options.tell(member, now)
    } else if (now >= quietUntil) {
      const others = [...accusers]
      accusers.clear()
      for (const accuser of [by, ...others]) accusers.add(accuser)
      member.suspectedAt = now
      become(member, 'suspect', evidence)
    }
  }

  return {
    members,
    rumours,
    get incarnation(): number {
      return incarnation
    },
    get count(): number {
      return count
    },
    get suspicions(): readonly Suspicion[] {
      return [...suspects].map((member) => ({
        peer: member.id,
        since: member.suspectedAt,
        until: expiresAt(member),
      }))
    },
    get expiresAt(): number {
      let first = Number.POSITIVE_INFINITY
      for (const member of suspects) first = Math.min(first, expiresAt(member))
      return first
    },
    join: (id) => {
      if (id === self || members.has(id) || members.size >= mostMembers) return undefined
      const member: Member = {
        id,
        // Whom nobody has heard of is not there.
        status: 'unreachable',
        incarnation: 0,
        link: 'none',
        isSilent: false,
        isUnheard: false,
        reach: { via: 'none' },
        suspectedAt: 0,
        accusers: new Set(),
        probeAt: 0,
      }
      members.set(id, member)
      count += 1
      return member
    },
    remove: (id) => {
      const member = members.get(id)
      if (member === undefined) return
      members.delete(id)
      if (member.status !== 'left') count -= 1
      suspects.delete(member)
      rumours.drop((rumoured) => rumoured === id)
      changed({ kind: 'stateChanged', peer: id, from: member.status, to: 'removed', evidence: { kind: 'roster' } })
    },
    hear: (rumour, from, now) => {
      const { id, status, by } = rumour
      const member = members.get(id)
      const known = id === self ? incarnation : member?.incarnation
      if (known === undefined) return
      const at = plausible(rumour.incarnation, known)
      if (member === undefined) hearOfSelf(status, at)
      else if (status === 'alive') alive(member, at)
      else if (status === 'left') left(member, at, from)
      // What this replica says itself it knows; what strangers say does not count.
      else
        for (const accuser of by.slice(0, mostAccusers))
          if (accuser !== id && members.has(accuser)) accuse(member, at, accuser, { kind: 'hearsay', by: accuser }, now)
    },
    alive: (member, at) => alive(member, plausible(at, member.incarnation)),
    accuse,
    expire: (now) => {
      for (const member of suspects) {
        const late = now - expiresAt(member)
        if (late < 0) continue
        // It is back, and its refutation under way; or we did not run, and its word may lie unread.
        const isBack = hears(member) && !member.isUnheard
        if (isBack || late > settings.probeTimeoutMs) member.suspectedAt += late + settings.probeTimeoutMs
        else {
          member.probeAt = now + settings.unreachableProbeMs
          become(member, 'unreachable', { kind: 'expired', by: [...member.accusers] })
        }
      }
    },
    quiet: (until) => {
      quietUntil = until
      for (const member of members.values()) {
        member.isSilent = false
        member.isUnheard = true
        member.suspectedAt = until
        const [first] = member.accusers
        member.accusers.clear()
        if (member.status !== 'alive' && first !== undefined) member.accusers.add(first)
      }
      // Invariant 2 of the pause guard: what waits to be told is from before the pause.
      rumours.drop((id) => {
        const status = members.get(id)?.status
        return status === 'suspect' || status === 'unreachable'
      })
    },
    raise,
    rumoursFor: (to) => {
      const isSaid = to.accusers.size > 0 || to.status === 'left'
      if (rumours.size === 0 && !isSaid) return []
      const ids = rumours.take(mostRumours - 1, transmissionsOf(settings.retransmitMult, count))
      const isAccused = to.incarnation > 0 && isSaid
      const waiting = ids.flatMap((id) => (isAccused && id === to.id ? [] : rumourOf(id)))
      // Of one that we hear: what others accuse it of, or that it has left.
      return isAccused ? [saidOf(to, to.status === 'alive' ? 'suspect' : to.status), ...waiting] : waiting
    },
    table: () => [
      saidOfSelf(),
      ...[...members].flatMap(([id, member]) => (member.incarnation > 0 ? rumourOf(id) : [])),
    ],
  }
}
