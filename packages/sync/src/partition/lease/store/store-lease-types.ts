import type { FencingToken } from '@rejoin/state'
import type { LeaseRefusalCause } from '../backend.ts'
import type { LeaseClock, Reading } from '../clock.ts'
import type { StoreLife } from './records.ts'

export interface StoreLeaseOptions {
  readonly document: string
  readonly lease: string
  /** Made anew with each opening: what another opening was granted is not this one's. */
  readonly self: string
  /** What this replica is called, for people. */
  readonly name: string
  /** The longest that any lease in this store is asked for, milliseconds; the same at all that use it. */
  readonly maxTtlMs: number
  /** By how much of itself the rate of a clock may be wrong. A holder counts so much less, others so much more. Default 0.05. */
  readonly epsilon?: number
  /** Ids that are given once. */
  readonly newId: () => string
}

/** Where a record stands: names, from the outermost on. */
export type StoreKey = readonly string[]

/** What a store says. */
export type StoreAnswer =
  /** Revisions grow over all keys of a store and count from 1; 0 where nothing is. `text` is undefined where there is none. */
  | { readonly kind: 'entry'; readonly revision: number; readonly text: string | undefined }
  | { readonly kind: 'written'; readonly revision: number }
  /** It was written by somebody since, and not now. */
  | { readonly kind: 'conflict' }
  /** What was to be written may stand there, or may still come to. */
  | {
      readonly kind: 'failed'
      readonly because: Extract<LeaseRefusalCause, 'unavailable' | 'unsound'>
      readonly reason: string
    }

export type StoreLeaseInput =
  | ({ readonly kind: 'acquire'; readonly ttlMs: number } & Reading)
  | ({ readonly kind: 'renew'; readonly token: FencingToken; readonly ttlMs: number; readonly word?: string } & Reading)
  | ({ readonly kind: 'release'; readonly token: FencingToken } & Reading)
  | ({ readonly kind: 'answer'; readonly request: number; readonly answer: StoreAnswer } & Reading)
  | ({ readonly kind: 'tick' } & Reading)

export type StoreLeaseEffect =
  /** Of the latest, not of a copy that may be behind. `withinMs`: then it counts as not answered. */
  | { readonly kind: 'read'; readonly request: number; readonly key: StoreKey; readonly withinMs: number }
  /** Only where the revision is `expected` still. */
  | {
      readonly kind: 'write'
      readonly request: number
      readonly key: StoreKey
      readonly text: string
      readonly expected: number
      readonly withinMs: number
    }
  | { readonly kind: 'granted'; readonly token: FencingToken; readonly validMs: number; readonly word?: string }
  | { readonly kind: 'refused'; readonly because: LeaseRefusalCause; readonly reason: string }
  | { readonly kind: 'lost'; readonly token: FencingToken; readonly reason: string }
  /** Whatever was to be given back is, or lapses by itself. */
  | { readonly kind: 'released' }

/** A record that did not change since, by the clock that went less. */
export interface Watched {
  readonly revision: number
  /** A store that lost what it had gives out its revisions again. */
  readonly text: string | undefined
  readonly since: number
}

/** A life that may not be open yet. */
export interface FoundLife {
  readonly life: StoreLife
  readonly since: number
}

/** What is wanted of the store at present, step by step. */
export interface StoreTask {
  readonly purpose: 'acquire' | 'renew' | 'release'
  readonly stage: 'life' | 'found' | 'opened' | 'open' | 'lease' | 'write' | 'reread' | 'check'
  readonly request: number
  /** When it was asked for, by the clock that went more. */
  readonly sentAt: number
  readonly ttlMs: number
  readonly word?: string
  /** The revision of the grant, once it is written. */
  readonly revision?: number
  readonly found?: FoundLife
  readonly isSecond?: boolean
  /** Another life was written for it: once, or who writes over it is answered without end. */
  readonly hasBegunLife?: boolean
}

export interface HeldOfStore {
  readonly token: FencingToken
  readonly lifeId: string
  readonly revision: number
  /** By the clock that went more. */
  readonly until: number
  readonly word?: string
}

/** All of a machine as plain data. */
export interface StoreLeaseState {
  readonly fast: LeaseClock
  readonly slow: LeaseClock
  readonly nextRequest: number
  /** The epoch of no life that counts is below. */
  readonly floor: number
  /** The one in which leases are granted, as far as it is known. */
  readonly life?: StoreLife
  /** The highest revision that was seen in this life. */
  readonly highest: number
  readonly watched: { readonly life?: Watched; readonly lease?: Watched }
  readonly held?: HeldOfStore
  readonly toFree?: Omit<HeldOfStore, 'until'>
  readonly task?: StoreTask
}

/** One that has asked for nothing yet. What was held before it began is void. */
export function startStoreLease({ now, wall }: Reading): StoreLeaseState {
  const clock: LeaseClock = { now, wall, elapsed: 0 }
  return { fast: clock, slow: clock, nextRequest: 1, floor: 0, highest: 0, watched: {} }
}
