/**
 * Who is there, by probes over the connections that there are: SWIM (Das, Gupta, Motivala 2002) with the suspicion and the local health of
 * Lifeguard (Dadgar, Phillips, Currey 2018), and without its end: whoever is `unreachable` stays a member, is told rumours and probed, rarely,
 * until it answers or the roster removes it.
 *
 * On an open connection the heartbeats of the other side are the probes: silence is judged by phi (`silent`), and helpers confirm it. Only
 * whom this replica does not hear it probes, and only where there is no connection does an unanswered probe alone begin a suspicion.
 *
 * Invariants, next to those of `beliefs.ts` and `prober.ts`
 * 1. Members come by `join` and go by `removed`; nobody becomes one by gossip.
 * 2. After `paused` nobody is accused before `until`.
 * 3. Whoever has left, by `leave`, says nothing until it rejoins. Who is connected with it then asks it now and then: it may have been started
 *    anew, and the word of that be lost.
 */
import type { NodeId } from '../roster.ts'
import { type Beliefs, createBeliefs, hears, type Member, type Reach, type Suspicion } from './beliefs.ts'
import type { DetectorSettings } from './presets.ts'
import { createProbeOrder, pickSome } from './probe-order.ts'
import { createProber, type ProbeResult } from './prober.ts'
import { mostMembers, mostRumours, mostStrangerRaise, type Rumour, type SwimMessage } from './swim-messages.ts'
import { isSameReach, type MemberView, type SwimEffect, type SwimInput, viewOf } from './swim-types.ts'

/** What a `Swim` goes by. */
export interface SwimOptions {
  readonly self: NodeId
  readonly settings: DetectorSettings
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Where to go on from, if an earlier one is known. Others tell if it was higher. Default 1. */
  readonly incarnation?: number
}

/** Who is there, as one replica believes. */
export interface Swim {
  step(input: SwimInput): SwimEffect[]
  readonly incarnation: number
  /** 0, all well, to 7: how much slower this replica probes, as it seems to be slow itself. */
  readonly health: number
  /** Copies, in the order of joining. O(n). */
  readonly members: readonly MemberView[]
  memberOf(peer: NodeId): MemberView | undefined
  /** Whether it is there and was heard all the time, so that to hear it again is no news. */
  isHeard(peer: NodeId): boolean
  /** Who is suspected now. */
  readonly suspicions: readonly Suspicion[]
  /** When `tick` is wanted. */
  readonly wakeAt: number | undefined
}

const worstHealth = 7

