/** Numbers for values that are equal as JSON, or where what `keyOf` makes of them is: small ones, in the order in which they came. */
export interface Interned<T> {
  idOf(value: T): number
  valueOf(id: number): T
  readonly size: number
}

export function createInterned<T>(keyOf: (value: T) => unknown = (value) => value): Interned<T> {
  const ids = new Map<string, number>()
  const values: T[] = []
  return {
    idOf: (value) => {
      const text = JSON.stringify(keyOf(value))
      const known = ids.get(text)
      if (known !== undefined) return known
      ids.set(text, values.length)
      values.push(value)
      return values.length - 1
    },
    valueOf: (id) => values[id] as T,
    get size() {
      return values.length
    },
  }
}

/** Remembers what `make` said of two numbers, both small. */
export function memoOfTwo<T>(make: (left: number, right: number) => T): (left: number, right: number) => T {
  // A map for each left one: a map of pairs would have keys that are no small integers, which are slow.
  const known: (Map<number, T> | undefined)[] = []
  return (left, right) => {
    let row = known[left]
    if (row === undefined) {
      row = new Map()
      known[left] = row
    }
    const found = row.get(right)
    if (found !== undefined) return found
    const made = make(left, right)
    row.set(right, made)
    return made
  }
}
