/**
 * Which addresses there are, and what came of them.
 *
 * Invariants
 * 1. Addresses of the tiers `bootstrap`, `anchor` and `voter` are not forgotten for failing or for age.
 * 2. Memory is bounded, and no source pushes out what others told: what is too much goes from the source that has most
 *    (after Heilman et al., Eclipse Attacks on Bitcoin's Peer-to-Peer Network, 2015), hearsay before what was proved.
 * 3. Failures count only while another link works: being offline must not spoil the book (as in Bitcoin Core).
 */
import type { NodeId, Roster } from '../roster.ts'
import { compareRosters } from '../roster-record.ts'
import {
  type AddressRecord,
  type AddressTier,
  addressIn,
  addressKey,
  type DialTarget,
  mostAddressesAtOnce,
  mostAddressesOfPeer,
  mostIdText,
  type PeerAddress,
  recordIn,
  targetAt,
  targetOf,
  targetOfPeer,
} from './address.ts'
import { worstOf } from './book-eviction.ts'

/** What a book is made of. */
export interface AddressBookOptions {
  /** Our own id: what others say of our own addresses is not taken. */
  readonly self: NodeId
  /** Addresses of the tier `known`: 16 to 65,536. More find somebody sooner after long absence; storage and a scan of them grow. Default 1,000. */
  readonly capacity?: number
  /** A known address goes after failing for so long, milliseconds: an hour or more. Default 90 days. */
  readonly forgetMs?: number
  /** What storage kept, of any shape. */
  readonly rows?: readonly unknown[]
  /** The wall clock, milliseconds. */
  readonly wall: number
}

/** What a book hears. Keys are those of `addressKey`; of others nothing is noted. `wall` is the wall clock, milliseconds. */
export type AddressBookInput =
  /** All addresses of one tier, by configuration. What is not named any more loses the tier. */
  | {
      readonly kind: 'configure'
      readonly tier: 'bootstrap' | 'anchor'
      readonly addresses: readonly PeerAddress[]
      readonly wall: number
    }
  /** A peer, or a finder such as DNS, told some. Only the word of a peer on itself replaces what others told of the address. */
  | {
      readonly kind: 'learn'
      readonly source: string
      readonly addresses: readonly PeerAddress[]
      readonly wall: number
    }
  /** Voters get their tier and keep it until a later roster says otherwise. */
  | { readonly kind: 'roster'; readonly roster: Roster }
  | { readonly kind: 'tried'; readonly key: string; readonly wall: number }
  /** `peer` proved there who it is. */
  | { readonly kind: 'ok'; readonly key: string; readonly peer: NodeId; readonly wall: number }
  /** A connection lived or carried data: earlier failures say nothing any more. */
  | { readonly kind: 'healthy'; readonly key: string }
  | { readonly kind: 'failed'; readonly key: string; readonly hasOtherLink: boolean }
  /** Time has passed; asked for now and then. */
  | { readonly kind: 'age'; readonly wall: number }

/** For storage: one row changed, or is gone. */
export type AddressBookEffect =
  | { readonly kind: 'persist'; readonly key: string; readonly record: AddressRecord }
  | { readonly kind: 'forget'; readonly key: string }

/** Addresses, and what came of them. What it shows is not to be changed. */
export interface AddressBook {
  step(input: AddressBookInput): AddressBookEffect[]
  readonly records: ReadonlyMap<string, AddressRecord>
  /** Rows that could not be read, or were too many. */
  readonly skippedRows: number
  /** By the target's name, in the order in which they came. */
  readonly targets: ReadonlyMap<string, DialTarget>
  /** Those of them that are of another tier than `known`. */
  readonly important: ReadonlyMap<string, DialTarget>
  readonly voters: ReadonlySet<NodeId>
}

const failuresToForget = 3
const isConfigured = ({ tier }: AddressRecord): boolean => tier === 'bootstrap' || tier === 'anchor'
const isHearsay = ({ lastOk }: AddressRecord): boolean => lastOk === undefined

