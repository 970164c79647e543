import type { Bundle, BundleItem, Change, KeyRow, ListRow, Op } from './change.ts'
import { lastSeq } from './change.ts'
import { conflictAt, leadingTouch, type NoticedConflict } from './conflict.ts'
import type { Core } from './core.ts'
import { assertNever } from './errors.ts'
import type { Dot } from './ids.ts'
import { leafKinds } from './key.ts'
import type { Touch } from './leaf-kind.ts'
import { mergeLive } from './rules.ts'
import { winningItem } from './stamp-order.ts'
import type { AuthorSlot, Entry, Item } from './tree.ts'
import type { Version } from './version.ts'

/** What the author of a change had before it, and with its first dot: made once for all ops, and the latter if needed. */
class TheirVersion {
  readonly before: Version
  readonly #change: Change
  #after: Version | undefined

  constructor(change: Change) {
    this.#change = change
    this.before = change.context.with(change.author, change.seq - 1)
  }

  get after(): Version {
    this.#after ??= this.#change.context.with(this.#change.author, this.#change.seq)
    return this.#after
  }
}

/** Applies the ops of a change whose context is covered and which was validated. Returns the conflicts noticed. */
export function mergeChange(core: Core, change: Change): NoticedConflict[] {
  const slot = core.slot(change.author)
  const theirs = new TheirVersion(change)
  const noticed: NoticedConflict[] = []
  core.clock.observe(change.hlc, core.now())
  for (const op of change.ops) mergeOp(core, change, op, slot, theirs, noticed)
  core.raise(slot, lastSeq(change))
  slot.context = change.context
  return noticed
}

function mergeOp(
  core: Core,
  change: Change,
  op: Op,
  slot: AuthorSlot,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const entry = core.tree.entry(op.key)
  switch (op.type) {
    case 'put': {
      mergePut(core, entry, core.liveItem(entry, slot, change.seq, change.hlc, op.value), theirs, noticed)
      return
    }
    case 'remove':
      mergeRemoval(core, entry, slot, change, theirs, noticed)
      return
    case 'insert':
      core.touch(entry)
      entry.leaf.sequence?.applyRun(op.run)
      core.addRun(entry, slot, op.run.id.seq, op.run.values.length)
      core.updateList(entry.leaf)
      return
    case 'erase':
      core.touch(entry)
      for (const target of op.targets) entry.leaf.sequence?.remove(target)
      core.addErasure(entry, slot, change.seq, op.targets)
      core.updateList(entry.leaf)
      return
    default:
      assertNever(op)
  }
}

function mergePut(core: Core, entry: Entry, item: Item, theirs: TheirVersion, noticed: NoticedConflict[]): void {
  const current = entry.first
  if (!core.rules.putKeepsRemovals) for (const record of [...(entry.removals ?? [])]) core.dropRemoval(record)
  const isFenced = entry.kind === leafKinds.fenced
  if (entry.more === undefined && (current === undefined || (!isFenced && covered(current, theirs.before)))) {
    core.replaceSingle(entry, item)
    if (current === undefined && entry.removals !== undefined) {
      noticeConflict(core, entry, leadingTouch([], unseenRemovals(entry, theirs.before)), item, noticed)
    }
    return
  }
  const ours = entry.liveItems()
  // What stands beside a write is part of what its author had after it, though the change does not repeat it.
  const left = [item, ...core.standingBeside(entry, item)]
  const live = core.rules.mergeLive(ours, left, core.version, theirs.after)
  core.replaceLive(entry, live, live.includes(item) ? [item] : [])
  noticeConflict(core, entry, winningItem(ours.filter((other) => !covered(other, theirs.before))), item, noticed)
}

function mergeRemoval(
  core: Core,
  entry: Entry,
  slot: AuthorSlot,
  change: Change,
  theirs: TheirVersion,
  noticed: NoticedConflict[],
): void {
  const ours = entry.liveItems()
  const live = core.rules.removalIsObserved ? core.rules.mergeLive(ours, [], core.version, theirs.after) : []
  core.replaceLive(entry, live, [])
  core.addRemoval(entry, slot, change.seq, change.hlc)
  const touch: Touch = { author: slot.id, seq: change.seq, hlc: change.hlc }
  noticeConflict(core, entry, winningItem(live), touch, noticed)
}

function covered({ seq, slot }: Item, version: Version): boolean {
  // Items of one merge are mostly of one author, and asked about one version.
  if (slot.lookedUpIn !== version) {
    slot.lookedUpIn = version
    slot.lookedUp = version.get(slot.id)
  }
  return seq <= slot.lookedUp
}

function unseenRemovals(entry: Entry, theirs: Version): Item[] {
  return (entry.removals ?? []).filter((record) => !covered(record, theirs))
}

function noticeConflict(
  core: Core,
  entry: Entry,
  ours: Touch | undefined,
  theirs: Touch | undefined,
  noticed: NoticedConflict[],
): void {
  if (ours === undefined || theirs === undefined) return
  const conflict = conflictAt(core, entry, ours, theirs)
  if (conflict !== undefined) noticed.push({ entry, conflict })
}

/**
 * Applies a validated bundle whose base is covered, or which is full, in one step (C3): rows, then recency lists, then
 * version and floor. Returns the conflicts noticed.
 */
