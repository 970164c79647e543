import type { NodeId } from '../roster.ts'

/**
 * How much an address is worth keeping. `bootstrap`: configured, to find anybody at all. `anchor`: configured, a replica
 * whose acknowledgement counts. `voter`: of a member of the roster. `known`: of anybody else.
 */
export type AddressTier = 'anchor' | 'bootstrap' | 'voter' | 'known'

/** Where a replica may be reached. */
export interface PeerAddress {
  /** Names who can dial it, as `web-socket` or `tcp`. */
  readonly transport: string
  /** In the transport's own spelling, as `wss://a.example/sync`. */
  readonly address: string
  /** Who answers there, if that is known. */
  readonly peer?: NodeId
}

/** What is remembered of an address. Times are of the wall clock, milliseconds, as they outlive the process. */
export interface AddressRecord extends PeerAddress {
  readonly tier: AddressTier
  /** Who told us: `configured`, or the peer. Whoever may come under many names should be one source, as by its network. */
  readonly source: string
  readonly addedAt: number
  readonly lastTry?: number
  /** When `peer` last proved there who it is. Without it the rest is hearsay. */
  readonly lastOk?: number
  /** Since the last good connection. Those while nothing else could be reached are not counted. */
  readonly failures: number
}

/** What is dialled as one: a peer with all of its addresses, or an address of which it is not known who answers. */
export interface DialTarget {
  readonly target: string
  readonly peer: NodeId | undefined
  /** The first that one of the addresses has: anchor, bootstrap, voter, known. */
  readonly tier: AddressTier
  /** At least one. */
  readonly addresses: readonly AddressRecord[]
}

const tiers: readonly AddressTier[] = ['anchor', 'bootstrap', 'voter', 'known']

/** The target that some addresses are. */
export function targetAt(target: string, addresses: readonly AddressRecord[]): DialTarget {
  const tier = tiers.find((name) => addresses.some((record) => record.tier === name)) ?? 'known'
  return { target, peer: addresses[0]?.peer, tier, addresses }
}

/** Characters of an address. */
export const mostAddressText = 512
/** Characters of an id of a peer and of a source. */
export const mostIdText = 128
/** Addresses kept of one peer, beside those configured. */
export const mostAddressesOfPeer = 8
/** Addresses that one configuration, or one message of a peer, may name. More are cut off. */
export const mostAddressesAtOnce = 64

/** The key of an address in a book. */
export const addressKey = ({ transport, address }: PeerAddress): string => `${transport} ${address}`

/** The name of the target that an address belongs to. */
export const targetOf = (at: PeerAddress): string => (at.peer === undefined ? addressKey(at) : targetOfPeer(at.peer))

/** The target that a peer is. No transport begins with `@`, so no key is taken for a peer. */
export const targetOfPeer = (peer: NodeId): string => `@${peer}`

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= most

/** The address in what somebody sent or a disk kept; undefined where there is none. Only its own fields are taken. */
export function addressIn(value: unknown): PeerAddress | undefined {
  const { transport, address, peer } = (value ?? {}) as Partial<Record<string, unknown>>
  if (!isText(transport, 32) || !/^[a-z][a-z0-9-]*$/.test(transport) || !isText(address, mostAddressText))
    return undefined
  if (peer === undefined) return { transport, address }
  return isText(peer, mostIdText) ? { transport, address, peer } : undefined
}

/** Times that a faulty clock set into the future count as now. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value < 2 ** 53

/** The record in a row of storage; undefined where it is damaged. */
export function recordIn(row: unknown, wall: number): AddressRecord | undefined {
  const at = addressIn(row)
  if (at === undefined) return undefined
  const { tier, source, addedAt, lastTry, lastOk, failures } = row as Partial<Record<string, unknown>>
  if (tier !== 'anchor' && tier !== 'bootstrap' && tier !== 'voter' && tier !== 'known') return undefined
  if (tier === 'voter' && at.peer === undefined) return undefined
  if (!isText(source, mostIdText) || !isTime(addedAt) || !isTime(failures)) return undefined
  if (!isTime(lastTry ?? 0) || !isTime(lastOk ?? 0)) return undefined
  return {
    ...at,
    tier,
    source,
    addedAt: Math.min(addedAt, wall),
    ...(lastTry === undefined ? {} : { lastTry: Math.min(lastTry as number, wall) }),
    ...(lastOk === undefined ? {} : { lastOk: Math.min(lastOk as number, wall) }),
    failures: Math.floor(failures),
  }
}
