/**
 * What one replica believes of the others, and what it says of itself.
 *
 * Invariants
 * 1. `alive` holds against what is known only at a higher incarnation, and only the member itself raises its own.
 * 2. An accusation holds at the known incarnation or above. Those by others are hearsay: they start no suspicion of whom this
 *    replica hears itself, are passed on to the accused instead, and never make anybody `unreachable` at once.
 * 3. Only an own suspicion that ran out makes `unreachable`; nothing but the member itself ends that, and nothing forgets it.
 * 4. `left` is by the member itself.
 */
import type { NodeId } from '../roster.ts'
import type { DetectorSettings } from './presets.ts'
import { createRumours, type Rumours, transmissionsOf } from './rumours.ts'
import { confirmersWanted, suspicionTimeoutMs } from './suspicion.ts'
import { type MemberStatus, mostMembers, mostRaise, mostRumours, type Rumour } from './swim-messages.ts'

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

export interface StateChanged {
  readonly kind: 'stateChanged'
  readonly peer: NodeId
  readonly from: MemberStatus
  readonly to: MemberStatus | 'removed'
  readonly evidence: SwimEvidence
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
  reach: Reach
  suspectedAt: number
  /** Who accused it at this incarnation, the first one first. */
  readonly accusers: Set<NodeId>
  /** While it is unreachable: not probed before. */
  probeAt: number
}

export const hears = ({ link, isSilent }: Member): boolean => link === 'open' && !isSilent

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

  const become = (member: Member, to: MemberStatus, by: NodeId, evidence: SwimEvidence): void => {
    const from = member.status
    member.status = to
    count += Number(from === 'left') - Number(to === 'left')
    if (to === 'suspect') suspects.add(member)
    else {
      suspects.delete(member)
      member.accusers.clear()
    }
    rumours.add({ id: member.id, status: to, incarnation: member.incarnation, by })
    if (from !== to) changed({ kind: 'stateChanged', peer: member.id, from, to, evidence })
  }
  const expiresAt = ({ suspectedAt, accusers }: Member): number =>
    suspectedAt + suspicionTimeoutMs(settings, options.intervalMs(), count, accusers.size - 1)

  const raise = (beyond: number): void => {
    incarnation = Math.max(incarnation, beyond) + 1
    rumours.add({ id: self, status: 'alive', incarnation, by: self })
  }
  const hearOfSelf = (rumour: Rumour): void => {
    // 'Alive' at our own incarnation is what we said.
    if (rumour.incarnation < incarnation || (rumour.status === 'alive' && rumour.incarnation === incarnation)) return
    raise(rumour.incarnation)
    options.refuted()
  }
  const alive = (member: Member, at: number): void => {
    // Invariant 1.
    if (at <= member.incarnation) return
    member.incarnation = at
    become(member, 'alive', member.id, { kind: 'said', incarnation: at })
  }
  const left = (member: Member, at: number, by: NodeId): void => {
    // Invariant 4.
    if (by !== member.id || at < member.incarnation || member.status === 'left') return
    member.incarnation = at
    become(member, 'left', by, { kind: 'said', incarnation: at })
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
      rumours.add({ id: member.id, status, incarnation: at, by })
    } else if (by !== self && (hears(member) || now < quietUntil)) {
      // Invariant 2. It counts once this replica comes to suspect the member itself.
      accusers.add(by)
      options.tell(member, now)
    } else if (now >= quietUntil) {
      const others = [...accusers]
      accusers.clear()
      for (const accuser of [by, ...others]) accusers.add(accuser)
      member.suspectedAt = now
      become(member, 'suspect', by, evidence)
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
    get expiresAt(): number {
      let first = Number.POSITIVE_INFINITY
      for (const member of suspects) first = Math.min(first, expiresAt(member))
      return Math.max(first, quietUntil)
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
      rumours.drop((rumour) => rumour.id === id)
      changed({ kind: 'stateChanged', peer: id, from: member.status, to: 'removed', evidence: { kind: 'roster' } })
    },
    hear: (rumour, from, now) => {
      const { id, status, incarnation: at, by } = rumour
      const member = members.get(id)
      const known = id === self ? incarnation : member?.incarnation
      if (known === undefined || !Number.isSafeInteger(at) || at < 1 || at > known + mostRaise) return
      if (member === undefined) hearOfSelf(rumour)
      else if (status === 'alive') alive(member, at)
      else if (status === 'left') left(member, at, by)
      else if (by !== id && by !== self && (members.has(by) || by === from))
        accuse(member, at, by, { kind: 'hearsay', by }, now)
    },
    alive: (member, at) => {
      if (Number.isSafeInteger(at) && at <= member.incarnation + mostRaise) alive(member, at)
    },
    accuse,
    expire: (now) => {
      if (now < quietUntil) return
      for (const member of suspects) {
        if (now < expiresAt(member)) continue
        member.probeAt = now + settings.unreachableProbeMs
        become(member, 'unreachable', self, { kind: 'expired', by: [...member.accusers] })
      }
    },
    quiet: (until) => {
      quietUntil = until
      for (const member of members.values()) {
        member.isSilent = false
        member.suspectedAt = until
        const [first] = member.accusers
        member.accusers.clear()
        if (member.status === 'suspect') member.accusers.add(first ?? self)
      }
      // Invariant 2 of the pause guard: what waits to be told is from before the pause.
      rumours.drop(({ by, id }) => by === self && id !== self)
    },
    raise,
    rumoursFor: ({ id, status, incarnation: at, accusers }) => {
      const [by = self] = accusers
      const isAccused = at > 0 && (status === 'suspect' || status === 'unreachable' || accusers.size > 0)
      const accused: Rumour = { id, status: status === 'alive' ? 'suspect' : status, incarnation: at, by }
      const waiting = rumours.take(mostRumours - 1, transmissionsOf(settings.retransmitMult, count))
      return isAccused ? [accused, ...waiting] : waiting
    },
    table: () => [
      { id: self, status: 'alive', incarnation, by: self },
      ...[...members.values()]
        .filter((member) => member.incarnation > 0)
        .map(({ id, status, incarnation: at, accusers }): Rumour => {
          const [first = self] = accusers
          return { id, status, incarnation: at, by: status === 'alive' || status === 'left' ? id : first }
        }),
    ],
  }
}
