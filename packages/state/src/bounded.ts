import { type AuthorId, isAuthorId } from './ids.ts'
import type { Leaf } from './leaf.ts'
import type { ItemsOf, ReadableItem } from './read.ts'
import { compareItems, winningItem } from './stamp-order.ts'
import type { Value } from './value.ts'

/**
 * A bounded counter by escrow (Balegas et al., 2015): what may still be taken away before the lower bound is reached, and
 * added before the upper one, is split into rights that incarnations hold. Each spends only its own, so no side of any
 * split can break a bound.
 *
 * Addresses within the leaf: member '' holds the terms and whose the first rights are; the id of an author, what that
 * author did; `!` and an id, that the rights of an ended author were taken over.
 */

/** Bounds of a counter and where it starts; without `max` there is no upper one. */
export interface BoundedTerms {
  readonly initial: number
  readonly min: number
  readonly max: number | undefined
}

/** Rights, or an amount of them: to take away, and to add. */
export interface Rights {
  readonly spend: number
  readonly room: number
}

/** What one author did, in sums that only grow. */
export interface BoundedRow {
  readonly added: number
  readonly taken: number
  /** How much it has asked for in all. */
  readonly asked: Rights
  /** What it gave to others. */
  readonly given: ReadonlyMap<AuthorId, Rights>
  /** The terms that it knows from its schema: what the first grant is made of. */
  readonly terms: BoundedTerms | undefined
  /** Whether this was its last word: nothing of it comes after. */
  readonly ended: boolean
}

export const noRights: Rights = Object.freeze({ spend: 0, room: 0 })
const emptyRow: BoundedRow = {
  added: 0,
  taken: 0,
  asked: noRights,
  given: new Map(),
  terms: undefined,
  ended: false,
}

/** Member of the record that takes over the rights of an author. */
export function takeoverMember(author: AuthorId): string {
  return `!${author}`
}

function isAmount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** Whether terms can be kept to: whole numbers in order. */
export function areTerms({ initial, min, max }: BoundedTerms): boolean {
  if (!Number.isSafeInteger(initial) || !Number.isSafeInteger(min) || initial < min) return false
  const top = max ?? initial
  // Differences must be exact, too.
  return Number.isSafeInteger(top) && initial <= top && Number.isSafeInteger(top - min)
}

/** Terms as they are stored. */
export function termsValue({ initial, min, max }: BoundedTerms): Value {
  return Object.freeze([initial, min, max ?? null])
}

/** Stored terms, or undefined when they have another form. */
export function termsIn(value: Value | undefined): BoundedTerms | undefined {
  if (!Array.isArray(value) || value.length !== 3) return undefined
  const [initial, min, max] = value as readonly unknown[]
  if (max !== null && typeof max !== 'number') return undefined
  const terms = { initial: initial as number, min: min as number, max: max ?? undefined }
  return areTerms(terms) ? terms : undefined
}

function rightsIn(value: unknown): Rights | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const [spend, room] = value as readonly unknown[]
  return isAmount(spend) && isAmount(room) ? { spend, room } : undefined
}

/** A takeover as it is stored. */
export function rightsValue({ spend, room }: Rights): Value {
  return Object.freeze([spend, room])
}

/** A row as it is stored. */
export function rowValue(row: BoundedRow): Value {
  const given: Record<string, Value> = {}
  for (const [author, rights] of [...row.given].sort(([a], [b]) => (a < b ? -1 : 1)))
    given[author] = rightsValue(rights)
  const terms = row.terms === undefined ? null : termsValue(row.terms)
  return Object.freeze([row.added, row.taken, rightsValue(row.asked), Object.freeze(given), terms, row.ended])
}

/** A stored row, or undefined when it has another form. */
export function rowIn(value: Value | undefined): BoundedRow | undefined {
  if (value === undefined) return emptyRow
  if (!Array.isArray(value) || value.length !== 6) return undefined
  const [added, taken, asked, givenRecord, terms, ended] = value as readonly unknown[]
  const wanted = rightsIn(asked)
  const given = givenIn(givenRecord)
  const known = terms === null ? undefined : termsIn(terms as Value)
  if (!isAmount(added) || !isAmount(taken) || wanted === undefined || given === undefined) return undefined
  if (typeof ended !== 'boolean' || (terms !== null && known === undefined)) return undefined
  return { added, taken, asked: wanted, given, terms: known, ended }
}

function givenIn(value: unknown): Map<AuthorId, Rights> | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return undefined
  const given = new Map<AuthorId, Rights>()
  for (const [author, amount] of Object.entries(value)) {
    const rights = rightsIn(amount)
    if (rights === undefined || !isAuthorId(author)) return undefined
    given.set(author, rights)
  }
  return given
}

