import { maxSeq } from '@rejoin/state'
import { symbolLimit } from '../sketch/symbol-mapping.ts'
import { checked, type Field, handle, hash, lanes, record, uint } from '../wire-fields.ts'
import { type JoinQuestion, joinLimits } from './join-codec.ts'

const size: Field<number> = checked(uint, (reader, count) => {
  if (count > maxSeq) reader.fail('too-large', `a state of ${count} items or addresses`)
})

/** What asks for a join, but for the version. */
export const joinQuestion: Field<JoinQuestion> = record({
  salt: hash,
  items: size,
  keys: size,
  sample: lanes(joinLimits.sampleKeys),
})

interface SymbolsWanted {
  readonly handle: number
  readonly from: number
  readonly count: number
}

/** Which symbols are asked for; none when what was asked for has come together. */
export const symbolsWanted: Field<SymbolsWanted> = checked(
  record({ handle, from: uint, count: uint }),
  (reader, { from, count }) => {
    if (from + count > symbolLimit) reader.fail('too-large', `symbols beyond ${symbolLimit}`)
  },
)
