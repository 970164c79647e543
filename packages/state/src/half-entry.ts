import { type Change, lastSeq } from './change.ts'
import { type Conflict, sideOf } from './conflict.ts'
import type { Core } from './core.ts'
import type { Contact } from './cut-record.ts'
import type { Dot } from './ids.ts'
import { leafKinds } from './key.ts'
import type { Touch } from './leaf-kind.ts'
import type { Row } from './rows.ts'
import type { Removal } from './since.ts'
import { winningItem } from './stamp-order.ts'
import { toPlain } from './to-plain.ts'
import type { Tree } from './tree.ts'
import { entriesIn } from './tree-walk.ts'
import type { Version } from './version.ts'

type IsBy = (dot: Dot) => boolean

/**
 * Map entries that one side deleted while the other wrote in them. Where no leaf inside is in conflict, each merges
 * silently and half an entry is left; so the entry itself is named.
 */
export class HalfEntries {
  readonly #core: Core
  readonly #contact: Contact
  readonly #ourDeletions = new Map<Row, Touch>()
  readonly #found = new Map<Row, Conflict>()
  readonly #isOurs: IsBy = (dot) => this.#contact.ours.has(dot) && !this.#contact.common.has(dot)

  constructor(core: Core, contact: Contact) {
    this.#core = core
    this.#contact = contact
    for (const entry of contact.ourEntries) {
      const deletion = this.#deletionAt(entry, this.#isOurs)
      if (deletion !== undefined) this.#ourDeletions.set(core.tree.nodeOf(entry), deletion)
    }
  }

  /** What the other side had done by the time of contact; `entries` are those that were merged of it. */
  heal(entries: Iterable<Row>): void {
    const { ours, theirs } = this.#contact
    const isTheirs: IsBy = (dot) => theirs.has(dot) && !ours.has(dot)
    this.#deletedByThem(entries, this.#isOurs, isTheirs)
    this.#writtenByThem(entries, this.#isOurs, isTheirs)
  }

  /** What came after the heal, by who had not seen all of this side. Says whether that adds something. */
  late(brought: Change | Version, entries: Iterable<Row>): boolean {
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
  conflicts(others: Iterable<Row>): Conflict[] {
    if (this.#found.size === 0) return []
    const { tree } = this.#core
    const told = new Set<Row>()
    for (const entry of others) {
      for (let node = tree.nodeOf(entry); node !== 0; node = tree.above(node)) told.add(node)
    }
    const left = [...this.#found].filter(([node]) => !told.has(node))
    return left.map(([node, conflict]) => ({ ...conflict, result: plainOf(tree, node) }))
  }

  /** What stands for a side's deletion of a map entry, if the entry is one and the side deleted it. */
  #deletionAt(entry: Row, isBy: IsBy): Touch | undefined {
    const { tree } = this.#core
    return tree.kind(entry) === leafKinds.entry ? leading(tree.removals(entry), isBy) : undefined
  }

  #deletedByThem(theirEntries: Iterable<Row>, isOurs: IsBy, isTheirs: IsBy): void {
    const { tree } = this.#core
    for (const entry of theirEntries) {
      const deletion = this.#deletionAt(entry, isTheirs)
      if (deletion === undefined) continue
      const node = tree.nodeOf(entry)
      const write = winningItem([...entriesIn(tree, node)].flatMap((inside) => writesAt(tree, inside, isOurs)))
      if (write !== undefined) this.#add(node, 'ours', write, deletion)
    }
  }

  #writtenByThem(theirEntries: Iterable<Row>, isOurs: IsBy, isTheirs: IsBy): void {
    if (this.#ourDeletions.size === 0) return
    const { tree } = this.#core
    for (const entry of theirEntries) {
      for (let node = tree.nodeOf(entry); node !== 0; node = tree.above(node)) {
        const deletion = this.#ourDeletions.get(node)
        if (deletion === undefined || !isOurs(deletion)) continue
        const write = winningItem(writesAt(tree, entry, isTheirs))
        if (write !== undefined) this.#add(node, 'theirs', write, deletion)
      }
    }
  }

  #add(node: Row, winner: 'ours' | 'theirs', write: Touch, deletion: Touch): void {
    if (this.#found.has(node)) return
    const { tree } = this.#core
    const result = plainOf(tree, node)
    const written = sideOf(this.#core, write, result ?? null)
    const removed = sideOf(this.#core, deletion, undefined)
    this.#found.set(node, {
      path: tree.path(node),
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

function plainOf(tree: Tree, node: Row): Conflict['result'] {
  return tree.isPresent(node) ? toPlain(tree, node) : undefined
}

/** The removal record that stands for a side. */
function leading(removals: readonly Removal[], isBy: IsBy): Touch | undefined {
  const record = winningItem(removals.filter(isBy))
  return record === undefined ? undefined : { author: record.author, seq: record.seq, hlc: record.hlc }
}

/** What one side wrote at an entry and is still there. Elements of a list have no stamp. */
function writesAt(tree: Tree, entry: Row, isBy: IsBy): Touch[] {
  if (tree.kind(entry) === leafKinds.counterReset) return []
  const sequence = tree.sequences.get(entry)
  if (sequence === undefined) {
    return tree
      .items(entry)
      .flatMap((item) => (isBy(item) ? [{ author: item.author, seq: item.seq, hlc: item.hlc }] : []))
  }
  for (let index = 0; index < sequence.length; index++) {
    const id = sequence.idAt(index)
    if (isBy(id)) return [{ author: id.author, seq: id.seq, hlc: 0 }]
  }
  return []
}
