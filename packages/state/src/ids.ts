import { invalidAuthor } from './error-codes.ts'
import { RejoinError } from './errors.ts'

/** A string or number that only one checked constructor makes. */
export type Brand<T, Name extends string> = T & { readonly __brand: Name }

/** An incarnation: the identity under which one opening of a replica numbers its changes. 16 lowercase hex digits, 64 random bits. */
export type AuthorId = Brand<string, 'AuthorId'>

/** One event of one author. `seq` starts at 1 and has no gaps. */
export interface Dot {
  readonly author: AuthorId
  readonly seq: number
}

/** Where something stands in a document: field names and map keys from the root. */
export type Path = readonly string[]

/** Greatest sequence number of one incarnation; past it a fresh incarnation is needed. */
export const maxSeq = 0xffff_ffff

/** Whether a number can be the seq of a dot. */
export function isSeq(seq: number): boolean {
  return Number.isSafeInteger(seq) && seq >= 1 && seq <= maxSeq
}

const authorPattern = /^[0-9a-f]{16}$/

/** Whether `text` has the form of an author id. */
export function isAuthorId(text: string): text is AuthorId {
  return authorPattern.test(text)
}

/**
 * The author id that `text` spells.
 * @throws RejoinError `invalid-author` when it is not 16 lowercase hex digits.
 */
export function authorIdFrom(text: string): AuthorId {
  if (!isAuthorId(text)) throw new RejoinError(invalidAuthor, { details: { text: text.slice(0, 40) } })
  return text
}

/** The author id made of 8 random bytes. */
export function authorIdFromBytes(bytes: Uint8Array): AuthorId {
  let text = ''
  for (let i = 0; i < 8; i++) text += (bytes[i] ?? 0).toString(16).padStart(2, '0')
  return text as AuthorId
}

/** Whether two dots name the same event. */
export function dotEquals(left: Dot, right: Dot): boolean {
  return left.seq === right.seq && left.author === right.author
}
