/**
 * The way to the votes of a voter: who may ask for them, as whom, and where the answer goes.
 *
 * Invariants
 * 1. Whoever may not write a document is given no vote about its leases.
 * 2. Whoever renews or gives back a lease is who asked for it: a client is known by a key that only it has, over all its connections, as
 *    its id is no secret. No answer tells the key.
 * 3. What a client asks over another server that one vouches for: servers of a cluster trust each other.
 */
import type { Version } from '@rejoin/state'
import type { Session } from '../session.ts'
import { earliest } from './earliest.ts'
import { keyMark, withoutKey } from './granted.ts'
import { Handover } from './handover.ts'
import { isHolderQuestion, type LeaseMessage } from './lease/messages.ts'
import { handoverShapes, leaseShapes } from './lease-wire.ts'
import type { Neighbours } from './neighbours.ts'
import type { NodeId, Roster } from './roster.ts'
import type { RosterDesk } from './roster-desk.ts'
import { type Standing, type VoteGround, VoteTable } from './votes.ts'
import type { PartitionMessage } from './wire.ts'

/** What a door stands on. */
export interface DoorGround extends Omit<VoteGround, 'send' | 'handover' | 'standing'> {
  readonly desk: RosterDesk
  readonly neighbours: Neighbours
  /** Tells the leases that are wanted here what the own vote is. */
  readonly answered: (document: string, from: NodeId, message: LeaseMessage<Version>) => void
}

export class LeaseDoor {
  readonly #ground: DoorGround
  readonly votes: VoteTable
  readonly #handover: Handover
  /** Over which connection clients asked last. */
  readonly #askers = new Map<NodeId, Session>()
  /** As whom they did: one at a time over each. */
  readonly #asks = new Map<Session, NodeId>()
  /** Over which other server clients asked last that are not connected with this one. */
  readonly #routes = new Map<NodeId, NodeId>()

  constructor(ground: DoorGround) {
    this.#ground = ground
    ground.neighbours.wire.learn(leaseShapes)
    ground.neighbours.wire.learn(handoverShapes)
    this.#handover = new Handover(ground)
    this.votes = new VoteTable({
      ...ground,
      standing: () => this.#standing(),
      handover: this.#handover,
      send: (to, document, message) => this.#send(to, document, message),
    })
  }

