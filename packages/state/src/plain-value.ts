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

/** Whether this is a value through and through. */
export function isValue(value: unknown): value is Value {
  return faultOf(value, []) === undefined
}

/**
 * Lets a value pass.
 * @throws RejoinError `invalid-value` for `undefined`, functions, symbols, class instances, cycles, or more than 32
 * levels; `details.path` says where in the value.
 */
export function checkValue(value: unknown): asserts value is Value {
  const fault = faultOf(value, [])
  if (fault !== undefined) refuse(fault)
}

/**
 * Returns a deeply frozen private copy of a value, so that nobody can change it from outside.
 *
 * Bytes and dates are copied but cannot be frozen in JavaScript: whoever gets them from a snapshot must not write to
 * them. A getter is read once.
 * @throws RejoinError `invalid-value` like `checkValue`.
 */
export function freezeValue(value: unknown): Value {
  if (typeof value !== 'object' || value === null) {
    checkValue(value)
    return value
  }
  return frozenCopy(value, [])
}

/**
 * Like `freezeValue`, for a value that is stored one level down, beside its grade: it may have one level less.
 * @throws RejoinError `invalid-value` like `checkValue`.
 */
export function freezeGraded(value: unknown): Value {
  return typeof value === 'object' && value !== null ? frozenCopy(value, [around]) : freezeValue(value)
}

/** Whether two values are the same to every reader. Numbers compare by `Object.is`; the order of object keys is no matter. */
export function valuesEqual(left: Value, right: Value): boolean {
  if (Object.is(left, right)) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  const kind = objectKind(left)
  if (kind !== objectKind(right)) return false
  if (kind === 'array') return arraysEqual(left as readonly Value[], right as readonly Value[])
  if (kind === 'bytes') return bytesEqual(left as Uint8Array, right as Uint8Array)
  if (kind === 'date') return Object.is((left as Date).getTime(), (right as Date).getTime())
  return objectsEqual(left as Readonly<Record<string, Value>>, right as Readonly<Record<string, Value>>)
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

interface Fault {
  readonly reason: string
  readonly details?: Readonly<Record<string, unknown>>
  readonly path: string
}

function refuse(fault: Fault): never {
  throw new RejoinError(invalidValue, { reason: fault.reason, details: { path: fault.path, ...fault.details } })
}

/** `parents` are the containers around the value: a cycle is a value that is its own parent. */
function faultOf(value: unknown, parents: object[]): Fault | undefined {
  const kind = valueKind(value)
  if (kind === 'none') return { reason: `${describeForeign(value)} cannot be stored.`, path: '' }
  if (kind !== 'array' && kind !== 'object') return undefined
  const fault = containerFault(value as object, parents)
  if (fault !== undefined) return fault
  parents.push(value as object)
  for (const key of childKeys(value as object)) {
    const inside = faultOf((value as Record<string | number, unknown>)[key], parents)
    if (inside !== undefined) return { ...inside, path: `/${key}${inside.path}` }
  }
  parents.pop()
  return undefined
}

function containerFault(value: object, parents: readonly object[]): Fault | undefined {
  if (parents.includes(value)) return { reason: 'A value that contains itself cannot be stored.', path: '' }
  if (parents.length >= maxValueDepth) {
    return {
      reason: `A value of more than ${maxValueDepth} levels cannot be stored.`,
      path: '',
      details: { limit: 'valueDepth', size: parents.length + 1, most: maxValueDepth },
    }
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return { reason: 'A symbol key cannot be stored.', path: '' }
  return undefined
}

/** Holes of an array count as its children: they read as `undefined` and are refused. */
function childKeys(value: object): Iterable<string | number> {
  return Array.isArray(value) ? value.keys() : Object.keys(value)
}

function describeForeign(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : `A ${typeof value}`
  const maker: unknown = Object.getPrototypeOf(value)?.constructor
  return typeof maker === 'function' && maker.name !== ''
    ? `An instance of ${maker.name}`
    : 'An object with a prototype'
}

function frozenCopy(value: unknown, parents: object[]): Value {
  const kind = valueKind(value)
  if (kind === 'bytes') return Uint8Array.from(value as Uint8Array)
  if (kind === 'date') return new Date((value as Date).getTime())
  if (kind !== 'array' && kind !== 'object') {
    checkValue(value)
    return value
  }
  const fault = containerFault(value as object, parents)
  if (fault !== undefined) refuse(fault)
  parents.push(value as object)
  const copy = kind === 'array' ? copyArray(value as unknown[], parents) : copyObject(value as object, parents)
  parents.pop()
  return copy
}

function copyArray(value: readonly unknown[], parents: object[]): Value {
  const copy: Value[] = []
  for (let i = 0; i < value.length; i++) copy.push(frozenCopy(value[i], parents))
  return Object.freeze(copy)
}

function copyObject(value: object, parents: object[]): Value {
  const copy: Record<string, Value> = {}
  for (const key of Object.keys(value)) {
    setOwn(copy, key, frozenCopy((value as Record<string, unknown>)[key], parents))
  }
  return Object.freeze(copy)
}

function arraysEqual(left: readonly Value[], right: readonly Value[]): boolean {
  return left.length === right.length && left.every((item, i) => valuesEqual(item, right[i] as Value))
}

function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}

function objectsEqual(left: Readonly<Record<string, Value>>, right: Readonly<Record<string, Value>>): boolean {
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && valuesEqual(left[key] as Value, right[key] as Value))
}
