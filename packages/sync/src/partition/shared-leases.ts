/**
 * The leases that are wanted at one replica. Whoever grants one knows the replica by one name, so that all who want the same lease there
 * share it.
 *
 * Invariants
 * 1. A lease is given back with the last of those who want it.
 * 2. A write counts by the grant under which it was made, and by no later one.
 */
import { type FencingToken, lastSeq, type RejoinError, rejoinError, Version } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import { type Deferred, deferred, type Later, rejected, resolved } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import type { ReplicaCore } from '../replica-core.ts'
import type { Lease, LeaseChange } from './leases.ts'

/** Begins to want a lease of a document; `released` is to be called once, when it is given back. */
type Want = (document: DocumentCore, released: () => void) => Lease

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
        const lease = want(core, () => {
          this.#shared.delete(key)
          release()
        })
        const shared = new SharedLease(this.#core, core, lease)
        this.#shared.set(key, shared)
        return shared.handle()
      } catch (error) {
        release()
        throw error
      }
    })
  }

  /** Nothing is wanted any more, also where its document opens only now. */
  close(): void {
    this.#isClosed = true
  }
}

class SharedLease {
  readonly lease: Lease
  readonly core: ReplicaCore
  readonly handles = new Set<LeaseHandle>()
  readonly #document: DocumentCore
  /** What the document held when the lease became usable. */
  #before = Version.empty
  readonly #counted = new WeakSet<Receipt>()

  constructor(core: ReplicaCore, document: DocumentCore, lease: Lease) {
    this.core = core
    this.lease = lease
    this.#document = document
    lease.onChange((event) => {
      if (event.kind === 'usable') this.#before = document.store.version
      for (const { listeners } of [...this.handles]) core.tell(listeners, event)
    })
  }

  handle(): Lease {
    const handle = new LeaseHandle(this)
    this.handles.add(handle)
    return handle
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
    return rejoinError('lease-lost', { details: { lease: this.lease.name, document: this.#document.name } })
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
  readonly #waiting = new Set<Deferred<FencingToken>>()
  #isOpen = true

  constructor(shared: SharedLease) {
    this.#shared = shared
  }

  get core(): ReplicaCore {
    return this.#shared.core
  }

  get document(): string {
    return this.#shared.lease.document
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
    if (!this.#isOpen) return rejected(this.#closed())
    const pair = deferred<FencingToken>()
    this.#waiting.add(pair)
    const settled = (): void => {
      this.#waiting.delete(pair)
    }
    pair.later.then(settled, settled)
    this.#shared.lease.held().then(pair.resolve, pair.reject)
    return pair.later
  }

  onChange(listener: (event: LeaseChange) => void): () => void {
    return listen(this.listeners, listener)
  }

  release(): void {
    if (!this.#isOpen) return
    const { lease, handles, core } = this.#shared
    const isUsable = lease.token !== undefined
    this.#isOpen = false
    handles.delete(this)
    // Invariant 1.
    if (handles.size === 0) lease.release()
    if (isUsable) core.tell(this.listeners, { kind: 'lost', reason: 'It was released.' })
    for (const pair of [...this.#waiting]) pair.reject(this.#closed())
  }

  #closed(): RejoinError {
    return rejoinError('closed', { reason: `The lease ${this.name} was released.` })
  }
}
