import { checkedTerms } from './bounded-draft.ts'
import { boundedBehaviour } from './bounded-field.ts'
import { addBounded } from './bounded-kind.ts'
import { counterBehaviour, flagBehaviour } from './counter-field.ts'
import { invalidSchema } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type {
  AnyField,
  Apart,
  BoundedField,
  CounterField,
  FencedField,
  FlagField,
  HasFixed,
  ListField,
  MapField,
  MvRegisterField,
  RankedField,
  RegisterField,
  ResolvedField,
  Schema,
  SetField,
  Shape,
  Storable,
  Struct,
} from './fields.ts'
import { fencedBehaviour, rankedBehaviour, resolvedBehaviour } from './graded-field.ts'
import { addFenced, addRanked, addResolved } from './graded-kind.ts'
import type { Path } from './ids.ts'
import { maxPathDepth, maxPathLength, maxSegmentLength } from './key.ts'
import { limitDetails } from './limits.ts'
import { listBehaviour } from './list-field.ts'
import { mapBehaviour } from './map-field.ts'
import { type Behaviour, fieldOf, isField } from './place.ts'
import { mvRegisterBehaviour, registerBehaviour } from './register-field.ts'
import type { Resolver } from './resolver.ts'
import { setBehaviour } from './set-field.ts'
import { freezeValue } from './value.ts'

const maxLeaseLength = 256

/** A register with an initial value, which nobody has to write. */
export function register<T>(
  initial: T,
  // Not `T & Storable<T>`: that would infer `register('lobby')` as holding nothing but 'lobby'.
  ..._unstorable: [T] extends [Storable<T>] ? [] : [never]
): RegisterField<T> {
  return fieldOf({ field: 'register', initial: freezeValue(initial) }, registerBehaviour)
}

/** A multi-value register; reads as `[]` until it is written. */
export function mvRegister<T>(): MvRegisterField<T> {
  return fieldOf({ field: 'mvRegister' }, mvRegisterBehaviour)
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
    throw new RejoinError(invalidSchema, { reason: 'Two ranks have one name.', details: { ranks: ranks.join(', ') } })
  addRanked()
  return fieldOf(
    { field: 'ranked', initial: freezeValue(initial), ranks: ranks === undefined ? undefined : [...ranks] },
    rankedBehaviour,
  )
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
 * @throws RejoinError `invalid-schema` when the lease has no name, or `apart` is none of its values.
 */
export function fenced<T>(
  initial: T,
  options: { readonly lease: string; readonly apart?: Apart },
  ..._unstorable: [T] extends [Storable<T>] ? [] : [never]
): FencedField<T> {
  if (typeof options?.lease !== 'string' || options.lease === '' || options.lease.length > maxLeaseLength)
    throw new RejoinError(invalidSchema, { reason: `A lease has a name of 1 to ${maxLeaseLength} characters.` })
  const { lease, apart = 'refuse' } = options
  if (!['refuse', 'queue', 'tentative'].includes(apart))
    throw new RejoinError(invalidSchema, { reason: 'A fenced field says refuse, queue or tentative.' })
  addFenced()
  return fieldOf({ field: 'fenced', initial: freezeValue(initial), lease, apart }, fencedBehaviour)
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
  addResolved()
  const field: ResolvedField<T> = { field: 'resolved', initial: freezeValue(initial), resolver }
  return fieldOf(field, resolvedBehaviour as Behaviour<AnyField> as Behaviour<ResolvedField<T>>)
}

/** A counter that starts at `initial`. */
export function counter(initial = 0): CounterField {
  if (!Number.isFinite(initial))
    throw new RejoinError(invalidSchema, { reason: 'A counter starts at a finite number.' })
  return fieldOf({ field: 'counter', initial }, counterBehaviour)
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
  addBounded()
  const min = options.min ?? 0
  return fieldOf(
    { field: 'bounded', terms: checkedTerms({ initial: options.initial ?? min, min, max: options.max }) },
    boundedBehaviour,
  )
}

/** A flag. Among concurrent writes the value that `wins` names prevails; the default is `enable`. */
export function flag(initial = false, options: { readonly wins?: 'enable' | 'disable' } = {}): FlagField {
  return fieldOf({ field: 'flag', initial, wins: options.wins ?? 'enable' }, flagBehaviour)
}

/**
 * A set of values, compared by value. `wins` says what becomes of an element that one side adds while another deletes
 * it: `add` (the default) keeps it, `remove` does not, as fits bans and revoked rights.
 */
export function set<T>(options: { readonly wins?: 'add' | 'remove' } = {}): SetField<T> {
  return fieldOf({ field: 'set', wins: options.wins ?? 'add' }, setBehaviour)
}

/**
 * A map from string keys to entries of one shape.
 * @throws RejoinError `invalid-schema` when a fenced or bounded field stands inside, also where the compiler could not see it.
 */
export function map<E extends Shape>(entry: E, ..._fixed: HasFixed<E> extends true ? [never] : []): MapField<E> {
  checkShape(entry)
  if (hasFixed(entry)) {
    throw new RejoinError(invalidSchema, {
      reason: 'A fenced or bounded field stands inside a map, whose entries can be deleted and made again.',
    })
  }
  return fieldOf({ field: 'map', entry }, mapBehaviour)
}

/** A list of values. */
export function list<T>(): ListField<T> {
  return fieldOf({ field: 'list' }, listBehaviour)
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

function hasFixed(shape: Shape): boolean {
  return isField(shape) ? shape.field === 'fenced' || shape.field === 'bounded' : Object.values(shape).some(hasFixed)
}

function checkShape(shape: Shape): void {
  if (typeof shape !== 'object' || shape === null)
    throw new RejoinError(invalidSchema, { details: { found: typeof shape } })
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
    throw new RejoinError(invalidSchema, { reason: 'A field stands too deep, or its names are too long.', details })
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
