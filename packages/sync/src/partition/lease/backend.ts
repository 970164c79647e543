import type { FencingToken } from '@rejoin/state'

/**
 * Where leases come from: the own voters, or a store elsewhere that updates conditionally, as NATS KV or etcd do. One per
 * replica. Held to the rules by `runLeaseContract` in `@rejoin/sync/contracts`.
 */
export interface LeaseBackend {
  /** Asks once. Granted, it may be used at once: the document covers what the holder before did. */
  acquire(lease: string, ttlMs: number): Promise<LeaseOutcome>
  /** Prolongs what was granted, under the same token. */
  renew(token: FencingToken, ttlMs: number): Promise<LeaseOutcome>
  /** Gives it back before its time, to be free at once. */
  release(token: FencingToken): Promise<void>
  /** Tells the token when the lease is granted here, and undefined when it no longer is. Answers how to stop that. */
  watch(lease: string, listener: (token: FencingToken | undefined) => void): () => void
}

/** `validMs` counts by the fastest clock here from when it was asked for; nobody else is granted the lease before. */
export type LeaseOutcome =
  | { readonly kind: 'granted'; readonly token: FencingToken; readonly validMs: number }
  | { readonly kind: 'refused'; readonly reason: string }
