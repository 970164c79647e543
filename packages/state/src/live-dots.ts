/**
 * The parts that a join from below the floor is made of when it does not carry the whole state.
 *
 * A peer at version v returns to a sender whose state covers v, and whose floor v does not cover. An address of the
 * sender either has a dot after v, or it does not.
 *
 * - With one, the peer is sent the row: the complete live set, as ever.
 * - Without one, all that is live there was live at the peer: nobody whom v includes has removed it, as the sender would
 *   know. So the peer has the contents, and perhaps more than that: what was removed since by records that are gone.
 *
 * Once both sides have found out which dots that is, the peer has all of the sender's state in hand (`wholeFrom`), and
 * merges it as the full bundle that it would have been sent, under the same checks, and keeps the same row of it.
 */
import type { Bundle, KeyRow } from './change.ts'
import type { AuthorId } from './ids.ts'
import type { Key } from './key.ts'
import { RowTable, TableBundle } from './row-table.ts'
import type { Value } from './value.ts'
import { Version } from './version.ts'

/** Calls back for each live item of the rows of a bundle, row by row. Lists are not rows. */
export function eachLiveDot(
  bundle: Bundle,
  visit: (row: number, key: Key, author: AuthorId, seq: number) => void,
): void {
  const table = RowTable.of(bundle)
  const { keys, dots, authors, seqs } = table
  for (let row = 0, dot = 0; row < keys.length; row++) {
    const [items, removals] = table.shape(row)
    for (let i = dot; i < dot + items; i++) {
      const at = dots[i] as number
      visit(row, keys.at(row), authors[at] as AuthorId, seqs[at] as number)
    }
    dot += items + removals
  }
}

/** The keys of the rows of a bundle, in their order. */
export function keysOf(bundle: Bundle): readonly Key[] {
  const { keys } = RowTable.of(bundle)
  return Array.from({ length: keys.length }, (_, row) => keys.at(row))
}

/** For each row of a bundle 1 if an item or removal record of it comes after `version`, else 0. */
export function rowsAfter(bundle: Bundle, version: Version): Uint8Array {
  const table = RowTable.of(bundle)
  const isAfter = Uint8Array.from(table.seqs, (seq, at) => (seq > version.get(table.authors[at] as AuthorId) ? 1 : 0))
  const rows = new Uint8Array(table.keys.length)
  for (let row = 0, dot = 0; row < rows.length; row++) {
    const [items, removals] = table.shape(row)
    const end = dot + items + removals
    for (; dot < end; dot++) if (isAfter[table.dots[dot] as number] === 1) rows[row] = 1
  }
  return rows
}

/**
 * Some rows of the whole state, and all lists, for a peer at `base`. Not to be merged: it does not say which other rows
 * the peer has to drop.
 */
export function partOf(whole: Bundle, isIn: Uint8Array, base: Version): Bundle {
  const table = new RowTable()
  copyRows(RowTable.of(whole), table, (row) => isIn[row] === 1)
  const { version, floor, lists } = whole
  return new TableBundle({ base, version, floor, full: false, lists }, table)
}

/**
 * The whole state of a sender, from a part of it (`partOf`) and the state `held` of the peer that it was made for.
 *
 * @param isReplaced For each row of `held` 1 if the part has a row of that key.
 * @param isGone For each live dot of the other rows, in the order of `eachLiveDot`, 1 if the sender does not have it.
 */
export function wholeFrom(held: Bundle, part: Bundle, isReplaced: Uint8Array, isGone: Uint8Array): Bundle {
  const table = new RowTable()
  copyRows(RowTable.of(part), table, () => true)
  copyRows(RowTable.of(held), table, (row) => isReplaced[row] === 0, isGone)
  const { version, lists } = part
  // What was freed here is named by no row either.
  const floor = held.floor.merge(part.floor)
  return new TableBundle({ base: Version.empty, version, floor, full: true, lists }, table)
}

function copyRows(from: RowTable, to: RowTable, isIn: (row: number) => boolean, isGone?: Uint8Array): void {
  let live = 0
  for (let row = 0, dot = 0, value = 0; row < from.keys.length; row++) {
    const [items, removals] = from.shape(row)
    if (isIn(row)) {
      if (items !== 1 || removals !== 0) copyRow(from.row(row, dot, value), to, isGone?.subarray(live, live + items))
      else if (isGone?.[live] !== 1) copyPlain(from, to, row, dot, value)
      live += items
    }
    dot += items + removals
    value += items
  }
}

function copyRow({ key, items, removals }: KeyRow, to: RowTable, isGone: Uint8Array | undefined): void {
  const left = isGone === undefined ? items : items.filter((_, i) => isGone[i] !== 1)
  if (left.length + removals.length > 0) to.add(key, left, removals)
}

function copyPlain(from: RowTable, to: RowTable, row: number, dot: number, value: number): void {
  const at = from.dots[dot] as number
  const { keys } = from
  to.keys.add(keys.branch(row), keys.name(row), keys.kind(row), keys.member(row))
  to.addDot(from.authors[at] as AuthorId, from.seqs[at] as number, from.hlcs[at] as number)
  to.values.push(from.values[value] as Value)
}
