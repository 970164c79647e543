import { type Change, lastSeq, type Op } from './change.ts'
import type { Core } from './core.ts'
import { isStamp } from './hlc.ts'
import { isSeq } from './ids.ts'
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { addressFault, depthFault } from './limits.ts'
import { marks, type Row, words } from './rows.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { WrittenChange } from './written-change.ts'

/**
 * Checks of everything that comes from a peer or a disk, made before anything changes. They answer with the broken
 * rule in words, or undefined when all is well.
 */
export type Fault = string | undefined

export const namedTwice = 'a key is named twice'
export const noStamp = 'the clock is not a stamp'

/** Checks a change whose context is covered and which is the author's next. */
export function changeFault(core: Core, change: Change): Fault {
  if (!isSeq(change.seq) || !isSeq(lastSeq(change)) || change.span < 1) return 'a seq is out of range'
  if (!isStamp(change.hlc)) return noStamp
  if (change.context.get(change.author) >= change.seq) return 'a context that includes its own change'
  if (change instanceof WrittenChange && change.isOf(core.tree)) return rowsFault(core, change)
  const fault = opsFault(core, change)
  for (const { key } of change.ops) {
    const entry = core.tree.known(key)
    if (entry === 0) continue
    unname(core.tree, entry)
    // Entries were made for the keys on the way.
    if (fault !== undefined) core.emptied.push(entry)
  }
  return fault
}

const noWrites = 'a change without writes'

function opsFault(core: Core, change: Change): Fault {
  if (change.ops.length === 0) return noWrites
  const fresh = {}
  let elements = 0
  for (const op of change.ops) {
    const isKeyed = op.type === 'put' || op.type === 'remove'
    const fault = isKeyed ? keyedFault(core.tree, op, change) : op.fault(core, change, fresh)
    if (fault !== undefined) return fault
    if (op.type === 'insert') elements += op.run.values.length
  }
  return Math.max(1, elements) === change.span ? undefined : 'the span is not the number of inserted elements'
}

function keyedFault(tree: Tree, op: Op, { author }: Change): Fault {
  // Merging needs the entry anyway, and finds it by the key then.
  return (
    addressFault(op.key) ?? writeFault(tree, tree.entryAt(op.key), author, op.type === 'put' ? op.value : undefined)
  )
}

/** Checks a change of writes alone. Whatever a tree has stands at a sound address. */
function rowsFault({ tree }: Core, change: WrittenChange): Fault {
  const { rows, removed } = change
  if (rows.length + removed.length === 0) return noWrites
  const fault = writesFault(tree, change)
  for (let i = 0; i < rows.length; i++) unname(tree, rows[i] as Row)
  for (const row of removed) unname(tree, row)
  return fault
}

function writesFault(tree: Tree, { rows, values, removed, author }: WrittenChange): Fault {
  for (let i = 0; i < rows.length; i++) {
    const fault = writeFault(tree, rows[i] as Row, author, values[i])
    if (fault !== undefined) return fault
  }
  for (const row of removed) {
    const fault = writeFault(tree, row, author, undefined)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What is wrong with a write of `value`, or a removal, at an entry, which it marks as named: nobody else uses that mark meanwhile. */
function writeFault(tree: Tree, entry: Row, author: string, value: Value | undefined): Fault {
  const { rows } = tree
  const page = rows.page(entry)
  const at = rows.offset(entry) + words.flags
  const flags = page[at] as number
  if ((flags & marks.put) !== 0) return namedTwice
  page[at] = flags | marks.put
  const kind = flags & marks.kind
  // Most are that.
  if (kind === leafKinds.register && typeof value === 'number') return undefined
  const { fault, removable } = leafKind(kind)
  if (value === undefined) return removable ? undefined : 'a keyed removal where there is none'
  return depthFault(value) ?? fault?.(tree.member(entry), value, author)
}

function unname({ rows }: Tree, entry: Row): void {
  rows.page(entry)[rows.offset(entry) + words.flags] = rows.get(entry, words.flags) & ~marks.put
}
