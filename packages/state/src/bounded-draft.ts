import {
  areTerms,
  type BoundedRow,
  type BoundedState,
  type BoundedTerms,
  countable,
  noRights,
  type Rights,
  readBounded,
  rightsValue,
  rowIn,
  rowValue,
  sum,
  takeoverMember,
  termsValue,
} from './bounded.ts'
import { invalidSchema, invalidValue, rightsInsufficient, rightsRefused } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { AuthorId } from './ids.ts'
import type { Leaf } from './leaf.ts'
import type { Transaction } from './transaction.ts'

/** Writes a bounded counter. */
export interface BoundedDraft {
  /** The value, with this change's own writes; the initial one until the first rights were granted. */
  get(): number
  /** How much this replica may subtract now, without asking anybody. */
  spendable(): number
  /** How much this replica may add now, without asking anybody; infinite without an upper bound. */
  room(): number
  /** Subtracts a whole number. @throws RejoinError `rights-insufficient` beyond `spendable()`. */
  subtract(amount: number): void
  /** Adds a whole number. @throws RejoinError `rights-insufficient` beyond `room()`. */
  add(amount: number): void
  /** Hands rights over to an author, who has them once the change arrives. @throws RejoinError `rights-insufficient`. */
  give(to: AuthorId, rights: Partial<Rights>): void
  /** Asks whoever may grant for so much more. It comes with the changes of others. */
  ask(rights: Partial<Rights>): void
  /** Rights that this replica has asked for and was not given. */
  asked(): Rights
  /** The last word of this incarnation here: its rights may be taken over, and it writes no more. */
  end(): void
  /** Grants the first rights, to this replica. @throws RejoinError `rights-refused` without the authority, or when it was done. */
  grant(): void
  /** Takes over the rights of an author that has ended. Says how much. @throws RejoinError `rights-refused`. */
  takeOver(from: AuthorId): Rights
}

/** A bounded counter within a change, with terms from a schema. */
export class BoundedDraftAt implements BoundedDraft {
  readonly #transaction: () => Transaction
  /** Looked up each time: places that hold nothing are forgotten. */
  readonly #leafNow: () => Leaf
  readonly #terms: BoundedTerms

  constructor(transaction: () => Transaction, leaf: () => Leaf, terms: BoundedTerms) {
    this.#transaction = transaction
    this.#leafNow = leaf
    this.#terms = terms
  }

  get(): number {
    return this.#state().value ?? this.#terms.initial
  }

  spendable(): number {
    return this.#held().spend
  }

  room(): number {
    return this.#held().room
  }

  subtract(amount: number): void {
    this.#spend({ spend: checked(amount), room: 0 })
    this.#write((row) => ({ ...row, taken: row.taken + amount }))
  }

  add(amount: number): void {
    this.#spend({ spend: 0, room: checked(amount) })
    this.#write((row) => ({ ...row, added: row.added + amount }))
  }

  give(to: AuthorId, rights: Partial<Rights>): void {
    const amount = amountOf(rights)
    this.#spend(amount)
    this.#write((row) => ({ ...row, given: new Map(row.given).set(to, sum(row.given.get(to) ?? noRights, amount)) }))
  }

  ask(rights: Partial<Rights>): void {
    const amount = amountOf(rights)
    this.#write((row) => ({ ...row, asked: sum(row.asked, amount), terms: this.#terms }))
  }

  asked(): Rights {
    return this.#state().unmetOf(authorOf(this.#transaction()))
  }

  end(): void {
    this.#write((row) => ({ ...row, ended: true }))
  }

  grant(): void {
    this.#needAuthority()
    if (this.#state().terms !== undefined) {
      throw new RejoinError(rightsRefused, { reason: 'The first rights of this counter were granted already.' })
    }
    this.#transaction().put(this.#leaf.entry(''), termsValue(this.#terms))
  }

  takeOver(from: AuthorId): Rights {
    this.#needAuthority()
    const state = this.#state()
    const hasEnded = state.rows.get(from)?.ended === true || isGone(this.#transaction(), from)
    if (!hasEnded || state.takenOver.has(from)) {
      throw new RejoinError(rightsRefused, {
        reason: 'An author whose rights are taken over has ended, and not been taken over before.',
        details: { author: from },
      })
    }
    const rights = countable(state.rightsOf(from))
    this.#transaction().put(this.#leaf.entry(takeoverMember(from)), rightsValue(rights))
    return rights
  }

  get #leaf(): Leaf {
    return this.#leafNow()
  }

  #state(): BoundedState {
    return readBounded(this.#leaf, this.#transaction().itemsOf)
  }

  #held(): Rights {
    const state = this.#state()
    const author = authorOf(this.#transaction())
    return state.rows.get(author)?.ended === true ? noRights : state.rightsOf(author)
  }

  #spend(wanted: Rights): void {
    const held = this.#held()
    if (wanted.spend <= held.spend && wanted.room <= held.room) return
    throw new RejoinError(rightsInsufficient, {
      details: {
        path: this.#leaf.path.join('/'),
        spend: wanted.spend,
        spendable: held.spend,
        add: wanted.room,
        room: held.room,
      },
    })
  }

  #needAuthority(): void {
    const { path } = this.#leaf
    if (this.#transaction().core.authority?.grantRights(path) !== true)
      throw new RejoinError(rightsRefused, { details: { path: path.join('/') } })
  }

  #write(next: (row: BoundedRow) => BoundedRow): void {
    const transaction = this.#transaction()
    const entry = this.#leaf.entry(authorOf(transaction))
    const row = rowIn(transaction.itemsOf(entry)[0]?.value)
    if (row === undefined || row.ended) {
      throw new RejoinError(rightsRefused, { reason: 'This incarnation has had its last word at this counter.' })
    }
    const written = rowValue(next(row))
    if (rowIn(written) === undefined) {
      throw new RejoinError(invalidValue, { reason: 'A bounded counter would leave the range of exact whole numbers.' })
    }
    transaction.put(entry, written)
  }
}

function amountOf({ spend = 0, room = 0 }: Partial<Rights>): Rights {
  return { spend: checked(spend), room: checked(room) }
}

function checked(amount: number): number {
  if (Number.isSafeInteger(amount) && amount >= 0) return amount
  throw new RejoinError(invalidValue, {
    reason: 'A bounded counter is moved by whole numbers from 0.',
    details: { amount },
  })
}

/** Terms of a field, checked. @throws RejoinError `invalid-schema`. */
export function checkedTerms(terms: BoundedTerms): BoundedTerms {
  if (areTerms(terms)) return terms
  throw new RejoinError(invalidSchema, {
    reason: 'A bounded counter has whole numbers min <= initial <= max.',
    details: { min: terms.min, initial: terms.initial, max: terms.max ?? 'none' },
  })
}

/** The incarnation that a change is written under. */
function authorOf({ core }: Transaction): AuthorId {
  return core.ownSlot().id
}

/** Whether an author is known to have ended although it could not say so. */
function isGone(transaction: Transaction, author: AuthorId): boolean {
  return author !== authorOf(transaction) && transaction.core.authority?.hasEnded?.(author) === true
}
