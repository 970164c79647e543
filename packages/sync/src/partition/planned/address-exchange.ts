/**
 * Servers tell each other where they can be reached.
 *
 * Invariants
 * 1. Only servers of one cluster are told anything, and only they are believed; clients learn no address from anybody.
 * 2. A server passes on what other servers say of themselves while they are connected, never hearsay, and never what it found
 *    out by dialling: who does not want to be dialled is not.
 */
import { Alarm } from '../../alarm.ts'
import type { ReplicaCore } from '../../replica-core.ts'
import type { Session } from '../../session.ts'
import { mostAddressesAtOnce, mostAddressesOfPeer } from '../dialing/address.ts'
import type { NodeId } from '../roster.ts'
import { addressChannel, decodeAddressMessage, encodeAddressMessage, type OwnAddress } from './address-wire.ts'

/** News within this time are told together. */
const gatherMs = 200
/** Lists that one connection may bring in a minute; more are not looked at. */
const mostListsInMinute = 60

/** Told of what a server said: of itself and of others. `remote` is where it is connected from, or what was dialled. */
export type Heard = (from: NodeId, addresses: readonly OwnAddress[], remote: string) => void

interface Partner {
  /** What it says of itself. */
  own: readonly OwnAddress[]
  /** What it was told last. */
  told: string
  lists: number
  listsSince: number
}

/** The exchange of addresses of one server with those that it is connected to. */
export class AddressExchange {
  readonly #core: ReplicaCore
  readonly #self: NodeId
  readonly #heard: Heard
  readonly #partners = new Map<Session, Partner>()
  /** What was told by servers of which it is not known yet whether they are of the cluster: they say it once. */
  readonly #early = new WeakMap<Session, readonly OwnAddress[]>()
  readonly #asking = new Set<Session>()
  readonly #alarm: Alarm
  #own: readonly OwnAddress[] = []

  constructor(core: ReplicaCore, self: NodeId, heard: Heard) {
    this.#core = core
    this.#self = self
    this.#heard = heard
    this.#alarm = new Alarm(core.timers)
  }

  /** Says from now on that this server can be reached there. */
  advertise(addresses: readonly { readonly transport: string; readonly address: string }[]): void {
    this.#own = addresses
      .slice(0, mostAddressesOfPeer)
      .map(({ transport, address }) => ({ transport, address, peer: this.#self }))
    this.#tellSoon()
  }

  /** A server of the cluster is connected. */
  admit(session: Session): void {
    if (this.#core.role !== 'server' || !session.hearsAsides) return
    this.#partners.set(session, { own: [], told: '[]', lists: 0, listsSince: this.#core.clock.monotonic() })
    this.#tellSoon()
    const early = this.#early.get(session)
    this.#early.delete(session)
    if (early !== undefined) this.#listen(session, early)
  }

  drop(session: Session): void {
    this.#asking.delete(session)
    if (this.#partners.delete(session)) this.#tellSoon()
  }

  receive(session: Session, bytes: Uint8Array): void {
    const decoded = decodeAddressMessage(bytes)
    if (!decoded.ok) {
      session.fail('protocol-error', `${decoded.error.kind}: ${decoded.error.message}`)
      return
    }
    if (decoded.value.kind === 'addresses') this.#listen(session, decoded.value.addresses)
    else if (decoded.value.kind === 'ask') this.#answer(session, decoded.value.document)
  }

  close(): void {
    this.#alarm.clear()
    this.#partners.clear()
  }

  #listen(session: Session, addresses: readonly OwnAddress[]): void {
    const partner = this.#partners.get(session)
    // Invariant 1.
    if (partner === undefined) {
      if (session.peer?.role === 'server') this.#early.set(session, addresses)
      return
    }
    const now = this.#core.clock.monotonic()
    if (now - partner.listsSince > 60_000) {
      partner.lists = 0
      partner.listsSince = now
    }
    partner.lists += 1
    if (partner.lists > mostListsInMinute) return
    const from = session.peerName
    partner.own = addresses.filter(({ peer }) => peer === from).slice(0, mostAddressesOfPeer)
    this.#tellSoon()
    this.#heard(from, addresses, session.remote)
  }

  /** Whoever is connected may know what it may do; it could find out by opening the document. */
  #answer(session: Session, document: string): void {
    const core = this.#core
    if (core.role !== 'server' || this.#asking.has(session)) return
    this.#asking.add(session)
    core.ask(session, document).then(
      (given) => {
        this.#asking.delete(session)
        // Without a hook everybody may do everything.
        const permission = core.authorize === undefined ? 'admin' : given
        this.#send(session, encodeAddressMessage({ kind: 'given', document, permission }))
      },
      (error: unknown) => {
        this.#asking.delete(session)
        core.log('error', 'authorize-failed', { document, error: String(error) })
      },
    )
  }

  #tellSoon(): void {
    if (this.#partners.size > 0 && !this.#alarm.isSet)
      this.#alarm.set(gatherMs, () => this.#core.batch(() => this.#tell()))
  }

  /** Invariant 2. */
  #tell(): void {
    for (const [session, partner] of this.#partners) {
      const others = [...this.#partners.values()].flatMap((other) => (other === partner ? [] : other.own))
      const peer = session.peerName
      const addresses = [...this.#own, ...others.filter((at) => at.peer !== peer)].slice(0, mostAddressesAtOnce)
      const told = JSON.stringify(addresses)
      if (told === partner.told) continue
      partner.told = told
      this.#send(session, encodeAddressMessage({ kind: 'addresses', addresses }))
    }
  }

  #send(session: Session, bytes: Uint8Array): void {
    session.send({ kind: 'aside', channel: addressChannel, bytes })
  }
}
