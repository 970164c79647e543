import type { DottedItem } from './rules.ts'
import { compareItems, winningItem } from './stamp-order.ts'
import type { Value } from './value.ts'

/**
 * The right to write what a lease guards, numbered so that who holds it later can be told from who held it before.
 * Tokens come from whoever grants the lease; a store only compares them.
 */
export interface FencingToken {
  /** Name of the lease, as the fenced field declares it. */
  readonly lease: string
  /** Number of the roster under which the lease was granted. */
  readonly epoch: number
  /** Grows with every grant within an epoch. */
  readonly ballot: number
}

/** An item as far as grades go. */
interface GradedItem extends DottedItem {
  readonly value: Value
}

/** The parts of a stored value that has a grade before it, or undefined when it has another form. */
function partsOf(value: Value, count: number): readonly Value[] | undefined {
  return Array.isArray(value) && value.length === count ? value : undefined
}

/** What a ranked register stores: `[rank, value]`. */
export function rankedValue(rank: number, value: Value): Value {
  return Object.freeze([rank, value])
}

/** The rank of a stored value; the lowest where it has another form. */
export function rankOf(value: Value): number {
  const rank = partsOf(value, 2)?.[0]
  return typeof rank === 'number' ? rank : Number.NEGATIVE_INFINITY
}

/** Whether a value has the form of a ranked register: a whole rank that JavaScript holds exactly. */
export function isRankedValue(value: Value): boolean {
  return Number.isSafeInteger(rankOf(value))
}

/** What a fenced register stores: `[epoch, ballot, value]`. */
export function fencedValue({ epoch, ballot }: FencingToken, value: Value): Value {
  return Object.freeze([epoch, ballot, value])
}

/** Whether a value has the form of a fenced register. */
export function isFencedValue(value: Value): boolean {
  const parts = partsOf(value, 3)
  return parts !== undefined && isCount(parts[0]) && isCount(parts[1])
}

function isCount(part: Value | undefined): boolean {
  return Number.isSafeInteger(part) && (part as number) >= 0
}

/** Whether a token has the form that is stored: whole numbers from 0. */
export function isFencingToken(token: FencingToken): boolean {
  return typeof token.lease === 'string' && isCount(token.epoch) && isCount(token.ballot)
}

/** The token under which a stored value was written. */
export function tokenOf(value: Value): Omit<FencingToken, 'lease'> {
  const [epoch, ballot] = partsOf(value, 3) ?? []
  return { epoch: Number(epoch), ballot: Number(ballot) }
}

/** Sign of the order of the tokens in two stored values: epochs first. */
export function compareTokens(left: Value, right: Value): number {
  const ours = tokenOf(left)
  const theirs = tokenOf(right)
  return ours.epoch - theirs.epoch || ours.ballot - theirs.ballot
}

/** Whether what stands in a fenced register stays beside a later write, as that came with a lower token (C17). */
export function outranks(standing: Value, written: Value): boolean {
  return compareTokens(standing, written) > 0
}

/** What the app wrote, behind the grade. */
export function contentOf(item: { readonly value: Value } | undefined): Value | undefined {
  const parts = item?.value
  return Array.isArray(parts) ? (parts[parts.length - 1] as Value) : parts
}

/** The sibling that a ranked register reads: highest rank, then later clock, then greater author. */
export function rankedItem<T extends GradedItem>(items: readonly T[]): T | undefined {
  return winningItem(items, (a, b) => Math.sign(rankOf(a.value) - rankOf(b.value)) || compareItems(a, b))
}

/** The sibling that a fenced register reads: highest token, then later clock, then greater author. */
export function fencedItem<T extends GradedItem>(items: readonly T[]): T | undefined {
  return winningItem(items, (a, b) => compareTokens(a.value, b.value) || compareItems(a, b))
}
