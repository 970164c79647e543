/** The fields of a schema as types: what each holds, how it reads and how it is written. Nothing here runs. */
import type { BoundedTerms } from './bounded.ts'
import type { BoundedDraft } from './bounded-draft.ts'
import type { Resolver } from './resolver.ts'
import type { Value } from './value.ts'

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

/**
 * What becomes of a write to a fenced field while its lease is not held, as in a minority: it is refused with why, waits until the
 * lease is held, or waits and is shown meanwhile. Whoever writes by `exclusive` of `@rejoin/sync/partition` goes by it; the store itself
 * always wants a token.
 */
export type Apart = 'refuse' | 'queue' | 'tentative'

/** A register that only the holder of a lease may write. */
export interface FencedField<T> extends Field<T, FencedDraft<T>> {
  readonly field: 'fenced'
  readonly initial: Value
  readonly lease: string
  readonly apart: Apart
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
export type AnyField = Field<any, any>

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
