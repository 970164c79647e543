/**
 * What a document knows of authors under which two have written: a machine that was cloned while it ran goes on twice, and
 * both go on numbering changes where they stood.
 *
 * Invariants
 * 1. Nothing of ours is written under an author of which that is known. Its next write is under a fresh incarnation.
 * 2. That it is known survives a reload, and is told to the application once. Bounded in number.
 * 3. The word of another changes nothing else: no change is given up for it, and it counts only so often.
 */
import { type AuthorId, type RejoinError, rejoinError } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { markRow } from '../rows.ts'
import { LastStamps } from './last-stamps.ts'

/** Two replicas wrote under one incarnation: a machine was cloned while it ran. Each goes on under a fresh one. */
export interface ForkEvent {
  readonly document: string
  readonly author: AuthorId
  /** With the code `author-forked`. */
  readonly error: RejoinError
}

const maxKnown = 256
/** So often the word of another counts in an hour; what is more is told again with the next connection. */
const noticesPerHour = 16
const hourMs = 3_600_000

export class Forks {
  readonly stamps: LastStamps
  /** Authors under which two have written, those found last at the end. */
  readonly known: Set<AuthorId> = new Set()
  readonly #core: DocumentCore
  #noticedAt: number[] = []

  constructor(core: DocumentCore) {
    this.#core = core
    this.stamps = new LastStamps(core.log)
  }

  /** Somebody else writes as `author`. */
  found(author: AuthorId): void {
    const core = this.#core
    const { hub, keys } = core
    if (this.known.has(author)) return
    this.known.add(author)
    hub.queue.push([markRow(keys.forked(author))])
    for (const oldest of this.known) {
      if (this.known.size <= maxKnown) break
      this.known.delete(oldest)
      hub.queue.push([{ kind: 'delete', key: keys.forked(oldest) }])
    }
    hub.metrics.forks += 1
    hub.log('error', 'author-forked', { document: core.name, author })
    if (core.store.author === author) core.store.renewAuthor()
    for (const carrier of core.carriers) carrier.forkFound(author)
    hub.tell(hub.forkListeners, { document: core.name, author, error: this.error(author) })
  }

  /** What is said of forks. */
  error(author?: AuthorId): RejoinError {
    return rejoinError('author-forked', { details: { document: this.#core.name, author } })
  }

  /** Another says that somebody else writes as `author`. */
  noticed(author: AuthorId): void {
    const core = this.#core
    const now = core.hub.clock.monotonic()
    this.#noticedAt = this.#noticedAt.filter((at) => at > now - hourMs)
    const isHeard = core.hub.role === 'server' || this.#noticedAt.length < noticesPerHour
    if (this.known.has(author) || !isHeard) return
    this.#noticedAt.push(now)
    // The other one gives up what it did beside ours, so what this incarnation holds of bounded counters is ours to hand on.
    if (core.store.author === author) core.rights.lastWord()
    this.found(author)
  }
}
