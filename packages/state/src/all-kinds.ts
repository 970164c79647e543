import { addBounded } from './bounded-kind.ts'
import { addFenced, addRanked, addResolved } from './graded-kind.ts'

/** Lets leaves of all kinds be read and checked: for whoever lets in what was written elsewhere. */
export function addAllKinds(): void {
  addRanked()
  addFenced()
  addResolved()
  addBounded()
}
