import { type AuthorId, boundedPaths, type Path, Version } from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import { answerAsks, endRights } from './treasury.ts'

/** What a document does about rights to bounded counters: asks of others, and the last word of an opening. */
export class DocumentRights {
  readonly #core: DocumentCore
  #hasAnswered = false
  #heldUntil: Version = Version.empty

  constructor(core: DocumentCore) {
    this.#core = core
  }

  /** Whether something was written here that nobody may hear of before it is on disk: rights, epochs. */
  get isHeld(): boolean {
    return !this.#core.durable.covers(this.#heldUntil)
  }

  /** Something was written here. */
  wrote(): void {
    const { hub, store } = this.#core
    if (hub.grantsRights || hub.beginsEpochs) this.#heldUntil = store.version
  }

  /** The store was replaced by one that holds other changes. */
  reset(): void {
    this.#heldUntil = Version.empty
  }

  /** Somebody takes part: what was asked for before this opening is answered, too. */
  answerWaiting(): void {
    const { hub } = this.#core
    if (this.#hasAnswered || !hub.grantsRights) return
    this.#hasAnswered = true
    hub.soon(() => this.#answer(undefined))
  }

  /** Others wrote at these places, perhaps to ask. */
  answer(places: Iterable<Path>): void {
    const { hub, store } = this.#core
    if (hub.grantsRights && boundedPaths(store).length > 0) hub.soon(() => this.#answer([...places]))
  }

  /** Nobody uses this document here any more: what this incarnation holds of bounded counters others may have. */
  lastWord(): void {
    const { hub, permission, isLoaded, isClosed, store } = this.#core
    const maySay = permission === undefined || permission === 'write' || permission === 'admin'
    if (isLoaded && !isClosed && maySay && !hub.grantsRights) endRights(store)
  }

  /** On a disk of our own, and under another incarnation than this opening's: it writes no more. */
  isOfEarlierOpening(author: AuthorId): boolean {
    return this.#core.ownAuthors.has(author) && author !== this.#core.store.author
  }

  #answer(paths: readonly Path[] | undefined): void {
    if (this.#core.isClosed) return
    answerAsks(this.#core.store, (author) => this.isOfEarlierOpening(author), paths)
  }
}
