import { differences, type Version } from '@rejoin/state'
import type { KeptChange } from './change-log.ts'

/** Bytes of an entry of a context at most. */
const entryBytes = 14
/** Entries of a context that a reader copies, for which a frame counts as a byte larger: the copies of one are bounded. */
const copiedPerByte = 16

/**
 * Changes with about the bytes that they take at most in a frame. The row of a change tells its context by what differs from a
 * version on this disk; the other side may be told more. `known`: a version that it holds, undefined where it is told
 * contexts whole. `limitBytes`: what goes into one frame; less than that is not looked into.
 */
export function weighed(
  entries: readonly KeptChange[],
  known: Version | undefined,
  limitBytes: number,
): readonly KeptChange[] {
  const most = entries.reduce((sum, { change, bytes }) => sum + bytes + change.context.size * entryBytes, 0)
  if (most <= limitBytes) return entries
  let before = known
  return entries.map((entry) => {
    const { context } = entry.change
    const told = before === undefined ? context.size : Math.min(context.size, differences(context, before).length)
    if (before !== undefined) before = context
    return { ...entry, bytes: entry.bytes + told * entryBytes + Math.ceil(context.size / copiedPerByte) }
  })
}
