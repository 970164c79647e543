import type { AnyField, Shape } from './fields.ts'
import { behaviour, isField, kindOf, memberOf } from './place.ts'
import type { ReadableItem } from './read.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'
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
  readonly store: Store
  /** The tree that was read last: another one takes its place when a snapshot was loaded in slices. */
  tree: Tree
  /** What shapes read, by node. Revisions only grow, also where a node takes the row of another. */
  readonly #cache = new Map<Shape, Map<Row, CachedView>>()
  /** What shapes read where nothing was ever written: also the same reference each time. */
  readonly #unwritten = new WeakMap<Shape, unknown>()

  constructor(store: Store) {
    this.store = store
    this.tree = store.tree
  }

  /** The snapshot of a shape at a node; 0 where there is none yet. */
  at(node: Row, shape: Shape): unknown {
    if (this.tree !== this.store.tree) {
      this.tree = this.store.tree
      this.#cache.clear()
    }
    const revision = node === 0 ? 0 : this.tree.revision(node)
    if (revision === 0) return this.#initial(shape)
    const can = isField(shape) ? behaviour(shape) : undefined
    // What is read from one row costs less than to remember it.
    if (can?.isPlain === true) return can.read(this, node, shape as AnyField)
    let cached = this.#cache.get(shape)
    if (cached === undefined) {
      cached = new Map()
      this.#cache.set(shape, cached)
    }
    const before = cached.get(node)
    if (before !== undefined && before.revision === revision) return before.value
    const value = this.#read(node, shape)
    cached.set(node, { revision, value })
    return value
  }

  /** The items of a field that keeps them at one address. */
  items(node: Row, field: AnyField): readonly ReadableItem[] {
    const entry = node === 0 ? 0 : this.tree.findEntry(node, kindOf(field), memberOf(field))
    return entry === 0 ? nothing : this.tree.items(entry)
  }

  /** Values as a snapshot gives them. Empty ones are one. */
  frozen(values: Value[]): readonly Value[] {
    return values.length === 0 ? nothing : Object.freeze(values)
  }

  #initial(shape: Shape): unknown {
    if (!this.#unwritten.has(shape)) this.#unwritten.set(shape, this.#read(0, shape))
    return this.#unwritten.get(shape)
  }

  #read(node: Row, shape: Shape): unknown {
    if (isField(shape)) return behaviour(shape).read(this, node, shape)
    const struct = {}
    for (const [name, inner] of Object.entries(shape)) {
      setOwn(struct, name, this.at(node === 0 ? 0 : this.tree.findChild(node, name), inner))
    }
    return Object.freeze(struct)
  }
}
