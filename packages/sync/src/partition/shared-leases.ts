/**
 * The leases that are wanted at one replica. Whoever grants one knows the replica by one name, so that all who want the same lease there
 * share it.
 *
 * Invariants
 * 1. A lease is given back with the last of those who want it.
 * 2. A write counts by the grant under which it was made, and by no later one.
 * 3. What became of it is told in the order in which it did, once to each, whatever they do when they are told: it is told in steps of
 *    their own. Who waits is told of a grant only while that may be used.
 */
import { type FencingToken, lastSeq, type RejoinError, rejoinError, Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { type Deferred, deferred, type Later, rejected, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Lease, LeaseChange } from './leases.ts'

/** A lease as it is wanted once for all of a replica. */
export interface WantedOnce extends Pick<Lease, 'name' | 'token' | 'denial' | 'holder' | 'reached' | 'release'> {
  /** Looks at the clock: after a sleep the app may ask before any timer has run. */
  look(): void
}

/** Begins to want a lease of a document. `told` is called with what becomes of it, before anybody can see that. */
export type Want = (document: DocumentCore, told: (event: LeaseChange) => void) => WantedOnce

/** By document and name. */
export class SharedLeases {
  readonly #core: ReplicaCore
  readonly #shared = new Map<string, SharedLease>()
  #isClosed = false

  constructor(core: ReplicaCore) {
    this.#core = core
  }

  /** The document stays open until the lease is given back. */
  open(document: string, name: string, want: Want): Later<Lease> {
    const { shelf } = this.#core
    return shelf.acquire(document).then((core) => {
      const release = (): void => {
        shelf.release(document)
      }
      if (this.#isClosed) {
        release()
        throw rejoinError('closed')
      }
      const key = JSON.stringify([document, name])
      const known = this.#shared.get(key)
      if (known !== undefined) {
        release()
        return known.handle()
      }
      try {
        const shared = new SharedLease(this.#core, core, want, () => {
          // First: whoever wants it again when told of its end gets another.
          this.#shared.delete(key)
          shared.lease.release()
          release()
        })
        this.#shared.set(key, shared)
        return shared.handle()
      } catch (error) {
        release()
        throw error
      }
    })
  }

  /** All are given back, and nothing is wanted any more, also where its document opens only now. */
  close(): void {
    this.#isClosed = true
    for (const { handles } of [...this.#shared.values()]) for (const handle of [...handles]) handle.release()
  }

  /**
   * A document goes out of memory whoever uses it: whoever opens it anew begins with nothing, and a lease of it is usable for what it had.
   * Voters hear of the end from who takes part in the document, so it is given back at once; whoever wants it is told once that is gone.
   */
  dropped(document: string): void {
    for (const shared of [...this.#shared.values()]) if (shared.document === document) shared.abandon()
  }
}

class SharedLease {
  readonly lease: WantedOnce
  readonly core: ReplicaCore
  readonly handles = new Set<LeaseHandle>()
  readonly document: string
  readonly giveBack: () => void
  /** Whether the last that was told of it is that it may be used. */
  isUsable = false
  /** What the document held when the lease became usable. */
  #before = Version.empty
  readonly #counted = new WeakSet<Receipt>()

  constructor(core: ReplicaCore, document: DocumentCore, want: Want, giveBack: () => void) {
    this.core = core
    this.document = document.name
    this.giveBack = giveBack
    this.lease = want(document, (event) => {
      this.isUsable = event.kind === 'usable'
      if (this.isUsable) this.#before = document.store.version
      this.tell(event, this.handles)
    })
  }

  /** Gives it back whoever wants it, who hear of that later. */
  abandon(): void {
    const { isUsable } = this
    const handles = [...this.handles]
    this.handles.clear()
    this.giveBack()
    // That is what they were told last.
    this.isUsable = isUsable
    this.core.timers.set(0, () => {
      for (const handle of handles) handle.release()
    })
  }

  handle(): Lease {
    const handle = new LeaseHandle(this)
    this.handles.add(handle)
    return handle
  }

  /** Invariant 3. */
  tell(event: LeaseChange, of: Iterable<LeaseHandle>): void {
    const handles = [...of]
    this.core.soon(() => {
      for (const handle of handles) handle.settle()
      for (const { listeners } of handles) this.core.tell(listeners, event)
    })
  }

  /** Invariant 2. */
  reached(receipt: Receipt, isOpen: boolean): Later<void> {
    if (this.#counted.has(receipt)) return resolved(undefined)
    const { change } = receipt
    const isEarlier = change !== undefined && this.#before.get(change.author) >= lastSeq(change)
    if (isEarlier || !isOpen) return rejected(this.#lost())
    return this.lease.reached(receipt).then(() => {
      this.#counted.add(receipt)
    })
  }

  #lost(): RejoinError {
    return rejoinError('lease-lost', { details: { lease: this.lease.name, document: this.document } })
  }
}

/** The replica that a lease is wanted at; undefined where somebody made another one. */
export function coreOf(lease: Lease): ReplicaCore | undefined {
  return lease instanceof LeaseHandle ? lease.core : undefined
}

/** What one of those who want it has of it. */
class LeaseHandle implements Lease {
  readonly listeners: Set<(event: LeaseChange) => void> = new Set()
  readonly #shared: SharedLease
  #waiting: Deferred<FencingToken>[] = []
  #isOpen = true

  constructor(shared: SharedLease) {
    this.#shared = shared
  }

  get core(): ReplicaCore {
    return this.#shared.core
  }

  get document(): string {
    return this.#shared.document
  }

  get name(): string {
    return this.#shared.lease.name
  }

  get token(): FencingToken | undefined {
    return this.#isOpen ? this.#shared.lease.token : undefined
  }

  get denial(): string | undefined {
    return this.#shared.lease.denial
  }

  get holder(): Lease['holder'] {
    return this.#shared.lease.holder
  }

  reached(receipt: Receipt): Later<void> {
    return this.#shared.reached(receipt, this.#isOpen)
  }

  held(): Later<FencingToken> {
    const { lease, isUsable } = this.#shared
    const pair = deferred<FencingToken>()
    this.#waiting.push(pair)
    if (isUsable && this.#isOpen && this.token === undefined) lease.look()
    this.settle()
    return pair.later
  }

  onChange(listener: (event: LeaseChange) => void): () => void {
    return listen(this.listeners, listener)
  }

  release(): void {
    if (!this.#isOpen) return
    const { handles, isUsable } = this.#shared
    this.#isOpen = false
    const isWanted = handles.delete(this)
    if (isUsable) this.#shared.tell({ kind: 'lost', reason: 'It was released.' }, [this])
    this.settle()
    // Invariant 1.
    if (isWanted && handles.size === 0) this.#shared.giveBack()
  }

  /** Who waits has it, or never will. */
  settle(): void {
    for (;;) {
      const { token } = this
      if (this.#isOpen && token === undefined) return
      const pair = this.#waiting.shift()
      if (pair === undefined) return
      if (token === undefined) pair.reject(rejoinError('closed', { reason: `The lease ${this.name} was released.` }))
      else pair.resolve(token)
    }
  }
}
