/**
 * Probes: directly over the open connection, through helpers where that gives no answer, and those that this replica makes for others.
 *
 * Invariants
 * 1. At most one probe of a member is under way, and at most `mostRelays` for others.
 * 2. Each ends, in a sign of life or without one, by its own deadline.
 * 3. A probe of somebody accused carries the accusation, so that the answer refutes it.
 */
import type { NodeId } from '../roster.ts'
import { type Beliefs, hears, type Member } from './beliefs.ts'
import type { DetectorSettings } from './presets.ts'
import { pickSome } from './probe-order.ts'
import type { SwimMessage } from './swim-messages.ts'

const mostRelays = 64
/** A helper gives up this much sooner, so that its nack comes in time. */
const nackShare = 0.8

interface Probe {
  readonly seq: number
  readonly member: Member
  /** Helpers are asked then. */
  helpAt: number
  failAt: number
  /** Those that were asked and have not said anything. */
  waiting: Set<NodeId> | undefined
  asked: number
  nacks: number
  /** Whether somebody who was asked is or was connected with it. */
  isKnown: boolean
}

interface Relay {
  readonly requester: NodeId
  readonly theirSeq: number
  readonly subject: NodeId
  readonly nackAt: number
}

export interface ProberOptions {
  readonly settings: DetectorSettings
  readonly random: () => number
  readonly beliefs: Beliefs
  readonly send: (to: NodeId, message: SwimMessage) => void
  /** A member gave a sign of life, through a helper or over its own connection. */
  readonly answered: (member: Member, by: NodeId | undefined) => void
  readonly failed: (member: Member, result: ProbeResult, now: number) => void
}

export interface ProbeResult {
  readonly helpers: number
  readonly nacks: number
  /** Whether the silence says something: who was never connected with it cannot know. */
  readonly isKnown: boolean
}

export interface Prober {
  /** Probes; `isUrgent`: asks helpers at once. A probe under way is made urgent. */
  probe(member: Member, now: number, isUrgent: boolean): void
  ack(from: NodeId, seq: number, incarnation: number): void
  nack(from: NodeId, seq: number, isNeighbour: boolean): void
  /** `requester` asks for a probe of `subject`. */
  relay(requester: NodeId, seq: number, subject: NodeId, now: number): void
  tick(now: number): void
  /** Forgets all probes without a result. */
  clear(): void
  readonly wakeAt: number
}

export function createProber({ settings, random, beliefs, send, answered, failed }: ProberOptions): Prober {
  const { probeTimeoutMs } = settings
  const probes = new Map<NodeId, Probe>()
  const relays = new Map<number, Relay>()
  let lastSeq = 0

  const sendProbe = (member: Member): number => {
    lastSeq += 1
    if (member.link === 'open') send(member.id, { kind: 'probe', seq: lastSeq, rumours: beliefs.rumoursFor(member) })
    return lastSeq
  }
  /** Those that we hear, first the one that reached it last. */
  const helpersFor = ({ id, reach }: Member): NodeId[] => {
    const able = [...beliefs.members.values()].filter(
      (member) => member.id !== id && member.status === 'alive' && hears(member),
    )
    const first = reach.via === 'relayed' ? reach.by : undefined
    const some = pickSome(able, settings.helpers, random).map((member) => member.id)
    if (first === undefined || some.includes(first) || !able.some((member) => member.id === first)) return some
    return [first, ...some.slice(0, settings.helpers - 1)]
  }
  const askHelpers = (probe: Probe, now: number): void => {
    const { seq, member } = probe
    const helpers = helpersFor(member)
    probe.waiting = new Set(helpers)
    probe.asked = helpers.length
    probe.failAt = now + probeTimeoutMs
    for (const helper of helpers)
      send(helper, { kind: 'indirect', seq, subject: member.id, rumours: beliefs.rumoursFor(member) })
  }
  const fail = (probe: Probe, now: number): void => {
    probes.delete(probe.member.id)
    failed(probe.member, { helpers: probe.asked, nacks: probe.nacks, isKnown: probe.isKnown }, now)
  }

  return {
    probe: (member, now, isUrgent) => {
      let probe = probes.get(member.id)
      if (probe === undefined) {
        const helpAt = now + probeTimeoutMs
        probe = {
          seq: sendProbe(member),
          member,
          helpAt,
          failAt: helpAt + probeTimeoutMs,
          waiting: undefined,
          asked: 0,
          nacks: 0,
          isKnown: member.link !== 'none',
        }
        probes.set(member.id, probe)
      }
      if (probe.waiting === undefined && (isUrgent || member.link !== 'open')) askHelpers(probe, now)
    },
    ack: (from, seq, incarnation) => {
      const relay = relays.get(seq)
      if (relay?.subject === from) {
        relays.delete(seq)
        send(relay.requester, { kind: 'ack', seq: relay.theirSeq, incarnation, rumours: [] })
      }
      for (const probe of probes.values()) {
        if (probe.seq !== seq) continue
        const isDirect = probe.member.id === from
        if (!isDirect && !probe.waiting?.has(from)) return
        probes.delete(probe.member.id)
        answered(probe.member, isDirect ? undefined : from)
        beliefs.alive(probe.member, incarnation)
        return
      }
    },
    nack: (from, seq, isNeighbour) => {
      for (const probe of probes.values()) {
        if (probe.seq !== seq || !probe.waiting?.delete(from)) continue
        probe.nacks += 1
        if (isNeighbour) probe.isKnown = true
      }
    },
    relay: (requester, theirSeq, subject, now) => {
      const member = beliefs.members.get(subject)
      if (member?.link !== 'open' || relays.size >= mostRelays)
        send(requester, { kind: 'nack', seq: theirSeq, isNeighbour: member?.link === 'lost' })
      else relays.set(sendProbe(member), { requester, theirSeq, subject, nackAt: now + nackShare * probeTimeoutMs })
    },
    tick: (now) => {
      for (const [seq, { requester, theirSeq, nackAt }] of relays) {
        if (now < nackAt) continue
        relays.delete(seq)
        send(requester, { kind: 'nack', seq: theirSeq, isNeighbour: true })
      }
      for (const probe of [...probes.values()]) {
        if (!beliefs.members.has(probe.member.id)) probes.delete(probe.member.id)
        else if (probe.waiting === undefined && now >= probe.helpAt) askHelpers(probe, now)
        else if (probe.waiting !== undefined && now >= probe.failAt) fail(probe, now)
      }
    },
    clear: () => {
      probes.clear()
      relays.clear()
    },
    get wakeAt(): number {
      let first = Number.POSITIVE_INFINITY
      for (const { nackAt } of relays.values()) first = Math.min(first, nackAt)
      for (const { waiting, helpAt, failAt } of probes.values())
        first = Math.min(first, waiting === undefined ? helpAt : failAt)
      return first
    },
  }
}
