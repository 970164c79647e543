import type { Path } from './ids.ts'

/**
 * Leaf kinds as they stand in addresses and on the wire. A kind only decides how its items read; unknown kinds merge
 * by the same rule and pass through untouched.
 */
export const leafKinds = {
  register: 1,
  mvRegister: 2,
  counter: 3,
  flag: 4,
  set: 5,
  entry: 6,
  list: 7,
  counterReset: 8,
  flagDisableWins: 9,
  ranked: 10,
  fenced: 11,
  resolved: 12,
  setRemoveWins: 13,
  bounded: 14,
} as const

/** Code of a leaf kind; 1 to 255, also of kinds that this build does not know. */
export type KindCode = number

const names: readonly (string | undefined)[] = [
  undefined,
  'register',
  'mvRegister',
  'counter',
  'flag',
  'set',
  'entry',
  'list',
  'counter',
  'flag',
  'ranked',
  'fenced',
  'resolved',
  'set',
  'bounded',
]

/** Name of a leaf kind for people and reports. */
export function kindName(kind: KindCode): string {
  return names[kind] ?? `kind-${kind}`
}

/** Whether the members of a kind are elements of a set. */
export function isSetKind(kind: KindCode): boolean {
  return kind === leafKinds.set || kind === leafKinds.setRemoveWins
}

/** Limits of an address. */
export const maxPathDepth = 32
export const maxSegmentLength = 1024
export const maxMemberLength = 4096
/** Characters of all segments of a path together: a few bytes may name a path, and handling it costs its length. */
export const maxPathLength = 2048

/** Characters of all segments together. */
export function pathLength(path: Path): number {
  let length = 0
  for (const segment of path) length += segment.length
  return length
}

/**
 * A merge key: path, leaf kind, and within the leaf a member (the element of a set, the author of a counter's part).
 * The merge rule works per key.
 */
export class Key {
  readonly path: Path
  readonly kind: KindCode
  readonly member: string
  readonly above: unknown
  /** The last segment, at hand: what sorts and spells thousands of keys reads nothing else of most paths. */
  readonly name: string
  /** The entry that a tree last found for this key, and that tree: spares the walk. */
  slot: unknown = undefined
  slotOf: unknown = undefined
  /** The encoder that last numbered this key, and its number there. */
  numberedBy: unknown = undefined
  number = 0

  /** `above` stands for all segments but the last where a tree has the key: one for each parent. */
  constructor(path: Path, kind: KindCode, member = '', above: unknown = undefined) {
    this.path = path
    this.kind = kind
    this.member = member
    this.above = above
    this.name = path.length === 0 ? '' : (path[path.length - 1] as string)
  }

  /** Injective text of the three parts, made anew each time: nearly no key is asked for it. */
  get id(): string {
    return keyId(this.path, this.kind, this.member)
  }
}

/** Injective text of an address. */
export function keyId(path: Path, kind: KindCode, member: string): string {
  let id = `${kind};`
  for (const segment of path) id += `${segment.length}:${segment}`
  return `${id};${member}`
}

/** Orders paths by their segments, a path before those that go on from it. */
export function comparePaths(left: Path, right: Path): number {
  const most = Math.min(left.length, right.length)
  for (let i = 0; i < most; i++) {
    const a = left[i] as string
    const b = right[i] as string
    if (a !== b) return a < b ? -1 : 1
  }
  return left.length - right.length
}

/** Orders keys by path, so that neighbours share the most; 0 only for equal keys. */
export function compareKeys(left: Key, right: Key): number {
  const order = comparePaths(left.path, right.path)
  if (order !== 0) return order
  if (left.kind !== right.kind) return left.kind - right.kind
  return left.member === right.member ? 0 : left.member < right.member ? -1 : 1
}
