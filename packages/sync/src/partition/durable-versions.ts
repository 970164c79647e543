/**
 * What the disk holds of one document after the other, without opening any: none is kept in memory, none takes room of
 * `limits.documents`, and no connection carries one for that.
 *
 * Invariants
 * 1. Of a document in memory it is what is known to be durable, of another what its rows say: it goes out of memory once what it
 *    wrote is on the disk.
 * 2. Nothing is written, and nobody told: whoever opens a document meanwhile reads it for itself.
 */
import { rejoinError, type Steps, type Version } from '@rejoin/state'
import { DocumentCore } from '../document-core.ts'
import { versionInRows } from '../document-loading.ts'
import { attemptLater, deferred, type Later, rejected, resolved } from '../later.ts'
import type { ReplicaCore } from '../replica-core.ts'

export class DurableVersions {
  readonly #core: ReplicaCore
  /** When others have their turn: all documents share the slices of `timing.sliceMs`. */
  #until: number

  constructor(core: ReplicaCore) {
    this.#core = core
    this.#until = core.clock.monotonic() + core.timing.sliceMs
  }

  /** Rejects where its rows cannot be read, and once the replica is closed. */
  read(name: string): Later<Version> {
    const { shelf, storage } = this.#core
    const held = shelf.loaded(name)
    // Of a document that could not be read when it was opened nobody knows what this disk holds: who asks asks again.
    if (held !== undefined) return shelf.needsReading(name) ? rejected(name) : resolved(held.durable)
    return attemptLater(() => {
      // It is on no shelf: it lends its keys, and how its rows are read.
      const document = new DocumentCore(this.#core, name)
      return storage.read(document.keys.prefix).then((rows) => this.#run(versionInRows(document, rows)))
    }).catch((error: unknown) => {
      if (!this.#core.isClosed) this.#core.log('error', 'document-unread', { document: name, error: String(error) })
      return rejected<Version>(error)
    })
  }

  #run<T>(steps: Steps<T>): Later<T> {
    const { clock } = this.#core
    for (;;) {
      if (this.#core.isClosed) return rejected(rejoinError('closed'))
      if (clock.monotonic() >= this.#until) return this.#pause().then(() => this.#run(steps))
      const step = steps.next()
      if (step.done === true) return resolved(step.value)
    }
  }

  #pause(): Later<void> {
    const { clock, timers, timing } = this.#core
    const over = deferred<void>()
    timers.set(0, () => {
      this.#until = clock.monotonic() + timing.sliceMs
      over.resolve()
    })
    return over.later
  }
}
