/**
 * What documents have to hold before this replica grants leases of them: rows on its disk, each read when it is asked for.
 *
 * Invariants
 * 1. Pages are joined one after the other, each on the disk before it is done: of two that tell of one document both count.
 * 2. A row that cannot be read is lost until it was told anew. Until then it is not known what counted.
 */
import { Version } from '@rejoin/state'
import { attemptLater, inTurn, type Later, rejected, resolved } from '../later.ts'
import type { ReplicaCore } from '../replica-core.ts'
import { documentKeys, sealRow, unsealRow } from '../rows.ts'
import type { StorageOp } from '../seams.ts'
import { wholeVersion } from '../version-codec.ts'
import { decoded, encoded } from '../wire-fields.ts'
import type { CountedVersion } from './wire.ts'

export class CountedRows {
  readonly prefix: string
  /** Whether nothing is known to be lost. Invariant 2. */
  isWhole = true
  readonly #core: ReplicaCore
  readonly #lose: () => void
  /** Documents whose rows cannot be read, and were not told anew. */
  readonly #lost = new Set<string>()

  /** `lose` is told that a row cannot be read. */
  constructor(core: ReplicaCore, prefix: string, lose: () => void) {
    this.#core = core
    this.prefix = prefix
    this.#lose = lose
  }

  /** What a document has to hold. Rejects where that cannot be read. */
  read(document: string): Later<Version> {
    return attemptLater(() => this.#core.storage.read(this.#keyOf(document))).then(([row]) => {
      if (row === undefined) return Version.empty
      const version = decoded(wholeVersion, unsealRow(row.bytes) ?? new Uint8Array())
      if (version.ok) return version.value
      if (!this.#lost.has(document)) {
        this.#lost.add(document)
        this.isWhole = false
        this.#core.batch(this.#lose)
      }
      return rejected<Version>(document)
    })
  }

  /** Joins what is told of documents with what is there. Not before the one before is `done` (invariant 1). `isKept`: it is on the disk. */
  join(page: readonly CountedVersion[], done: (isKept: boolean) => void): void {
    const core = this.#core
    const ops: StorageOp[] = []
    const rise = ({ document, version }: CountedVersion): Later<void> => {
      const known = this.#lost.has(document) ? resolved(Version.empty) : this.read(document)
      return known.then((before) => {
        if (before.covers(version)) return
        const bytes = sealRow(encoded(wholeVersion, before.merge(version)))
        ops.push({ kind: 'put', key: this.#keyOf(document), bytes })
        this.#lost.delete(document)
      })
    }
    const kept = (): void => done(true)
    // All are read at once.
    inTurn(page.map(rise), (risen) => risen).then(
      () => core.batch(() => (ops.length === 0 ? kept() : core.queue.push(ops, kept))),
      () => done(false),
    )
  }

  /** A document holds what it has to. */
  forget(document: string): void {
    this.#core.queue.push([{ kind: 'delete', key: this.#keyOf(document) }])
  }

  /** All that counted was told: what is lost still did not. */
  forgetLost(): void {
    for (const document of this.#lost) this.forget(document)
    this.#lost.clear()
    this.isWhole = true
  }

  /** What is read is all that begins so: no other document. */
  #keyOf(document: string): string {
    return `${this.prefix}${documentKeys(document).index.slice(2)}/`
  }
}
