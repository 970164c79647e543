import type { FencingToken } from '@rejoin/state'

/** Leases of all documents that are granted elsewhere than by the own voters; `leases` of `PartitionOptions`. */
export interface LeaseBackends {
  /** The leases of one document, the same object each time. */
  of(document: string): LeaseBackend
}

/**
 * Where leases come from: the own voters, or a store elsewhere that updates conditionally, as NATS KV or etcd do. One per
 * replica and document. Held to the rules by `runLeaseContract` in `@rejoin/sync/contracts`.
 */
export interface LeaseBackend {
  /** Asks once. */
  acquire(lease: string, ttlMs: number): PromiseLike<LeaseOutcome>
  /** Prolongs what was granted, under the same token, and leaves word for whoever holds the lease next. */
  renew(token: FencingToken, ttlMs: number, word?: string): PromiseLike<LeaseOutcome>
  /** Gives it back before its time, to be free at once. */
  release(token: FencingToken): PromiseLike<void>
  /** Tells the token when the lease is granted here, and undefined when it no longer is. Answers how to stop that. */
  watch(lease: string, listener: (token: FencingToken | undefined) => void): () => void
}

/** `validMs` counts by the fastest clock here from when it was asked for; nobody else is granted the lease before. */
export type LeaseOutcome =
  | {
      readonly kind: 'granted'
      readonly token: FencingToken
      readonly validMs: number
      /** What was left last with this lease, by whichever holder. */
      readonly word?: string
    }
  | { readonly kind: 'refused'; readonly because: LeaseRefusalCause; readonly reason: string }

/**
 * `taken`: somebody else has it, or may have it still. `unavailable`: nobody answered, or whoever did cannot grant now; it may be so that
 * a renewal took effect. `unsound`: nothing is granted before somebody does something about it, as the reason says.
 */
export type LeaseRefusalCause = 'taken' | 'unavailable' | 'unsound'
