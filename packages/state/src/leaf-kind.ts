import type { FencingToken } from './graded.ts'
import { type Dot, isSeq } from './ids.ts'
import { type KindCode, leafKinds } from './key.ts'
import type { Leaf } from './leaf.ts'
import {
  concurrentValues,
  counterPresent,
  counterSum,
  currentItems,
  flagValue,
  type ItemsOf,
  isCounterMember,
  isMember,
  type ReadableItem,
  resetMark,
  setMembers,
} from './read.ts'
import type { Row } from './rows.ts'
import { compareItems, winningItem } from './stamp-order.ts'
import { type Value, valueFromKey } from './value.ts'

/** The rule that settled a conflict. */
export type ConflictRule =
  | 'newer'
  | 'higher-author'
  | 'higher-rank'
  | 'higher-token'
  | 'resolver'
  | 'add-wins'
  | 'remove-wins'
  | 'enable-wins'
  | 'disable-wins'
  | 'all-kept'
  | 'update-wins'

/** A write or removal that one side had not seen. */
export interface Touch extends Dot {
  readonly hlc: number
  /** As it is stored; absent for a removal. */
  readonly value?: Value
}

/** How two concurrent writes of different values were settled. */
export interface Settled {
  readonly rule: ConflictRule
  readonly winner: 'ours' | 'theirs' | 'both'
}

type Write = Touch & { readonly value: Value }

/** What a kind of leaf decides: how its items read, and which items may stand in it. Merging is the same for all. */
export interface LeafKind {
  /** What the items of one address mean to the app; undefined when nothing is there. */
  readonly pick: (items: readonly ReadableItem[], member: string) => Value | undefined
  /** What the leaf holds, without a schema; undefined when it is absent. */
  readonly read: (leaf: Leaf, itemsOf: ItemsOf) => Value | undefined
  /** Whether an item may stand here; undefined where anything may. */
  readonly fits?: (member: string, value: Value, author: string) => boolean
  /** Whether what stands at a key can be removed. */
  readonly removable: boolean
  /** Looks at a token that a change is given for it. @throws RejoinError `fencing-token-invalid`. */
  readonly checkToken?: (token: FencingToken) => void
  /** What an item carries beside its value, for reports. */
  readonly grade?: (value: Value) => { readonly rank: number } | { readonly token: Omit<FencingToken, 'lease'> }
  /** Whether what stands stays beside a later write, although its author had seen it (C17). */
  readonly outranks?: (standing: Value, written: Value) => boolean
  /** How two concurrent writes that mean different things were settled; undefined where both count. */
  readonly settle: ((ours: Write, theirs: Write, member: string) => Settled) | undefined
}

const sound = (): undefined => undefined

export function byClock(ours: Touch, theirs: Touch): Settled {
  return {
    rule: ours.hlc === theirs.hlc ? 'higher-author' : 'newer',
    winner: compareItems(ours, theirs) > 0 ? 'ours' : 'theirs',
  }
}

/** Reads a leaf by its one address: that with the least member, where the schema names it. */
function readOne(pick: LeafKind['pick']): LeafKind['read'] {
  return (leaf, itemsOf) => {
    const { tree } = leaf
    let least: Row = 0
    for (const entry of leaf.entries()) {
      if (itemsOf(entry).length > 0 && (least === 0 || tree.member(entry) < tree.member(least))) least = entry
    }
    return least === 0 ? undefined : pick(itemsOf(least), tree.member(least))
  }
}

/** A leaf that reads as what stands at its one address. */
export function single(pick: LeafKind['pick']): Pick<LeafKind, 'pick' | 'read'> {
  return { pick, read: readOne(pick) }
}

export const generic: LeafKind = {
  ...single((items) => winningItem(items)?.value),
  removable: true,
  settle: byClock,
}

function flag(wins: boolean): LeafKind {
  return {
    ...generic,
    ...single((items) => flagValue(items, wins)),
    fits: (_member, value) => typeof value === 'boolean',
    settle: (ours) => ({
      rule: wins ? 'enable-wins' : 'disable-wins',
      winner: ours.value === wins ? 'ours' : 'theirs',
    }),
  }
}

function isElement(member: string): boolean {
  return valueFromKey(member) !== undefined
}

function setOf(kind: KindCode): LeafKind {
  return {
    ...generic,
    pick: (items) => (isMember(kind, items) ? null : undefined),
    read: (leaf, itemsOf) => {
      const members = setMembers(leaf, itemsOf)
      return members.length === 0 ? undefined : members
    },
    fits: isElement,
  }
}

const set = setOf(leafKinds.set)

const setRemoveWins: LeafKind = {
  ...setOf(leafKinds.setRemoveWins),
  fits: (member, value) => typeof value === 'boolean' && isElement(member),
  settle: (ours) => ({ rule: 'remove-wins', winner: ours.value === false ? 'ours' : 'theirs' }),
}

const counter: LeafKind = {
  ...generic,
  read: (leaf, itemsOf) => (counterPresent(leaf, itemsOf) ? counterSum(leaf, itemsOf) : undefined),
  // Nobody writes to the part of another author.
  fits: (member, value, author) => member === author && Number.isFinite(value),
  removable: false,
  settle: undefined,
}

const counterReset: LeafKind = {
  ...generic,
  read: sound,
  fits: (member, value) => {
    const mark = resetMark(value)
    return mark !== undefined && isSeq(mark.seq) && Number.isFinite(mark.sum) && isCounterMember(member)
  },
  removable: false,
  settle: undefined,
}

const list: LeafKind = {
  ...generic,
  read: ({ sequence }) => (sequence === undefined || sequence.length === 0 ? undefined : sequence.toArray()),
  fits: () => false,
  removable: false,
  settle: undefined,
}

const mvRegister: LeafKind = {
  ...generic,
  read: readOne(concurrentValues),
  settle: () => ({ rule: 'all-kept', winner: 'both' }),
}

const entry: LeafKind = { ...generic, read: readOne(() => true) }

const table: (LeafKind | undefined)[] = tableOf({
  [leafKinds.register]: generic,
  [leafKinds.mvRegister]: mvRegister,
  [leafKinds.counter]: counter,
  [leafKinds.flag]: flag(true),
  [leafKinds.set]: set,
  [leafKinds.entry]: entry,
  [leafKinds.list]: list,
  [leafKinds.counterReset]: counterReset,
  [leafKinds.flagDisableWins]: flag(false),
  [leafKinds.setRemoveWins]: setRemoveWins,
})

function tableOf(kinds: Readonly<Record<number, LeafKind>>): (LeafKind | undefined)[] {
  return Array.from({ length: 256 }, (_, code) => kinds[code])
}

/**
 * Lets leaves of a kind be read and checked from here on. Kinds that not every program has are told by who declares a field of
 * them, and all of them by whoever lets in what was written elsewhere.
 */
export function addKind(code: KindCode, kind: LeafKind): void {
  table[code] = kind
}

/** What a kind decides. A kind that this build does not know reads like a register. */
export function leafKind(code: KindCode): LeafKind {
  return table[code] ?? generic
}

/** What a leaf holds as plain data, without a schema; undefined when it is absent. */
export function leafValue(leaf: Leaf, itemsOf: ItemsOf = currentItems(leaf.tree)): Value | undefined {
  return leafKind(leaf.kind).read(leaf, itemsOf)
}
