import { type Change, lastSeq, type Op } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { isSeq } from './ids.ts'
import { leafKind } from './leaf-kind.ts'
import { isAddress, isShallow } from './limits.ts'
import type { Row } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { WrittenChange } from './written-change.ts'

// Checks of everything that comes from a peer or a disk, made before anything changes.

/** Whether a change whose context is covered, and which is the author's next, breaks no rule. */
export function isSoundChange(core: Core, change: Change): boolean {
  const { author, seq, span, hlc, context } = change
  if (!isSeq(seq) || !isSeq(lastSeq(change)) || span < 1 || !isStamp(hlc) || context.get(author) >= seq) return false
  if (change instanceof WrittenChange && change.isOf(core.tree)) return areSoundRows(core, change)
  const isSound = areSoundOps(core, change)
  // Entries were made for the keys on the way.
  if (!isSound) for (const { key } of change.ops) core.emptied.push(core.tree.known(key))
  return isSound
}

function areSoundOps(core: Core, change: Change): boolean {
  const { ops, span } = change
  const check = core.nextCheck()
  const fresh = {}
  let elements = 0
  for (const op of ops) {
    if (op.type === 'insert') elements += op.run.values.length
    const isKeyed = op.type === 'put' || op.type === 'remove'
    if (!(isKeyed ? isSoundOp(core.tree, op, change, check) : op.isSound(core, change, fresh))) return false
  }
  return ops.length > 0 && Math.max(1, elements) === span
}

function isSoundOp(tree: Tree, op: Op, { author }: Change, check: number): boolean {
  // Merging needs the entry anyway, and finds it by the key then.
  return (
    isAddress(op.key) &&
    isSoundWrite(tree, tree.entryAt(op.key), check, author, op.type === 'put' ? op.value : undefined)
  )
}

/** Of a change of writes alone. Whatever a tree has stands at a sound address. */
function areSoundRows(core: Core, { rows, values, removed, author }: WrittenChange): boolean {
  const { tree } = core
  const check = core.nextCheck()
  for (let i = 0; i < rows.length; i++) {
    if (!isSoundWrite(tree, rows[i] as Row, check, author, values[i])) return false
  }
  return rows.length + removed.length > 0 && removed.every((row) => isSoundWrite(tree, row, check, author, undefined))
}

/** Of a write of `value`, or a removal, at an entry that the change has not named yet; marks it as named. */
function isSoundWrite(tree: Tree, entry: Row, check: number, author: string, value: Value | undefined): boolean {
  if (!tree.mark(entry, check)) return false
  const { fits, removable } = leafKind(tree.kind(entry))
  if (value === undefined) return removable
  return isShallow(value) && (fits === undefined || fits(tree.member(entry), value, author))
}
