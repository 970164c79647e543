import { boundedFault, readBounded } from './bounded.ts'
import { compareTokens, contentOf, fencedItem, isFencedValue, isRankedValue, rankedItem, rankOf } from './graded.ts'
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
import { resolveValues } from './resolver.ts'
import type { Row } from './rows.ts'
import { compareItems, winningItem } from './stamp-order.ts'
import { type Value, valueFromKey, valuesEqual } from './value.ts'

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
  /** What is wrong with an item, if anything; undefined where anything may stand. */
  readonly fault: ((member: string, value: Value, author: string) => string | undefined) | undefined
  /** Whether what stands at a key can be removed. */
  readonly removable: boolean
  /** How two concurrent writes that mean different things were settled; undefined where both count. */
  readonly settle: ((ours: Write, theirs: Write, member: string) => Settled) | undefined
}

const sound = (): undefined => undefined

function byClock(ours: Touch, theirs: Touch): Settled {
  return {
    rule: ours.hlc === theirs.hlc ? 'higher-author' : 'newer',
    winner: compareItems(ours, theirs) > 0 ? 'ours' : 'theirs',
  }
}

function byGrade(difference: number, rule: ConflictRule, ours: Touch, theirs: Touch): Settled {
  return difference === 0 ? byClock(ours, theirs) : { rule, winner: difference > 0 ? 'ours' : 'theirs' }
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
function single(pick: LeafKind['pick']): Pick<LeafKind, 'pick' | 'read'> {
  return { pick, read: readOne(pick) }
}

const generic: LeafKind = {
  ...single((items) => winningItem(items)?.value),
  fault: undefined,
  removable: true,
  settle: byClock,
}

function flag(wins: boolean): LeafKind {
  return {
    ...generic,
    ...single((items) => flagValue(items, wins)),
    fault: (_member, value) => (typeof value === 'boolean' ? undefined : 'a flag that is not a boolean'),
    settle: (ours) => ({
      rule: wins ? 'enable-wins' : 'disable-wins',
      winner: ours.value === wins ? 'ours' : 'theirs',
    }),
  }
}

function setOf(kind: KindCode): LeafKind {
  return {
    ...generic,
    pick: (items) => (isMember(kind, items) ? null : undefined),
    read: (leaf, itemsOf) => {
      const members = setMembers(leaf, itemsOf)
      return members.length === 0 ? undefined : members
    },
    fault: (member) => (valueFromKey(member) === undefined ? 'a set member that is not a value' : undefined),
  }
}

const set = setOf(leafKinds.set)

const setRemoveWins: LeafKind = {
  ...setOf(leafKinds.setRemoveWins),
  fault: (member, value, author) =>
    typeof value === 'boolean'
      ? set.fault?.(member, value, author)
      : 'an element of a remove-wins set that is not a boolean',
  settle: (ours) => ({ rule: 'remove-wins', winner: ours.value === false ? 'ours' : 'theirs' }),
}

const ranked: LeafKind = {
  ...single((items) => contentOf(rankedItem(items))),
  fault: (_member, value) => (isRankedValue(value) ? undefined : 'a ranked value of another form'),
  removable: true,
  settle: (ours, theirs) => byGrade(rankOf(ours.value) - rankOf(theirs.value), 'higher-rank', ours, theirs),
}

const fenced: LeafKind = {
  ...single((items) => contentOf(fencedItem(items))),
  fault: (_member, value) => (isFencedValue(value) ? undefined : 'a fenced value of another form'),
  removable: false,
  settle: (ours, theirs) => byGrade(compareTokens(ours.value, theirs.value), 'higher-token', ours, theirs),
}

const resolved: LeafKind = {
  ...single((items, name) => resolveValues(name, concurrentValues(items))),
  fault: undefined,
  removable: true,
  settle: (ours, theirs, name) => {
    const result = resolveValues(name, concurrentValues([ours, theirs])) as Value
    const winner = valuesEqual(result, ours.value) ? 'ours' : valuesEqual(result, theirs.value) ? 'theirs' : 'both'
    return { rule: 'resolver', winner }
  },
}

const counter: LeafKind = {
  ...generic,
  read: (leaf, itemsOf) => (counterPresent(leaf, itemsOf) ? counterSum(leaf, itemsOf) : undefined),
  fault: (member, value, author) => {
    if (member !== author) return "a write to another author's part of a counter"
    return typeof value === 'number' && Number.isFinite(value) ? undefined : 'a counter part that is not a number'
  },
  removable: false,
  settle: undefined,
}

const counterReset: LeafKind = {
  ...generic,
  read: sound,
  fault: (member, value) => {
    const mark = resetMark(value)
    const isSound = mark !== undefined && isSeq(mark.seq) && Number.isFinite(mark.sum) && isCounterMember(member)
    return isSound ? undefined : 'a counter reset of another form'
  },
  removable: false,
  settle: undefined,
}

const bounded: LeafKind = {
  ...generic,
  read: (leaf, itemsOf) => readBounded(leaf, itemsOf).value,
  fault: (member, value, author) => boundedFault(member, value, author),
  removable: false,
  settle: undefined,
}

const list: LeafKind = {
  ...generic,
  read: ({ sequence }) => (sequence === undefined || sequence.length === 0 ? undefined : sequence.toArray()),
  fault: () => 'a keyed write to a list',
  removable: false,
  settle: undefined,
}

const mvRegister: LeafKind = {
  ...generic,
  read: readOne(concurrentValues),
  settle: () => ({ rule: 'all-kept', winner: 'both' }),
}

const entry: LeafKind = { ...generic, read: readOne(() => true) }

const table: readonly (LeafKind | undefined)[] = tableOf({
  [leafKinds.register]: generic,
  [leafKinds.mvRegister]: mvRegister,
  [leafKinds.counter]: counter,
  [leafKinds.flag]: flag(true),
  [leafKinds.set]: set,
  [leafKinds.entry]: entry,
  [leafKinds.list]: list,
  [leafKinds.counterReset]: counterReset,
  [leafKinds.flagDisableWins]: flag(false),
  [leafKinds.ranked]: ranked,
  [leafKinds.fenced]: fenced,
  [leafKinds.resolved]: resolved,
  [leafKinds.setRemoveWins]: setRemoveWins,
  [leafKinds.bounded]: bounded,
})

function tableOf(kinds: Readonly<Record<number, LeafKind>>): readonly (LeafKind | undefined)[] {
  return Array.from({ length: 256 }, (_, code) => kinds[code])
}

/** What a kind decides. A kind that this build does not know reads like a register. */
export function leafKind(code: KindCode): LeafKind {
  return table[code] ?? generic
}

/** What a leaf holds as plain data, without a schema; undefined when it is absent. */
export function leafValue(leaf: Leaf, itemsOf: ItemsOf = currentItems(leaf.tree)): Value | undefined {
  return leafKind(leaf.kind).read(leaf, itemsOf)
}