/** Knows nobody; begins with `join` and `opened`. */
export function createSwim({ self, settings, random, incarnation = 1 }: SwimOptions): Swim {
  let effects: SwimEffect[] = []
  let health = 0
  let isHidden = false
  let hasLeft = false
  /** Undefined until the first input. */
  let probeAt: number | undefined
  let tableAt = 0
  let gossipAt = 0

  const intervalMs = (): number => (isHidden ? settings.hiddenProbeIntervalMs : settings.probeIntervalMs)
  const blame = (points: number): void => {
    health = Math.min(worstHealth, Math.max(0, health + points))
  }
  const beliefs: Beliefs = createBeliefs({
    self,
    settings,
    incarnation,
    intervalMs,
    changed: (effect) => effects.push(effect),
    tell: (member, now) => prober.probe(member, now, false),
    refuted: () => blame(1),
  })
  const { members } = beliefs
  const order = createProbeOrder(random)

  const send = (to: NodeId, message: SwimMessage): void => {
    if (!hasLeft && members.get(to)?.link === 'open') effects.push({ kind: 'send', to, message })
  }
  const reached = (member: Member, reach: Reach): void => {
    if (isSameReach(member.reach, reach)) return
    member.reach = reach
    effects.push({ kind: 'reachChanged', peer: member.id, reach })
  }
  const failed = (member: Member, { helpers, nacks, isKnown }: ProbeResult, now: number): void => {
    const { status } = member
    if (!hears(member)) reached(member, { via: 'none' })
    if (status === 'unreachable' || status === 'left') return
    // A helper that did not even say no: it may be us.
    blame(helpers > 0 ? helpers - nacks : 1)
    if (!isKnown || hears(member)) return
    beliefs.accuse(member, member.incarnation, self, { kind: 'unanswered', helpers, nacks }, now)
  }
  const prober = createProber({
    settings,
    random,
    beliefs,
    send,
    answered: (member, by) => {
      blame(-1)
      if (by !== undefined && !hears(member)) reached(member, { via: 'relayed', by })
    },
    failed,
  })

  const sendTable = (to: NodeId, isAnswer: boolean): void =>
    send(to, { kind: 'table', rumours: beliefs.table(), isAnswer })
  const connected = (): Member[] =>
    [...members.values()].filter(({ link, status }) => link === 'open' && status !== 'left')

  const heard = (member: Member): void => {
    if (member.link !== 'open') return
    member.isSilent = false
    member.isUnheard = false
    if (member.reach.via !== 'direct') reached(member, { via: 'direct' })
  }
  /** It speaks, and we say of it that it does not: it should know. */
  const confront = (member: Member, now: number): void => {
    if (member.link === 'open' && (member.status === 'suspect' || member.status === 'unreachable'))
      prober.probe(member, now, false)
  }
  const hearAll = (rumours: readonly Rumour[], most: number, from: NodeId, now: number): void => {
    for (const rumour of rumours.slice(0, most)) beliefs.hear(rumour, from, now)
  }
  const receive = (member: Member, message: SwimMessage, now: number): void => {
    const { id } = member
    heard(member)
    if ('rumours' in message) hearAll(message.rumours, message.kind === 'table' ? mostMembers : mostRumours, id, now)
    switch (message.kind) {
      case 'probe':
        send(id, {
          kind: 'ack',
          seq: message.seq,
          incarnation: beliefs.incarnation,
          rumours: beliefs.rumoursFor(member),
        })
        break
      case 'ack':
        prober.ack(id, message.seq, message.incarnation)
        break
      case 'nack':
        prober.nack(id, message.seq, message.isNeighbour)
        break
      case 'indirect':
        prober.relay(id, message.seq, message.subject, now)
        break
      case 'table':
        if (!message.isAnswer) sendTable(id, true)
        break
      case 'gossip':
        break
    }
    confront(member, now)
  }

  /** Whether it is to be probed: whoever is heard needs none, but for one that others accuse, as it should know. */
  const isDoubtful = (member: Member, now: number): boolean => {
    const { status, accusers, isUnheard, link } = member
    if (status === 'alive') return !hears(member) || isUnheard || accusers.size > 0
    if (status === 'suspect') return true
    return (status === 'unreachable' || link === 'open') && now >= member.probeAt
  }
  const isAnyDoubtful = (now: number): boolean => {
    for (const member of members.values()) if (isDoubtful(member, now)) return true
    return false
  }
  const probeNext = (now: number): void => {
    let member: Member | undefined
    if (isAnyDoubtful(now)) {
      const id = order.next((candidate) => isDoubtful(members.get(candidate) as Member, now))
      member = id === undefined ? undefined : members.get(id)
    }
    // All are heard in time: as good as an answer.
    if (member === undefined) blame(-1)
    else {
      member.probeAt = now + settings.unreachableProbeMs
      prober.probe(member, now, false)
    }
    probeAt = now + intervalMs() * (health + 1)
  }
  const gossip = (now: number): void => {
    const some = pickSome(connected(), settings.gossipFanout, random)
    for (const member of some)
      if (beliefs.rumours.size > 0) send(member.id, { kind: 'gossip', rumours: beliefs.rumoursFor(member) })
    // Whoever is connected later is sent the table.
    if (some.length === 0) beliefs.rumours.drop(() => true)
    gossipAt = now + settings.gossipIntervalMs
  }
  const exchange = (now: number): void => {
    const [other] = pickSome(
      connected().filter(({ status }) => status === 'alive'),
      1,
      random,
    )
    if (other !== undefined) sendTable(other.id, false)
    const scale = Math.max(1, Math.ceil(Math.log2(beliefs.count) - 5) + 1)
    tableAt = now + settings.tableIntervalMs * scale
  }
  const tick = (now: number): void => {
    prober.tick(now)
    beliefs.expire(now)
    if (now >= (probeAt ?? now)) probeNext(now)
    if (now >= tableAt) exchange(now)
    if (beliefs.rumours.size > 0 && now >= gossipAt) gossip(now)
  }

  const pause = (until: number, now: number): void => {
    beliefs.quiet(until)
    prober.clear()
    probeAt = now
    tableAt = now
    for (const member of members.values()) confront(member, now)
  }
  const close = (member: Member, isLost: boolean, now: number): void => {
    member.link = isLost ? 'lost' : 'none'
    reached(member, { via: 'none' })
    if (isLost && member.status !== 'left') prober.probe(member, now, true)
  }
  const leave = (): void => {
    const left: Rumour = { id: self, status: 'left', incarnation: beliefs.incarnation, by: [] }
    for (const { id } of connected()) send(id, { kind: 'gossip', rumours: [left] })
    hasLeft = true
    prober.clear()
  }
  const rejoin = (now: number): void => {
    hasLeft = false
    beliefs.raise(0)
    probeAt = now
    for (const { id } of connected()) sendTable(id, false)
  }

  const begin = (now: number): void => {
    // Not in step with whoever was started at the same time.
    probeAt = now + random() * intervalMs()
    tableAt = now + random() * settings.tableIntervalMs
  }
  const stepMember = (member: Member, input: SwimInput): void => {
    const { now } = input
    if (input.kind === 'opened') {
      member.link = 'open'
      member.isSilent = false
      sendTable(member.id, false)
    } else if (input.kind === 'closed') close(member, input.isLost, now)
    else if (input.kind === 'removed') {
      order.remove(member.id)
      beliefs.remove(member.id)
    } else if (hasLeft) return
    else if (input.kind === 'message') receive(member, input.message, now)
    else if (input.kind === 'heard') {
      heard(member)
      confront(member, now)
    } else if (input.kind === 'silent' && member.link === 'open') {
      member.isSilent = true
      if (member.status !== 'left') prober.probe(member, now, true)
    }
  }
  /**
   * Somebody who watches without a vote, or whose roster is newer, may ask. What it says of others does not count; that it takes this
   * replica to be gone does, as nobody else can tell it better.
   */
  const answerStranger = (from: NodeId, message: SwimMessage): void => {
    if (from === self || (message.kind !== 'probe' && message.kind !== 'table')) return
    const { kind, rumours } = message
    const accusation = rumours.find(
      ({ id, status, incarnation: at }) => id === self && at >= beliefs.incarnation && status !== 'alive',
    )
    // It may well know of a higher one than this replica, which was restarted; far higher ones are approached by and by.
    if (accusation !== undefined)
      beliefs.raise(Math.min(accusation.incarnation, beliefs.incarnation + mostStrangerRaise))
    const own: Rumour = { id: self, status: 'alive', incarnation: beliefs.incarnation, by: [] }
    if (kind === 'probe') {
      const ack: SwimMessage = { kind: 'ack', seq: message.seq, incarnation: beliefs.incarnation, rumours: [] }
      effects.push({ kind: 'send', to: from, message: ack })
    } else if (!message.isAnswer)
      effects.push({ kind: 'send', to: from, message: { kind: 'table', rumours: [own], isAnswer: true } })
  }
  const stepAll = (input: SwimInput): void => {
    const { now } = input
    if (input.kind === 'join') {
      if (beliefs.join(input.peer) !== undefined) order.add(input.peer)
    } else if (input.kind === 'rejoin') rejoin(now)
    else if (input.kind === 'visible' || input.kind === 'hidden') {
      isHidden = input.kind === 'hidden'
      probeAt = now + random() * intervalMs()
    } else if (hasLeft) return
    else if (input.kind === 'tick') tick(now)
    else if (input.kind === 'paused') pause(input.until, now)
    else if (input.kind === 'leave') leave()
    else if (input.kind === 'message') answerStranger(input.from, input.message)
  }

  return {
    step: (input) => {
      effects = []
      if (probeAt === undefined) begin(input.now)
      const id = 'peer' in input ? input.peer : 'from' in input ? input.from : undefined
      const member = id === undefined ? undefined : members.get(id)
      if (member === undefined) stepAll(input)
      else stepMember(member, input)
      return effects
    },
    get incarnation(): number {
      return beliefs.incarnation
    },
    get health(): number {
      return health
    },
    get members(): readonly MemberView[] {
      return [...members.values()].map(viewOf)
    },
    memberOf: (peer) => {
      const member = members.get(peer)
      return member === undefined ? undefined : viewOf(member)
    },
    isHeard: (peer) => {
      const member = members.get(peer)
      return member?.status === 'alive' && member.reach.via === 'direct' && !member.isUnheard && hears(member)
    },
    get suspicions(): readonly Suspicion[] {
      return beliefs.suspicions
    },
    get wakeAt(): number | undefined {
      if (hasLeft || probeAt === undefined) return undefined
      const gossipDue = beliefs.rumours.size > 0 ? gossipAt : Number.POSITIVE_INFINITY
      return Math.min(probeAt, tableAt, gossipDue, prober.wakeAt, beliefs.expiresAt)
    },
  }
}
