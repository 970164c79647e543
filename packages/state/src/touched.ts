import type { AuthorSlot } from './author-slot.ts'
import type { Core } from './core.ts'
import { type Row, rowTypes, words } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Version } from './version.ts'

/** Entries that a dot after `version` touched. */
export function touchedAfter(core: Core, version: Version): Set<Row> {
  const touched = new Set<Row>()
  for (const slot of core.slots.values()) entriesAfter(core.tree, slot, version.get(slot.id), touched)
  return touched
}

/** Adds the entries that an author touched after `seq`, as far as its recency list still names them. */
export function entriesAfter(tree: Tree, slot: AuthorSlot, seq: number, into: Set<Row>): void {
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
