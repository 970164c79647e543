import type { NodeId } from '../roster.ts'
import type { Ballot } from './token.ts'

/**
 * What a holder asks the voters, one acceptor each. The names are those of Paxos (L. Lamport, Paxos Made Simple, 2001); a
 * ballot is unique among those a quorum promised, as an acceptor promises each to one replica only. `epoch` is that of the
 * roster whose votes the sender counts, `request` a number that no other question of anybody bears.
 */
export type LeaseRequest =
  /** `preVote`: whether it would promise (D. Ongaro, Consensus: Bridging Theory and Practice, 2014, 9.6). */
  | {
      readonly kind: 'prepare'
      readonly lease: string
      readonly epoch: number
      readonly request: number
      readonly ballot: number
      readonly preVote: boolean
    }
  /** The token may be of an earlier epoch where an own lease that lives is renewed. */
  | {
      readonly kind: 'accept'
      readonly lease: string
      readonly epoch: number
      readonly request: number
      readonly token: Ballot
      readonly ttlMs: number
      readonly renewal: boolean
    }
  | { readonly kind: 'release'; readonly lease: string; readonly token: Ballot }
  /** From an acceptor that lost its memory to the others. */
  | { readonly kind: 'learn'; readonly epoch: number; readonly request: number }

/** Why an acceptor does not vote for it. */
export type LeaseRefusal =
  /** It may live for about so long, by the clock of the acceptor. */
  | { readonly kind: 'held'; readonly holder: NodeId; readonly forMs: number }
  /** A ballot as great was promised to another. */
  | { readonly kind: 'outbid' }
  /** It counts under another roster, that of `epoch` in the answer. */
  | { readonly kind: 'epoch' }
  /** The roster is new: for so long only renewals. */
  | { readonly kind: 'newRoster'; readonly forMs: number }
  /** It lost its memory. */
  | { readonly kind: 'recovering' }
  /** It keeps as many leases as it may. */
  | { readonly kind: 'full' }
  /** It lacks something that counted under a roster before, and does nothing but renew. */
  | { readonly kind: 'behind' }

/** What an acceptor answers. `version` is its version of the document, whatever the driver takes for that. */
export type LeaseAnswer<V> =
  /** `ballot`: the highest that it promised before, of this lease. */
  | { readonly kind: 'promised'; readonly epoch: number; readonly request: number; readonly ballot: number }
  /** The same of all leases, for who lost its memory. */
  | { readonly kind: 'learnt'; readonly epoch: number; readonly request: number; readonly ballot: number }
  | { readonly kind: 'accepted'; readonly epoch: number; readonly request: number; readonly version: V }
  | { readonly kind: 'refused'; readonly epoch: number; readonly request: number; readonly why: LeaseRefusal }

/** What goes between holders and acceptors. */
export type LeaseMessage<V> = LeaseRequest | LeaseAnswer<V>

/** What a holder asks, unlike what acceptors ask each other and answer. */
export type HolderQuestion = Exclude<LeaseRequest, { readonly kind: 'learn' }>

export function isHolderQuestion<V>(message: LeaseMessage<V>): message is HolderQuestion {
  return message.kind === 'prepare' || message.kind === 'accept' || message.kind === 'release'
}
