import type { AnyField, Shape, Struct } from './fields.ts'
import { type Behaviour, behaviour, isField, kindOf, memberOf } from './place.ts'
import type { ReadableItem } from './read.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import type { Tree } from './tree.ts'
import { setOwn, type Value } from './value.ts'

interface CachedView {
  readonly revision: number
  readonly value: unknown
}

/** A name of a struct as its nodes are read: worked out once for all of them. */
interface StructPart {
  readonly name: string
  readonly shape: Shape
  /** What the field can do, if it reads as what is stored. */
  readonly plain: Behaviour | undefined
  /** Where the node was beside its parent when one was last looked for: those of map entries mostly stand alike. */
  offset: number
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
  readonly #parts = new Map<Struct, StructPart[]>()
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
    if (node === 0) return this.#initial(shape)
    const can = isField(shape) ? behaviour(shape) : undefined
    // What is read from one row costs less than to remember it.
    if (can?.isPlain === true) return can.read(this, node, shape as AnyField)
    const revision = this.tree.revision(node)
    if (revision === 0) return this.#initial(shape)
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
    for (const part of this.#partsOf(shape)) {
      const child = node === 0 ? 0 : this.#child(node, part)
      const isPlain = part.plain !== undefined && child !== 0
      setOwn(
        struct,
        part.name,
        isPlain ? part.plain.read(this, child, part.shape as AnyField) : this.at(child, part.shape),
      )
    }
    return Object.freeze(struct)
  }

  #child(node: Row, part: StructPart): Row {
    const { tree } = this
    const near = tree.childAt(part.offset, node, part.name)
    if (near !== 0) return near
    const child = tree.findChild(node, part.name)
    if (child !== 0) part.offset = child - node
    return child
  }

  #partsOf(struct: Struct): readonly StructPart[] {
    let parts = this.#parts.get(struct)
    if (parts === undefined) {
      parts = Object.entries(struct).map(([name, shape]) => {
        const can = isField(shape) ? behaviour(shape) : undefined
        return { name, shape, plain: can?.isPlain === true ? can : undefined, offset: 0 }
      })
      this.#parts.set(struct, parts)
    }
    return parts
  }
}
