import type { ReplicaCore } from '../replica-core.ts'
import type { ContactDesk } from './contact-desk.ts'
import type { Detector, DetectorEffect, DetectorInput } from './detector/detector.ts'
import type { Neighbours } from './neighbours.ts'
import type { Outlook } from './outlook.ts'
import { OwnLinks } from './own-links.ts'
import type { PartitionMetrics } from './partitions.ts'
import { readingOf } from './reading.ts'
import type { NodeId, Roster } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import type { HeardRow, Reachability, ReachabilityInput, ReachabilityRow } from './verdict/reachability.ts'

/** What membership stands on. */
export interface MembershipGround {
  readonly core: ReplicaCore
  readonly self: NodeId
  readonly isVoter: boolean
  readonly neighbours: Neighbours
  readonly detector: Detector
  readonly reachability: Reachability
  readonly roster: RosterDesk
  readonly contact: ContactDesk
  readonly outlook: Outlook
  readonly counts: PartitionMetrics
  /** This replica did not run. */
  readonly paused: () => void
  /** Its own row is to be told to others. */
  readonly publish: () => void
}

/** Who of the voters is there: takes what was heard to the detector and to the matrix, and carries out what they decide. */
export class Membership {
  readonly #ground: MembershipGround
  readonly #links = new OwnLinks()
  /** What servers without a vote see that this client is connected with: they are its way to the voters. */
  readonly #guides = new Map<NodeId, ReachabilityRow>()

  constructor(ground: MembershipGround) {
    this.#ground = ground
  }

  /** Something was heard, or time went by. */
  step(input: DetectorInput): void {
    let isOther = false
    for (const effect of this.#ground.detector.step(input)) isOther = this.#carryOut(effect) || isOther
    if (isOther) this.linksChanged()
  }

  /** Something of the matrix was heard, or time went by. */
  stepRows(input: ReachabilityInput): void {
    const { reachability, outlook, publish } = this.#ground
    for (const effect of reachability.step(input)) {
      if (effect.kind === 'publish') publish()
      else outlook.observe()
    }
  }

  /** A connection brought rows. */
  hear(from: NodeId, rows: readonly HeardRow[], now: number): void {
    const { roster, isVoter } = this.#ground
    this.stepRows({ kind: 'hear', from, rows, now })
    if (isVoter || roster.voters.has(from)) return
    // Whom it reaches it reaches under every roster.
    const own = rows.find(({ row }) => row.observer === from)
    if (own === undefined) return
    this.#guides.set(from, own.row)
    this.linksChanged()
  }

  /** The last connection with somebody has ended. */
  left(peer: NodeId, now: number): void {
    this.#guides.delete(peer)
    this.step({ kind: 'closed', peer, isLost: true, now })
    this.linksChanged()
  }

  /** Another roster is in force than that of the voters `before`. */
  inForce(roster: Roster, before: ReadonlySet<NodeId>): void {
    const { core, self, roster: desk } = this.#ground
    const { now } = readingOf(core)
    for (const peer of before) if (!desk.voters.has(peer)) this.step({ kind: 'removed', peer, now })
    for (const peer of desk.voters) if (peer !== self && !before.has(peer)) this.step({ kind: 'join', peer, now })
    this.stepRows({ kind: 'roster', roster, now })
    this.linksChanged()
  }

  /** A voter may be reached otherwise than before, this one votes otherwise, or lost or met others: so says the own row of the matrix. */
  linksChanged(): void {
    const { core, self, roster, detector, contact } = this.#ground
    const { now, wall } = readingOf(core)
    const links = [...roster.voters]
      .filter((id) => id !== self)
      .map((peer) => this.#links.to(peer, detector.memberOf(peer), wall, this.#guideTo(peer)))
    this.stepRows({ kind: 'links', links, mayVote: roster.mayVote, contact: contact.ledger.contact, now })
  }

  #guideTo(voter: NodeId): NodeId | undefined {
    const leadsTo = ({ links }: ReachabilityRow): boolean =>
      links.some(({ peer, kind }) => peer === voter && kind !== 'unreachable')
    return [...this.#guides].find(([, row]) => leadsTo(row))?.[0]
  }

  /** Whether a link may be another than before. */
  #carryOut(effect: DetectorEffect): boolean {
    const { core, neighbours, contact, outlook, counts, paused } = this.#ground
    switch (effect.kind) {
      case 'send':
        neighbours.send(effect.to, { kind: 'swim', message: effect.message })
        return false
      case 'stateChanged': {
        const { peer, from, to, evidence } = effect
        if (from === 'suspect' && to === 'alive') counts.suspicionsRefuted += 1
        if (to === 'suspect') {
          counts.suspicions += 1
          contact.suspected(peer)
        }
        if (to === 'alive') contact.ledger.returned(peer)
        if (to === 'unreachable') {
          counts.unreachable += 1
          contact.ledger.gone(peer)
        }
        core.log('info', 'member', { peer, from, to, by: evidence.kind })
        return true
      }
      case 'reachChanged':
        return true
      case 'paused':
        counts.pauses += 1
        core.log('warn', 'paused', { forMs: effect.forMs, cause: effect.cause })
        paused()
        outlook.observe()
        return false
    }
  }
}
