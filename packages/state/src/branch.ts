import type { Moment } from './era.ts'
import type { Path } from './ids.ts'
import type { Row } from './rows.ts'

/** The path of the root. */
export const noNames: Path = Object.freeze([])

/**
 * The way to a node: its name and the branch above. It says what it says for good, also when the tree that it came from
 * has changed, and spells its path only when it is asked.
 */
export class Branch {
  readonly above: Branch | undefined
  readonly name: string
  /** Names above and this one, their characters together, and those of the longest. */
  readonly depth: number
  readonly length: number
  readonly longest: number
  #path: Path | undefined
  /** The node, as a tree last found it, and when that was. */
  row: Row = 0
  met: Moment | undefined = undefined

  constructor(above: Branch | undefined, name: string) {
    this.above = above
    this.name = name
    this.depth = above === undefined ? 0 : above.depth + 1
    this.length = above === undefined ? 0 : above.length + name.length
    this.longest = above === undefined ? 0 : Math.max(above.longest, name.length)
  }

  get path(): Path {
    this.#path ??= this.above === undefined ? noNames : Object.freeze([...this.above.path, this.name])
    return this.#path
  }

  /** The branch of a path, with those above it. */
  static of(path: Path): Branch {
    let branch = new Branch(undefined, '')
    for (const name of path) branch = new Branch(branch, name)
    return branch
  }
}

/** Whether two branches are known to be of one node, without looking at their paths. */
export function isSameBranch(left: Branch | undefined, right: Branch | undefined): boolean {
  if (left === right) return true
  if (left === undefined || right === undefined || left.met === undefined) return false
  return left.met === right.met && left.row === right.row
}
