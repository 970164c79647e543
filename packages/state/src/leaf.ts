import type { Path } from './ids.ts'
import type { KindCode } from './key.ts'
import type { Row } from './rows.ts'
import type { Sequence } from './sequence.ts'
import type { Tree } from './tree.ts'

/** One leaf: all entries of one kind at one node. Made when it is asked for. */
export class Leaf {
  readonly tree: Tree
  readonly node: Row
  readonly kind: KindCode

  constructor(tree: Tree, node: Row, kind: KindCode) {
    this.tree = tree
    this.node = node
    this.kind = kind
  }

  /** Equal for equal leaves of one tree. */
  get id(): number {
    return this.node * 256 + this.kind
  }

  get path(): Path {
    return this.tree.path(this.node)
  }

  /** The order of a list. */
  get sequence(): Sequence | undefined {
    const entry = this.find('')
    return entry === 0 ? undefined : this.tree.sequences.get(entry)
  }

  entries(): Row[] {
    return this.tree.entriesOf(this.node, this.kind)
  }

  /** The entry of a member; 0 if there is none. */
  find(member: string): Row {
    return this.tree.findEntry(this.node, this.kind, member)
  }

  /** The entry of a member, made when new. */
  entry(member: string): Row {
    return this.tree.entry(this.node, this.kind, member)
  }
}
