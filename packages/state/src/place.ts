import type { Moment } from './era.ts'
import { changeRequired, invalidKey } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { AnyField, Shape, Struct } from './fields.ts'
import type { Path } from './ids.ts'
import type { KindCode } from './key.ts'
import { Leaf } from './leaf.ts'
import type { ReadableItem } from './read.ts'
import type { Row } from './rows.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { Tree } from './tree.ts'
import type { View } from './view.ts'

/**
 * What a field can do, made by whoever declares it: a program pays for the fields that it declares, and for no others.
 * `F` is the field.
 */
export interface Behaviour<F extends AnyField = AnyField> {
  /** The leaf kind that the field is stored as, by its options. */
  readonly kind: (field: F) => KindCode
  /** The member at which the field keeps its items, where it has one address. What the member names is part of the address. */
  readonly member?: (field: F) => string
  readonly draft: (spec: Spec, above: Place | undefined, name: string) => object
  /** What the field reads at a node; 0 where nothing was ever written. */
  readonly read: (view: View, node: Row, field: F) => unknown
  /** Whether it reads as what is stored, so that reading again gives the same reference. */
  readonly isPlain?: boolean
}

export const behaviourOf: unique symbol = Symbol('behaviour')

/** What a field can do. */
export function behaviour<F extends AnyField>(field: F): Behaviour<F> {
  return (field as F & { readonly [behaviourOf]: Behaviour<F> })[behaviourOf]
}

/** A field with what it can do. */
export function fieldOf<F extends AnyField>(field: F, can: Behaviour<F>): F {
  // Not seen by who looks at the field, lists it or copies it into a test.
  Object.defineProperty(field, behaviourOf, { value: can })
  return field
}

/** Whether a shape is a field, not a struct. */
export function isField(shape: Shape): shape is AnyField {
  return typeof (shape as { field?: unknown }).field === 'string'
}

/** The leaf kind that a field is stored as. */
export function kindOf(field: AnyField): KindCode {
  return behaviour(field).kind(field)
}

/** The member at which a field keeps its items, where it has one address. */
export function memberOf(field: AnyField): string {
  return behaviour(field).member?.(field) ?? ''
}

/** What the drafts of one shape have in common, below one parent shape. */
export class Spec {
  readonly store: Store
  readonly shape: Shape
  /** Whether its places stand at one path each, not inside a map. */
  readonly isFixed: boolean
  /** Where the node was beside its parent when one was last looked for: the fields of map entries mostly stand alike. */
  offset: number
  readonly #draft: Behaviour['draft']
  #kept: object | undefined = undefined

  constructor(store: Store, shape: Shape, isFixed: boolean, offset: number) {
    this.store = store
    this.shape = shape
    this.isFixed = isFixed
    this.offset = offset
    this.#draft = isField(shape) ? behaviour(shape).draft : structDrafts(this, shape)
  }

  /** A draft at a place. The first one stays: see `Store.kept`. */
  make(above: Place | undefined, name: string): object {
    const draft = this.#draft(this, above, name)
    this.#kept ??= draft
    return draft
  }

  /** Another one takes its place when a snapshot was loaded in slices. */
  get tree(): Tree {
    return this.store.tree
  }

  /** The running change. @throws RejoinError `change-required`. */
  get transaction(): Transaction {
    const transaction = this.store.transaction
    if (transaction === undefined) throw new RejoinError(changeRequired)
    return transaction
  }

  /** The field, for drafts of one. */
  get field(): AnyField {
    return this.shape as AnyField
  }
}

/** A node as a draft knows it. Looked up again when rows were given back since; reading makes none. */
export class Place {
  readonly spec: Spec
  readonly above: Place | undefined
  readonly name: string
  #node: Row
  #met: Moment | undefined

  constructor(spec: Spec, above: Place | undefined, name: string) {
    this.spec = spec
    this.above = above
    this.name = name
    this.#node = 0
    this.#met = undefined
  }

  /** The node, made when new. `tree`: that of the document, for whoever has it at hand. */
  made(tree: Tree = this.spec.tree): Row {
    if (this.#met !== tree.now || this.#node === 0) {
      this.#node = this.above === undefined ? tree.root : this.#child(tree, this.above.made(tree))
      this.#met = tree.now
    }
    return this.#node
  }

  #child(tree: Tree, above: Row): Row {
    const { spec } = this
    if (spec.offset === 0) return tree.child(above, this.name)
    const near = tree.childAt(spec.offset, above, this.name)
    if (near !== 0) return near
    const child = tree.child(above, this.name)
    spec.offset = child - above
    return child
  }

  /** The node; 0 if there is none. */
  found(): Row {
    const { tree } = this.spec
    if (this.#met !== tree.now || this.#node === 0) {
      const above = this.above?.found()
      this.#node = above === undefined ? tree.root : above === 0 ? 0 : tree.findChild(above, this.name)
      this.#met = tree.now
    }
    return this.#node
  }

  get path(): Path {
    return this.above === undefined ? [] : [...this.above.path, this.name]
  }
}

