import type { AuthorSlot } from './author-slot.ts'
import type { Core } from './core.ts'
import { type Row, RowSet, rowTypes, words } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Version } from './version.ts'

/** Entries, each once: a bit for each that there may be, and a list. */
export class TouchedEntries implements Iterable<Row> {
  readonly #seen: RowSet
  readonly #entries: Row[] = []

  constructor(tree: Tree) {
    this.#seen = new RowSet(tree.rows.end)
  }

  get size(): number {
    return this.#entries.length
  }

  add(entry: Row): void {
    if (this.#seen.add(entry)) this.#entries.push(entry)
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#entries.values()
  }
}

/** Entries that a dot after `version` touched. */
export function touchedAfter(core: Core, version: Version): TouchedEntries {
  const touched = new TouchedEntries(core.tree)
  for (const slot of core.slots.values()) entriesAfter(core.tree, slot, version.get(slot.id), touched)
  return touched
}

/** Adds the entries that an author touched after `seq`, as far as its recency list still names them. */
export function entriesAfter(tree: Tree, slot: AuthorSlot, seq: number, into: Pick<TouchedEntries, 'add'>): void {
  const { rows } = tree
  for (let row = slot.tail; row !== 0; row = rows.get(row, words.before)) {
    if (lastSeqOf(tree, row) <= seq) break
    into.add(tree.entryOf(row))
  }
}

/** The last seq that an item takes: runs take one per element. */
function lastSeqOf(tree: Tree, row: Row): number {
  const seq = tree.seq(row)
  return tree.type(row) === rowTypes.run ? seq + (tree.value(row) as number) - 1 : seq
}

/** Entries with removal records that `version` covers and `freed`, below which there are none, does not. */
export function removedUpTo({ tree, slots }: Core, version: Version, freed: Version): Set<Row> {
  const { rows } = tree
  const removed = new Set<Row>()
  for (const slot of slots.values()) {
    const [from, to] = [freed.get(slot.id), version.get(slot.id)]
    for (let row = slot.tail; row !== 0 && tree.seq(row) > from; row = rows.get(row, words.before)) {
      const type = tree.type(row)
      const isRemoval = type === rowTypes.removal || type === rowTypes.erasure
      if (isRemoval && tree.seq(row) <= to) removed.add(tree.entryOf(row))
    }
  }
  return removed
}
