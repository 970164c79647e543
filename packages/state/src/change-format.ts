import type { Version } from './version.ts'

/** Greatest format of changes; readers take it and those before it, and refuse others with `unsupported-version`. */
export const changeFormat = 3
/** Keys that count on, their numbers and whole numbers as values come in the bits that they need. */
export const packedFormat = 3
/** Contexts come whole. From the next format on they may come by what differs from a version that the reader holds. */
export const plainFormat = 1
export const relativeFormat = 2

export const FRAME_RESET = 1
export const NEXT_SEQ = 1
export const WHOLE_CONTEXT = 2
export const HAS_CAUSE = 4
export const HAS_SPAN = 8
export const ONLY_PUTS = 16
export const RELATIVE_CONTEXT = 32

/** What both ends of a stream remember of one author. */
export interface AuthorState {
  seq: number
  context: Version | undefined
}