/** What is wrong with the numbers of a book, in words; undefined where nothing is. */
export function addressBookFault({
  capacity = 1000,
  forgetMs = 3_600_000,
}: Partial<AddressBookOptions>): string | undefined {
  if (!Number.isInteger(capacity) || capacity < 16 || capacity > 65_536)
    return 'The capacity of an address book is a whole number from 16 to 65536.'
  if (!(forgetMs >= 3_600_000)) return 'Known addresses are kept for an hour (3600000 ms) at least.'
  return undefined
}

/** Makes a book of what storage kept. A step costs O(addresses named), and O(book) for each address too much. */
export function createAddressBook(options: AddressBookOptions): AddressBook {
  const { self, capacity = 1000, forgetMs = 90 * 86_400_000 } = options
  const records = new Map<string, AddressRecord>()
  const targets = new Map<string, DialTarget>()
  const important = new Map<string, DialTarget>()
  const counts: Record<AddressTier, number> = { anchor: 0, bootstrap: 0, voter: 0, known: 0 }
  let voters: ReadonlySet<NodeId> = new Set()
  let latest: Roster | undefined
  let effects: AddressBookEffect[] = []
  let skippedRows = 0

  const addressesOf = (target: string): readonly AddressRecord[] => targets.get(target)?.addresses ?? []
  const setTarget = (target: string, addresses: readonly AddressRecord[]): void => {
    const made = targetAt(target, addresses)
    if (addresses.length > 0) targets.set(target, made)
    else targets.delete(target)
    if (made.tier === 'known') important.delete(target)
    else important.set(target, made)
  }
  const takeOut = (key: string): void => {
    const old = records.get(key)
    if (old === undefined) return
    const target = targetOf(old)
    setTarget(
      target,
      addressesOf(target).filter((record) => record !== old),
    )
    counts[old.tier] -= 1
    records.delete(key)
  }
  const put = (record: AddressRecord): void => {
    const key = addressKey(record)
    const old = records.get(key)
    const target = targetOf(record)
    if (old !== undefined && targetOf(old) === target) {
      // In its place, so that the order does not tell who was tried last.
      setTarget(
        target,
        addressesOf(target).map((other) => (other === old ? record : other)),
      )
      counts[old.tier] -= 1
    } else {
      takeOut(key)
      setTarget(target, [...addressesOf(target), record])
    }
    counts[record.tier] += 1
    records.set(key, record)
    effects.push({ kind: 'persist', key, record })
  }
  const forget = (record: AddressRecord): void => {
    const key = addressKey(record)
    takeOut(key)
    effects.push({ kind: 'forget', key })
  }
  const trim = (pool: AddressRecord[], most: number): void => {
    for (let left = pool; left.length > most; ) {
      const hearsay = left.filter(isHearsay)
      const worst = worstOf(hearsay.length > 0 ? hearsay : left)
      forget(worst)
      left = left.filter((record) => record !== worst)
    }
  }
  /** Of one peer, so that false claims to be a voter do not grow without end. What is named by `kept` stays. */
  const trimPeer = (peer: NodeId | undefined, kept?: string): void => {
    if (peer === undefined) return
    const own = addressesOf(targetOfPeer(peer)).filter((record) => !isConfigured(record))
    if (own.length <= mostAddressesOfPeer) return
    const pool = own.filter((record) => addressKey(record) !== kept)
    trim(pool, mostAddressesOfPeer - (own.length - pool.length))
  }
  const trimKnown = (): void => {
    if (counts.known > capacity)
      trim(
        [...records.values()].filter(({ tier }) => tier === 'known'),
        capacity,
      )
  }

  const tierOf = (peer: NodeId | undefined): AddressTier => (peer !== undefined && voters.has(peer) ? 'voter' : 'known')
  const configure = (tier: 'bootstrap' | 'anchor', addresses: readonly PeerAddress[], wall: number): void => {
    const named = addresses.flatMap((given) => addressIn(given) ?? []).slice(0, mostAddressesAtOnce)
    const keys = new Set(named.map(addressKey))
    for (const [key, record] of [...records])
      if (record.tier === tier && !keys.has(key)) put({ ...record, tier: tierOf(record.peer) })
    for (const at of named) {
      const old = records.get(addressKey(at))
      // What was only heard of it, as who answers there, counts no more.
      if (old?.tier !== tier)
        put({ ...(old === undefined || isHearsay(old) ? fresh(at, 'configured', wall) : old), tier })
    }
  }
  const fresh = (at: PeerAddress, source: string, wall: number): AddressRecord => ({
    ...at,
    tier: tierOf(at.peer),
    source,
    addedAt: wall,
    failures: 0,
  })
  const learn = (source: string, addresses: readonly PeerAddress[], wall: number): void => {
    if (source === '' || source.length > mostIdText) return
    for (const given of addresses.slice(0, mostAddressesAtOnce)) {
      const at = addressIn(given)
      if (at === undefined || at.peer === self) continue
      const key = addressKey(at)
      const old = records.get(key)
      const isOwnWord = source === at.peer
      // Hearsay must not name a peer for an address: dialling that peer, or not dialling it, would be the liar's choice.
      if (old !== undefined && (!isOwnWord || old.peer === at.peer || isConfigured(old) || !isHearsay(old))) continue
      put(fresh(at, source, wall))
      trimPeer(at.peer, isOwnWord ? key : undefined)
      trimKnown()
    }
  }
  const takeRoster = (roster: Roster): void => {
    if (latest !== undefined && compareRosters(roster, latest) <= 0) return
    latest = roster
    voters = new Set(roster.voters.map(({ id }) => id))
    for (const record of [...records.values()]) {
      const tier = tierOf(record.peer)
      if (!isConfigured(record) && record.tier !== tier) put({ ...record, tier })
    }
    trimKnown()
  }
  const ok = (record: AddressRecord, peer: NodeId, wall: number): void => {
    // Whoever took over the address of a voter does not make us forget the voter.
    if (record.tier === 'voter' && record.peer !== peer) return
    put({ ...record, peer, tier: isConfigured(record) ? record.tier : tierOf(peer), lastOk: wall })
    trimPeer(peer, addressKey(record))
    trimKnown()
  }
  const age = (wall: number): void => {
    for (const record of [...records.values()]) {
      const isOld = wall - (record.lastOk ?? record.addedAt) >= forgetMs
      // Tried in vain, too: else a long sleep would empty the book.
      if (record.tier === 'known' && isOld && record.failures >= failuresToForget) forget(record)
    }
  }
  const restore = (rows: readonly unknown[]): void => {
    const room: Record<AddressTier, number> = {
      anchor: mostAddressesAtOnce,
      bootstrap: mostAddressesAtOnce,
      voter: 255 * mostAddressesOfPeer,
      known: capacity,
    }
    for (const row of rows) {
      const record = recordIn(row, options.wall)
      if (record === undefined || records.has(addressKey(record)) || counts[record.tier] >= room[record.tier])
        skippedRows += 1
      else put(record)
    }
    effects = []
  }
  restore(options.rows ?? [])

  const step = (input: AddressBookInput): void => {
    switch (input.kind) {
      case 'configure':
        configure(input.tier, input.addresses, input.wall)
        trimKnown()
        break
      case 'learn':
        learn(input.source, input.addresses, input.wall)
        break
      case 'roster':
        takeRoster(input.roster)
        break
      case 'age':
        age(input.wall)
        break
      default: {
        const record = records.get(input.key)
        if (record !== undefined) note(record, input)
      }
    }
  }
  const note = (record: AddressRecord, input: AddressBookInput & { readonly key: string }): void => {
    if (input.kind === 'tried') put({ ...record, lastTry: input.wall })
    else if (input.kind === 'ok') ok(record, input.peer, input.wall)
    else if (input.kind === 'healthy' && record.failures > 0) put({ ...record, failures: 0 })
    else if (input.kind === 'failed' && input.hasOtherLink) put({ ...record, failures: record.failures + 1 })
  }

  return {
    records,
    targets,
    important,
    skippedRows,
    get voters(): ReadonlySet<NodeId> {
      return voters
    },
    step: (input) => {
      effects = []
      step(input)
      return effects
    },
  }
}
