import type { AuthorId } from '@rejoin/state'
import { frameLimits } from '../frame-limits.ts'
import { author, checked, choice, type Field, list, uint } from '../wire-fields.ts'

/** Which stamp a change has: by author and first seq. A stamp of 0 is not known. */
export type ChangeStamp = readonly [author: AuthorId, seq: number, hlc: number]

/**
 * Stamps of changes, by which two who write as one author are told apart. `ask`: the sender has these, what does the receiver
 * have? `answer`: these. `mark`: what the sender has of authors whose work it is about to acknowledge, or to pass on what rests
 * on it. `forked`: somebody else wrote as these authors; seq and stamp say nothing.
 */
export interface StampsFrame {
  readonly kind: 'stamps'
  readonly handle: number
  readonly purpose: 'ask' | 'answer' | 'mark' | 'forked'
  readonly stamps: readonly ChangeStamp[]
}

export const stampPurpose: Field<StampsFrame['purpose']> = choice<StampsFrame['purpose']>([
  'ask',
  'answer',
  'mark',
  'forked',
])

/** Author, a short seq and a stamp. */
const leastBytes = 17

const stamp = checked<ChangeStamp>(
  {
    write: (writer, [by, seq, hlc]) => {
      author.write(writer, by)
      uint.write(writer, seq)
      writer.f64(hlc)
    },
    read: (reader) => [author.read(reader), uint.read(reader), reader.f64()],
  },
  (reader, [, , hlc]) => {
    if (!Number.isSafeInteger(hlc) || hlc < 0) reader.fail('malformed', `a stamp of ${hlc}`)
  },
)

export const stampList: Field<readonly ChangeStamp[]> = list(stamp, frameLimits.stamps, leastBytes)
