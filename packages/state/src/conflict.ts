import type { Core } from './core.ts'
import type { FencingToken } from './graded.ts'
import { stampCounter, stampMs } from './hlc.ts'
import type { Dot, Path } from './ids.ts'
import { isSetKind, type Key, type KindCode, kindName, leafKinds } from './key.ts'
import { type ConflictRule, leafKind, leafValue, type Settled, type Touch, type Write } from './leaf-kind.ts'
import type { ReadableItem } from './read.ts'
import type { Row } from './rows.ts'
import { winningItem } from './stamp-order.ts'
import { type Value, valueFromKey, valuesEqual } from './value.ts'

/** One side of a conflict. */
export interface ConflictSide {
  /** What the side wrote; `undefined` when it removed. */
  readonly value: Value | undefined
  readonly dot: Dot
  /** Wall milliseconds of the side's clock, by its own account. */
  readonly at: number
  /** Orders writes within one millisecond. */
  readonly counter: number
  /** The rank of a ranked register's write. */
  readonly rank?: number
  /** The fencing token of a fenced register's write. */
  readonly token?: Omit<FencingToken, 'lease'>
  /** Whether the stamp lies further ahead of our clock than the bound: worth a look, never held back. */
  readonly ahead: boolean
}

/** The value before both sides wrote, where it can be known exactly (C14). */
export type Ancestor = { readonly known: true; readonly value: Value | undefined } | { readonly known: false }

/** Two concurrent writes to one key, and how they were settled. */
export interface Conflict {
  readonly path: Path
  /** Name of the leaf kind. */
  readonly kind: string
  /** The element, when the leaf is a set. */
  readonly element?: Value
  readonly rule: ConflictRule
  readonly ours: ConflictSide
  readonly theirs: ConflictSide
  readonly winner: 'ours' | 'theirs' | 'both'
  /** What the leaf reads now. */
  readonly result: Value | undefined
  readonly ancestor: Ancestor
}

/** A conflict together with its entry, for reports. */
export interface NoticedConflict {
  readonly entry: Row
  readonly conflict: Conflict
}

/** A touch as a side of a conflict, with what its kind tells beside the value. */
function gradedSideOf(core: Core, kind: KindCode, touch: Touch, value: Value | undefined): ConflictSide {
  const side = sideOf(core, touch, value)
  const { grade } = leafKind(kind)
  return grade === undefined || touch.value === undefined ? side : { ...side, ...grade(touch.value) }
}

/** A touch as a side of a conflict. */
export function sideOf(core: Core, touch: Touch, value: Value | undefined): ConflictSide {
  return {
    value,
    dot: { author: touch.author, seq: touch.seq },
    at: stampMs(touch.hlc),
    counter: stampCounter(touch.hlc),
    ahead: core.clock.isAhead(touch.hlc, core.now()),
  }
}

/** What a touch means to the app: undefined for a removal. */
function meaningOf({ kind, member }: Key, touch: Touch): Value | undefined {
  if (kind === leafKinds.register) return touch.value
  return touch.value === undefined ? undefined : leafKind(kind).pick([touch as Write], member)
}

function settled({ kind, member }: Key, ours: Touch, theirs: Touch): Settled | undefined {
  const { settle } = leafKind(kind)
  if (settle === undefined) return undefined
  if (ours.value === undefined) return { rule: 'add-wins', winner: 'theirs' }
  if (theirs.value === undefined) return { rule: 'add-wins', winner: 'ours' }
  return settle(ours as Write, theirs as Write, member)
}

/** The touch of a side that stands for it: its winning write, else its removal. */
export function leadingTouch(items: readonly ReadableItem[], removals: readonly Touch[]): Touch | undefined {
  return winningItem(items) ?? winningItem(removals.map(({ author, seq, hlc }) => ({ author, seq, hlc })))
}

/** What the leaf of an entry reads now. */
function resultAt({ tree }: Core, entry: Row, { kind, member }: Key): Value | undefined {
  // A register reads as what stands at its least member, and none is less.
  if (kind === leafKinds.register && member === '' && tree.isLive(entry)) return winningItem(tree.items(entry))?.value
  return leafValue(tree.leafOf(entry))
}

/**
 * The conflict of what each side wrote at `entry` without having seen the other, or undefined when there is none:
 * counters and lists merge without loss, and equal values do not conflict.
 */
export function conflictAt(core: Core, entry: Row, ours: Touch, theirs: Touch): Conflict | undefined {
  const key = core.tree.key(entry)
  const { kind, member } = key
  const ourValue = meaningOf(key, ours)
  const theirValue = meaningOf(key, theirs)
  if (ourValue === undefined && theirValue === undefined) return undefined
  if (ourValue !== undefined && theirValue !== undefined && valuesEqual(ourValue, theirValue)) return undefined
  const settlement = settled(key, ours, theirs)
  if (settlement === undefined) return undefined
  const conflict: Conflict = {
    path: key.path,
    kind: kindName(kind),
    rule: settlement.rule,
    ours: gradedSideOf(core, kind, ours, ourValue),
    theirs: gradedSideOf(core, kind, theirs, theirValue),
    winner: settlement.winner,
    result: resultAt(core, entry, key),
    ancestor: { known: false },
  }
  return isSetKind(kind) ? { ...conflict, element: valueFromKey(member) ?? null } : conflict
}
