import type { StorageOp, StoredRow } from '../../seams.ts'
import { addressKey, type PeerAddress } from '../dialing/address.ts'
import type { AddressBook, AddressBookEffect } from '../dialing/address-book.ts'
import { putJson, readJson } from '../json-row.ts'

/** Rows of addresses begin with it. */
export const addressPrefix = 'p/a/'

/** The rows of an address book. Their names say nothing: an address may be longer than a key. */
export class BookRows {
  readonly #rowByKey = new Map<string, string>()
  readonly #newId: () => string

  constructor(newId: () => string) {
    this.#newId = newId
  }

  /** What rows say; undefined for what is damaged, which is an address less. */
  static read(rows: readonly StoredRow[]): unknown[] {
    return rows.map(({ bytes }) => readJson(bytes))
  }

  /** Takes the rows over of which a book was made, and answers how to be rid of those that it has no use for. */
  adopt(rows: readonly StoredRow[], read: readonly unknown[], book: AddressBook): StorageOp[] {
    const useless: StorageOp[] = []
    for (const [at, { key: row }] of rows.entries()) {
      const value = read[at] as Partial<PeerAddress> | null | undefined
      const key = typeof value === 'object' && value !== null ? addressKey(value as PeerAddress) : ''
      if (book.records.has(key) && !this.#rowByKey.has(key)) this.#rowByKey.set(key, row)
      else useless.push({ kind: 'delete', key: row })
    }
    return useless
  }

  /** What an effect of the book means for storage. */
  opFor(effect: AddressBookEffect): StorageOp | undefined {
    const { key } = effect
    const known = this.#rowByKey.get(key)
    if (effect.kind === 'persist') {
      const row = known ?? addressPrefix + this.#newId()
      this.#rowByKey.set(key, row)
      return putJson(row, effect.record)
    }
    this.#rowByKey.delete(key)
    return known === undefined ? undefined : { kind: 'delete', key: known }
  }
}
