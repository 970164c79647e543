/** What is played as an app in worlds of voters, and what its functions may answer. */
import { type DraftOf, type RejoinError, rejoinError, type Schema, type SnapshotOf } from '@rejoin/state'
import type { RandomStream } from '../random.ts'

/** What runs at the nodes of a world: a document, and what is done with it. */
export interface SimulatedApp<S extends Schema> {
  readonly schema: S
  /**
   * Somebody does something, synchronously. Draw from `random` only: nothing else is the same in a replay. What the document
   * refuses with a `RejoinError` is not written; anything else that is thrown, as by an assertion, is wrong.
   */
  readonly write: (draft: DraftOf<S>, random: RandomStream) => void
  /** What only one may do at a time. */
  readonly exclusive?: ExclusiveWork<S>
  /** What must hold at every replica at every moment: says what is wrong, or nothing, synchronously. What it throws is wrong, too. */
  readonly check?: (snapshot: SnapshotOf<S>) => string | undefined
}

/** What is done by whoever holds a lease. */
export interface ExclusiveWork<S extends Schema> {
  /** That of the `fenced` fields it writes. */
  readonly lease: string
  readonly write: (draft: DraftOf<S>, random: RandomStream) => void
  /** What was begun by that, such as the number of a round: nothing is begun twice. */
  readonly begun?: (snapshot: SnapshotOf<S>) => string | number
}

/** What became of what an app tried to write. */
export interface WriteTally {
  /** Calls. */
  tried: number
  /** Those that wrote something. */
  written: number
  /** Those that the document refused. */
  refused: number
  /** Code and reason of the last refusal. */
  refusal?: string
}

/** What became of the writes of an app: of what users do, and of what only one may do. */
export interface WriteTallies {
  readonly write: WriteTally
  readonly exclusive: WriteTally
}

/** Whether something is a promise, which is kept from ending the process should it be rejected: nobody waits for it. */
export function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false
  value.then(undefined, () => undefined)
  return true
}

/** For a function of an app that is `async`. A world waits for nothing but its own events, so its replay would differ. */
export function notSynchronous(what: string): RejoinError {
  return rejoinError('invalid-scenario', {
    reason: `${what} must be synchronous, and returned a promise: take async and await out of it.`,
    details: { what },
  })
}