/** Whether an item may stand at a member of a bounded counter: nobody writes to the part of another author. */
export function isBoundedItem(member: string, value: Value, author: string): boolean {
  if (member === '') return termsIn(value) !== undefined
  if (member.startsWith('!')) return isAuthorId(member.slice(1)) && rightsIn(value) !== undefined
  return member === author && rowIn(value) !== undefined
}

/** A bounded counter as it stands. */
export interface BoundedState {
  /** Undefined until the first rights were granted. */
  readonly terms: BoundedTerms | undefined
  /** Undefined until the first rights were granted. */
  readonly value: number | undefined
  readonly rows: ReadonlyMap<AuthorId, BoundedRow>
  /** What an author holds. Without an upper bound `room` is infinite. */
  rightsOf(author: AuthorId): Rights
  /** What an author asked for and was not given; nothing once it has ended. */
  unmetOf(author: AuthorId): Rights
  /** Everybody who may hold rights. */
  readonly holders: ReadonlySet<AuthorId>
  readonly takenOver: ReadonlySet<AuthorId>
}

/** Reads a bounded counter. O(authors that wrote to it). */
export function readBounded(leaf: Leaf, itemsOf: ItemsOf): BoundedState {
  const rows = new Map<AuthorId, BoundedRow>()
  const takeovers: { readonly from: AuthorId; readonly by: AuthorId; readonly rights: Rights }[] = []
  let grant: ReadableItem | undefined
  for (const entry of leaf.entries()) {
    const member = leaf.tree.member(entry)
    // Of several grants or takeovers, which only a second authority could make, the oldest counts everywhere.
    const item = winningItem(itemsOf(entry), (left, right) => compareItems(right, left))
    if (item === undefined) continue
    if (member === '') grant = item
    else if (member.startsWith('!')) {
      const rights = rightsIn(item.value)
      if (rights !== undefined) takeovers.push({ from: member.slice(1) as AuthorId, by: item.author, rights })
    } else rows.set(member as AuthorId, rowIn(item.value) ?? emptyRow)
  }
  const terms = termsIn(grant?.value)
  const first = grant?.author
  let value = terms?.initial
  if (value !== undefined) for (const { added, taken } of rows.values()) value += added - taken
  const givenTo = (author: AuthorId): Rights => {
    let given = noRights
    for (const row of rows.values()) given = sum(given, row.given.get(author))
    return given
  }
  return {
    terms,
    value,
    rows,
    holders: holdersOf(first, rows, takeovers),
    unmetOf: (author) => {
      const row = rows.get(author)
      if (row === undefined || row.ended) return noRights
      const given = givenTo(author)
      return { spend: Math.max(0, row.asked.spend - given.spend), room: Math.max(0, row.asked.room - given.room) }
    },
    takenOver: new Set(takeovers.map(({ from }) => from)),
    rightsOf: (author) => {
      if (terms === undefined) return noRights
      const { initial, min, max } = terms
      const { added, taken, given } = rows.get(author) ?? emptyRow
      let held = sum(givenTo(author), { spend: added - taken, room: taken - added })
      if (author === first) held = sum(held, { spend: initial - min, room: (max ?? initial) - initial })
      for (const rights of given.values()) held = sum(held, rights, -1)
      for (const { from, by, rights } of takeovers) {
        if (by === author) held = sum(held, rights)
        if (from === author) held = sum(held, rights, -1)
      }
      return max === undefined ? { spend: held.spend, room: Number.POSITIVE_INFINITY } : held
    },
  }
}

function holdersOf(
  first: AuthorId | undefined,
  rows: ReadonlyMap<AuthorId, BoundedRow>,
  takeovers: readonly { readonly by: AuthorId }[],
): Set<AuthorId> {
  const holders = new Set<AuthorId>(rows.keys())
  if (first !== undefined) holders.add(first)
  for (const { given } of rows.values()) for (const author of given.keys()) holders.add(author)
  for (const { by } of takeovers) holders.add(by)
  return holders
}

/** Adds rights, or takes them away with factor -1. */
export function sum(left: Rights, right: Rights | undefined, factor = 1): Rights {
  if (right === undefined) return left
  return { spend: left.spend + factor * right.spend, room: left.room + factor * right.room }
}

/** Rights as they are stored: without an upper bound there is no room to count. */
export function countable({ spend, room }: Rights): Rights {
  return { spend, room: Number.isFinite(room) ? room : 0 }
}
