import { isSameBranch } from './branch.ts'
import type { Path } from './ids.ts'
import { compareKeys, type Key } from './key.ts'

/** Below this the plain sort is as fast. */
const few = 16
/** Characters that go into one number, of seven bits each, above a place of eighteen: 53 together. */
const width = 5
const placeScale = 2 ** 18

/**
 * Keys in the order of `compareKeys`. Siblings with plain names, which is what large changes consist of, are sorted by
 * numbers made of the characters that follow what all names share: a sort that compares names costs several times that.
 */
export function sortKeys<K extends Key>(keys: readonly K[]): readonly K[] {
  if (areInOrder(keys)) return keys
  return (keys.length < few ? undefined : sortedSiblings(keys)) ?? [...keys].sort(compareKeys)
}

/** Whether keys are siblings in order, as those of a change that came in mostly are. */
function areInOrder(keys: readonly Key[]): boolean {
  for (let i = 1; i < keys.length; i++) {
    const before = keys[i - 1] as Key
    const key = keys[i] as Key
    if (!areNextTo(before, key) || key.name <= before.name) return false
  }
  return true
}

/** Whether two keys are known to differ in their last names only. */
export function areNextTo(left: Key, right: Key): boolean {
  return left.branch !== undefined && left.kind === right.kind && isSameBranch(left.branch, right.branch)
}

function sortedSiblings<K extends Key>(keys: readonly K[]): readonly K[] | undefined {
  const names = siblingNames(keys)
  if (names === undefined || names.length > placeScale) return undefined
  const from = sharedLength(names)
  const order = new Float64Array(names.length)
  for (let i = 0; i < names.length; i++) {
    const number = numberAt(names[i] as string, from)
    if (number === undefined) return undefined
    order[i] = number * placeScale + i
  }
  order.sort()
  const sorted = new Array<K>(order.length)
  /** Where those begin that share a number with the one at hand. */
  let tied = 0
  let before = -1
  for (let i = 0; i < order.length; i++) {
    const number = Math.floor((order[i] as number) / placeScale)
    if (number !== before) {
      sortTies(sorted, tied, i)
      tied = i
      before = number
    }
    // The rest of a division, of which the remainder operator makes a call for numbers of this size.
    sorted[i] = keys[(order[i] as number) - number * placeScale] as K
  }
  sortTies(sorted, tied, sorted.length)
  return sorted
}

/** The last segments of keys that differ in nothing else. */
function siblingNames(keys: readonly Key[]): string[] | undefined {
  const first = keys[0] as Key
  const names = new Array<string>(keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as Key
    if (key.kind !== first.kind || key.member !== '') return undefined
    if (!isSameBranch(key.branch, first.branch) && !areSiblings(key.path, first.path)) return undefined
    names[i] = key.name
  }
  return names
}

function areSiblings(left: Path, right: Path): boolean {
  if (left.length !== right.length || left.length === 0) return false
  for (let i = 0; i < left.length - 1; i++) if (left[i] !== right[i]) return false
  return true
}

/** How many characters all names begin with. */
function sharedLength(names: readonly string[]): number {
  const first = names[0] as string
  let shared = first.length
  for (const name of names) {
    let same = 0
    while (same < shared && name.charCodeAt(same) === first.charCodeAt(same)) same++
    shared = same
  }
  return shared
}

/** The characters from a place on as a number that orders as they do, an end before any; undefined for wide ones. */
function numberAt(name: string, from: number): number | undefined {
  let number = 0
  for (let at = from; at < from + width; at++) {
    const digit = at < name.length ? name.charCodeAt(at) + 1 : 0
    if (digit > 0x7f) return undefined
    number = number * 0x80 + digit
  }
  return number
}

/** Sorts the keys from one place to another by their names. */
function sortTies(sorted: Key[], from: number, to: number): void {
  if (to - from < 2) return
  const ties = sorted.slice(from, to).sort(compareKeys)
  for (let i = from; i < to; i++) sorted[i] = ties[i - from] as Key
}
