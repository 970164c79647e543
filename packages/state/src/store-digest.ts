import type { Core } from './core.ts'
import type { Era } from './era.ts'
import { type Hash64, Hasher, hashString, mix, Sum64 } from './hash.ts'
import { leafKinds } from './key.ts'
import { marks, type Row, words } from './rows.ts'

/**
 * An order-independent 64-bit digest over logical items (address, dot, value; in lists also the predecessor), never
 * over rows, ancestors or removal records (C10). Kept up to date by the entries that changed since it was last asked.
 * It alarms and proves nothing: an adversary can find two states with one digest.
 */
export class StoreDigest {
  readonly #core: Core
  readonly #sum: Sum64 = new Sum64()
  readonly #hasher: Hasher = new Hasher()
  /** What the names of nodes with many children hash to. */
  readonly #prefixes = new Map<Row, Hash64>()
  #era: Era | undefined

  constructor(core: Core) {
    this.#core = core
  }

  /** 16 hex digits. Costs O(entries changed since the last call). */
  text(): string {
    for (const entry of this.#core.dirtyEntries) this.#refresh(entry)
    this.#core.dirtyEntries.length = 0
    return this.#sum.toString()
  }

  #refresh(entry: Row): void {
    const { rows } = this.#core.tree
    rows.set(entry, words.flags, rows.get(entry, words.flags) & ~marks.dirty)
    this.#sum.subtract({ hi: rows.get(entry, words.digestHigh), lo: rows.get(entry, words.digestLow) })
    const fresh = this.#core.tree.kind(entry) === leafKinds.list ? this.#ofList(entry) : this.#ofItems(entry)
    rows.set(entry, words.digestHigh, fresh.hi)
    rows.set(entry, words.digestLow, fresh.lo)
    this.#sum.add(fresh)
  }

  /** Begins a hash with an address. What entries of one map have in common is hashed once. */
  #address(entry: Row): Hasher {
    const { tree } = this.#core
    const node = tree.nodeOf(entry)
    const hasher = this.#hasher.reset()
    if (node !== tree.root) hasher.hash(this.#prefix(tree.above(node)))
    return hasher.string(tree.name(node)).word(tree.kind(entry)).string(tree.member(entry))
  }

  #prefix(node: Row): Hash64 {
    const { tree } = this.#core
    if (this.#era !== tree.era) {
      this.#era = tree.era
      this.#prefixes.clear()
    }
    let prefix = this.#prefixes.get(node)
    if (prefix === undefined) {
      prefix = node === tree.root ? hashString('') : mix(this.#prefix(tree.above(node)), hashString(tree.name(node)))
      this.#prefixes.set(node, prefix)
    }
    return prefix
  }

  #ofItems(entry: Row): Sum64 {
    const sum = new Sum64()
    for (const item of this.#core.tree.items(entry)) {
      const hasher = this.#address(entry)
      sum.add(hasher.string(item.author).number(item.seq).value(item.value).finish())
    }
    return sum
  }

  #ofList(entry: Row): Sum64 {
    const sum = new Sum64()
    const sequence = this.#core.tree.sequences.get(entry)
    if (sequence !== undefined && sequence.length > 0) sum.add(this.#address(entry).hash(sequence.digest()).finish())
    return sum
  }
}
