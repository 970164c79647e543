import { type Change, lastSeq } from './change.ts'
import { type Conflict, sideOf } from './conflict.ts'
import type { Core } from './core.ts'
import type { Contact } from './cut-record.ts'
import type { Dot } from './ids.ts'
import { leafKinds } from './key.ts'
import type { Touch } from './leaf-kind.ts'
import { winningItem } from './stamp-order.ts'
import { toPlain } from './to-plain.ts'
import type { Entry, Node } from './tree.ts'
import type { Version } from './version.ts'

type IsBy = (dot: Dot) => boolean

/**
 * Map entries that one side deleted while the other wrote in them. Where no leaf inside is in conflict, each merges
 * silently and half an entry is left; so the entry itself is named.
 */
export class HalfEntries {
  readonly #core: Core
  readonly #contact: Contact
  readonly #ourDeletions = new Map<Node, Touch>()
  readonly #found = new Map<Node, Conflict>()
  readonly #isOurs: IsBy = (dot) => this.#contact.ours.has(dot) && !this.#contact.common.has(dot)

  constructor(core: Core, contact: Contact) {
    this.#core = core
    this.#contact = contact
    for (const { leaf, key, removals } of contact.ourEntries) {
      const deletion = key.kind === leafKinds.entry ? leading(removals, this.#isOurs) : undefined
      if (deletion !== undefined) this.#ourDeletions.set(leaf.node, deletion)
    }
  }

  /** What the other side had done by the time of contact; `entries` are those that were merged of it. */
  heal(entries: Iterable<Entry>): void {
    const { ours, theirs } = this.#contact
    const isTheirs: IsBy = (dot) => theirs.has(dot) && !ours.has(dot)
    this.#deletedByThem(entries, this.#isOurs, isTheirs)
    this.#writtenByThem(entries, this.#isOurs, isTheirs)
  }

  /** What came after the heal, by who had not seen all of this side. Says whether that adds something. */
  late(brought: Change | Version, entries: Iterable<Entry>): boolean {
    const before = this.#found.size
    if ('ops' in brought) {
      const { author, seq, context } = brought
      const isOurs: IsBy = (dot) => this.#isOurs(dot) && !context.has(dot)
      const isTheirs: IsBy = (dot) => dot.author === author && dot.seq >= seq && dot.seq <= lastSeq(brought)
      this.#deletedByThem(entries, isOurs, isTheirs)
      this.#writtenByThem(entries, isOurs, isTheirs)
    } else {
      // State does not tell whether a write had seen our deletion. What a deletion left of ours it had not seen.
      this.#deletedByThem(entries, this.#isOurs, (dot) => !brought.has(dot))
    }
    return this.#found.size > before
  }

  /** As they stand now, those without another conflict inside. */
  conflicts(others: Iterable<Entry>): Conflict[] {
    const told = new Set<Node>()
    for (const { leaf } of others) {
      for (let node: Node | undefined = leaf.node; node !== undefined; node = node.parent) told.add(node)
    }
    const left = [...this.#found].filter(([node]) => !told.has(node))
    return left.map(([node, conflict]) => ({ ...conflict, result: plainOf(node) }))
  }

  #deletedByThem(theirEntries: Iterable<Entry>, isOurs: IsBy, isTheirs: IsBy): void {
    for (const { leaf, key, removals } of theirEntries) {
      const deletion = key.kind === leafKinds.entry ? leading(removals, isTheirs) : undefined
      if (deletion === undefined) continue
      const writes = [...this.#core.tree.entries(leaf.node)].flatMap((entry) => writesAt(entry, isOurs))
      const write = winningItem(writes)
      if (write !== undefined) this.#add(leaf.node, 'ours', write, deletion)
    }
  }

  #writtenByThem(theirEntries: Iterable<Entry>, isOurs: IsBy, isTheirs: IsBy): void {
    if (this.#ourDeletions.size === 0) return
    for (const entry of theirEntries) {
      for (let node: Node | undefined = entry.leaf.node; node !== undefined; node = node.parent) {
        const deletion = this.#ourDeletions.get(node)
        if (deletion === undefined || !isOurs(deletion)) continue
        const write = winningItem(writesAt(entry, isTheirs))
        if (write !== undefined) this.#add(node, 'theirs', write, deletion)
      }
    }
  }

  #add(node: Node, winner: 'ours' | 'theirs', write: Touch, deletion: Touch): void {
    if (this.#found.has(node)) return
    const result = plainOf(node)
    const written = sideOf(this.#core, write, result ?? null)
    const removed = sideOf(this.#core, deletion, undefined)
    this.#found.set(node, {
      path: node.path,
      kind: 'entry',
      rule: 'update-wins',
      ours: winner === 'ours' ? written : removed,
      theirs: winner === 'ours' ? removed : written,
      winner,
      result,
      ancestor: { known: false },
    })
  }
}

function plainOf(node: Node): Conflict['result'] {
  return node.presentLeaves > 0 ? toPlain(node) : undefined
}

/** The removal record that stands for a side. */
function leading(removals: readonly Touch[] | undefined, isBy: IsBy): Touch | undefined {
  const record = winningItem(removals?.filter(isBy) ?? [])
  return record === undefined ? undefined : { author: record.author, seq: record.seq, hlc: record.hlc }
}

/** What one side wrote at an entry and is still there. Elements of a list have no stamp. */
function writesAt(entry: Entry, isBy: IsBy): Touch[] {
  if (entry.key.kind === leafKinds.counterReset) return []
  const { sequence } = entry.leaf
  if (sequence === undefined) {
    return entry
      .liveItems()
      .flatMap((item) => (isBy(item) ? [{ author: item.author, seq: item.seq, hlc: item.hlc }] : []))
  }
  for (let index = 0; index < sequence.length; index++) {
    const id = sequence.idAt(index)
    if (isBy(id)) return [{ author: id.author, seq: id.seq, hlc: 0 }]
  }
  return []
}
