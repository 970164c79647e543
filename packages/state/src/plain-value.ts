import { invalidValue } from './error-codes.ts'
import { RejoinError } from './errors.ts'

/**
 * What a leaf can hold: JSON values with every number (NaN, -0 and the infinities too), `Uint8Array`, `bigint`, `Date`.
 * Objects are plain ones; `undefined` is no value anywhere in them.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | Date
  | readonly Value[]
  | { readonly [key: string]: Value }

/** How deep arrays and objects may be nested in one value, when written and when read. */
export const maxValueDepth = 32

/** The kinds of value as code tells them apart. */
export type ValueKind =
  | 'null'
  | 'boolean'
  | 'number'
  | 'string'
  | 'bigint'
  | 'bytes'
  | 'date'
  | 'array'
  | 'object'
  | 'none'

/** Tells the kind of a value; `none` where it is not a value. Looks at the value itself, not at what it contains. */
export function valueKind(value: unknown): ValueKind {
  switch (typeof value) {
    case 'number':
      return 'number'
    case 'string':
      return 'string'
    case 'boolean':
      return 'boolean'
    case 'bigint':
      return 'bigint'
    case 'object':
      return value === null ? 'null' : objectKind(value)
    default:
      return 'none'
  }
}

/**
 * Returns a deeply frozen private copy of a value, so that nobody can change it from outside.
 *
 * Bytes and dates are copied but cannot be frozen in JavaScript: whoever gets them from a snapshot must not write to
 * them. A getter is read once.
 * @throws RejoinError `invalid-value` for `undefined`, functions, symbols, class instances, cycles, or more than 32
 * levels; `details.path` says where in the value.
 */
export function freezeValue(value: unknown): Value {
  return frozen(value, [], [])
}

/**
 * Like `freezeValue`, for a value that is stored one level down, beside its grade: it may have one level less.
 * @throws RejoinError `invalid-value` like `freezeValue`.
 */
export function freezeGraded(value: unknown): Value {
  return frozen(value, [around], [])
}

/** Whether two values are the same to every reader. Numbers compare by `Object.is`; the order of object keys is no matter. */
export function valuesEqual(left: Value, right: Value): boolean {
  if (Object.is(left, right)) return true
  const kind = valueKind(left)
  if (kind !== valueKind(right)) return false
  if (kind === 'date') return Object.is((left as Date).getTime(), (right as Date).getTime())
  if (kind === 'object') return entriesEqual(left as Entries, right as Entries)
  if (kind !== 'array' && kind !== 'bytes') return false
  const [items, others] = [left as readonly Value[], right as readonly Value[]]
  return items.length === others.length && items.every((item, i) => valuesEqual(item, others[i] as Value))
}

type Entries = Readonly<Record<string, Value>>

function entriesEqual(left: Entries, right: Entries): boolean {
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && valuesEqual(left[key] as Value, right[key] as Value))
}

/** Sets a property as the object's own, also where its name is `__proto__`. */
export function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    ;(target as Record<string, unknown>)[key] = value
  }
}

/** Stands for the array around a graded value. */
const around = {}

function objectKind(value: object): ValueKind {
  if (Array.isArray(value)) return 'array'
  const proto: unknown = Object.getPrototypeOf(value)
  if (proto === Object.prototype || proto === null) return 'object'
  if (ArrayBuffer.isView(value)) return tagOf(value) === '[object Uint8Array]' ? 'bytes' : 'none'
  if (tagOf(value) === '[object Date]') return isDate(value) ? 'date' : 'none'
  // Plain objects of another realm, such as an iframe, have that realm's Object.prototype.
  const isForeignPlain = Object.getPrototypeOf(proto) === null && Object.hasOwn(proto as object, 'isPrototypeOf')
  return isForeignPlain ? 'object' : 'none'
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value)
}

/** The tag alone can be feigned. */
function isDate(value: object): boolean {
  try {
    Date.prototype.getTime.call(value as Date)
    return true
  } catch {
    return false
  }
}

/** `parents` are the containers around the value, `keys` where each was left: a cycle is a value that is its own parent. */
function frozen(value: unknown, parents: object[], keys: (string | number)[]): Value {
  switch (valueKind(value)) {
    case 'bytes':
      return Uint8Array.from(value as Uint8Array)
    case 'date':
      return new Date((value as Date).getTime())
    case 'array':
    case 'object':
      return frozenCopy(value as object, parents, keys)
    case 'none':
      return refuse(describeForeign(value), parents, keys)
    default:
      return value as Value
  }
}

function frozenCopy(value: object, parents: object[], keys: (string | number)[]): Value {
  const { length } = parents
  if (parents.includes(value)) refuse('A value that contains itself', parents, keys)
  if (length >= maxValueDepth) {
    const details = { limit: 'valueDepth', size: length + 1, most: maxValueDepth }
    refuse(`A value of more than ${maxValueDepth} levels`, parents, keys, details)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) refuse('A symbol key', parents, keys)
  parents.push(value)
  let copy: Value[] | Record<string, Value>
  if (Array.isArray(value)) {
    copy = []
    // Holes count, too: they read as `undefined` and are refused.
    for (let i = 0; i < value.length; i++) {
      keys[length] = i
      copy.push(frozen(value[i], parents, keys))
    }
  } else {
    copy = {}
    for (const key of Object.keys(value)) {
      keys[length] = key
      setOwn(copy, key, frozen((value as Record<string, unknown>)[key], parents, keys))
    }
  }
  parents.pop()
  return Object.freeze(copy)
}

function refuse(what: string, parents: readonly object[], keys: readonly (string | number)[], details?: object): never {
  let path = ''
  for (let i = parents[0] === around ? 1 : 0; i < parents.length; i++) path += `/${keys[i]}`
  throw new RejoinError(invalidValue, { reason: `${what} cannot be stored.`, details: { path, ...details } })
}

function describeForeign(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : `A ${typeof value}`
  const maker: unknown = Object.getPrototypeOf(value)?.constructor
  return typeof maker === 'function' && maker.name !== ''
    ? `An instance of ${maker.name}`
    : 'An object with a prototype'
}
