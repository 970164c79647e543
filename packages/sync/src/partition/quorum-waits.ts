import { type AuthorId, lastSeq, rejoinError, Version } from '@rejoin/state'
import { type Deferred, deferred, type Later, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Neighbours } from './neighbours.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'

/** Documents of which one connection may wait at a time for what a quorum has. */
export const mostAwaited = 256

interface WaitingChange {
  readonly author: AuthorId
  readonly seq: number
  readonly pair: Deferred<void>
}

/** Those who wait until a quorum of the voters has a change on their disks. */
export class QuorumWaits {
  readonly #core: ReplicaCore
  readonly #self: NodeId
  readonly #neighbours: Neighbours
  readonly #roster: () => Roster | undefined
  /** By document and author, in the order of the changes. */
  readonly #waiting = new Map<string, Map<AuthorId, WaitingChange[]>>()
  /** Documents that are looked at when the batch ends, and whether servers are asked about them. */
  readonly #due = new Map<string, boolean>()
  /** What a server said that a quorum has, of documents that somebody waits for. */
  readonly #told = new Map<string, Version>()

  constructor(core: ReplicaCore, self: NodeId, neighbours: Neighbours, roster: () => Roster | undefined) {
    this.#core = core
    this.#self = self
    this.#neighbours = neighbours
    this.#roster = roster
  }

  reached(document: string, receipt: Receipt): Later<void> {
    const { change } = receipt
    if (change === undefined) return resolved(undefined)
    const waiting = { author: change.author, seq: lastSeq(change), pair: deferred<void>() }
    const authors = this.#waiting.get(document) ?? new Map<AuthorId, WaitingChange[]>()
    const changes = authors.get(change.author) ?? []
    const after = changes.findLastIndex(({ seq }) => seq <= waiting.seq)
    changes.splice(after + 1, 0, waiting)
    this.#waiting.set(document, authors.set(change.author, changes))
    const { shelf } = this.#core
    // Of a document that nobody carries nobody tells anything.
    shelf.acquire(document).then((core) => {
      const release = (): void => {
        shelf.release(document, core)
      }
      waiting.pair.later.then(release, release)
    })
    for (const stage of ['disk', 'server'] as const)
      receipt.reached(stage).then(undefined, (error: unknown) => {
        if (this.#end(document, waiting)) waiting.pair.reject(error)
      })
    this.#look(document, true)
    return waiting.pair.later
  }

  /** Answers of an author how much a quorum has on their disks, as far as this replica sees now. */
  quorumSeqs(document: string): (author: AuthorId) => number {
    const roster = this.#roster()
    const stored = this.#storedBy(document)
    return (author) => {
      if (roster === undefined) return 0
      const most = stored.map(([id, version]) => [id, version.get(author)] as const)
      const having = new Set<NodeId>()
      for (const [id, seq] of most.sort(([, left], [, right]) => right - left))
        if (isQuorum(roster, having.add(id))) return seq
      return 0
    }
  }

  /** A server says that a quorum has so much. */
  told(document: string, version: Version): void {
    if (!this.#waiting.has(document)) return
    this.#told.set(document, this.#told.get(document)?.merge(version) ?? version)
    this.#look(document, false)
  }

  /** More of a document is on somebody's disk. */
  stored(document: string): void {
    this.#look(document, false)
  }

  /** Others vote, or are connected, so that what is waited for is seen otherwise. */
  votersChanged(): void {
    for (const document of this.#waiting.keys()) this.#look(document, true)
  }

  close(): void {
    for (const authors of this.#waiting.values())
      for (const changes of authors.values()) for (const { pair } of changes) pair.reject(rejoinError('closed'))
    this.#waiting.clear()
    this.#told.clear()
  }

  #look(document: string, isAsked: boolean): void {
    if (!this.#waiting.has(document)) return
    const isDue = this.#due.has(document)
    this.#due.set(document, this.#due.get(document) === true || isAsked)
    if (isDue) return
    this.#core.soon(() => {
      const asks = this.#due.get(document) === true
      this.#due.delete(document)
      this.#settle(document)
      if (asks) this.#ask(document)
    })
  }

  /** Whoever is connected with less than a quorum cannot see what a quorum has: its servers tell. */
  #ask(document: string): void {
    const roster = this.#roster()
    const authors = this.#waiting.get(document)
    const seen = this.#storedBy(document).map(([id]) => id)
    if (roster === undefined || authors === undefined || isQuorum(roster, new Set(seen))) return
    const version = Version.from([...authors].map(([author, changes]) => [author, changes.at(-1)?.seq ?? 0]))
    this.#neighbours.sendAll(this.#neighbours.servers, { kind: 'awaits', document, version })
  }

  /** Whether it was waiting. */
  #end(document: string, waiting: WaitingChange): boolean {
    const authors = this.#waiting.get(document)
    const changes = authors?.get(waiting.author) ?? []
    const left = changes.filter((change) => change !== waiting)
    if (authors === undefined || left.length === changes.length) return false
    if (left.length > 0) authors.set(waiting.author, left)
    else authors.delete(waiting.author)
    if (authors.size > 0) return true
    this.#waiting.delete(document)
    this.#told.delete(document)
    // Of more at a time servers take no note.
    if (this.#waiting.size >= mostAwaited) this.#ask([...this.#waiting.keys()][mostAwaited - 1] as string)
    return true
  }

  #settle(document: string): void {
    const told = this.#told.get(document)
    const seqOf = this.quorumSeqs(document)
    for (const [author, changes] of this.#waiting.get(document) ?? []) {
      const seq = Math.max(told?.get(author) ?? 0, seqOf(author))
      const stored = changes.slice(0, changes.findLastIndex((change) => change.seq <= seq) + 1)
      for (const waiting of stored) if (this.#end(document, waiting)) waiting.pair.resolve(undefined)
    }
  }

  /** What each of those that are reached, this replica too, has of a document on its disk. */
  #storedBy(document: string): (readonly [NodeId, Version])[] {
    const stored: [NodeId, Version][] = []
    const own = this.#core.shelf.loaded(document)
    if (own !== undefined) stored.push([this.#self, own.durable])
    // Nobody else counts.
    for (const { id: peer } of this.#roster()?.voters ?? []) {
      for (const { streams } of this.#neighbours.sessionsOf(peer)) {
        const stream = streams.get(document)
        if (stream !== undefined) stored.push([peer, stream.durableThere])
      }
    }
    return stored
  }
}