  get wakeAt(): number | undefined {
    return earliest([this.votes, this.#handover])
  }

  tick(): void {
    this.votes.tick()
    this.#handover.tick()
  }

  roster(roster: Roster): void {
    this.votes.roster(roster)
    this.#handover.begin()
  }

  told(session: Session, from: NodeId, told: PartitionMessage): void {
    switch (told.kind) {
      case 'lease':
        this.#receive(session, told)
        break
      case 'ask':
        this.#asked(session, told)
        break
      case 'relay':
        // Of any server that was let in: one without a vote has clients as well.
        if (this.#ground.neighbours.isNamed(session)) this.#relayed(from, told)
        break
      case 'handover':
      case 'handed':
        this.#handover.receive(from, told)
    }
  }

  /** A lease that is wanted here asks the own vote. */
  ask(document: string, message: LeaseMessage<Version>): void {
    this.votes.ask(document, this.#ground.self, message)
  }

  #receive(session: Session, { document, key, message }: Extract<PartitionMessage, { readonly kind: 'lease' }>): void {
    const from = this.#ground.neighbours.idOf(session)
    const { kind } = message
    if (kind === 'learnt') this.votes.answered(document, from, message)
    // Voters learn from each other what they promised, whoever may write.
    else if (kind === 'learn' && this.#isVoter(from)) this.votes.ask(document, from, message)
    else if (mayAsk(session, document, message)) this.votes.ask(document, this.#askerOf(session, key), message)
  }

  /** A client asks a voter that it is not connected with. */
  #asked(
    session: Session,
    { voter, document, key, message }: Extract<PartitionMessage, { readonly kind: 'ask' }>,
  ): void {
    const { neighbours } = this.#ground
    if (neighbours.isNamed(session) || !this.#isVoter(voter) || !mayAsk(session, document, message)) return
    const asker = this.#askerOf(session, key)
    neighbours.send(voter, { kind: 'relay', asker, document, message })
  }

  #standing(): Standing | undefined {
    const { core, desk } = this.#ground
    const { log, mayVote } = desk
    if (log === undefined) return undefined
    const holdMs = Math.max(0, Math.ceil((log.grantsHeldUntil ?? Number.POSITIVE_INFINITY) - core.clock.monotonic()))
    return { roster: log.roster, mayVote, holdMs }
  }

  #isVoter(id: NodeId): boolean {
    return this.#ground.desk.voters.has(id)
  }

  /** Another server tells what its client asks, or what it answers to one of this server. Invariant 3. */
  #relayed(from: NodeId, { asker, document, message }: Extract<PartitionMessage, { readonly kind: 'relay' }>): void {
    const { neighbours } = this.#ground
    const client = this.#askers.get(asker)
    if (isHolderQuestion(message)) {
      // The connection that it had here may be dead.
      if (client !== undefined) this.ended(client)
      this.#routes.delete(asker)
      this.#routes.set(asker, from)
      for (const oldest of this.#routes.keys()) {
        if (this.#routes.size <= mostRoutes) break
        this.#routes.delete(oldest)
      }
      this.votes.ask(document, asker, message)
    } else if (client !== undefined)
      neighbours.send(neighbours.idOf(client), { kind: 'ask', voter: from, document, key: '', message })
  }

  /** A document goes out of memory, whoever used it. */
  dropped(document: string): void {
    this.votes.dropped(document)
  }

  /** A connection has ended. */
  ended(session: Session): void {
    const asker = this.#asks.get(session)
    this.#asks.delete(session)
    if (asker !== undefined && this.#askers.get(asker) === session) this.#askers.delete(asker)
  }

  /** Invariant 2. */
  #askerOf(session: Session, key: string): NodeId {
    if (this.#ground.neighbours.isNamed(session)) return session.peerName
    // It always matches, and reads as what it matched.
    const asker = `${shownName.exec(session.peerName)} (client)${keyMark}${key}`
    if (this.#asks.get(session) !== asker) this.ended(session)
    this.#asks.set(session, asker)
    this.#askers.set(asker, session)
    return asker
  }

  #send(to: NodeId, document: string, said: LeaseMessage<Version>): void {
    const { core, self, neighbours, answered } = this.#ground
    const message = told(said)
    const client = this.#askers.get(to)
    const route = this.#routes.get(to)
    // To itself by the same way as to others: later, and one at a time.
    if (to === self) core.soon(() => answered(document, self, message))
    else if (client === undefined && route !== undefined)
      neighbours.send(route, { kind: 'relay', asker: to, document, message })
    // A client that is gone has a key in its name, which leads to nobody.
    else
      neighbours.send(client === undefined ? to : neighbours.idOf(client), {
        kind: 'lease',
        document,
        key: '',
        message,
      })
  }
}

/** What others are told of a client that holds a lease, the same at all voters: as much of its first line as fits with a key where ids do. */
const shownName = /^.{0,21}/u
/** Clients of other servers that are remembered. One that is forgotten has to ask again. */
const mostRoutes = 10_000

/** Invariant 1. */
function mayAsk(session: Session, document: string, message: LeaseMessage<Version>): boolean {
  return isHolderQuestion(message) && session.streams.get(document)?.rights.isWriter === true
}

/** Invariant 2. */
function told(message: LeaseMessage<Version>): LeaseMessage<Version> {
  if (message.kind !== 'refused' || message.why.kind !== 'held') return message
  return { ...message, why: { ...message.why, holder: withoutKey(message.why.holder) } }
}
