import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import type { NodeId } from './roster.ts'
import { type PartitionMessage, PartitionWire } from './wire.ts'

/** The channel of asides of the partition layer. */
export const partitionChannel = 2

/**
 * The connections of a replica by whom they lead to. Servers have a name here, and several connections; so have peers among peers,
 * where no server is and nobody is asked for a credential. Whoever is let in as a client could call itself like a voter, and the id of
 * an opening is no secret: each connection of a client is a neighbour of its own.
 */
export class Neighbours {
  readonly wire: PartitionWire = new PartitionWire()
  readonly #sessions = new Map<NodeId, Set<Session>>()
  readonly #clients = new WeakMap<Session, NodeId>()
  readonly #core: Pick<ReplicaCore, 'role' | 'authorize'>
  #serial = 0

  constructor(core: Pick<ReplicaCore, 'role' | 'authorize'>) {
    this.#core = core
  }

  get ids(): NodeId[] {
    return [...this.#sessions.keys()]
  }

  /** Whether the name of the other side counts. */
  isNamed({ peer }: Session): boolean {
    const { role, authorize } = this.#core
    return peer?.role === 'server' || (peer?.role === 'peer' && role === 'peer' && authorize === undefined)
  }

  /** Whom a connection leads to. */
  idOf(session: Session): NodeId {
    if (this.isNamed(session)) return session.peerName
    let id = this.#clients.get(session)
    if (id === undefined) {
      this.#serial += 1
      id = `${session.peerReplica}~${this.#serial}`
      this.#clients.set(session, id)
    }
    return id
  }

  /** Whether it is the first connection to whom it leads. */
  add(session: Session): boolean {
    const peer = this.idOf(session)
    const known = this.#sessions.get(peer)
    this.#sessions.set(peer, (known ?? new Set()).add(session))
    return known === undefined
  }

  /** Whether it was the last one. */
  remove(session: Session): boolean {
    const peer = this.idOf(session)
    const known = this.#sessions.get(peer)
    if (known?.delete(session) !== true || known.size > 0) return false
    this.#sessions.delete(peer)
    return true
  }

  has(session: Session): boolean {
    return this.#sessions.get(this.idOf(session))?.has(session) === true
  }

  /** Those that are servers. */
  get servers(): NodeId[] {
    return this.ids.filter((id) => this.sessionsOf(id).some(({ isServer }) => isServer))
  }

  sessionsOf(peer: NodeId): Session[] {
    return [...(this.#sessions.get(peer) ?? [])]
  }

  /** Sends over the newest connection, as an older one may be dead without having noticed; nothing happens where there is none. */
  send(peer: NodeId, message: PartitionMessage): void {
    this.sendAll([peer], message)
  }

  /** The same to several, which spells it once. */
  sendAll(peers: Iterable<NodeId>, message: PartitionMessage): void {
    let bytes: Uint8Array | undefined
    for (const peer of peers) {
      const session = this.sessionsOf(peer).at(-1)
      if (session === undefined) continue
      bytes ??= this.wire.encode(message)
      session.send({ kind: 'aside', channel: partitionChannel, bytes })
    }
  }

  /** What an aside says; undefined where it is for others than this replica, and where no partition layer would say it: that ends the connection. */
  read(session: Session, bytes: Uint8Array): PartitionMessage | undefined {
    const decoded = this.wire.decode(bytes)
    if (decoded.ok) return decoded.value
    if (decoded.error.kind !== 'unsupported-version')
      session.fail('protocol-error', `${decoded.error.kind}: ${decoded.error.message}`)
    return undefined
  }
}
