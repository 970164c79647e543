import { Version } from '@rejoin/state'
import type { DocumentKeys } from './rows.ts'
import type { StorageOp } from './seams.ts'
import { versionBytes } from './version-row.ts'

/** Entries that may have risen before all are written anew. */
const maxRisen = 64

/**
 * Writes down what a server has durably, as far as this opening heard: once whole, and from then on what has risen since, so
 * that an acknowledgement costs bytes however many authors there are. Readers join all such rows, so each is of use alone.
 */
export class AckedRows {
  readonly #keys: DocumentKeys
  readonly #replica: string
  #whole: Version | undefined
  #hasRisen = false

  constructor(keys: DocumentKeys, replica: string) {
    this.#keys = keys
    this.#replica = replica
  }

  /** Rows after an acknowledgement by which it is `acked`. */
  rise(acked: Version): StorageOp[] {
    const risen = this.#whole === undefined || acked.size <= maxRisen ? undefined : acked.above(this.#whole)
    if (risen === undefined || risen.length > maxRisen) return this.replace(acked)
    this.#hasRisen = true
    return [{ kind: 'put', key: this.#keys.risen(this.#replica), bytes: versionBytes(Version.from(risen)) }]
  }

  /** Rows that take the place of all that this opening wrote, also where that was more. */
  replace(acked: Version): StorageOp[] {
    const ops: StorageOp[] = [{ kind: 'put', key: this.#keys.acked(this.#replica), bytes: versionBytes(acked) }]
    if (this.#hasRisen) ops.push({ kind: 'delete', key: this.#keys.risen(this.#replica) })
    this.#whole = acked
    this.#hasRisen = false
    return ops
  }
}
