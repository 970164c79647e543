import type { Version } from '@rejoin/state'
import type { Resume } from './frame.ts'
import type { Limits } from './limits.ts'

/** An encoded bundle on its way to somebody, kept for a while so that a cut transfer can go on. */
export interface OutgoingTransfer {
  readonly id: string
  readonly document: string
  readonly base: Version
  readonly version: Version
  readonly bytes: Uint8Array
  /** Whether it answers the question of one peer, and is of use to nobody else. */
  readonly isJoin?: boolean
  /** The version that it refers to: of use only to who holds that. */
  readonly known?: Version | undefined
  /** Whether it is packed: of use only to who takes that. */
  readonly packs: boolean
}

/** What tells bundles apart. */
export type WantedTransfer = Pick<OutgoingTransfer, 'document' | 'base' | 'version' | 'packs'>

/** Encoded bundles by transfer id. Bounded in bytes and in time; forgetting one costs a new transfer, nothing else. */
export interface TransferCache {
  put(transfer: OutgoingTransfer, now: number): void
  get(id: string, document: string, now: number): OutgoingTransfer | undefined
  /** The bundle of exactly this, if it was encoded lately, by nothing but what is among `held`. */
  find(wanted: WantedTransfer, held: readonly Version[]): OutgoingTransfer | undefined
  forget(document: string): void
}

export function createTransferCache(limits: Pick<Limits, 'transferCacheBytes' | 'transferCacheMs'>): TransferCache {
  // In order of last use.
  const kept = new Map<string, { readonly transfer: OutgoingTransfer; usedAt: number }>()
  let bytes = 0
  const remove = (id: string): void => {
    bytes -= kept.get(id)?.transfer.bytes.length ?? 0
    kept.delete(id)
  }
  return {
    put: (transfer, now) => {
      for (const [id, entry] of kept) {
        const stale = now - entry.usedAt > limits.transferCacheMs
        if (!stale && bytes + transfer.bytes.length <= limits.transferCacheBytes) break
        remove(id)
      }
      kept.set(transfer.id, { transfer, usedAt: now })
      bytes += transfer.bytes.length
    },
    get: (id, document, now) => {
      const entry = kept.get(id)
      if (entry === undefined || entry.transfer.document !== document) return undefined
      kept.delete(id)
      kept.set(id, { transfer: entry.transfer, usedAt: now })
      return entry.transfer
    },
    find: ({ document, base, version, packs }, held) => {
      for (const { transfer } of kept.values()) {
        if (transfer.isJoin === true || transfer.document !== document || transfer.packs !== packs) continue
        if (transfer.version.size !== version.size) continue
        if (transfer.known !== undefined && !held.includes(transfer.known)) continue
        if (transfer.version.equals(version) && transfer.base.equals(base)) return transfer
      }
      return undefined
    },
    forget: (document) => {
      for (const [id, entry] of kept) if (entry.transfer.document === document) remove(id)
    },
  }
}

/** A bundle of which not all has come. */
interface Incoming {
  readonly totalBytes: number
  readonly from: string
  readonly chunks: Uint8Array[]
  bytes: number
}

/** What became of a chunk. */
export type ChunkOutcome =
  | { readonly kind: 'staged'; readonly durable: boolean }
  | { readonly kind: 'complete'; readonly bytes: Uint8Array; readonly durable: boolean }
  /** Not the piece that is wanted next; harmless. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'too-large' }

/**
 * Bundles that are coming in pieces. Pieces are only transport: nothing of them is applied before all are there (C3).
 */
export interface Staging {
  add(transfer: string, from: string, totalBytes: number, offset: number, chunk: Uint8Array): ChunkOutcome
  /** Puts back a piece that was read from disk. */
  restore(transfer: string, totalBytes: number, offset: number, chunk: Uint8Array): void
  /** What to go on with when `from` is met again. */
  resume(from: string): Resume | undefined
  drop(transfer: string): void
  clear(): void
  ids(): string[]
}

/** Transfers that come from one sender at once, and from all. */
const maxTransfers = 4
const maxOfAll = 64

export function createStaging(limits: Pick<Limits, 'bundleBytes' | 'stagedBytes' | 'stagedDurablyBytes'>): Staging {
  const coming = new Map<string, Incoming>()
  const stagedBytes = (): number => [...coming.values()].reduce((sum, incoming) => sum + incoming.bytes, 0)
  const begin = (transfer: string, from: string, totalBytes: number): Incoming => {
    // The oldest go: of this sender, so that nobody crowds out the others; of all where there are many senders.
    const own = [...coming].filter(([, other]) => other.from === from).map(([id]) => id)
    for (const id of own.slice(0, Math.max(0, own.length + 1 - maxTransfers))) coming.delete(id)
    for (const id of [...coming.keys()].slice(0, Math.max(0, coming.size + 1 - maxOfAll))) coming.delete(id)
    const incoming: Incoming = { totalBytes, from, chunks: [], bytes: 0 }
    coming.set(transfer, incoming)
    return incoming
  }
  const append = (incoming: Incoming, chunk: Uint8Array): void => {
    incoming.chunks.push(chunk.slice())
    incoming.bytes += chunk.length
  }
  return {
    add: (transfer, from, totalBytes, offset, chunk) => {
      if (totalBytes > limits.bundleBytes) return { kind: 'too-large' }
      let incoming = coming.get(transfer)
      if (incoming !== undefined && incoming.totalBytes !== totalBytes) return { kind: 'ignored' }
      if (incoming === undefined) {
        if (offset !== 0) return { kind: 'ignored' }
        incoming = begin(transfer, from, totalBytes)
      }
      if (offset !== incoming.bytes) return { kind: 'ignored' }
      append(incoming, chunk)
      if (stagedBytes() > limits.stagedBytes) {
        coming.delete(transfer)
        return { kind: 'too-large' }
      }
      const durable = totalBytes >= limits.stagedDurablyBytes
      if (incoming.bytes < totalBytes) return { kind: 'staged', durable }
      coming.delete(transfer)
      return { kind: 'complete', bytes: join(incoming), durable }
    },
    restore: (transfer, totalBytes, offset, chunk) => {
      const incoming = coming.get(transfer) ?? begin(transfer, '', totalBytes)
      if (offset === incoming.bytes && incoming.bytes + chunk.length < totalBytes) append(incoming, chunk)
    },
    resume: (from) => {
      let best: Resume | undefined
      for (const [transfer, incoming] of coming) {
        const known = incoming.from === from || incoming.from === ''
        if (known && incoming.bytes > (best?.bytes ?? 0)) best = { transfer, bytes: incoming.bytes }
      }
      return best
    },
    drop: (transfer) => {
      coming.delete(transfer)
    },
    clear: () => coming.clear(),
    ids: () => [...coming.keys()],
  }
}

function join(incoming: Incoming): Uint8Array {
  const whole = new Uint8Array(incoming.totalBytes)
  let offset = 0
  for (const chunk of incoming.chunks) {
    whole.set(chunk, offset)
    offset += chunk.length
  }
  return whole
}
