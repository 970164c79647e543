// Comparison of outcomes: by content only, as the engines hand out Maps, proxies and objects of many prototypes.

const isBag = (value) => typeof value === 'object' && value !== null

const entriesOf = (value) => (value instanceof Map ? value : new Map(Object.entries(value)))

/**
 * The first place where two values differ, or undefined when they are the same.
 * @returns {string | undefined}
 */
export function firstDifference(actual, expected, path = '') {
  if (!isBag(actual) || !isBag(expected)) {
    return Object.is(actual, expected) ? undefined : `${path || 'value'}: ${actual} instead of ${expected}`
  }
  const left = entriesOf(actual)
  const right = entriesOf(expected)
  if (left.size !== right.size) return `${path || 'value'}: ${left.size} entries instead of ${right.size}`
  for (const [key, value] of right) {
    if (!left.has(key)) return `${path}/${key}: missing`
    const difference = firstDifference(left.get(key), value, `${path}/${key}`)
    if (difference !== undefined) return difference
  }
  return undefined
}
