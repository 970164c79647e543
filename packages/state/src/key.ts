import { Branch, noNames } from './branch.ts'
import { Column } from './column.ts'
import type { Moment } from './era.ts'
import type { Path } from './ids.ts'
import type { Row } from './rows.ts'

/**
 * Leaf kinds as they stand in addresses and on the wire, in the order of their codes. A kind only decides how its items read; unknown kinds merge
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

let kindNames: readonly string[] | undefined

/** Name of a leaf kind for people and reports: variants of one kind have one name, as it is written in a schema. */
export function kindName(kind: KindCode): string {
  kindNames ??= Object.keys(leafKinds).map((name) => name.replace(/Reset|DisableWins|RemoveWins/, ''))
  return kindNames[kind - 1] ?? `kind-${kind}`
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
  /** The way to the node above; undefined at the root. */
  readonly branch: Branch | undefined
  /** The last name of the path. */
  readonly name: string
  readonly kind: KindCode
  readonly member: string
  #path: Path | undefined
  /** The entry, as a tree last found it, and when that was: spares the walk. */
  row: Row = 0
  met: Moment | undefined = undefined
  /** The encoder that last numbered this key, and its number there. */
  numberedBy: unknown = undefined
  number = 0

  constructor(path: Path, kind: KindCode, member?: string)
  /** The key of a name below a branch. */
  constructor(above: Branch | undefined, kind: KindCode, member: string, name: string)
  constructor(above: Path | Branch | undefined, kind: KindCode, member = '', name = '') {
    const isPath = Array.isArray(above)
    this.branch = isPath ? (above.length === 0 ? undefined : Branch.of(above.slice(0, -1))) : (above as Branch)
    this.name = isPath ? (above.at(-1) ?? '') : name
    this.#path = isPath ? above : undefined
    this.kind = kind
    this.member = member
  }

  /** The names from the root on. */
  get path(): Path {
    this.#path ??= this.branch === undefined ? noNames : Object.freeze([...this.branch.path, this.name])
    return this.#path
  }

  /** Injective text of the three parts, made anew each time: nearly no key is asked for it. */
  get id(): string {
    return keyId(this.path, this.kind, this.member)
  }
}

/** What makes a key, without what it remembers. */
export interface KeyParts {
  readonly branch: Branch | undefined
  readonly name: string
  readonly kind: KindCode
  readonly member: string
}

/** Parts of which one object serves for many keys in turn. */
export class KeyCursor implements KeyParts {
  branch: Branch | undefined = undefined
  name = ''
  kind: KindCode = 0
  member = ''

  show({ branch, name, kind, member }: KeyParts): this {
    this.branch = branch
    this.name = name
    this.kind = kind
    this.member = member
    return this
  }
}

/** Keys as columns: a million of them cost the collector no more than their names. */
export class KeyColumn {
  readonly #names: Column<string> = new Column()
  /** Members, from the first key on that has one. */
  readonly #members: Column<string> = new Column()
  #firstMember = Number.POSITIVE_INFINITY
  /** Of keys in a row with the same branch and kind, where they begin: keys mostly come sorted. */
  readonly #starts: number[] = []
  readonly #branches: (Branch | undefined)[] = []
  readonly #kinds: KindCode[] = []
  /** The stretch that was read last: keys are mostly read in turn. */
  #at = 0

  get length(): number {
    return this.#names.length
  }

  push({ branch, name, kind, member }: KeyParts): void {
    this.add(branch, name, kind, member)
  }

  add(branch: Branch | undefined, name: string, kind: KindCode, member: string): void {
    const at = this.#names.length
    const last = this.#starts.length - 1
    if (last < 0 || this.#branches[last] !== branch || this.#kinds[last] !== kind) {
      this.#starts.push(at)
      this.#branches.push(branch)
      this.#kinds.push(kind)
    }
    this.#names.push(name)
    if (member !== '' && at < this.#firstMember) this.#firstMember = at
    if (at >= this.#firstMember) this.#members.push(member)
  }

  /** Tells a cursor the key at a place. */
  read(at: number, into: KeyCursor): KeyCursor {
    const stretch = this.#stretchOf(at)
    into.branch = this.#branches[stretch]
    into.name = this.#names.get(at) as string
    into.kind = this.#kinds[stretch] as KindCode
    into.member = at < this.#firstMember ? '' : (this.#members.get(at - this.#firstMember) as string)
    return into
  }

  #stretchOf(at: number): number {
    const starts = this.#starts
    if (at < (starts[this.#at] as number)) {
      let high = this.#at
      this.#at = 0
      while (high - this.#at > 1) {
        const middle = (this.#at + high) >> 1
        if ((starts[middle] as number) <= at) this.#at = middle
        else high = middle
      }
    }
    while (this.#at + 1 < starts.length && (starts[this.#at + 1] as number) <= at) this.#at++
    return this.#at
  }

  /** A key of its own. */
  at(at: number): Key {
    const { branch, name, kind, member } = this.read(at, new KeyCursor())
    return new Key(branch, kind, member, name)
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

/** The names of a key from the root on. */
export function pathOf({ branch, name }: KeyParts): Path {
  return branch === undefined ? noNames : [...branch.path, name]
}

/** Orders keys by path, so that neighbours share the most; 0 only for equal keys. */
export function compareKeys(left: KeyParts, right: KeyParts): number {
  const [above, other] = [left.branch, right.branch]
  if (above === other) {
    if (left.name !== right.name) return left.name < right.name ? -1 : 1
  } else if (above?.above !== undefined && above.above === other?.above && above.name !== other.name) {
    return above.name < other.name ? -1 : 1
  } else {
    const order = comparePaths(pathOf(left), pathOf(right))
    if (order !== 0) return order
  }
  if (left.kind !== right.kind) return left.kind - right.kind
  return left.member === right.member ? 0 : left.member < right.member ? -1 : 1
}
