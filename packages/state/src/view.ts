import { readBounded } from './bounded.ts'
import type { BoundedField, CounterField, FlagField, MapField, RegisterField, Shape } from './fields.ts'
import { leafKind } from './leaf-kind.ts'
import { concurrentValues, counterSum, currentItems, flagValue, setMembers, written } from './read.ts'
import { isField, kindOf, memberOf } from './schema.ts'
import { winningItem } from './stamp-order.ts'
import type { Store } from './store.ts'
import type { Leaf, Node } from './tree.ts'
import { setOwn, type Value } from './value.ts'

interface CachedView {
  readonly revision: number
  readonly value: unknown
}

const nothing = Object.freeze([])

/**
 * Plain, frozen, structurally shared snapshots of a tree as a schema reads it: what did not change is the same
 * reference. A snapshot is made when it is asked for and costs what changed, plus the width of the maps above it.
 */
export class View {
  readonly #store: Store
  readonly #cache = new WeakMap<Node, Map<Shape, CachedView>>()
  /** What shapes read where nothing was ever written: also the same reference each time. */
  readonly #unwritten = new WeakMap<Shape, unknown>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The snapshot of a shape at a node, which may not exist yet. */
  at(node: Node | undefined, shape: Shape): unknown {
    if (node === undefined || node.revision === 0) return this.#initial(shape)
    let cached = this.#cache.get(node)
    if (cached === undefined) {
      cached = new Map()
      this.#cache.set(node, cached)
    }
    const before = cached.get(shape)
    if (before !== undefined && before.revision === node.revision) return before.value
    const value = isField(shape) ? this.#readField(node, shape) : this.#readStruct(node, shape)
    cached.set(shape, { revision: node.revision, value })
    return value
  }

  #initial(shape: Shape): unknown {
    if (!this.#unwritten.has(shape)) {
      this.#unwritten.set(
        shape,
        isField(shape) ? this.#readField(undefined, shape) : this.#readStruct(undefined, shape),
      )
    }
    return this.#unwritten.get(shape)
  }

  #readStruct(node: Node | undefined, shape: Exclude<Shape, { field: string }>): unknown {
    const struct = {}
    for (const [name, inner] of Object.entries(shape)) setOwn(struct, name, this.at(node?.children.get(name), inner))
    return Object.freeze(struct)
  }

  #readField(node: Node | undefined, field: Extract<Shape, { field: string }>): unknown {
    if (field.field === 'map') return this.#readMap(node, (field as MapField<Shape>).entry)
    const leaf = node?.findLeaf(kindOf(field))
    const items = leaf?.find(memberOf(field))?.liveItems() ?? []
    switch (field.field) {
      case 'register':
        return written(winningItem(items)?.value, (field as RegisterField<unknown>).initial)
      case 'ranked':
      case 'fenced':
      case 'resolved':
        return written(leafKind(kindOf(field)).pick(items, memberOf(field)), (field as RegisterField<unknown>).initial)
      case 'mvRegister':
        return items.length === 0 ? nothing : Object.freeze(concurrentValues(items))
      case 'counter':
        return (field as CounterField).initial + (leaf === undefined ? 0 : counterSum(leaf))
      case 'bounded':
        return leaf === undefined ? (field as BoundedField).terms.initial : this.#bounded(leaf, field as BoundedField)
      case 'flag':
        return flagValue(items, (field as FlagField).wins === 'enable') ?? (field as FlagField).initial
      case 'set':
        return leaf?.present ? Object.freeze(setMembers(leaf)) : nothing
      case 'list':
        return leaf?.present ? Object.freeze(this.#elements(leaf)) : nothing
    }
  }

  #bounded(leaf: Leaf, { terms }: BoundedField): number {
    return readBounded(leaf, currentItems).value ?? terms.initial
  }

  /** A running change writes lists in place: what it has written is not to be seen yet. */
  #elements(leaf: Leaf): Value[] {
    const entry = leaf.find('')
    const committed = entry === undefined ? undefined : this.#store.transaction?.committedElements(entry)
    return committed ?? leaf.sequence?.toArray() ?? []
  }

  #readMap(node: Node | undefined, entry: Shape): unknown {
    const map = Object.create(null) as Record<string, unknown>
    if (node !== undefined) {
      const present = [...node.children.values()].filter((child) => child.presentLeaves > 0)
      present.sort((a, b) => (a.segment < b.segment ? -1 : 1))
      for (const child of present) map[child.segment] = this.at(child, entry)
    }
    return Object.freeze(map)
  }
}
