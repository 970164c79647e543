import { type Change, lastSeq } from './change.ts'
import type { Core } from './core.ts'
import type { Contact } from './cut-record.ts'
import type { AuthorId } from './ids.ts'
import { entriesAfter } from './touched.ts'
import type { AuthorSlot, Entry } from './tree.ts'
import { Version } from './version.ts'

/**
 * What others did apart that came only after a heal was settled: by those who heal later. A change is such when its
 * author had not seen all that this side wrote apart; state does not tell, and counts when it brings a conflict.
 */
export class LateWork {
  readonly entries: Set<Entry> = new Set()
  readonly changes: Map<AuthorId, number> = new Map()
  bytes = 0
  readonly #core: Core
  /** What this side wrote apart. */
  readonly #apart: Version
  /** Authors who have seen that: what they write from then on is ordinary work. */
  readonly #joined = new Set<AuthorId>()

  constructor(core: Core, { ours, common }: Contact) {
    this.#core = core
    this.#apart = Version.from([...ours.entries()].filter(([author, seq]) => seq > common.get(author)))
  }

  /** To be called after each merge. `brought`: the change, or the version before a bundle. */
  add(brought: Change | Version, bytes: number, conflicts: boolean): void {
    if ('ops' in brought) this.#addChange(brought, bytes)
    else if (conflicts) this.#addBundle(brought, bytes)
  }

  #addChange(change: Change, bytes: number): void {
    const { author, context, seq } = change
    if (this.#joined.has(author)) return
    if (context.covers(this.#apart)) {
      this.#joined.add(author)
      return
    }
    const slot = this.#core.slots.get(author)
    if (slot === undefined) return
    this.#count(slot, seq - 1, lastSeq(change))
    this.bytes += bytes
  }

  #addBundle(before: Version, bytes: number): void {
    for (const slot of this.#core.slots.values()) {
      if (slot === this.#core.own || this.#joined.has(slot.id)) continue
      const known = before.get(slot.id)
      if (slot.max > known) this.#count(slot, known, slot.max)
    }
    this.bytes += bytes
  }

  /** Counts what an author did after `from` up to `to`, the last that is known of it. */
  #count(slot: AuthorSlot, from: number, to: number): void {
    this.changes.set(slot.id, (this.changes.get(slot.id) ?? 0) + to - from)
    for (const entry of entriesAfter(slot, from)) this.entries.add(entry)
  }
}
