import type { Version } from '@rejoin/state'
import type { AcceptorEffect, AcceptorInput } from './lease/acceptor.ts'
import { type AcceptorState, leftOf } from './lease/acceptor-state.ts'
import { type Reading, readClock } from './lease/clock.ts'
import { isHolderQuestion, type LeaseRefusal } from './lease/messages.ts'
import { defaultEpsilon } from './lease/options.ts'
import { type Ballot, compareBallots } from './lease/token.ts'
import type { Partitions } from './partitions.ts'
import type { NodeId } from './roster.ts'

/** A lease that this voter voted for, and that may live still. */
export interface GrantedLease {
  readonly document: string
  readonly name: string
  /** Who was given the vote: the name of a server; of a client its name, or its id where it has none, as `NAME (client)`. */
  readonly holder: NodeId
  readonly token: Ballot
  /** Until then this voter votes for nobody else, unless it is renewed or given back: Unix milliseconds. */
  readonly until: number
}

/** Which of them are wanted. */
export interface GrantedQuery {
  /** Those of one document alone. */
  readonly document?: string
  /** How many are listed. Default 100. */
  readonly most?: number
}

/** What one voter answered. */
export interface VoteCounts {
  /** Votes for a lease to somebody who did not hold it under that token. Those of attempts that found no quorum are among them. */
  grants: number
  /** Leases that were given back, those of such attempts too. */
  releases: number
  /** Leases that ended otherwise, counted when they were granted anew. */
  lapses: number
  /** By reason. */
  readonly refusals: { [K in LeaseRefusal['kind']]?: number }
}

/**
 * What one voter knows of leases by its own votes. A quorum of the voters decides who holds one: what is listed here may have ended, or
 * have been granted by others, without this voter having heard of it.
 */
export interface GrantedLeases {
  /** In the order of documents, then of names. */
  readonly leases: readonly GrantedLease[]
  /** How many there are, listed or not. */
  readonly count: number
}

/** One step of an acceptor. */
export interface VoteStep {
  readonly input: AcceptorInput<Version>
  readonly before: AcceptorState
  readonly after: AcceptorState
  readonly effects: readonly AcceptorEffect<Version>[]
}

/** The votes of a voter, with the keys of clients. */
export interface VoteRecords {
  /** By document. */
  readonly seats: ReadonlyMap<string, { readonly acceptor: { readonly state: AcceptorState } }>
  /** As of now. */
  readonly reading: Reading
  /** Told of each step; one at a time. */
  observer: ((step: VoteStep) => void) | undefined
}

/** What stands between what is told of a client and its key. */
export const keyMark = '\n'

/** What may be told of who holds a lease: no key. */
export function withoutKey(holder: NodeId): NodeId {
  return holder.split(keyMark)[0] as NodeId
}

/**
 * The leases that a voter voted for, as those votes stand on its disk, for operators: a look at one voter, by which nobody may act.
 * Undefined at who has no `voting`. One that began a short while ago (`renewsOnlyUntil` of the status) may lack leases of before until
 * they are renewed. Costs O(leases of all documents), whatever is listed.
 */
export function grantedLeases(
  { votes }: Pick<Partitions, 'votes'>,
  { document, most = 100 }: GrantedQuery = {},
): GrantedLeases | undefined {
  if (votes === undefined) return undefined
  const { seats, reading } = votes
  const leases: GrantedLease[] = []
  let count = 0
  for (const [of, { acceptor }] of seats) {
    if (document !== undefined && document !== of) continue
    const { state } = acceptor
    const { elapsed } = readClock(state.clock, reading, Math.min)
    for (const kept of state.leases) {
      const leftMs = leftOf(kept, elapsed, defaultEpsilon)
      if (kept.accepted === undefined || leftMs <= 0) continue
      count += 1
      const { holder, epoch, ballot } = kept.accepted
      const until = Math.ceil(reading.wall + leftMs)
      const lease = { document: of, name: kept.lease, holder: withoutKey(holder), token: { epoch, ballot }, until }
      const at = leases.findLastIndex((other) => isBefore(other, lease)) + 1
      if (at >= most) continue
      leases.splice(at, 0, lease)
      // No more than are wanted are kept at any time.
      if (leases.length > most) leases.pop()
    }
  }
  return { leases, count }
}

function isBefore(left: GrantedLease, right: GrantedLease): boolean {
  return left.document === right.document ? left.name < right.name : left.document < right.document
}

/** Counts what a voter answers from now on, one count for each voter; nothing at who has no `voting`. The answer grows. */
export function countVotes({ votes }: Pick<Partitions, 'votes'>): Readonly<VoteCounts> {
  const counts: VoteCounts = { grants: 0, releases: 0, lapses: 0, refusals: {} }
  if (votes !== undefined)
    votes.observer = ({ input, before, after, effects }) => {
      if (input.kind !== 'receive') return
      for (const effect of effects) {
        if (effect.kind !== 'send' || effect.message.kind !== 'refused') continue
        const { kind } = effect.message.why
        counts.refusals[kind] = (counts.refusals[kind] ?? 0) + 1
      }
      if (!isHolderQuestion(input.message)) return
      const { lease: name } = input.message
      const [was, is] = [before, after].map(({ leases }) => leases.find(({ lease }) => lease === name)?.accepted)
      if (was !== undefined && is !== undefined && compareBallots(was, is) === 0) return
      if (is !== undefined) counts.grants += 1
      if (was !== undefined) counts[is === undefined ? 'releases' : 'lapses'] += 1
    }
  return counts
}
