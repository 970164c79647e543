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
import { KeyCursor, type KeyParts } from './key.ts'
import { RowTable, TableBundle, type TablePlace, tableStart } from './row-table.ts'
import type { Value } from './value.ts'
import { Version } from './version.ts'

/** Whoever goes through a bundle row by row. Lists are not rows. */
export interface RowVisitor {
  /** A row begins. The key is shown, and another one at the next call. */
  row?(row: number, key: KeyParts): void
  /** A live item of the row. */
  item(row: number, author: AuthorId, seq: number): void
}

/** Goes through the rows of a bundle, and through the live items of each. */
export function visitRows(bundle: Bundle, visitor: RowVisitor): void {
  const table = RowTable.of(bundle)
  const { keys, dots, authors, seqs } = table
  const key = new KeyCursor()
  for (const at = tableStart(); at.row < keys.length; table.advance(at)) {
    const { row, dot } = at
    visitor.row?.(row, keys.read(row, key))
    const [items] = table.shape(row)
    for (let i = dot; i < dot + items; i++) {
      const number = dots.get(i) as number
      visitor.item(row, authors[number] as AuthorId, seqs[number] as number)
    }
  }
}

/** How many rows a bundle has. */
export function rowCount(bundle: Bundle): number {
  return RowTable.of(bundle).keys.length
}

/** For each row of a bundle 1 if an item or removal record of it comes after `version`, else 0. */
export function rowsAfter(bundle: Bundle, version: Version): Uint8Array {
  const table = RowTable.of(bundle)
  const isAfter = Uint8Array.from(table.seqs, (seq, at) => (seq > version.get(table.authors[at] as AuthorId) ? 1 : 0))
  const rows = new Uint8Array(table.keys.length)
  for (const at = tableStart(); at.row < rows.length; table.advance(at)) {
    const [items, removals] = table.shape(at.row)
    const end = at.dot + items + removals
    for (let i = at.dot; i < end; i++) if (isAfter[table.dots.get(i) as number] === 1) rows[at.row] = 1
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
 * @param isGone For each live dot of the other rows, in the order of `visitRows`, 1 if the sender does not have it.
 */
export function wholeFrom(held: Bundle, part: Bundle, isReplaced: Uint8Array, isGone: Uint8Array): Bundle {
  const table = new RowTable()
  copyRows(RowTable.of(part), table, () => true)
  copyRows(RowTable.of(held), table, (row) => isReplaced[row] === 0, isGone)
  const { version, lists } = part
  // What was freed here is named by no row either.
  const floor = held.floor.merge(part.floor)
  const { epochs = [] } = held
  return new TableBundle({ base: Version.empty, version, floor, full: true, lists, epochs }, table)
}

function copyRows(from: RowTable, to: RowTable, isIn: (row: number) => boolean, isGone?: Uint8Array): void {
  let live = 0
  const key = new KeyCursor()
  for (const at = tableStart(); at.row < from.keys.length; from.advance(at)) {
    if (!isIn(at.row)) continue
    const [items, removals] = from.shape(at.row)
    if (items !== 1 || removals !== 0) copyRow(from.row(at), to, isGone?.subarray(live, live + items))
    else if (isGone?.[live] !== 1) copyPlain(from, to, at, key)
    live += items
  }
}

function copyRow({ key, items, removals }: KeyRow, to: RowTable, isGone: Uint8Array | undefined): void {
  const left = isGone === undefined ? items : items.filter((_, i) => isGone[i] !== 1)
  if (left.length + removals.length > 0) to.add(key, left, removals)
}

function copyPlain(from: RowTable, to: RowTable, at: TablePlace, key: KeyCursor): void {
  const dot = from.dots.get(at.dot) as number
  to.keys.push(from.keys.read(at.row, key))
  to.addDot(from.authors[dot] as AuthorId, from.seqs[dot] as number, from.hlcs[dot] as number)
  to.values.push(from.values.get(at.value) as Value)
}
