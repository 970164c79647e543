/** What is to be made of a record that was read. */
import type { LeaseRefusalCause } from '../backend.ts'
import { forMore } from '../left-words.ts'
import { decodeLease, decodeLife, type StoredLease, type StoreLife } from './records.ts'
import type { StoreLeaseState, Watched } from './store-lease-types.ts'

export interface ReadRecord {
  readonly revision: number
  readonly text: string | undefined
}

interface Refused {
  readonly kind: 'refused'
  readonly because: LeaseRefusalCause
  readonly reason: string
}

export type LifeJudgement =
  /** There is none, or one that ended: another has to begin. */
  { readonly kind: 'ended' } | { readonly kind: 'life'; readonly life: StoreLife } | Refused

/** What life a store is in. */
export function judgeLife(state: StoreLeaseState, { text }: ReadRecord, maxTtlMs: number): LifeJudgement {
  const life = decodeLife(text)
  const isOther = life?.epoch === state.life?.epoch && life?.id !== state.life?.id
  if (life === undefined || life.epoch < state.floor || isOther) return { kind: 'ended' }
  if (life.maxTtlMs === maxTtlMs) return { kind: 'life', life }
  const reason = `Leases in this store last ${life.maxTtlMs} ms at most, here it is said to be ${maxTtlMs} ms.`
  return { kind: 'refused', because: 'unsound', reason }
}

/** Undefined once all that was granted in the life before has ended. */
export function judgeOpening(
  state: StoreLeaseState,
  since: number,
  { maxTtlMs, epsilon }: { readonly maxTtlMs: number; readonly epsilon: number },
): Refused | undefined {
  const leftMs = since + maxTtlMs * (1 + epsilon) - state.slow.elapsed
  if (leftMs <= 0) return undefined
  const reason = `The store is new, or has lost what it had: nothing is granted ${forMore(leftMs)}, until what was granted then has ended.`
  return { kind: 'refused', because: 'taken', reason }
}

export type LeaseJudgement = { readonly kind: 'free'; readonly lease: StoredLease | undefined } | Refused

/** Whether a lease may be taken: nobody holds it, or the record did not change for as long as its holder may go on. */
export function judgeLease(
  state: StoreLeaseState,
  { revision, text }: ReadRecord,
  watched: Watched,
  { maxTtlMs, epsilon, self }: { readonly maxTtlMs: number; readonly epsilon: number; readonly self: string },
): LeaseJudgement {
  if (revision === 0) return { kind: 'free', lease: undefined }
  const lease = decodeLease(text, maxTtlMs)
  // What this opening was granted, or may have been without hearing of it, it does not hold when it asks.
  if (lease?.ttlMs === 0 || lease?.holder === self) return { kind: 'free', lease }
  // Whoever held it before it was overwritten may go on for the longest that there is.
  const leftMs = watched.since + (lease?.ttlMs ?? maxTtlMs) * (1 + epsilon) - state.slow.elapsed
  if (leftMs <= 0) return { kind: 'free', lease }
  if (lease === undefined) {
    const reason = `Its record was deleted or cannot be read: somebody else wrote it. It is free if it stays so ${forMore(leftMs)}.`
    return { kind: 'refused', because: 'unsound', reason }
  }
  const reason = `It is held by ${lease.name}, ${forMore(leftMs)} unless that renews it.`
  return { kind: 'refused', because: 'taken', reason }
}
