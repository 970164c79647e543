import { inspect, isDeepStrictEqual } from 'node:util'

let compared = 0
let placeOf: (line: number) => string = String

/** Begins counting checks anew; the returned function says how many there were since. */
export function countChecks(place: (line: number) => string): () => number {
  compared = 0
  placeOf = place
  return () => compared
}

/**
 * Compares a value with what the documentation says it is: a JavaScript expression, or the text that `console.log`
 * would show for it. Running snippets call it with the line of the expectation, counted from the snippet's first.
 * @throws when they differ
 */
export function checkDocumented(line: number, value: unknown, expected: string): void {
  compared += 1
  const shown = typeof value === 'string' ? value : inspect(value, { depth: 10, breakLength: Infinity })
  if (shown === expected) return
  const parsed = evaluate(expected)
  if (parsed !== undefined && isDeepStrictEqual(plain(value), plain(parsed.value))) return
  throw new Error(`${placeOf(line)} says ${expected}, but the value is ${inspect(value, { depth: 10 })}`)
}

function evaluate(expression: string): { value: unknown } | undefined {
  try {
    return { value: new Function(`'use strict'; return (${expression})`)() as unknown }
  } catch {
    return undefined
  }
}

/** Records without a prototype read the same as literals. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== null && prototype !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}
