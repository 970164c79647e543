import type { FencingToken } from '@rejoin/state'

/** The number of a grant. Of two, the one of the later epoch is the greater, then the one of the greater ballot. */
export type Ballot = Omit<FencingToken, 'lease'>

/** The sign of the order of two grants; fields of kind `fenced` order what was written under them alike. */
export function compareBallots(left: Ballot, right: Ballot): number {
  return left.epoch - right.epoch || left.ballot - right.ballot
}

/** Whether a grant has numbers that a store takes. */
export function isBallot({ epoch, ballot }: Ballot): boolean {
  return isCount(epoch) && isCount(ballot)
}

/** Whether a number is whole and from 0. */
export function isCount(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0
}

/** What a resource outside of the document remembers: the highest token seen of each lease. Plain data, to be kept durably. */
export type TokenGuard = readonly FencingToken[]

/** `passed`: to be acted on once `guard` is durable. `refused`: not to be acted on. */
export type TokenCheck =
  | { readonly kind: 'passed'; readonly guard: TokenGuard }
  | { readonly kind: 'refused'; readonly reason: string; readonly highest?: FencingToken }

/** Leases that one guard tells apart. */
export const mostGuardedLeases = 256

/**
 * Judges what comes with a token at a resource that is no part of the document, as a file or a payment service. A lease alone
 * does not do: its holder may be paused between looking at the clock and acting. (M. Kleppmann, How to do distributed locking, 2016.)
 * Begin with an empty guard. Costs O(leases).
 */
export function checkToken(guard: TokenGuard, token: FencingToken): TokenCheck {
  if (!isBallot(token)) return { kind: 'refused', reason: 'A fencing token is made of whole numbers from 0.' }
  const at = guard.findIndex(({ lease }) => lease === token.lease)
  const highest = guard[at]
  if (highest === undefined) {
    if (guard.length >= mostGuardedLeases)
      return {
        kind: 'refused',
        reason: `A guard tells ${mostGuardedLeases} leases apart, and has seen as many others.`,
      }
    return { kind: 'passed', guard: [...guard, token] }
  }
  const order = compareBallots(token, highest)
  if (order > 0) return { kind: 'passed', guard: guard.with(at, token) }
  if (order === 0) return { kind: 'passed', guard }
  const reason = `The lease "${token.lease}" went to a later holder: token ${inWords(token)} is below ${inWords(highest)}.`
  return { kind: 'refused', reason, highest }
}

/** Why a token is of no use to a document. */
export function writtenUnder(greater: Ballot): string {
  return `The document was written under a greater token, ${inWords(greater)}`
}

/** As people are told of it. */
export function inWords({ epoch, ballot }: Ballot): string {
  return `${epoch}.${ballot}`
}
