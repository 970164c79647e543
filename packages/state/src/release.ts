import type { Core } from './core.ts'
import type { Moment } from './era.ts'
import type { Key } from './key.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'
import type { Tree } from './tree.ts'

// Rows of what is gone are given back, to be used again.

/** Moments, and rows given back at their ends, that a tree remembers for those who number rows. */
const pastKept = 8
const pastRows = 10_000

/** Gives back the rows of what was left empty, unless a cut may still tell of it. */
export function releaseEmptied(core: Core): void {
  if (core.cuts.size > 0 || core.emptied.length === 0) return
  const { emptied } = core
  core.emptied = []
  release(core.tree, emptied)
}

/**
 * Gives back the rows of entries that hold nothing any more, and of the nodes above that are left empty by that. Entries
 * that hold something are passed over.
 */
function release(tree: Tree, entries: Iterable<Row>): void {
  const freed = new Map<Row, Key>()
  for (const entry of entries) {
    for (let row = entry; row !== tree.root && !freed.has(row) && isEmpty(tree, row); ) {
      const parent = tree.rows.get(row, words.parent)
      freed.set(row, tree.key(row))
      detach(tree, row, parent)
      tree.free(row)
      row = parent
    }
  }
  if (freed.size === 0) return
  const { past } = tree
  const era = tree.turn()
  era.freed = freed
  past.push({ moment: era.moment, freed: Uint32Array.from(freed.keys()) })
  while (past.length > 1 && (past.length > pastKept || rowsIn(past) > pastRows)) past.shift()
}

/** What a tree gave back since a moment, in turn; undefined where that is too long ago. */
export function freedSince({ past }: Tree, moment: Moment): Uint32Array[] | undefined {
  const from = past.findIndex((one) => one.moment === moment)
  return from === -1 ? undefined : past.slice(from).map(({ freed }) => freed)
}

function rowsIn(past: Tree['past']): number {
  return past.reduce((rows, { freed }) => rows + freed.length, 0)
}

function isEmpty(tree: Tree, row: Row): boolean {
  const { rows } = tree
  const flags = rows.get(row, words.flags)
  const type = (flags & marks.type) >>> marks.typeShift
  if (row === 0 || type > rowTypes.member || (flags & (marks.dirty | marks.pending | marks.present)) !== 0) return false
  if ((flags & marks.live) !== 0 || rows.get(row, words.record) !== 0) return false
  if (type === rowTypes.node && (rows.get(row, words.live) !== 0 || rows.get(row, words.child) !== 0)) return false
  return (tree.sequences.get(row)?.size ?? 0) === 0
}

/** Takes a node or entry away from its parent. */
function detach(tree: Tree, row: Row, parent: Row): void {
  const { rows } = tree
  const index = tree.indexOf(parent)
  if (index !== undefined) {
    const { children, members } = index
    const kind = tree.kind(row)
    const names = tree.type(row) === rowTypes.node ? children : members.get(kind)
    names?.delete(tree.names.get(row) as string)
    if (members.get(kind)?.size === 0) members.delete(kind)
    if (children.size + members.size === 0) tree.dropIndex(parent)
    return
  }
  const next = rows.get(row, words.next)
  let before = rows.get(parent, words.child)
  if (before === row) rows.set(parent, words.child, next)
  else {
    while (rows.get(before, words.next) !== row) before = rows.get(before, words.next)
    rows.set(before, words.next, next)
  }
}
