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
 * Compares a value with what the documentation says it is: the text that `console.log` would show for it, or an
 * expression, which `compute` evaluates. Snippets call it with the line of the expectation, counted from their first.
 * @throws when they differ
 */
export function checkDocumented(line: number, value: unknown, expected: string, compute?: () => unknown): void {
  compared += 1
  const shown = typeof value === 'string' ? value : inspect(value, { depth: 10, breakLength: Infinity })
  if (shown === expected) return
  const computed = evaluate(compute)
  if (computed !== undefined && isDeepStrictEqual(plain(value), plain(computed.value))) return
  throw new Error(`${placeOf(line)} says ${expected}, but the value is ${inspect(value, { depth: 10 })}`)
}

function evaluate(compute: (() => unknown) | undefined): { value: unknown } | undefined {
  try {
    return compute && { value: compute() }
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