/** What the drafts of most leaves share: a place, and one entry there. */
export class LeafDraft<F extends AnyField = AnyField> extends Place {
  protected get field(): F {
    return this.spec.field as F
  }

  protected get kind(): KindCode {
    return kindOf(this.spec.field)
  }

  protected get member(): string {
    return memberOf(this.spec.field)
  }

  protected get transaction(): Transaction {
    return this.spec.transaction
  }

  /** The entry, made when new. */
  protected get entry(): Row {
    return this.spec.tree.entry(this.made(), this.kind, this.member)
  }

  /** The entry; 0 if there is none. */
  protected get known(): Row {
    const node = this.found()
    return node === 0 ? 0 : this.spec.tree.findEntry(node, this.kind, this.member)
  }

  protected get items(): readonly ReadableItem[] {
    const { transaction, known } = this
    return known === 0 ? [] : transaction.itemsOf(known)
  }

  protected get leaf(): Leaf {
    return new Leaf(this.spec.tree, this.made(), this.kind)
  }
}

/** The draft of a whole document. */
export function rootDraft(store: Store, shape: Shape): object {
  return new Spec(store, shape, true, 0).make(undefined, '')
}

/** The draft at a path below that of a shape. @throws RejoinError `invalid-key` where the schema has nothing there. */
export function draftAt(shape: Shape, draft: object, path: readonly string[]): object {
  let [at, found] = [shape, draft]
  for (const [depth, name] of path.entries()) {
    if (!isField(at) && Object.hasOwn(at, name)) {
      at = at[name] as Shape
      found = (found as Record<string, object>)[name] as object
    } else if (isField(at) && at.field === 'map') {
      at = (at as AnyField & { readonly entry: Shape }).entry
      found = (found as { get(key: string): object }).get(name)
    } else {
      throw new RejoinError(invalidKey, {
        reason: 'The schema has no field at this path.',
        details: { path: `/${path.slice(0, depth + 1).join('/')}` },
      })
    }
  }
  return found
}

const placeOf: unique symbol = Symbol('place')
const partsOf: unique symbol = Symbol('parts')
const madeAt: unique symbol = Symbol('drafts')

/** The draft of a struct at a place. */
interface StructDraft {
  readonly [placeOf]: Place
  /** The specs of its fields, in their order. */
  readonly [partsOf]: readonly Spec[]
  /** Drafts made so far, where the struct stands at a fixed path: there they are asked for again and again. */
  readonly [madeAt]: (object | undefined)[] | undefined
}

/** What makes the drafts of a struct. */
function structDrafts({ store, isFixed }: Spec, struct: Struct): Behaviour['draft'] {
  const StructDraft = structClass(struct)
  const parts = Object.values(struct).map((part, at) => new Spec(store, part, isFixed, isFixed ? 0 : at + 1))
  return (spec, above, name) => new StructDraft(new Place(spec, above, name), parts)
}

type StructClass = new (place: Place, parts: readonly Spec[]) => object

const structClasses = new WeakMap<Struct, StructClass>()

/**
 * The drafts of one struct share their getters, in all documents: looking up a field is on the path of every write, and
 * objects with getters of their own are slow to look into. They inherit nothing, so that any name can be that of a field.
 */
function structClass(struct: Struct): StructClass {
  const known = structClasses.get(struct)
  if (known !== undefined) return known
  const StructDraftAt = class implements StructDraft {
    readonly [placeOf]: Place
    readonly [partsOf]: readonly Spec[]
    readonly [madeAt]: (object | undefined)[] | undefined

    constructor(place: Place, parts: readonly Spec[]) {
      this[placeOf] = place
      this[partsOf] = parts
      this[madeAt] = place.spec.isFixed ? [] : undefined
    }
  }
  const { prototype } = StructDraftAt
  Object.setPrototypeOf(prototype, null)
  Reflect.deleteProperty(prototype, 'constructor')
  Object.keys(struct).forEach((name, at) => {
    function get(this: StructDraft): object {
      const made = this[madeAt]
      const part = this[partsOf][at] as Spec
      if (made === undefined) return part.make(this[placeOf], name)
      made[at] ??= part.make(this[placeOf], name)
      return made[at]
    }
    // Nobody writes to a draft by assignment: without a setter that throws.
    Object.defineProperty(prototype, name, { enumerable: true, get })
  })
  structClasses.set(struct, StructDraftAt)
  return StructDraftAt
}
