import { type AuthorId, lastSeq, rejoinError, type Version } from '@rejoin/state'
import { Alarm } from '../alarm.ts'
import { type Deferred, deferred, type Later, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Neighbours } from './neighbours.ts'
import { isQuorum } from './policy.ts'
import type { NodeId, Roster } from './roster.ts'

/** How often it is looked whether a quorum has what somebody waits for: less often, the longer nothing new is waited for. */
const lookMs = 50
const slowestLookMs = 1000
const slowing = 20

interface WaitingChange {
  readonly document: string
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
  readonly #waiting = new Set<WaitingChange>()
  readonly #alarm: Alarm
  /** When the last one began to wait. */
  #waitsSince = 0

  constructor(core: ReplicaCore, self: NodeId, neighbours: Neighbours, roster: () => Roster | undefined) {
    this.#core = core
    this.#self = self
    this.#neighbours = neighbours
    this.#roster = roster
    this.#alarm = new Alarm(core.timers)
  }

  reached(document: string, receipt: Receipt): Later<void> {
    const { change } = receipt
    if (change === undefined) return resolved(undefined)
    const waiting = { document, author: change.author, seq: lastSeq(change), pair: deferred<void>() }
    this.#waiting.add(waiting)
    this.#waitsSince = this.#core.clock.monotonic()
    for (const stage of ['disk', 'server'] as const)
      receipt.reached(stage).then(undefined, (error: unknown) => {
        if (this.#waiting.delete(waiting)) waiting.pair.reject(error)
      })
    this.#look()
    return waiting.pair.later
  }

  /** By an alarm of its own: nothing else is due as often. */
  #look(): void {
    this.#core.batch(() => this.#settle())
    if (this.#waiting.size === 0) return
    const waitedMs = this.#core.clock.monotonic() - this.#waitsSince
    this.#alarm.set(Math.min(slowestLookMs, Math.max(lookMs, waitedMs / slowing)), () => this.#look())
  }

  #settle(): void {
    const roster = this.#roster()
    if (roster === undefined) return
    for (const waiting of this.#waiting) {
      const { document, author, seq, pair } = waiting
      const stored = this.#storedBy(document).filter(([, version]) => version.get(author) >= seq)
      if (!isQuorum(roster, new Set(stored.map(([id]) => id)))) continue
      this.#waiting.delete(waiting)
      pair.resolve(undefined)
    }
  }

  close(): void {
    for (const { pair } of this.#waiting) pair.reject(rejoinError('closed'))
    this.#waiting.clear()
    this.#alarm.clear()
  }

  /** What each of those that are reached, this replica too, has of a document on its disk. */
  #storedBy(document: string): (readonly [NodeId, Version])[] {
    const stored: [NodeId, Version][] = []
    const own = this.#core.shelf.cores().find(({ name }) => name === document)
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
