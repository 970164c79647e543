import { type Change, lastSeq, type Op } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { isSeq } from './ids.ts'
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { isAddress, isShallow } from './limits.ts'
import { marks, type Row, words } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { WrittenChange } from './written-change.ts'

// Checks of everything that comes from a peer or a disk, made before anything changes.

/** Whether a change whose context is covered, and which is the author's next, breaks no rule. */
export function isSoundChange(core: Core, change: Change): boolean {
  // Its ops are not looked at where its rows are: they would be spelled.
  const { author, seq, span, hlc, context } = change
  if (!isSeq(seq) || !isSeq(lastSeq(change)) || span < 1 || !isStamp(hlc) || context.get(author) >= seq) return false
  if (change instanceof WrittenChange && change.isOf(core.tree)) return areSoundRows(core, change)
  const isSound = areSoundOps(core, change)
  for (const { key } of change.ops) {
    const entry = core.tree.known(key)
    if (entry === 0) continue
    unname(core.tree, entry)
    // Entries were made for the keys on the way.
    if (!isSound) core.emptied.push(entry)
  }
  return isSound
}

function areSoundOps(core: Core, change: Change): boolean {
  const { ops, span } = change
  const fresh = {}
  let elements = 0
  for (const op of ops) {
    if (op.type === 'insert') elements += op.run.values.length
    const isKeyed = op.type === 'put' || op.type === 'remove'
    if (!(isKeyed ? isSoundOp(core.tree, op, change) : op.isSound(core, change, fresh))) return false
  }
  return ops.length > 0 && Math.max(1, elements) === span
}

function isSoundOp(tree: Tree, op: Op, { author }: Change): boolean {
  // Merging needs the entry anyway, and finds it by the key then.
  return isAddress(op.key) && isSoundWrite(tree, tree.entryAt(op.key), author, op.type === 'put' ? op.value : undefined)
}

/** Of a change of writes alone. Whatever a tree has stands at a sound address. */
function areSoundRows({ tree }: Core, change: WrittenChange): boolean {
  const { rows, removed } = change
  const areSound = rows.length + removed.length > 0 && areSoundWrites(tree, change)
  for (let i = 0; i < rows.length; i++) unname(tree, rows[i] as Row)
  for (const row of removed) unname(tree, row)
  return areSound
}

function areSoundWrites(tree: Tree, { rows, values, removed, author }: WrittenChange): boolean {
  for (let i = 0; i < rows.length; i++) {
    if (!isSoundWrite(tree, rows[i] as Row, author, values[i])) return false
  }
  return removed.every((row) => isSoundWrite(tree, row, author, undefined))
}

/** Of a write of `value`, or a removal, at an entry that the change has not named yet; marks it as named, which nobody else does meanwhile. */
function isSoundWrite(tree: Tree, entry: Row, author: string, value: Value | undefined): boolean {
  const { rows } = tree
  const page = rows.page(entry)
  const at = rows.offset(entry) + words.flags
  const flags = page[at] as number
  if ((flags & marks.put) !== 0) return false
  page[at] = flags | marks.put
  const kind = flags & marks.kind
  // Most are that.
  if (kind === leafKinds.register && typeof value === 'number') return true
  const { fits, removable } = leafKind(kind)
  if (value === undefined) return removable
  return isShallow(value) && (fits === undefined || fits(tree.member(entry), value, author))
}

function unname({ rows }: Tree, entry: Row): void {
  rows.set(entry, words.flags, rows.get(entry, words.flags) & ~marks.put)
}
