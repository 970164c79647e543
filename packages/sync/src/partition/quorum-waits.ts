import { type AuthorId, lastSeq, rejoinError, type Version } from '@rejoin/state'
import { type Deferred, deferred, type Later, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Neighbours } from './neighbours.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'

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
    return waiting.pair.later
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

  /** Others vote, or somebody is connected who may have what is waited for. */
  votersChanged(): void {
    for (const document of this.#waiting.keys()) this.stored(document)
  }

  close(): void {
    for (const changes of this.#waiting.values()) for (const { pair } of changes) pair.reject(rejoinError('closed'))
    this.#waiting.clear()
  }

  #end(document: string, waiting: WaitingChange): boolean {
    const changes = this.#waiting.get(document)
    const wasWaiting = changes?.delete(waiting) === true
    if (changes?.size === 0) this.#waiting.delete(document)
    return wasWaiting
  }

  #settle(document: string): void {
    const roster = this.#roster()
    if (roster === undefined) return
    const stored = this.#storedBy(document)
    for (const waiting of this.#waiting.get(document) ?? []) {
      const { author, seq, pair } = waiting
      const having = stored.filter(([, version]) => version.get(author) >= seq)
      if (isQuorum(roster, new Set(having.map(([id]) => id))) && this.#end(document, waiting)) pair.resolve(undefined)
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
