import { type AuthorId, isAuthorId, lastSeq } from '@rejoin/state'
import type { Receipt } from '../../ledger.ts'
import { isCount } from './token.ts'

/**
 * The last change of a holder that counts, as it is left with a lease. A change is merged after all that its author had seen, so
 * whoever has it has what was done under the lease before.
 */
export interface LeftChange {
  readonly author: AuthorId
  readonly seq: number
}

/** Undefined where nothing was written. */
export function changeOf({ change }: Receipt): LeftChange | undefined {
  return change === undefined ? undefined : { author: change.author, seq: lastSeq(change) }
}

/** The last change of each author under which a holder wrote: of one, as a rule. */
export function wordOf(left: ReadonlyMap<AuthorId, number>): string {
  return [...left].map(([author, seq]) => `${author} ${seq}`).join()
}

/** Of what else may stand there nothing can be asked. */
export function readWord(word = ''): LeftChange[] {
  return word.split(',').flatMap((text) => {
    const [author = '', digits, ...more] = text.split(' ')
    const seq = Number(digits)
    return isAuthorId(author) && isCount(seq) && more.length === 0 ? { author, seq } : []
  })
}
