import type { AuthorSlot } from './author-slot.ts'
import type { Core, Later } from './core.ts'
import type { Dot } from './ids.ts'
import { type Row, rowTypes } from './rows.ts'

/** Notes list elements that the sequence has taken in. */
export function addRun(core: Core, entry: Row, slot: AuthorSlot, seq: number, count: number, later?: Later): void {
  core.enlist(slot, core.tree.addRecord(entry, rowTypes.run, slot, seq, 0, count), later)
}

/** Keeps a removal record of list elements. */
export function addErasure(
  core: Core,
  entry: Row,
  slot: AuthorSlot,
  seq: number,
  targets: readonly Dot[],
  later?: Later,
): void {
  core.enlist(slot, core.tree.addRecord(entry, rowTypes.erasure, slot, seq, 0, null, targets), later)
  core.removalRecords++
}

/** To be called after a list changed. */
export function updateList(core: Core, entry: Row): void {
  const { tree } = core
  const length = tree.sequences.get(entry)?.length ?? 0
  core.listElements += length - Number(tree.value(entry) ?? 0)
  tree.values.set(entry, length)
  core.setPresent(entry, length > 0)
}
