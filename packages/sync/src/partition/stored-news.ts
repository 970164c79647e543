import { type AuthorId, Version } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import type { Neighbours } from './neighbours.ts'
import { mostAwaited, type QuorumWaits } from './quorum-waits.ts'

/** Authors of a document that one connection may wait for. */
const mostAuthors = 16

/** What a client waits for of a document, by author, and how far it was told. */
type Awaited = Map<AuthorId, { readonly seq: number; told: number }>

/** Tells clients that are connected with less than a quorum what a quorum has on their disks of what they wait for. */
export class StoredNews {
  readonly #core: ReplicaCore
  readonly #neighbours: Neighbours
  readonly #waits: QuorumWaits
  /** By document. */
  readonly #asked = new Map<string, Map<Session, Awaited>>()
  /** Documents that are looked at when the batch ends. */
  readonly #due = new Set<string>()
  /** Documents of each connection. */
  readonly #documents = new Map<Session, Set<string>>()

  constructor(core: ReplicaCore, neighbours: Neighbours, waits: QuorumWaits) {
    this.#core = core
    this.#neighbours = neighbours
    this.#waits = waits
  }

  awaits(session: Session, document: string, version: Version): void {
    const documents = this.#documents.get(session) ?? new Set()
    if (!documents.has(document) && documents.size >= mostAwaited) return
    const asked = this.#asked.get(document) ?? new Map<Session, Awaited>()
    const awaited: Awaited = asked.get(session) ?? new Map()
    for (const [author, seq] of version.above(Version.empty).slice(0, mostAuthors)) {
      const known = awaited.get(author)
      if (known === undefined ? awaited.size < mostAuthors : seq > known.seq)
        awaited.set(author, { seq, told: known?.told ?? 0 })
    }
    this.#documents.set(session, documents.add(document))
    this.#asked.set(document, asked.set(session, awaited))
    this.stored(document)
  }

  /** More of a document is on somebody's disk. */
  stored(document: string): void {
    if (!this.#asked.has(document) || this.#due.has(document)) return
    this.#due.add(document)
    this.#core.soon(() => {
      this.#due.delete(document)
      const known = new Map<AuthorId, number>()
      const find = this.#waits.quorumSeqs(document)
      const seqOf = (author: AuthorId): number => {
        const seq = known.get(author) ?? find(author)
        known.set(author, seq)
        return seq
      }
      for (const session of [...(this.#asked.get(document)?.keys() ?? [])]) this.#tell(session, document, seqOf)
    })
  }

  ended(session: Session): void {
    for (const document of this.#documents.get(session) ?? []) this.#end(session, document)
  }

  #tell(session: Session, document: string, seqOf: (author: AuthorId) => number): void {
    const awaited = this.#asked.get(document)?.get(session)
    // Whoever may not read a document is told nothing of it.
    if (awaited === undefined || session.streams.get(document)?.rights.isReader !== true) return
    const news: [AuthorId, number][] = []
    for (const [author, waiting] of awaited) {
      const seq = Math.min(waiting.seq, seqOf(author))
      if (seq > waiting.told) news.push([author, seq])
      waiting.told = Math.max(waiting.told, seq)
      if (seq === waiting.seq) awaited.delete(author)
    }
    if (awaited.size === 0) this.#end(session, document)
    if (news.length > 0)
      this.#neighbours.send(this.#neighbours.idOf(session), { kind: 'stored', document, version: Version.from(news) })
  }

  #end(session: Session, document: string): void {
    const asked = this.#asked.get(document)
    asked?.delete(session)
    if (asked?.size === 0) this.#asked.delete(document)
    const documents = this.#documents.get(session)
    documents?.delete(document)
    if (documents?.size === 0) this.#documents.delete(session)
  }
}
