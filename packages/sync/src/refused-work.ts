/**
 * From which seq on the work of an incarnation was refused, as remembered by a document, in memory and durably.
 *
 * The number is the first seq that servers do not have. It only rises: what a server has after all, because somebody who
 * may write brought it, is refused no more, here and in the other tabs of the profile.
 */
import type { AuthorId, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { Refusal } from './refusal.ts'

/** What a tab passes on that was refused before anybody listened. */
export const otherTabRefusal: Refusal = {
  code: 'forbidden',
  reason: 'Another tab lost the right to write.',
  isFromServer: false,
}

/** A server has the work of an incarnation up to `seq`. To be called before that is merged, so that its row comes first. */
export function acceptRefused(core: DocumentCore, author: AuthorId, seq: number): void {
  const from = core.refused.get(author)
  if (from === undefined || seq < from) return
  core.refused.set(author, seq + 1)
  core.hub.queue.push([core.refusedRow(author, seq + 1)])
  for (const carrier of core.carriers) carrier.refusalsChanged(otherTabRefusal)
}

/** A server has everything in `version`. */
export function acceptRefusedIn(core: DocumentCore, version: Version): void {
  for (const author of [...core.refused.keys()]) acceptRefused(core, author, version.get(author))
}

/** Notes what another tab of this profile was refused. Answers whether this store includes some of it. */
export function noteRefusals(core: DocumentCore, entries: readonly (readonly [AuthorId, number])[]): boolean {
  let reaches = false
  for (const [author, told] of entries) {
    const from = Math.max(told, core.refused.get(author) ?? 0)
    core.refused.set(author, from)
    core.ownAuthors.add(author)
    if (core.store.version.get(author) >= from) reaches = true
  }
  return reaches
}
