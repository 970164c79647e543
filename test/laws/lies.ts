/** Parts of well-formed data by the name of the property that held them. */
export type Pool = ReadonlyMap<string, readonly unknown[]>

type Path = readonly (string | number)[]

/** All parts of some data, by property name; elements of an array go by its name and `[]`. */
export function poolOf(data: readonly unknown[]): Pool {
  const pool = new Map<string, unknown[]>()
  const collect = (name: string, value: unknown): void => {
    pool.set(name, [...(pool.get(name) ?? []), value].slice(-200))
    for (const [key, inner] of childrenOf(value)) collect(nameOf(name, key), inner)
  }
  for (const one of data) for (const [key, inner] of childrenOf(one)) collect(String(key), inner)
  return pool
}

/**
 * A copy of well-formed data in which one to three parts were replaced by parts of the same name from elsewhere: each
 * part is possible, the whole may be a lie.
 */
export function lie<T>(truth: T, pool: Pool, draw: () => number): T {
  let told: unknown = truth
  for (let i = Math.floor(draw() * 3); i >= 0; i--) {
    const paths = pathsIn(told)
    const path = pick(paths, draw)
    if (path === undefined) return told as T
    const name = path.reduce<string>((before, key) => nameOf(before, key), '')
    told = replaced(told, path, pick(pool.get(name) ?? [], draw), draw)
  }
  return told as T
}

/** Which member of a union something is cannot be told apart from the rest of it. */
const inseparable = new Set(['type'])

/** Plain objects and arrays have children; versions, keys and values that are not plain are taken as a whole. */
function childrenOf(value: unknown): readonly (readonly [string | number, unknown])[] {
  if (Array.isArray(value)) return value.map((item, i) => [i, item] as const)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return []
  return Object.entries(value).filter(([key]) => !inseparable.has(key))
}

function nameOf(parent: string, key: string | number): string {
  return typeof key === 'number' ? `${parent}[]` : key
}

function pathsIn(value: unknown): Path[] {
  return childrenOf(value).flatMap(([key, inner]) => [[key], ...pathsIn(inner).map((rest) => [key, ...rest])])
}

function replaced(value: unknown, [key, ...rest]: Path, part: unknown, draw: () => number): unknown {
  const set = (inner: unknown): unknown => (rest.length === 0 ? part : replaced(inner, rest, part, draw))
  if (!Array.isArray(value)) {
    const object = value as Readonly<Record<string, unknown>>
    return { ...object, [key as string]: set(object[key as string]) }
  }
  const at = key as number
  const edit = rest.length === 0 ? draw() : 1
  if (edit < 0.2) return value.toSpliced(at, 1)
  if (edit < 0.4) return value.toSpliced(at, 0, value[at])
  return value.with(at, set(value[at]))
}

function pick<T>(items: readonly T[], draw: () => number): T | undefined {
  return items[Math.floor(draw() * items.length)]
}
