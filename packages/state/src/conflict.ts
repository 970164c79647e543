import type { Core } from './core.ts'
import { type Stamp, stampCounter, stampMs } from './hlc.ts'
import type { Dot, Path } from './ids.ts'
import { kindName, leafKinds } from './key.ts'
import { compareItems, leafValue, type ReadableItem, winningItem } from './read.ts'
import type { Entry } from './tree.ts'
import { type Value, valueFromKey, valuesEqual } from './value.ts'

/** The rule that settled a conflict. */
export type ConflictRule =
  | 'newer'
  | 'higher-author'
  | 'add-wins'
  | 'enable-wins'
  | 'disable-wins'
  | 'all-kept'
  | 'update-wins'

/** One side of a conflict. */
export interface ConflictSide {
  /** What the side wrote; `undefined` when it removed. */
  readonly value: Value | undefined
  readonly dot: Dot
  /** Wall milliseconds of the side's clock, by its own account. */
  readonly at: number
  /** Orders writes within one millisecond. */
  readonly counter: number
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
  readonly entry: Entry
  readonly conflict: Conflict
}

/** A write or removal that one side had not seen. */
export interface Touch extends Dot {
  readonly hlc: Stamp
  /** Absent for a removal. */
  readonly value?: Value
}

/** A touch as a side of a conflict. */
export function sideOf(core: Core, touch: Touch): ConflictSide {
  return {
    value: touch.value,
    dot: { author: touch.author, seq: touch.seq },
    at: stampMs(touch.hlc),
    counter: stampCounter(touch.hlc),
    ahead: core.clock.isAhead(touch.hlc, core.now()),
  }
}

function flagMode(kind: number): boolean | undefined {
  if (kind === leafKinds.flag) return true
  return kind === leafKinds.flagDisableWins ? false : undefined
}

function ruleOf(kind: number, ours: Touch, theirs: Touch): { rule: ConflictRule; winner: Conflict['winner'] } {
  const later = compareItems(ours, theirs) > 0 ? 'ours' : 'theirs'
  const oursRemoved = ours.value === undefined
  if (oursRemoved || theirs.value === undefined) return { rule: 'add-wins', winner: oursRemoved ? 'theirs' : 'ours' }
  if (kind === leafKinds.mvRegister) return { rule: 'all-kept', winner: 'both' }
  const winning = flagMode(kind)
  if (winning !== undefined) {
    return { rule: winning ? 'enable-wins' : 'disable-wins', winner: ours.value === winning ? 'ours' : 'theirs' }
  }
  return { rule: ours.hlc === theirs.hlc ? 'higher-author' : 'newer', winner: later }
}

/** The touch of a side that stands for it: its winning write, else its removal. */
export function leadingTouch(items: readonly ReadableItem[], removals: readonly Touch[]): Touch | undefined {
  return winningItem(items) ?? winningItem(removals.map(({ author, seq, hlc }) => ({ author, seq, hlc })))
}

/**
 * The conflict of what each side wrote at `entry` without having seen the other, or undefined when there is none:
 * counters and lists merge without loss, and equal values do not conflict.
 */
export function conflictAt(core: Core, entry: Entry, ours: Touch, theirs: Touch): Conflict | undefined {
  const { kind, path, member } = entry.key
  if (kind === leafKinds.counter || kind === leafKinds.counterReset || kind === leafKinds.list) return undefined
  if (ours.value === undefined && theirs.value === undefined) return undefined
  if (ours.value !== undefined && theirs.value !== undefined && valuesEqual(ours.value, theirs.value)) return undefined
  return {
    path,
    kind: kindName(kind),
    ...(kind === leafKinds.set ? { element: valueFromKey(member) ?? null } : {}),
    ...ruleOf(kind, ours, theirs),
    ours: sideOf(core, ours),
    theirs: sideOf(core, theirs),
    result: leafValue(entry.leaf),
    ancestor: { known: false },
  }
}
