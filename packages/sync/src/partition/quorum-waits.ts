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
  /** By document. */
  readonly #waiting = new Map<string, Set<WaitingChange>>()
  /** Documents that are looked at when the batch ends. */
  readonly #due = new Set<string>()
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
    const others = this.#waiting.get(document)
    if (others === undefined) this.#waiting.set(document, new Set([waiting]))
    else others.add(waiting)
    for (const stage of ['disk', 'server'] as const)
      receipt.reached(stage).then(undefined, (error: unknown) => {
        if (this.#end(document, waiting)) waiting.pair.reject(error)
      })
    this.stored(document)
    this.#ask(document)
    return waiting.pair.later
  }

  /** How much of an author a quorum has on their disks, as far as this replica sees. */
  quorumSeq(document: string, author: AuthorId): number {
    const roster = this.#roster()
    if (roster === undefined) return 0
    const most = this.#storedBy(document).map(([id, version]) => [id, version.get(author)] as const)
    const having = new Set<NodeId>()
    for (const [id, seq] of most.sort(([, left], [, right]) => right - left))
      if (isQuorum(roster, having.add(id))) return seq
    return 0
  }

  /** A server says that a quorum has so much. */
  told(document: string, version: Version): void {
    if (!this.#waiting.has(document)) return
    this.#told.set(document, this.#told.get(document)?.merge(version) ?? version)
    this.stored(document)
  }

  /** More of a document is on somebody's disk. */
  stored(document: string): void {
    if (!this.#waiting.has(document) || this.#due.has(document)) return
    this.#due.add(document)
    this.#core.soon(() => {
      this.#due.delete(document)
      this.#settle(document)
    })
  }

  /** Others vote, or are connected, so that what is waited for is seen otherwise. */
  votersChanged(): void {
    for (const document of this.#waiting.keys()) {
      this.stored(document)
      this.#ask(document)
    }
  }

  close(): void {
    for (const changes of this.#waiting.values()) for (const { pair } of changes) pair.reject(rejoinError('closed'))
    this.#waiting.clear()
    this.#told.clear()
  }

  /** Whoever is connected with less than a quorum cannot see what a quorum has: its servers tell. */
  #ask(document: string): void {
    const roster = this.#roster()
    const seen = this.#storedBy(document).map(([id]) => id)
    if (roster === undefined || isQuorum(roster, new Set(seen))) return
    const waiting = [...(this.#waiting.get(document) ?? [])]
    const version = waiting.reduce((all, { author, seq }) => all.merge(Version.from([[author, seq]])), Version.empty)
    if (waiting.length > 0) this.#neighbours.sendAll(this.#neighbours.servers, { kind: 'awaits', document, version })
  }

  #end(document: string, waiting: WaitingChange): boolean {
    const changes = this.#waiting.get(document)
    const wasWaiting = changes?.delete(waiting) === true
    if (changes?.size === 0) {
      this.#waiting.delete(document)
      this.#told.delete(document)
      // Of more at a time servers take no note.
      if (this.#waiting.size >= mostAwaited) this.#ask([...this.#waiting.keys()][mostAwaited - 1] as string)
    }
    return wasWaiting
  }

  #settle(document: string): void {
    const told = this.#told.get(document)
    for (const waiting of this.#waiting.get(document) ?? []) {
      const { author, seq, pair } = waiting
      const isStored = (told?.get(author) ?? 0) >= seq || this.quorumSeq(document, author) >= seq
      if (isStored && this.#end(document, waiting)) pair.resolve(undefined)
    }
  }

  /** What each of those that are reached, this replica too, has of a document on its disk. */
  #storedBy(document: string): (readonly [NodeId, Version])[] {
    const stored: [NodeId, Version][] = []
    const own = this.#core.shelf.loaded(document)
    if (own !== undefined) stored.push([this.#self, own.durable])
    for (const peer of this.#neighbours.ids) {
      for (const { streams } of this.#neighbours.sessionsOf(peer)) {
        const stream = streams.get(document)
        if (stream !== undefined) stored.push([peer, stream.durableThere])
      }
    }
    return stored
  }
}
