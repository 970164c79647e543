import { Column } from './column.ts'
import type { Core, KeptDigest } from './core.ts'
import type { Moment } from './era.ts'
import { type Hash64, Hasher, hashString, mix, Sum64 } from './hash.ts'
import type { Path } from './ids.ts'
import { leafKinds } from './key.ts'
import { marks, type Row, rowTypes, words } from './rows.ts'
import { finish, type Steps, stepRows } from './steps.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'

/**
 * An order-independent 64-bit digest over logical items (address, dot, value; in lists also the predecessor), never
 * over rows, ancestors or removal records (C10). Made when it is first asked for, and kept up to date by the entries that
 * changed since it was last asked. It alarms and proves nothing: an adversary can find two states with one digest.
 */
class StoreDigest implements KeptDigest {
  readonly #tree: Tree
  readonly #sum: Sum64 = new Sum64()
  readonly #entries: EntryDigests
  /** Entries that changed, each once. */
  #dirty: Column<Row> = new Column()
  /** The row that `recheck` looks at next. */
  #next: Row = 1
  /** Of the rows that were there when this was made, the next to be counted, and where they end. */
  #counted: Row = 1
  readonly #end: Row

  constructor(tree: Tree) {
    this.#tree = tree
    this.#entries = new EntryDigests(tree)
    this.#end = tree.rows.end
  }

  note(entry: Row): void {
    this.#dirty.push(entry)
  }

  settle(): void {
    finish(this.counting())
  }

  /** Costs O(entries changed since the last call). */
  text(): string {
    this.settle()
    return this.#sum.toString()
  }

  /** Counts what there is, then what changed, in steps. */
  *counting(): Steps<void> {
    while (this.#counted < this.#end) {
      const to = Math.min(this.#end, this.#counted + stepRows)
      for (; this.#counted < to; this.#counted++) {
        if (this.#tree.type(this.#counted) <= rowTypes.member) this.#refresh(this.#counted)
      }
      yield this.#counted / this.#end
    }
    const dirty = this.#dirty
    for (let from = 0; from < dirty.length; from += stepRows) {
      const to = Math.min(dirty.length, from + stepRows)
      for (let i = from; i < to; i++) this.#refresh(dirty.get(i) as Row)
      yield from / dirty.length
    }
    this.#dirty = new Column()
  }

  /** See `recheck`. */
  recheck(rows: number): Path[] {
    this.settle()
    const tree = this.#tree
    const damaged: Path[] = []
    const { end } = tree.rows
    for (let left = Math.min(rows, end); left > 0; left--) {
      const row = this.#next < end ? this.#next : 1
      this.#next = row + 1
      if (tree.type(row) > rowTypes.member) continue
      tree.sequences.get(row)?.recheck(rows)
      if (!this.#refresh(row)) continue
      damaged.push(tree.path(tree.nodeOf(row)))
    }
    return damaged
  }

  /** Says whether the entry holds something else than was counted. */
  #refresh(entry: Row): boolean {
    const { rows } = this.#tree
    rows.set(entry, words.flags, rows.get(entry, words.flags) & ~marks.dirty)
    const counted = countedDigest(this.#tree, entry)
    const fresh = this.#entries.of(entry)
    if (fresh.hi === counted.hi && fresh.lo === counted.lo) return false
    this.#sum.subtract(counted)
    rows.set(entry, words.digestHigh, fresh.hi)
    rows.set(entry, words.digestLow, fresh.lo)
    this.#sum.add(fresh)
    return true
  }
}

function keptDigest(core: Core): StoreDigest {
  core.digest ??= new StoreDigest(core.tree)
  return core.digest as StoreDigest
}

/** 16 hex digits, equal wherever the state of stores is equal, in whatever order it came about. */
export function digestOf({ core }: Store): string {
  return keptDigest(core).text()
}

/** Counts for the digest what it has not, in steps. */
export function countingDigest(core: Core): Steps<void> {
  return keptDigest(core).counting()
}

/**
 * Looks whether what stands in the memory of a store is still what was written there, and counts it as it is from here on.
 * `rows` bounds the work: calls in turn come past everything, long lists piece by piece. The places that changed without
 * being written, if any: memory that failed, or code that reached past the interface.
 */
export function recheck({ core }: Store, rows: number): readonly Path[] {
  return keptDigest(core).recheck(rows)
}

/** What the digest of a store counts for an entry. */
export function countedDigest({ rows }: Tree, entry: Row): Hash64 {
  return { hi: rows.get(entry, words.digestHigh), lo: rows.get(entry, words.digestLow) }
}

const keptPrefixes = 1024

/** What entries add to the digest of their store, worked out from what they hold. */
export class EntryDigests {
  readonly #tree: Tree
  readonly #hasher: Hasher = new Hasher()
  /** What the ways to nodes hash to, of those asked for lately: what stands side by side is mostly asked for together. */
  readonly #prefixes = new Map<Row, Hash64>()
  #moment: Moment | undefined

  constructor(tree: Tree) {
    this.#tree = tree
  }

  of(entry: Row): Sum64 {
    return this.#tree.kind(entry) === leafKinds.list ? this.#ofList(entry) : this.#ofItems(entry)
  }

  /** Begins a hash with an address. What entries of one map have in common is hashed once. */
  #address(entry: Row): Hasher {
    const tree = this.#tree
    const node = tree.nodeOf(entry)
    const hasher = this.#hasher.reset()
    if (node !== tree.root) hasher.hash(this.#prefix(tree.above(node)))
    return hasher.string(tree.name(node)).word(tree.kind(entry)).string(tree.member(entry))
  }

  #prefix(node: Row): Hash64 {
    const tree = this.#tree
    if (this.#moment !== tree.now) {
      this.#moment = tree.now
      this.#prefixes.clear()
    }
    let prefix = this.#prefixes.get(node)
    if (prefix === undefined) {
      if (this.#prefixes.size === keptPrefixes) this.#prefixes.clear()
      prefix = node === tree.root ? hashString('') : mix(this.#prefix(tree.above(node)), hashString(tree.name(node)))
      this.#prefixes.set(node, prefix)
    }
    return prefix
  }

  #ofItems(entry: Row): Sum64 {
    const sum = new Sum64()
    for (const item of this.#tree.items(entry)) {
      const hasher = this.#address(entry)
      sum.add(hasher.string(item.author).number(item.seq).value(item.value).finish())
    }
    return sum
  }

  #ofList(entry: Row): Sum64 {
    const sum = new Sum64()
    const sequence = this.#tree.sequences.get(entry)
    if (sequence !== undefined && sequence.length > 0) sum.add(this.#address(entry).hash(sequence.digest()).finish())
    return sum
  }
}
