import type { BoundedTerms } from './bounded.ts'
import { type BoundedDraft, checkedTerms } from './bounded-draft.ts'
import { rejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { type KindCode, leafKinds, maxPathDepth, maxPathLength, maxSegmentLength } from './key.ts'
import { limitDetails } from './limits.ts'
import type { Resolver } from './resolver.ts'
import { freezeValue, type Value } from './value.ts'

const maxLeaseLength = 256

/** What a field type carries for the compiler only: how it reads and how it is written. */
declare const types: unique symbol

/** A field of a schema: a leaf or a map. */
export interface Field<Read, Draft> {
  readonly field: FieldKind
  readonly [types]?: { readonly read: Read; readonly draft: Draft }
}

/** Kinds of fields. */
export type FieldKind =
  | 'register'
  | 'mvRegister'
  | 'ranked'
  | 'fenced'
  | 'resolved'
  | 'counter'
  | 'bounded'
  | 'flag'
  | 'set'
  | 'map'
  | 'list'

/** `T` as far as it can be stored: JSON values, bytes, bigint, dates. Anything else becomes `never`. */
export type Storable<T> = T extends Value
  ? T
  : T extends undefined | symbol | ((...args: never[]) => unknown)
    ? never
    : T extends object
      ? { readonly [K in keyof T]: Storable<T[K]> }
      : never

/** Writes a register. */
export interface RegisterDraft<T> {
  /** The value, with this change's own writes. */
  get(): T
  /** Overwrites what is there. @throws RejoinError `invalid-value`. */
  set(value: T & Storable<T>): void
}

/** Writes a multi-value register. */
export interface MvRegisterDraft<T> {
  /** All values that nobody has overwritten: more than one after concurrent writes. Later clocks last. */
  concurrent(): readonly T[]
  /** Overwrites all values that are there. */
  set(value: T & Storable<T>): void
}

/** Writes a ranked register. */
export interface RankedDraft<T, Rank> {
  /** The value, with this change's own writes. */
  get(): T
  /**
   * Overwrites what is there, whatever its rank; the rank decides among concurrent writes.
   * @throws RejoinError `invalid-value`.
   */
  set(value: T & Storable<T>, rank: Rank): void
}

/** Writes a fenced register. */
export interface FencedDraft<T> {
  /** The value, with this change's own writes. */
  get(): T
  /**
   * Overwrites what was written under this token or an earlier one.
   * @throws RejoinError `fencing-token-required`, `fencing-token-stale`, `invalid-value`.
   */
  set(value: T & Storable<T>): void
}

/** Writes a resolved register. */
export interface ResolvedDraft<T> {
  /** What the resolver makes of the concurrent values; a value alone reads as it is. */
  get(): T
  /** All values that nobody has overwritten. Later clocks last. */
  concurrent(): readonly T[]
  /** Overwrites all values that are there. */
  set(value: T & Storable<T>): void
}

/** Writes a counter. */
export interface CounterDraft {
  /** The sum, with this change's own additions. */
  get(): number
  /** Adds a finite number, which may be negative. Concurrent additions all count. */
  add(delta: number): void
  /** Takes away all additions as far as they were seen: the initial value stays, and what others add concurrently. */
  reset(): void
}

/** Writes a flag. */
export interface FlagDraft {
  get(): boolean
  set(on: boolean): void
  enable(): void
  disable(): void
}

/** Writes a set. */
export interface SetDraft<T> {
  has(element: T & Storable<T>): boolean
  /** Adds an element; concurrently with a delete, the set's declaration decides. */
  add(element: T & Storable<T>): void
  /** Removes the element; false when it was not there. */
  delete(element: T & Storable<T>): boolean
  /** Elements in canonical order. */
  values(): readonly T[]
  readonly size: number
}

/** Writes a list. */
export interface ListDraft<T> {
  readonly length: number
  /** The element at an index; undefined outside of the list. */
  get(index: number): T | undefined
  push(...values: (T & Storable<T>)[]): void
  /** Inserts before `index`. @throws RejoinError `out-of-range`. */
  insert(index: number, ...values: (T & Storable<T>)[]): void
  /** Deletes `count` elements from `index` on. @throws RejoinError `out-of-range`. */
  delete(index: number, count?: number): void
  values(): readonly T[]
}

/** Writes a map from string keys to entries. */
export interface MapDraft<Entry> {
  /** The entry of a key. Writing to it creates it; two sides that create the same key create one entry that merges. */
  get(key: string): Entry
  has(key: string): boolean
  /** Makes an entry present without writing any of its fields. */
  add(key: string): void
  /** Removes what was seen of the entry; what others write concurrently survives. False when it was not there. */
  delete(key: string): boolean
  /** Keys of present entries, sorted. */
  keys(): readonly string[]
}

/** A last-writer-wins register: among concurrent writes the later clock wins, then the greater author. */
export interface RegisterField<T> extends Field<T, RegisterDraft<T>> {
  readonly field: 'register'
  readonly initial: Value
}

/** A register that keeps all concurrent writes. */
export interface MvRegisterField<T> extends Field<readonly T[], MvRegisterDraft<T>> {
  readonly field: 'mvRegister'
}

/** A register in which, among concurrent writes, the highest rank wins, then the later clock. */
export interface RankedField<T, Rank extends string | number> extends Field<T, RankedDraft<T, Rank>> {
  readonly field: 'ranked'
  readonly initial: Value
  /** Names of ranks, lowest first; undefined where ranks are numbers. */
  readonly ranks: readonly string[] | undefined
}

/** A register that only the holder of a lease may write. */
export interface FencedField<T> extends Field<T, FencedDraft<T>> {
  readonly field: 'fenced'
  readonly initial: Value
  readonly lease: string
}

/** A register whose concurrent writes a named rule settles. */
export interface ResolvedField<T> extends Field<T, ResolvedDraft<T>> {
  readonly field: 'resolved'
  readonly initial: Value
  readonly resolver: Resolver<T>
}

/** A counter: concurrent additions all count. */
export interface CounterField extends Field<number, CounterDraft> {
  readonly field: 'counter'
  readonly initial: number
}

/** A counter that stays within its bounds on every side of every split. */
export interface BoundedField extends Field<number, BoundedDraft> {
  readonly field: 'bounded'
  readonly terms: BoundedTerms
}

/** A boolean with a declared winner among concurrent writes. */
export interface FlagField extends Field<boolean, FlagDraft> {
  readonly field: 'flag'
  readonly initial: boolean
  readonly wins: 'enable' | 'disable'
}

/** A set with a declared winner among a concurrent add and delete of one element. */
export interface SetField<T> extends Field<readonly T[], SetDraft<T>> {
  readonly field: 'set'
  readonly wins: 'add' | 'remove'
}

/** A list; runs inserted concurrently at one place never interleave. */
export interface ListField<T> extends Field<readonly T[], ListDraft<T>> {
  readonly field: 'list'
}

/** A map with add-wins entries. */
export interface MapField<E extends Shape>
  extends Field<Readonly<Record<string, SnapshotOf<E>>>, MapDraft<DraftOf<E>>> {
  readonly field: 'map'
  readonly entry: E
}

// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every field type extend this one
type AnyField = Field<any, any>

/** Named fields. */
export interface Struct {
  readonly [name: string]: Shape
}

/** What may stand in a schema: a field, or a struct of shapes. */
export type Shape = AnyField | Struct

/** How a shape reads: plain frozen data. */
export type SnapshotOf<S> =
  S extends Schema<infer F>
    ? SnapshotOf<F>
    : S extends Field<infer Read, unknown>
      ? Read
      : { readonly [K in keyof S]: SnapshotOf<S[K]> }

/** How a shape is written inside a change. */
export type DraftOf<S> =
  S extends Schema<infer F>
    ? DraftOf<F>
    : S extends Field<unknown, infer Draft>
      ? Draft
      : { readonly [K in keyof S]: DraftOf<S[K]> }

/** The shape at a path of names and, for maps, keys; `never` where there is none. */
export type ShapeAt<S, P extends readonly string[]> = P extends readonly [
  infer Name extends string,
  ...infer Rest extends readonly string[],
]
  ? S extends MapField<infer Entry>
    ? ShapeAt<Entry, Rest>
    : S extends Field<unknown, unknown>
      ? never
      : Name extends keyof S
        ? ShapeAt<S[Name], Rest>
        : never
  : S

/** A path at which a shape stands. */
export type PathIn<S, P extends readonly string[]> = [ShapeAt<S, P>] extends [never] ? never : P

/** Whether a shape holds a field that must stand at a fixed path. */
export type HasFixed<S> = S extends FencedField<infer _> | BoundedField
  ? true
  : S extends Field<unknown, unknown>
    ? false
    : true extends { [K in keyof S]: HasFixed<S[K]> }[keyof S]
      ? true
      : false

/** A typed lens over a document: names, kinds and initial values of its fields. */
export interface Schema<F extends Struct = Struct> {
  readonly fields: F
}

/** A register with an initial value, which nobody has to write. */
export function register<T>(
  initial: T,
  // Not `T & Storable<T>`: that would infer `register('lobby')` as holding nothing but 'lobby'.
  ..._unstorable: [T] extends [Storable<T>] ? [] : [never]
): RegisterField<T> {
  return { field: 'register', initial: freezeValue(initial) }
}

/** A multi-value register; reads as `[]` until it is written. */
export function mvRegister<T>(): MvRegisterField<T> {
  return { field: 'mvRegister' }
}

/**
 * A register in which the highest rank wins among concurrent writes, then the later clock. A write that had seen the
 * others wins whatever its rank. Ranks are whole numbers (a stake, a priority), or names declared lowest first.
 *
 * @example
 * ```ts
 * import { ranked, schema } from '@rejoin/state'
 * const Claim = schema({
 *   owner: ranked('', { ranks: ['guest', 'member', 'admin'] }),
 *   bid: ranked({ by: '', gold: 0 }),
 * })
 * ```
 * @throws RejoinError `invalid-schema` when two ranks have one name.
 */
export function ranked<T, const Rank extends string>(
  initial: T,
  options: { readonly ranks: readonly Rank[] },
): RankedField<T, Rank>
export function ranked<T>(initial: T, ..._unstorable: [T] extends [Storable<T>] ? [] : [never]): RankedField<T, number>
export function ranked<T>(
  initial: T,
  options?: { readonly ranks: readonly string[] },
): RankedField<T, string> | RankedField<T, number> {
  const ranks = options?.ranks
  if (ranks !== undefined && new Set(ranks).size !== ranks.length)
    throw rejoinError('invalid-schema', { reason: 'Two ranks have one name.', details: { ranks: ranks.join(', ') } })
  return { field: 'ranked', initial: freezeValue(initial), ranks: ranks === undefined ? undefined : [...ranks] }
}

/**
 * A register that only the holder of a lease may write: a write under an earlier fencing token never takes the place of
 * one under a later token, even when it comes later. It stands at a fixed path, not inside a map, as what can be deleted
 * and made again could be written twice.
 *
 * @example
 * ```ts
 * import { fenced, schema } from '@rejoin/state'
 * const Match = schema({ round: fenced(0, { lease: 'round' }) })
 * ```
 * @throws RejoinError `invalid-schema` when the lease has no name.
 */
export function fenced<T>(
  initial: T,
  options: { readonly lease: string },
  ..._unstorable: [T] extends [Storable<T>] ? [] : [never]
): FencedField<T> {
  if (typeof options?.lease !== 'string' || options.lease === '' || options.lease.length > maxLeaseLength)
    throw rejoinError('invalid-schema', { reason: `A lease has a name of 1 to ${maxLeaseLength} characters.` })
  return { field: 'fenced', initial: freezeValue(initial), lease: options.lease }
}

/**
 * A register whose concurrent writes a named deterministic rule settles, such as `greatest()` or one made by `resolver()`.
 * A write that had seen the others overwrites them all.
 */
export function resolved<T>(
  initial: T,
  resolver: Resolver<NoInfer<T>>,
  ..._unstorable: [T] extends [Storable<T>] ? [] : [never]
): ResolvedField<T> {
  return { field: 'resolved', initial: freezeValue(initial), resolver }
}

/** A counter that starts at `initial`. */
export function counter(initial = 0): CounterField {
  if (!Number.isFinite(initial)) throw rejoinError('invalid-schema', { reason: 'A counter starts at a finite number.' })
  return { field: 'counter', initial }
}

/**
 * A counter of whole numbers that never leaves its bounds, on any side of any split. What may be taken away or added is
 * split into rights: a replica writes within its own at once, connected or not, and is refused beyond them. The first
 * rights come from an anchor; until it has granted them there are none. It stands at a fixed path, not inside a map.
 *
 * @example
 * ```ts
 * import { bounded, schema } from '@rejoin/state'
 * const Raid = schema({ potions: bounded({ min: 0, initial: 12 }), seats: bounded({ max: 5 }) })
 * ```
 * @throws RejoinError `invalid-schema` unless min <= initial <= max are whole numbers.
 */
export function bounded(
  options: { readonly min?: number; readonly max?: number; readonly initial?: number } = {},
): BoundedField {
  const min = options.min ?? 0
  return { field: 'bounded', terms: checkedTerms({ initial: options.initial ?? min, min, max: options.max }) }
}

/** A flag. Among concurrent writes the value that `wins` names prevails; the default is `enable`. */
export function flag(initial = false, options: { readonly wins?: 'enable' | 'disable' } = {}): FlagField {
  return { field: 'flag', initial, wins: options.wins ?? 'enable' }
}

/**
 * A set of values, compared by value. `wins` says what becomes of an element that one side adds while another deletes
 * it: `add` (the default) keeps it, `remove` does not, as fits bans and revoked rights.
 */
export function set<T>(options: { readonly wins?: 'add' | 'remove' } = {}): SetField<T> {
  return { field: 'set', wins: options.wins ?? 'add' }
}

/**
 * A map from string keys to entries of one shape.
 * @throws RejoinError `invalid-schema` when a fenced or bounded field stands inside, also where the compiler could not see it.
 */
export function map<E extends Shape>(entry: E, ..._fixed: HasFixed<E> extends true ? [never] : []): MapField<E> {
  checkShape(entry)
  if (hasFixed(entry)) {
    throw rejoinError('invalid-schema', {
      reason: 'A fenced or bounded field stands inside a map, whose entries can be deleted and made again.',
    })
  }
  return { field: 'map', entry }
}

/** A list of values. */
export function list<T>(): ListField<T> {
  return { field: 'list' }
}

/**
 * A schema: named fields, nested as you like.
 *
 * @example
 * ```ts
 * import { counter, map, register, schema, set } from '@rejoin/state'
 * const Raid = schema({
 *   phase: register<'lobby' | 'fight'>('lobby'),
 *   players: map({ hp: counter(100), items: set<string>() }),
 * })
 * ```
 * @throws RejoinError `invalid-schema`.
 */
export function schema<F extends Struct>(fields: F): Schema<F> {
  for (const shape of Object.values(fields)) checkShape(shape)
  checkNames(fields, [], 0)
  return { fields }
}

/** Whether a shape is a field, not a struct. */
export function isField(shape: Shape): shape is AnyField {
  return typeof (shape as { field?: unknown }).field === 'string'
}

function hasFixed(shape: Shape): boolean {
  return isField(shape) ? shape.field === 'fenced' || shape.field === 'bounded' : Object.values(shape).some(hasFixed)
}

function checkShape(shape: Shape): void {
  if (typeof shape !== 'object' || shape === null)
    throw rejoinError('invalid-schema', { details: { found: typeof shape } })
  if (!isField(shape)) for (const inner of Object.values(shape)) checkShape(inner)
}

/** Names must leave room for the keys of maps around and beside them, or nobody could read what is written under them. */
function checkNames(shape: Shape, names: readonly string[], length: number): void {
  const most = maxPathLength - maxSegmentLength
  const excess =
    names.length > maxPathDepth
      ? limitDetails('pathDepth', names.length, maxPathDepth)
      : length > most
        ? limitDetails('keyLength', length, most)
        : undefined
  if (excess !== undefined) {
    const details = { path: `/${names.join('/')}`, ...excess }
    throw rejoinError('invalid-schema', { reason: 'A field stands too deep, or its names are too long.', details })
  }
  if (!isField(shape)) {
    for (const [name, inner] of Object.entries(shape)) checkNames(inner, [...names, name], length + name.length)
  } else if (shape.field === 'map') checkNames((shape as MapField<Shape>).entry, [...names, '*'], length)
}

/** The initial value that a schema declares for a counter at a path; 0 where it declares none. */
export function counterInitial({ fields }: Schema, path: Path): number {
  let shape: Shape | undefined = fields
  for (const segment of path) {
    if (shape === undefined) return 0
    if (!isField(shape)) shape = Object.hasOwn(shape, segment) ? shape[segment] : undefined
    else shape = shape.field === 'map' ? (shape as MapField<Shape>).entry : undefined
  }
  const isCounter = shape !== undefined && isField(shape) && shape.field === 'counter'
  return isCounter ? (shape as CounterField).initial : 0
}

/** The leaf kind that a field is stored as. */
export function kindOf(field: AnyField): KindCode {
  switch (field.field) {
    case 'register':
      return leafKinds.register
    case 'mvRegister':
      return leafKinds.mvRegister
    case 'counter':
      return leafKinds.counter
    case 'flag':
      return (field as FlagField).wins === 'disable' ? leafKinds.flagDisableWins : leafKinds.flag
    case 'set':
      return (field as SetField<unknown>).wins === 'remove' ? leafKinds.setRemoveWins : leafKinds.set
    case 'bounded':
      return leafKinds.bounded
    case 'ranked':
      return leafKinds.ranked
    case 'fenced':
      return leafKinds.fenced
    case 'resolved':
      return leafKinds.resolved
    case 'map':
      return leafKinds.entry
    case 'list':
      return leafKinds.list
  }
}

/** The member at which a field keeps its items, where it has one address. What the member names is part of the address. */
export function memberOf(field: AnyField): string {
  if (field.field === 'fenced') return (field as FencedField<unknown>).lease
  return field.field === 'resolved' ? (field as ResolvedField<unknown>).resolver.name : ''
}