export function mergeBundle(core: Core, bundle: Bundle): NoticedConflict[] {
  const before = core.version
  const noticed: NoticedConflict[] = []
  // Items come in key order; recency lists want seq order, so they are appended together at the end.
  const added: Item[] = []
  const now = core.now()
  for (const row of bundle.rows) {
    const entry = core.tree.entry(row.key)
    entry.namedAt = core.revision
    if (!mergeOneItem(core, entry, row, bundle, before, added))
      mergeRow(core, entry, row, bundle, before, added, noticed)
  }
  for (const item of added) core.clock.observe(item.hlc, now)
  if (bundle.full) dropUnnamed(core, bundle)
  for (const row of bundle.lists) mergeList(core, row, before, added)
  added.sort((a, b) => a.seq - b.seq)
  for (const item of added) item.slot.append(item)
  for (const [author, seq] of bundle.version.entries()) core.raise(core.slot(author), seq)
  if (bundle.full) core.floor = core.rules.joinedFloor(core.floor, bundle.floor)
  return noticed
}

/**
 * The common row: one item, which is new or held already, over at most one that its sender had seen. Says whether the
 * row was that. By the sound rule only, so that tests can plant another.
 */
function mergeOneItem(core: Core, entry: Entry, row: KeyRow, bundle: Bundle, before: Version, added: Item[]): boolean {
  const item = row.items[0]
  const plain = row.items.length === 1 && row.removals.length === 0 && core.rules.mergeLive === mergeLive
  if (item === undefined || !plain || entry.more !== undefined || entry.removals !== undefined) return false
  const ours = entry.first
  if (ours !== undefined) {
    if (sameDot(ours, item)) return true
    if (!covered(ours, bundle.version)) return false
  }
  if (item.seq <= before.get(item.author)) return false
  core.replaceSingle(entry, makeItem(core, entry, item), added)
  return true
}

function mergeRow(
  core: Core,
  entry: Entry,
  row: KeyRow,
  bundle: Bundle,
  before: Version,
  added: Item[],
  noticed: NoticedConflict[],
): void {
  const ours = entry.liveItems()
  const ownByDot = new Map(ours.map((item) => [item.author + item.seq, item]))
  const theirs = row.items.map((item) => ownByDot.get(item.author + item.seq) ?? makeItem(core, entry, item))
  const live = core.rules.mergeLive(ours, theirs, before, bundle.version)
  const owned = new Set(ours)
  const fresh = live.filter((item) => !owned.has(item))
  // What stays beside something new was written without it, also where the sender has merged both by now.
  const kept = live.filter((item) => owned.has(item))
  const oursTouch = leadingTouch(kept, removalsBeside(core, entry, fresh, bundle.version))
  if (fresh.length > 0 || live.length !== ours.length) core.replaceLive(entry, live, [])
  for (const item of fresh) added.push(item)
  const removed = row.removals.filter((record) => record.seq > before.get(record.author))
  for (const record of removed) core.addRemoval(entry, core.slot(record.author), record.seq, record.hlc, added)
  noticeConflict(core, entry, oursTouch, leadingTouch(fresh, removed), noticed)
}

/**
 * Removals that what is new had not seen: the sender has not seen them, or had not when contact came back, while it had
 * the new item by then.
 */
function removalsBeside(core: Core, entry: Entry, fresh: readonly Item[], theirs: Version): Item[] {
  const contacts = [...core.contacts]
  return (entry.removals ?? []).filter((record) => {
    if (!covered(record, theirs)) return true
    return contacts.some((contact) => !contact.theirs.has(record) && fresh.some((item) => contact.theirs.has(item)))
  })
}

function sameDot(left: Item, right: Dot): boolean {
  return left.seq === right.seq && left.slot.id === right.author
}

function makeItem(core: Core, entry: Entry, item: BundleItem): Item {
  return core.liveItem(entry, core.slot(item.author), item.seq, item.hlc, item.value)
}

/** A full bundle names every live key: what it does not name and its version covers was removed. */
function dropUnnamed(core: Core, bundle: Bundle): void {
  for (const entry of core.tree.entries()) {
    if (entry.namedAt === core.revision || entry.first === undefined) continue
    const live = entry.liveItems()
    const kept = core.rules.mergeLive(live, [], core.version, bundle.version)
    if (kept.length !== live.length) core.replaceLive(entry, kept, [])
  }
}

function mergeList(core: Core, row: ListRow, before: Version, added: Item[]): void {
  const entry = core.tree.entry(row.key)
  const sequence = entry.leaf.sequence
  if (sequence === undefined) return
  core.touch(entry)
  for (const run of row.runs) {
    const { author, seq } = run
    sequence.applyRun({ id: { author, seq }, place: run.place, values: run.values })
    run.values.forEach((value, i) => {
      if (value === undefined) sequence.remove({ author, seq: seq + i })
    })
    const from = Math.max(seq, before.get(author) + 1)
    const count = seq + run.values.length - from
    if (count > 0) core.addRun(entry, core.slot(author), from, count, added)
  }
  for (const erasure of row.erasures) {
    if (erasure.seq <= before.get(erasure.author)) continue
    for (const target of erasure.targets) sequence.remove(target)
    core.addErasure(entry, core.slot(erasure.author), erasure.seq, erasure.targets, added)
  }
  core.updateList(entry.leaf)
}
