import { rejoinError } from './errors.ts'
import type { Path } from './ids.ts'
import { type KindCode, leafKinds } from './key.ts'
import { freezeValue, type Value } from './value.ts'

/** What a field type carries for the compiler only: how it reads and how it is written. */
declare const types: unique symbol

/** A field of a schema: a leaf or a map. */
export interface Field<Read, Draft> {
  readonly field: FieldKind
  readonly [types]?: { readonly read: Read; readonly draft: Draft }
}

/** Kinds of fields. */
export type FieldKind = 'register' | 'mvRegister' | 'counter' | 'flag' | 'set' | 'map' | 'list'

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

/** Writes a counter. */
export interface CounterDraft {
  /** The sum, with this change's own additions. */
  get(): number
  /** Adds a finite number, which may be negative. Concurrent additions all count. */
  add(delta: number): void
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
  /** Adds an element; an add wins over a concurrent delete. */
  add(element: T & Storable<T>): void
  /** Removes the element as far as it was seen; false when it was not there. */
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

/** A counter: concurrent additions all count. */
export interface CounterField extends Field<number, CounterDraft> {
  readonly field: 'counter'
  readonly initial: number
}

/** A boolean with a declared winner among concurrent writes. */
export interface FlagField extends Field<boolean, FlagDraft> {
  readonly field: 'flag'
  readonly initial: boolean
  readonly wins: 'enable' | 'disable'
}

/** An add-wins set. */
export interface SetField<T> extends Field<readonly T[], SetDraft<T>> {
  readonly field: 'set'
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

/** A counter that starts at `initial`. */
export function counter(initial = 0): CounterField {
  if (!Number.isFinite(initial)) throw rejoinError('invalid-schema', { reason: 'A counter starts at a finite number.' })
  return { field: 'counter', initial }
}

/** A flag. Among concurrent writes the value that `wins` names prevails; the default is `enable`. */
export function flag(initial = false, options: { readonly wins?: 'enable' | 'disable' } = {}): FlagField {
  return { field: 'flag', initial, wins: options.wins ?? 'enable' }
}

/** An add-wins set of values; elements are compared by value. */
export function set<T>(): SetField<T> {
  return { field: 'set' }
}

/** A map from string keys to entries of one shape. */
export function map<E extends Shape>(entry: E): MapField<E> {
  checkShape(entry)
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
  return { fields }
}

/** Whether a shape is a field, not a struct. */
export function isField(shape: Shape): shape is AnyField {
  return typeof (shape as { field?: unknown }).field === 'string'
}

function checkShape(shape: Shape): void {
  if (typeof shape !== 'object' || shape === null)
    throw rejoinError('invalid-schema', { details: { found: typeof shape } })
  if (!isField(shape)) for (const inner of Object.values(shape)) checkShape(inner)
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
      return leafKinds.set
    case 'map':
      return leafKinds.entry
    case 'list':
      return leafKinds.list
  }
}
