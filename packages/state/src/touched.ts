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
  return tree.type(row) === rowTypes.run ? seq + (tree.values[row] as number) - 1 : seq
}

/** Entries with removal records that `version` covers. */
export function removedUpTo({ tree, slots }: Core, version: Version): Set<Row> {
  const { rows } = tree
  const removed = new Set<Row>()
  for (const slot of slots.values()) {
    const seq = version.get(slot.id)
    for (let row = slot.head; row !== 0 && tree.seq(row) <= seq; row = rows.get(row, words.after)) {
      const type = tree.type(row)
      if (type === rowTypes.removal || type === rowTypes.erasure) removed.add(tree.entryOf(row))
    }
  }
  return removed
}
