import { type AuthorId, Version } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import type { Neighbours } from './neighbours.ts'
import type { QuorumWaits } from './quorum-waits.ts'

/** What one connection may wait for at a time: documents, and authors of each. */
const mostDocuments = 256
const mostAuthors = 16

/** What a client waits for of a document, by author, and how far it was told. */
type Awaited = Map<AuthorId, { readonly seq: number; told: number }>

/** Tells clients that are connected with less than a quorum what a quorum has on their disks of what they wait for. */
export class StoredNews {
  readonly #core: ReplicaCore
  readonly #neighbours: Neighbours
  readonly #waits: QuorumWaits
  readonly #asked = new Map<Session, Map<string, Awaited>>()

  constructor(core: ReplicaCore, neighbours: Neighbours, waits: QuorumWaits) {
    this.#core = core
    this.#neighbours = neighbours
    this.#waits = waits
  }

  awaits(session: Session, document: string, version: Version): void {
    const byDocument = this.#asked.get(session) ?? new Map<string, Awaited>()
    const awaited: Awaited = byDocument.get(document) ?? new Map()
    if (awaited.size === 0 && byDocument.size >= mostDocuments) return
    for (const [author, seq] of version.above(Version.empty).slice(0, mostAuthors)) {
      const known = awaited.get(author)
      if (known === undefined ? awaited.size < mostAuthors : seq > known.seq)
        awaited.set(author, { seq, told: known?.told ?? 0 })
    }
    this.#asked.set(session, byDocument.set(document, awaited))
    this.stored(document)
  }

  /** More of a document is on somebody's disk. */
  stored(document: string): void {
    for (const [session, byDocument] of this.#asked)
      if (byDocument.has(document)) this.#core.soon(() => this.#tell(session, document))
  }

  ended(session: Session): void {
    this.#asked.delete(session)
  }

  #tell(session: Session, document: string): void {
    const byDocument = this.#asked.get(session)
    const awaited = byDocument?.get(document)
    // Whoever takes no part in a document is told nothing of it.
    if (byDocument === undefined || awaited === undefined || !session.streams.has(document)) return
    const news: [AuthorId, number][] = []
    for (const [author, waiting] of awaited) {
      const seq = Math.min(waiting.seq, this.#waits.quorumSeq(document, author))
      if (seq > waiting.told) news.push([author, seq])
      waiting.told = Math.max(waiting.told, seq)
      if (seq === waiting.seq) awaited.delete(author)
    }
    if (awaited.size === 0) byDocument.delete(document)
    if (byDocument.size === 0) this.#asked.delete(session)
    if (news.length > 0)
      this.#neighbours.send(this.#neighbours.idOf(session), { kind: 'stored', document, version: Version.from(news) })
  }
}
