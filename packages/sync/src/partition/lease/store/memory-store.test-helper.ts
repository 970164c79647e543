import { resolved } from '../../../later.ts'
import type { StoreAnswer, StoreKey } from './store-lease-types.ts'
import type { ConditionalStore } from './store-leases.ts'

/** A store in memory that can be lost, brought back to what it was, and written by anybody. */
export class MemoryStore {
  records = new Map<string, { readonly revision: number; readonly text: string | undefined }>()
  revision = 0

  read(key: StoreKey): StoreAnswer {
    const { revision, text } = this.records.get(key.join('/')) ?? { revision: 0, text: undefined }
    return { kind: 'entry', revision, text }
  }

  write(key: StoreKey, text: string | undefined, expected?: number): StoreAnswer {
    const known = this.records.get(key.join('/'))?.revision ?? 0
    if (expected !== undefined && known !== expected) return { kind: 'conflict' }
    this.revision += 1
    this.records.set(key.join('/'), { revision: this.revision, text })
    return { kind: 'written', revision: this.revision }
  }

  lose(): void {
    this.records = new Map()
    this.revision = 0
  }

  /** The way back to what it is now. */
  keep(): () => void {
    const { revision } = this
    const records = new Map(this.records)
    return () => {
      this.records = new Map(records)
      this.revision = revision
    }
  }

  /** As a client that answers at once, or not at all while it is cut off. */
  client(isCut: () => boolean = () => false): ConditionalStore {
    const cut: StoreAnswer = { kind: 'failed', because: 'unavailable', reason: 'The store does not answer.' }
    return {
      read: (key) => resolved(isCut() ? cut : this.read(key)),
      write: (key, text, expected) => resolved(isCut() ? cut : this.write(key, text, expected)),
    }
  }
}
