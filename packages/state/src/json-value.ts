import { fromBase64, toBase64 } from './base64.ts'
import { invalidJson } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import { maxValueDepth, setOwn, type Value, valueKind } from './plain-value.ts'

/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * A value as JSON, of which `valueFromJSON` makes an equal value, also after `JSON.stringify` and `JSON.parse`.
 *
 * What JSON has no word for is an object with one key: `{ $number: 'NaN' }` (also `Infinity`, `-Infinity`, `-0`),
 * `{ $bigint: '12' }`, `{ $date: '2026-01-01T00:00:00.000Z' }` (null for an invalid date), `{ $bytes: 'AQI=' }` (base64).
 * An object of one key that begins with `$` gets one more `$` before it, so that data cannot be taken for a tag.
 *
 * @example
 * ```ts
 * valueToJSON({ seen: 12n, best: -Infinity }) // => { seen: { $bigint: '12' }, best: { $number: '-Infinity' } }
 * valueToJSON({ $bigint: '12' }) // => { $$bigint: '12' }
 * ```
 */
export function valueToJSON(value: Value): Json {
  switch (valueKind(value)) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? (value as number)
        : { $number: numberName(value as number) }
    case 'bigint':
      return { $bigint: `${value as bigint}` }
    case 'date':
      return { $date: Number.isNaN((value as Date).getTime()) ? null : (value as Date).toISOString() }
    case 'bytes':
      return { $bytes: toBase64(value as Uint8Array) }
    case 'array':
      return (value as readonly Value[]).map(valueToJSON)
    case 'object':
      return objectToJSON(value as Readonly<Record<string, Value>>)
    default:
      return value as Json
  }
}

/**
 * The value that JSON stands for, deeply frozen.
 * @throws RejoinError `invalid-json`, whose `details.path` says where, for unknown or damaged tags, numbers that are not
 * finite, more than 32 levels, and what is no JSON: `undefined`, bytes, dates and the like, which have a tag.
 */
export function valueFromJSON(json: unknown): Value {
  return readJSON(json, '', maxValueDepth)
}

/** `valueFromJSON` at a place in something larger, with as many levels as are allowed there. */
export function readJSON(json: unknown, path: string, levels: number): Value {
  const kind = valueKind(json)
  switch (kind) {
    case 'null':
    case 'boolean':
    case 'string':
      return json as Value
    case 'number':
      return Number.isFinite(json) ? (json as number) : unfit(path, 'a finite number', String(json))
    case 'array':
    case 'object':
      break
    default:
      return unfit(path, 'JSON', nameOf(json))
  }
  const tag = kind === 'object' ? tagOf(json as object) : undefined
  if (tag !== undefined && !tag.startsWith('$$')) return readTagged(tag, (json as Record<string, unknown>)[tag], path)
  if (levels === 0) return unfit(path, `at most ${maxValueDepth} levels`, 'more')
  if (kind === 'array') {
    return Object.freeze(Array.from(json as unknown[], (item, i) => readJSON(item, `${path}/${i}`, levels - 1)))
  }
  const value = {}
  for (const [key, inner] of Object.entries(json as object)) {
    setOwn(value, tag === undefined ? key : key.slice(1), readJSON(inner, `${path}/${key}`, levels - 1))
  }
  return Object.freeze(value)
}

/** Refuses JSON. `found` says what stands there instead. */
export function unfit(path: string, expected: string, found: string): never {
  const reason = `At ${path === '' ? 'the top' : path} the JSON should have ${expected}, and has ${found}.`
  throw new RejoinError(invalidJson, { reason, details: { path, expected, found } })
}

/** What something is, for people who look for a mistake in it. */
export function nameOf(json: unknown): string {
  const kind = valueKind(json)
  return kind !== 'none' ? kind : typeof json === 'object' ? 'an instance of a class' : typeof json
}

function numberName(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function objectToJSON(value: Readonly<Record<string, Value>>): Json {
  const json: Record<string, Json> = {}
  const mark = tagOf(value) === undefined ? '' : '$'
  for (const key of Object.keys(value)) setOwn(json, mark + key, valueToJSON(value[key] as Value))
  return json
}

/** The key that makes an object a tag, or data that must not be taken for one. */
function tagOf(object: object): string | undefined {
  const [key, ...others] = Object.keys(object)
  return key?.startsWith('$') && others.length === 0 ? key : undefined
}

const numbers = new Map(
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map((n) => [numberName(n), n]),
)

function readTagged(tag: string, content: unknown, path: string): Value {
  const text = typeof content === 'string' ? content : undefined
  const value = text === undefined && !(tag === '$date' && content === null) ? undefined : valueUnder(tag, text)
  return value === undefined
    ? unfit(path, 'a known tag or $$ for data', `${tag} with ${text ?? nameOf(content)}`)
    : value
}

/** Each value has one spelling: others are refused, so that nobody relies on them. */
function valueUnder(tag: string, text: string | undefined): Value | undefined {
  switch (tag) {
    case '$number':
      return numbers.get(text ?? '')
    case '$bigint':
      return /^(0|-?[1-9]\d*)$/.test(text ?? '') ? BigInt(text ?? '') : undefined
    case '$bytes':
      return fromBase64(text ?? '')
    case '$date':
      return dateFrom(text)
    default:
      return undefined
  }
}

function dateFrom(text: string | undefined): Date | undefined {
  const date = new Date(text ?? Number.NaN)
  if (text === undefined) return date
  return !Number.isNaN(date.getTime()) && date.toISOString() === text ? date : undefined
}
