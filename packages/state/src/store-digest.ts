import type { Core } from './core.ts'
import { type Hash64, Hasher, hashString, mix, Sum64 } from './hash.ts'
import type { Entry, Node } from './tree.ts'

/**
 * An order-independent 64-bit digest over logical items (address, dot, value; in lists also the predecessor), never
 * over rows, ancestors or removal records (C10). Kept up to date by the entries that changed since it was last asked.
 * It alarms and proves nothing: an adversary can find two states with one digest.
 */
export class StoreDigest {
  readonly #core: Core
  readonly #sum: Sum64 = new Sum64()
  readonly #hasher: Hasher = new Hasher()
  readonly #prefixes = new WeakMap<Node, Hash64>()

  constructor(core: Core) {
    this.#core = core
  }

  /** 16 hex digits. Costs O(entries changed since the last call). */
  text(): string {
    for (const entry of this.#core.dirtyEntries) this.#refresh(entry)
    this.#core.dirtyEntries.length = 0
    return this.#sum.toString()
  }

  #refresh(entry: Entry): void {
    entry.digestDirty = false
    this.#sum.subtract({ hi: entry.digestHigh, lo: entry.digestLow })
    const fresh = entry.leaf.sequence === undefined ? this.#ofItems(entry) : this.#ofList(entry)
    entry.digestHigh = fresh.hi
    entry.digestLow = fresh.lo
    this.#sum.add(fresh)
  }

  /** Begins a hash with an address. What entries of one map have in common is hashed once. */
  #address({ key, leaf }: Entry): Hasher {
    const { parent, segment } = leaf.node
    const above = parent === undefined ? undefined : this.#prefix(parent)
    const hasher = this.#hasher.reset()
    if (above !== undefined) hasher.hash(above)
    return hasher.string(segment).word(key.kind).string(key.member)
  }

  #prefix(node: Node): Hash64 {
    let prefix = this.#prefixes.get(node)
    if (prefix === undefined) {
      prefix = node.parent === undefined ? hashString('') : mix(this.#prefix(node.parent), hashString(node.segment))
      this.#prefixes.set(node, prefix)
    }
    return prefix
  }

  #ofItems(entry: Entry): Sum64 {
    const sum = new Sum64()
    for (const item of entry.liveItems()) {
      const hasher = this.#address(entry)
      sum.add(hasher.string(item.author).number(item.seq).value(item.value).finish())
    }
    return sum
  }

  #ofList(entry: Entry): Sum64 {
    const sum = new Sum64()
    const { sequence } = entry.leaf
    if (sequence !== undefined && sequence.length > 0) sum.add(this.#address(entry).hash(sequence.digest()).finish())
    return sum
  }
}
