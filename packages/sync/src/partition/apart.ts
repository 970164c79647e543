/**
 * What this side wrote since it lost contact with another, and how far a heal has come. It costs nothing before it is asked for
 * but a version for each document that is in memory.
 */
import { bundleSince, encodeBundle, type Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import type { DocumentStream } from '../document-stream.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Session } from '../session.ts'
import type { Neighbours } from './neighbours.ts'
import type { NodeId } from './roster.ts'
import type { Contact, ReachabilityRow } from './verdict/reachability.ts'

/** What was written in some documents. */
export interface Divergence {
  readonly documents: number
  /** Writes, counted as in the reports of heals: a change counts one, a change that inserts n list elements counts n. */
  readonly changes: number
  /** Merge keys touched. */
  readonly keys: number
  /** Encoded size of what the other side lacks. */
  readonly bytes: number
}

/** How far a heal has come: each side is to have what the other had. */
export interface HealingProgress {
  /** Documents of which a side lacks something. */
  readonly documents: number
  /** Writes that a side lacks, as far as is known. */
  readonly changes: number
  /** From 0 to 1, which it is only once each side has what the other had. */
  readonly done: number
}

const noDivergence: Divergence = { documents: 0, changes: 0, keys: 0, bytes: 0 }

interface Figures {
  /** Of which these were taken. */
  readonly version: Version
  readonly changes: number
  readonly keys: number
  readonly bytes: number
}

export class ApartLedger {
  readonly #core: ReplicaCore
  readonly #neighbours: Neighbours
  /** What who is gone was known to have when its connection ended, by document. */
  readonly #left = new Map<NodeId, ReadonlyMap<string, Version>>()
  /** While apart: what the other side has of each document, as far as is known. */
  #bases: Map<string, Version> | undefined
  readonly #figures = new Map<string, Figures>()
  /** Of the moment of contact: what is merged from then on is not of this side alone. */
  #atContact: Divergence | undefined
  #absent: ReadonlySet<NodeId> = new Set()
  /** Who of them was reached again. */
  readonly #returned = new Set<NodeId>()
  /** Other voters that met one. */
  #met: readonly NodeId[] = []
  /** Whether one that was met was lost again. */
  #isOld = false
  #most = 0

  constructor(core: ReplicaCore, neighbours: Neighbours) {
    this.#core = core
    this.#neighbours = neighbours
  }

  get isApart(): boolean {
    return this.#bases !== undefined
  }

  get contact(): Contact {
    return !this.isApart ? 'kept' : this.#returned.size > 0 ? 'met' : 'lost'
  }

  /** A connection to a voter is about to end. */
  leaving(peer: NodeId, session: Session): void {
    this.#left.set(peer, versionsThere(session))
    this.gone(peer)
  }

  /** A voter is reached no more. */
  gone(peer: NodeId): void {
    if (this.#returned.has(peer)) this.#isOld = true
  }

  /** A voter is reached again. To be told before anything of it is merged. */
  returned(peer: NodeId): void {
    if (!this.isApart) this.#left.delete(peer)
    else if (this.#absent.has(peer)) {
      this.#atContact ??= this.divergence()
      this.#returned.add(peer)
    }
  }

  /** How the other voters stand now. One that met who is on another side brings here what comes from there. */
  others(rows: readonly ReachabilityRow[]): void {
    const saying = (what: Contact): NodeId[] =>
      rows.flatMap(({ observer, contact }) => (contact === what ? observer : []))
    const [met, kept] = [saying('met'), saying('kept')]
    if (met.length > 0) this.#atContact ??= this.divergence()
    else if (this.#met.some((id) => !kept.includes(id))) this.#isOld = true
    this.#met = met
  }

  /** These are on another side: begins anew where one of them had come back meanwhile, also one that stays. */
  lost(absent: readonly NodeId[]): void {
    const before = [...this.#absent]
    this.#absent = new Set(absent)
    if (this.isApart && !this.#isOld && before.every((peer) => absent.includes(peer))) return
    this.end()
    const known = absent.flatMap((peer) => {
      const open = this.#neighbours.sessionsOf(peer)
      return open.length > 0 ? open.map(versionsThere) : (this.#left.get(peer) ?? [])
    })
    this.#bases = new Map()
    for (const core of this.#core.shelf.cores()) this.#note(core, known)
  }

  /** A document is in use, or no longer in memory. */
  used(core: DocumentCore): void {
    // Nobody here wrote to it before: it was not in memory.
    if (this.#bases?.has(core.name) === false) this.#note(core, [])
  }

  dropped(core: DocumentCore): void {
    if (this.#bases?.has(core.name) === true) this.#count(core)
  }

  end(): void {
    this.#bases = undefined
    this.#atContact = undefined
    this.#returned.clear()
    this.#isOld = false
    this.#figures.clear()
    this.#most = 0
  }

  /** Costs what it takes to encode what was written since it was asked last. */
  divergence(): Divergence {
    if (this.#bases === undefined) return noDivergence
    if (this.#atContact !== undefined) return this.#atContact
    for (const core of this.#core.shelf.cores()) if (this.#bases.has(core.name)) this.#count(core)
    const sum = { ...noDivergence } as { -readonly [K in keyof Divergence]: number }
    for (const { changes, keys, bytes } of this.#figures.values()) {
      sum.documents += 1
      sum.changes += changes
      sum.keys += keys
      sum.bytes += bytes
    }
    return sum
  }

  /** With what is not in sync. Where it is not done there is something left, known or not. */
  progress(unsynced: readonly DocumentStream[], isDone: boolean): HealingProgress {
    const documents = unsynced.length
    const changes = unsynced.reduce(
      (sum, { core, theirs }) => sum + seqsAbove(theirs, core.store.version) + seqsAbove(core.store.version, theirs),
      0,
    )
    const left = isDone ? 0 : Math.max(1, changes + documents)
    this.#most = Math.max(this.#most, left, 1)
    return { documents, changes, done: 1 - left / this.#most }
  }

  #note(core: DocumentCore, known: readonly ReadonlyMap<string, Version>[]): void {
    let base = core.store.version
    for (const versions of known) {
      const version = versions.get(core.name)
      if (version !== undefined) base = base.meet(version)
    }
    this.#bases?.set(core.name, base)
  }

  #count({ name, store }: DocumentCore): void {
    const base = this.#bases?.get(name) as Version
    const { version } = store
    if (this.#figures.get(name)?.version === version) return
    const changes = seqsAbove(version, base)
    if (changes === 0) return
    const bundle = bundleSince(store, base)
    const keys = bundle.rows.length + bundle.lists.length
    this.#figures.set(name, { version, changes, keys, bytes: encodeBundle(bundle).length })
  }
}

function versionsThere(session: Session): ReadonlyMap<string, Version> {
  return new Map([...session.streams.values()].map(({ core, theirs }) => [core.name, theirs]))
}

function seqsAbove(version: Version, base: Version): number {
  return version.above(base).reduce((sum, [author, seq]) => sum + seq - base.get(author), 0)
}
