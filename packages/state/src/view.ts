import { readBounded } from './bounded.ts'
import type { AnyField, BoundedField, CounterField, FlagField, MapField, RegisterField, Shape } from './fields.ts'
import { leafKind } from './leaf-kind.ts'
import { concurrentValues, counterSum, currentItems, flagValue, setMembers, written } from './read.ts'
import type { Row } from './rows.ts'
import { isField, kindOf, memberOf } from './schema.ts'
import { winningItem } from './stamp-order.ts'
import type { Store } from './store.ts'
import { Leaf, type Tree } from './tree.ts'
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
  readonly #tree: Tree
  /** What shapes read, by node. Revisions only grow, also where a node takes the row of another. */
  readonly #cache = new Map<Shape, Map<Row, CachedView>>()
  /** What shapes read where nothing was ever written: also the same reference each time. */
  readonly #unwritten = new WeakMap<Shape, unknown>()

  constructor(store: Store) {
    this.#store = store
    this.#tree = store.tree
  }

  /** The snapshot of a shape at a node; 0 where there is none yet. */
  at(node: Row, shape: Shape): unknown {
    if (node === 0 || this.#tree.revision(node) === 0) return this.#initial(shape)
    // What is read from one row costs less than to remember it.
    if (isField(shape) && shape.field !== 'map' && isScalar(shape)) return this.#readField(node, shape)
    let cached = this.#cache.get(shape)
    if (cached === undefined) {
      cached = new Map()
      this.#cache.set(shape, cached)
    }
    const revision = this.#tree.revision(node)
    const before = cached.get(node)
    if (before !== undefined && before.revision === revision) return before.value
    const value = isField(shape) ? this.#readField(node, shape) : this.#readStruct(node, shape)
    cached.set(node, { revision, value })
    return value
  }

  #initial(shape: Shape): unknown {
    if (!this.#unwritten.has(shape)) {
      this.#unwritten.set(shape, isField(shape) ? this.#readField(0, shape) : this.#readStruct(0, shape))
    }
    return this.#unwritten.get(shape)
  }

  #readStruct(node: Row, shape: Exclude<Shape, { field: string }>): unknown {
    const struct = {}
    for (const [name, inner] of Object.entries(shape)) {
      setOwn(struct, name, this.at(node === 0 ? 0 : this.#tree.findChild(node, name), inner))
    }
    return Object.freeze(struct)
  }

  #readField(node: Row, field: Extract<Shape, { field: string }>): unknown {
    if (field.field === 'map') return this.#readMap(node, (field as MapField<Shape>).entry)
    const tree = this.#tree
    const kind = kindOf(field)
    const leaf = node === 0 ? undefined : new Leaf(tree, node, kind)
    const entry = leaf?.find(memberOf(field)) ?? 0
    const items = entry === 0 ? nothing : tree.items(entry)
    switch (field.field) {
      case 'register':
        return written(winningItem(items)?.value, (field as RegisterField<unknown>).initial)
      case 'ranked':
      case 'fenced':
      case 'resolved':
        return written(leafKind(kind).pick(items, memberOf(field)), (field as RegisterField<unknown>).initial)
      case 'mvRegister':
        return items.length === 0 ? nothing : Object.freeze(concurrentValues(items))
      case 'counter':
        return (field as CounterField).initial + (leaf === undefined ? 0 : counterSum(leaf))
      case 'bounded':
        return leaf === undefined ? (field as BoundedField).terms.initial : this.#bounded(leaf, field as BoundedField)
      case 'flag':
        return flagValue(items, (field as FlagField).wins === 'enable') ?? (field as FlagField).initial
      case 'set':
        return frozen(leaf === undefined ? [] : setMembers(leaf))
      case 'list':
        return frozen(entry === 0 ? [] : this.#elements(entry))
    }
  }

  #bounded(leaf: Leaf, { terms }: BoundedField): number {
    return readBounded(leaf, currentItems(this.#tree)).value ?? terms.initial
  }

  /** A running change writes lists in place: what it has written is not to be seen yet. */
  #elements(entry: Row): Value[] {
    const committed = this.#store.transaction?.committedElements(entry)
    return committed ?? this.#tree.sequences.get(entry)?.toArray() ?? []
  }

  #readMap(node: Row, entry: Shape): unknown {
    const map = Object.create(null) as Record<string, unknown>
    if (node !== 0) {
      const tree = this.#tree
      const present = tree.children(node).filter((child) => tree.isPresent(child))
      present.sort((a, b) => (tree.name(a) < tree.name(b) ? -1 : 1))
      for (const child of present) map[tree.name(child)] = this.at(child, entry)
    }
    return Object.freeze(map)
  }
}

/** Empty arrays are one. */
function frozen(values: Value[]): readonly Value[] {
  return values.length === 0 ? nothing : Object.freeze(values)
}

/** Whether a field reads as what stands in it, so that no copy is made that would be another reference each time. */
function isScalar({ field }: AnyField): boolean {
  return field === 'register' || field === 'counter' || field === 'bounded' || field === 'flag'
}
