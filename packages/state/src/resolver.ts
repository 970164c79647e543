import { invalidSchema } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import { freezeValue, type Value } from './value.ts'

/**
 * A named rule that settles concurrent writes of a resolved register. It must give the same for the same values
 * everywhere: no clock, no random, nothing from outside. The name is part of the address, so that replicas with
 * different rules read different fields instead of the same field differently.
 */
export interface Resolver<T> {
  readonly name: string
  /** The value of at least two concurrent ones, which come older clock first. Where it throws, the newest is read. */
  readonly pick: (values: readonly T[]) => T
}

/** What JavaScript orders. */
export type Ordered = string | number | bigint | Date

const maxNameLength = 64

const greatestValue: Resolver<Ordered> = { name: 'greatest', pick: (values) => sorted(values)[values.length - 1] ?? 0 }
const leastValue: Resolver<Ordered> = { name: 'least', pick: (values) => sorted(values)[0] ?? 0 }
const earliestValue: Resolver<Value> = { name: 'earliest', pick: (values) => values[0] ?? null }

function sorted<T extends Ordered>(values: readonly T[]): T[] {
  return [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** By name, so that reports and views without a schema read what the app reads. */
const known = new Map<string, Resolver<never>>()
for (const builtIn of [greatestValue, leastValue, earliestValue])
  known.set(builtIn.name, builtIn as unknown as Resolver<never>)

/** Reads the greatest of concurrent values. */
export function greatest<T extends Ordered>(): Resolver<T> {
  return greatestValue as unknown as Resolver<T>
}

/** Reads the least of concurrent values. */
export function least<T extends Ordered>(): Resolver<T> {
  return leastValue as unknown as Resolver<T>
}

/** Reads the oldest of concurrent values: the first claim stays. */
export function earliest<T>(): Resolver<T> {
  return earliestValue as unknown as Resolver<T>
}

/**
 * Defines a resolver under a name that is unique in the app.
 *
 * @example
 * ```ts
 * import { resolved, resolver, schema } from '@rejoin/state'
 * const longest = resolver('longest', (texts: readonly string[]) =>
 *   texts.reduce((best, text) => (text.length > best.length ? text : best)))
 * const Card = schema({ title: resolved('', longest) })
 * ```
 * @throws RejoinError `invalid-schema` when the name is empty, longer than 64 characters, or means another rule already.
 */
export function resolver<T>(name: string, pick: (values: readonly T[]) => T): Resolver<T> {
  if (typeof name !== 'string' || name === '' || name.length > maxNameLength) {
    throw new RejoinError(invalidSchema, { reason: `A resolver has a name of 1 to ${maxNameLength} characters.` })
  }
  const before = known.get(name)
  // Modules may be loaded twice: the same text is the same rule.
  if (before !== undefined && String(before.pick) !== String(pick)) {
    throw new RejoinError(invalidSchema, { reason: `The resolver "${name}" is defined already, with another rule.` })
  }
  const made: Resolver<T> = Object.freeze({ name, pick })
  known.set(name, made as unknown as Resolver<never>)
  return made
}

/** What concurrent values, older clock first, read under the resolver of a name; the newest where nobody knows it. */
export function resolveValues(name: string, values: readonly Value[]): Value | undefined {
  const last = values[values.length - 1]
  const pick = known.get(name)?.pick as ((values: readonly Value[]) => Value) | undefined
  if (values.length < 2 || pick === undefined) return last
  try {
    return freezeValue(pick(values))
  } catch {
    // Merging asks, too, to tell a conflict: a rule of the app must not stop it half way.
    return last
  }
}
