import type { AuthorSlot } from './author-slot.ts'
import { type Change, lastSeq } from './change.ts'
import type { Core } from './core.ts'
import type { Contact } from './cut-record.ts'
import type { AuthorId } from './ids.ts'
import type { Row } from './rows.ts'
import { entriesAfter } from './touched.ts'
import { Version } from './version.ts'

/**
 * What others did apart that came only after a heal was settled: by those who heal later. A change is such when its
 * author had not seen all that this side wrote apart; state does not tell, and counts when it brings a conflict.
 */
export class LateWork {
  readonly entries: Set<Row> = new Set()
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
  add(brought: Change | Version, bytes: number, touched: ReadonlySet<Row>): void {
    if ('ops' in brought) this.#count(brought.author, lastSeq(brought) - brought.seq + 1)
    else {
      for (const slot of this.#slotsAfter(brought)) this.#count(slot.id, slot.max - brought.get(slot.id))
    }
    for (const entry of touched) this.entries.add(entry)
    this.bytes += bytes
  }

  /** What a merge that was just done touched, as far as it can be late work; undefined when it is ordinary. */
  touchedBy(brought: Change | Version): ReadonlySet<Row> | undefined {
    if (!('ops' in brought)) {
      const touched = new Set<Row>()
      for (const slot of this.#slotsAfter(brought)) entriesAfter(this.#core.tree, slot, brought.get(slot.id), touched)
      return touched
    }
    const { author, context, seq } = brought
    if (this.#joined.has(author)) return undefined
    if (context.covers(this.#apart)) {
      this.#joined.add(author)
      return undefined
    }
    const slot = this.#core.slots.get(author)
    const touched = new Set<Row>()
    if (slot !== undefined) entriesAfter(this.#core.tree, slot, seq - 1, touched)
    return touched
  }

  #slotsAfter(before: Version): AuthorSlot[] {
    const { own, slots } = this.#core
    return [...slots.values()].filter(
      (slot) => slot !== own && !this.#joined.has(slot.id) && slot.max > before.get(slot.id),
    )
  }

  #count(author: AuthorId, changes: number): void {
    this.changes.set(author, (this.changes.get(author) ?? 0) + changes)
  }
}
