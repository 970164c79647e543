import { rejoinError } from '@rejoin/state'
import type { PeerAddress } from '../dialing/address.ts'
import { type AddressBookOptions, addressBookFault } from '../dialing/address-book.ts'
import { type BreakerOptions, breakerFault } from '../dialing/breaker.ts'
import { type DialPace, dialFault, type LinkLimits, linkPresets } from '../dialing/dial-options.ts'
import type { Partitions } from '../partitions.ts'
import { type AddressTransport, AddressTransports } from './address-transport.ts'

/** Where to, over what, and at what pace. */
export interface PlannedDialingOptions {
  /** How addresses are dialled; of each kind of address the first that takes it. */
  readonly over: readonly AddressTransport[]
  /** Addresses to find anybody at all: all are tried at the start, beside each other. */
  readonly bootstrap: readonly string[]
  /** Addresses of replicas to be connected with whenever they can be reached. */
  readonly anchors?: readonly string[]
  /**
   * Where others can reach this replica. Servers tell each other; clients tell nobody and are told nothing. Default: nowhere, and
   * `PlannedDialing.advertise` may say it later.
   */
  readonly advertise?: readonly string[]
  /** Says who votes and who is reached: voters are never forgotten, and dialled by all of a side in turn. */
  readonly partitions?: Pick<Partitions, 'status' | 'onVerdict'>
  /** How many peers to be connected with, by surroundings. Default `lan`. */
  readonly preset?: keyof typeof linkPresets
  /** Replaces single limits of the preset. */
  readonly links?: Partial<LinkLimits>
  readonly pace?: Partial<DialPace>
  readonly breaker?: Omit<BreakerOptions, 'random'>
  readonly book?: Pick<AddressBookOptions, 'capacity' | 'forgetMs'>
}

/** Options with their defaults, checked. */
export interface CheckedPlan {
  readonly transports: AddressTransports
  readonly bootstrap: readonly PeerAddress[]
  readonly anchors: readonly PeerAddress[]
  readonly advertise: readonly PeerAddress[]
  readonly partitions: Pick<Partitions, 'status' | 'onVerdict'> | undefined
  readonly links: LinkLimits
  readonly pace: Partial<DialPace>
  readonly breakerOptions: Omit<BreakerOptions, 'random'>
  readonly bookOptions: Pick<AddressBookOptions, 'capacity' | 'forgetMs'>
}

/** @throws RejoinError `config-invalid` where numbers are out of range, or a text is no address. */
export function checkedPlan(options: PlannedDialingOptions): CheckedPlan {
  const { over, preset = 'lan', pace = {}, breaker = {}, book = {} } = options
  const links = { ...linkPresets[preset], ...options.links }
  const fault = dialFault(links, pace) ?? breakerFault(breaker) ?? addressBookFault(book)
  if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
  const transports = new AddressTransports(over)
  return {
    transports,
    bootstrap: readAddresses(transports, options.bootstrap),
    anchors: readAddresses(transports, options.anchors ?? []),
    advertise: readAddresses(transports, options.advertise ?? []),
    partitions: options.partitions,
    links,
    pace,
    breakerOptions: breaker,
    bookOptions: book,
  }
}

/** @throws RejoinError `config-invalid` for what no transport takes. */
export function readAddresses(transports: AddressTransports, texts: readonly string[]): PeerAddress[] {
  return texts.map((text) => {
    const address = transports.read(text)
    if (address !== undefined) return address
    throw rejoinError('config-invalid', { reason: `${JSON.stringify(text.slice(0, 200))} is no address to dial here.` })
  })
}
