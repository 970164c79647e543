import type { AuthorSlot } from './author-slot.ts'
import { type Change, lastSeq, type Op } from './change.ts'
import { conflictAt, leadingTouch, type NoticedConflict } from './conflict.ts'
import type { Core, LiveItem, Seen } from './core.ts'
import { maxStamp } from './hlc.ts'
import type { AuthorId } from './ids.ts'
import { leafKinds } from './key.ts'
import type { Touch } from './leaf-kind.ts'
import type { Row } from './rows.ts'
import { winningItem } from './stamp-order.ts'
import type { Tree } from './tree.ts'
import type { Value } from './value.ts'
import { Version } from './version.ts'
import { WrittenChange } from './written-change.ts'

/** What the author of a change had before it, and with its first dot. */
class TheirVersion implements Seen {
  readonly #change: Change
  readonly #number: number
  #after: Version | undefined = undefined

  constructor(change: Change, number: number) {
    this.#change = change
    this.#number = number
  }

  /** What the author had with the first dot of the change. Made if needed: most changes meet nothing that asks for it. */
  get after(): Version {
    this.#after ??= this.#change.context.with(this.#change.author, this.#change.seq)
    return this.#after
  }

  /** Whether the author had the item of a slot before the change. Of its own it had all. */
  had(slot: AuthorSlot, seq: number): boolean {
    return slot.number === this.#number ? seq < this.#change.seq : seq <= slot.seqIn(this.#change.context)
  }
}

const nothing: Change = {
  author: '' as AuthorId,
  seq: 0,
  span: 1,
  context: Version.empty,
  // As those of changes, which take more than a small number: a shape is kept with how its numbers are.
  hlc: maxStamp,
  ops: [],
}
/** One of them is kept: see `Store.kept`. */
let kept: TheirVersion | undefined

/** Applies the ops of a change whose context is covered and which was validated. Returns the conflicts noticed. */
export function mergeChange(core: Core, change: Change): NoticedConflict[] {
  const slot = core.slot(change.author)
  if (kept === undefined) kept = new TheirVersion(nothing, 0)
  const theirs = new TheirVersion(change, slot.number)
  const noticed: NoticedConflict[] = []
  core.clock.observe(change.hlc, core.now())
  if (change instanceof WrittenChange && change.isOf(core.tree)) mergeRows(core, change, slot, theirs, noticed)
  else for (const op of change.ops) mergeOp(core, change, op, slot, theirs, noticed)
  core.raise(slot, lastSeq(change))
  slot.context = change.context
  return noticed
}

function mergeRows(
  core: Core,
  change: WrittenChange,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const { rows, values, removed } = change
  for (let i = 0; i < rows.length; i++) {
    mergePut(core, rows[i] as Row, change, values[i] as Value, slot, theirs, noticed)
  }
  for (const entry of removed) mergeRemoval(core, entry, slot, change, theirs, noticed)
}

function mergeOp(
  core: Core,
  change: Change,
  op: Op,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  if (op.type === 'insert' || op.type === 'erase') {
    op.merge(core, change)
    return
  }
  const entry = core.tree.entryAt(op.key)
  if (op.type === 'put') mergePut(core, entry, change, op.value, slot, theirs, noticed)
  else mergeRemoval(core, entry, slot, change, theirs, noticed)
}

function mergePut(
  core: Core,
  entry: Row,
  { author, seq, hlc }: Change,
  value: Value,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  if (core.overwrite(entry, slot, seq, hlc, value, theirs)) return
  const { tree } = core
  if (tree.hasRecords(entry)) {
    if (!core.rules.putKeepsRemovals) core.dropRemovals(entry, () => true)
  } else if (tree.kind(entry) !== leafKinds.fenced && (!tree.isLive(entry) || isSeen(tree, entry, theirs))) {
    core.replaceSingle(entry, slot, seq, hlc, value)
    return
  }
  const item: LiveItem = { author, seq, hlc, value }
  const ours = tree.items(entry)
  if (ours.length === 0) {
    core.replaceSingle(entry, slot, seq, hlc, value)
    const unseen = tree.removals(entry).filter((record) => !theirs.had(record.slot, record.seq))
    noticeConflict(core, entry, leadingTouch([], unseen), item, noticed)
    return
  }
  // What stands beside a write is part of what its author had after it, though the change does not repeat it.
  const left: LiveItem[] = [item, ...core.standingBeside(entry, value)]
  const live = core.rules.mergeLive<LiveItem>(ours, left, core.version, theirs.after)
  core.replaceLive(entry, live)
  const unseen = ours.filter((other) => !theirs.had(other.slot, other.seq))
  noticeConflict(core, entry, winningItem(unseen), item, noticed)
}

function isSeen(tree: Tree, entry: Row, theirs: TheirVersion): boolean {
  return theirs.had(tree.slotOf(entry), tree.seq(entry))
}

function mergeRemoval(
  core: Core,
  entry: Row,
  slot: AuthorSlot,
  change: Change,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const { tree } = core
  if (!tree.hasRecords(entry) && tree.isLive(entry) && isSeen(tree, entry, theirs)) {
    core.remove(entry, slot, change.seq, change.hlc)
    return
  }
  const ours = tree.items(entry)
  const live = core.rules.removalIsObserved ? core.rules.mergeLive<LiveItem>(ours, [], core.version, theirs.after) : []
  core.replaceLive(entry, live)
  core.addRemoval(entry, slot, change.seq, change.hlc)
  const touch: Touch = { author: slot.id, seq: change.seq, hlc: change.hlc }
  noticeConflict(core, entry, winningItem(live), touch, noticed)
}

/** Notes the conflict of two touches at an entry, if there is one. */
export function noticeConflict(
  core: Core,
  entry: Row,
  ours: Touch | undefined,
  theirs: Touch | undefined,
  noticed: NoticedConflict[],
): void {
  if (ours === undefined || theirs === undefined) return
  const conflict = conflictAt(core, entry, ours, theirs)
  if (conflict !== undefined) noticed.push({ entry, conflict })
}
