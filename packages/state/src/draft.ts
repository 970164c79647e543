import { BoundedDraftAt } from './bounded-draft.ts'
import type { Era } from './era.ts'
import { rejoinError } from './errors.ts'
import type {
  AnyField,
  BoundedField,
  CounterField,
  FencedField,
  FlagField,
  MapField,
  RankedField,
  RegisterField,
  ResolvedField,
  SetField,
  Shape,
  Struct,
} from './fields.ts'
import { rankedValue } from './graded.ts'
import type { Path } from './ids.ts'
import { type KindCode, leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { checkElementKey, checkMapKey, mostKeyLength } from './limits.ts'
import { freezeGraded } from './plain-value.ts'
import { concurrentValues, flagValue, type ReadableItem, written } from './read.ts'
import type { Row } from './rows.ts'
import { isField, kindOf, memberOf } from './schema.ts'
import type { Sequence } from './sequence.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import { Leaf, type Tree } from './tree.ts'
import { canonicalKey, freezeValue, type Value, valueFromKey } from './value.ts'

/** Makes the draft of a shape at a place. */
type Maker = (above: Place | undefined, name: string) => object

/** Makes the drafts of one document: a draft belongs to a place, not to a change. */
export class Drafts {
  readonly store: Store
  readonly tree: Tree
  readonly #makers = new Map<Shape, Maker>()

  constructor(store: Store) {
    this.store = store
    this.tree = store.tree
  }

  /** The draft of a whole document. */
  root(shape: Shape): object {
    return this.maker(shape)(undefined, '')
  }

  /** The running change. @throws RejoinError `change-required`. */
  get transaction(): Transaction {
    const transaction = this.store.transaction
    if (transaction === undefined) throw rejoinError('change-required')
    return transaction
  }

  /** What makes the drafts of a shape. */
  maker(shape: Shape): Maker {
    let maker = this.#makers.get(shape)
    if (maker === undefined) {
      maker = isField(shape) ? this.#fieldMaker(shape) : this.#structMaker(shape)
      this.#makers.set(shape, maker)
    }
    return maker
  }

  #structMaker(struct: Struct): Maker {
    const StructDraft = structClass(this, struct)
    return (above, name) => new StructDraft(new Place(this, above, name))
  }

  #fieldMaker(field: AnyField): Maker {
    switch (field.field) {
      case 'register': {
        const { initial } = field as RegisterField<unknown>
        return (above, name) => new RegisterDraftAt(this, above, name, initial)
      }
      case 'mvRegister':
        return (above, name) => new MvRegisterDraftAt(this, above, name, leafKinds.mvRegister)
      case 'ranked':
        return (above, name) => new RankedDraftAt(this, above, name, field as RankedField<unknown, string>)
      case 'fenced':
        return (above, name) => new FencedDraftAt(this, above, name, field as FencedField<unknown>)
      case 'resolved':
        return (above, name) => new ResolvedDraftAt(this, above, name, field as ResolvedField<unknown>)
      case 'counter': {
        const { initial } = field as CounterField
        return (above, name) => new CounterDraftAt(this, above, name, initial)
      }
      case 'bounded':
        return (above, name) => boundedDraft(new Place(this, above, name), field as BoundedField)
      case 'flag':
        return (above, name) => new FlagDraftAt(this, above, name, field as FlagField)
      case 'set':
        return (above, name) => new SetDraftAt(this, above, name, field as SetField<unknown>)
      case 'list':
        return (above, name) => new ListDraftAt(this, above, name, leafKinds.list)
      case 'map': {
        const { entry } = field as MapField<Shape>
        return (above, name) => new MapDraftAt(this, above, name, entry)
      }
    }
  }
}

function boundedDraft(place: Place, { terms }: BoundedField): BoundedDraftAt {
  const { drafts } = place
  const leaf = () => new Leaf(drafts.tree, place.made(), leafKinds.bounded)
  return new BoundedDraftAt(() => drafts.transaction, leaf, terms)
}

/** A node as a draft knows it. Looked up again when rows were given back since; reading makes none. */
class Place {
  readonly drafts: Drafts
  readonly above: Place | undefined
  readonly name: string
  #node: Row
  #era: Era | undefined

  constructor(drafts: Drafts, above: Place | undefined, name: string) {
    this.drafts = drafts
    this.above = above
    this.name = name
    this.#node = 0
    this.#era = undefined
  }

  /** Whether it stands at one path, not inside a map. */
  get isFixed(): boolean {
    return this.above === undefined || (this.above.isFixed && !(this.above instanceof MapDraftAt))
  }

  /** The node, made when new. */
  made(): Row {
    const { tree } = this.drafts
    if (this.#era !== tree.era || this.#node === 0) {
      this.#node = this.above === undefined ? tree.root : tree.child(this.above.made(), this.name)
      this.#era = tree.era
    }
    return this.#node
  }

  /** The node; 0 if there is none. */
  found(): Row {
    const { tree } = this.drafts
    if (this.#era !== tree.era || this.#node === 0) {
      const above = this.above?.found()
      this.#node = above === undefined ? tree.root : above === 0 ? 0 : tree.findChild(above, this.name)
      this.#era = tree.era
    }
    return this.#node
  }

  get path(): Path {
    return this.above === undefined ? [] : [...this.above.path, this.name]
  }
}

/** The draft at a path below that of a shape. @throws RejoinError `invalid-key` where the schema has nothing there. */
export function draftAt(shape: Shape, draft: object, path: readonly string[]): object {
  let [at, found] = [shape, draft]
  for (const [depth, name] of path.entries()) {
    if (!isField(at) && Object.hasOwn(at, name)) {
      at = at[name] as Shape
      found = (found as Record<string, object>)[name] as object
    } else if (isField(at) && at.field === 'map') {
      at = (at as MapField<Shape>).entry
      found = (found as MapDraftAt).get(name)
    } else {
      throw rejoinError('invalid-key', {
        reason: 'The schema has no field at this path.',
        details: { path: `/${path.slice(0, depth + 1).join('/')}` },
      })
    }
  }
  return found
}

const placeOf: unique symbol = Symbol('place')
const madeAt: unique symbol = Symbol('drafts')

/** The draft of a struct at a place. */
interface StructDraft {
  readonly [placeOf]: Place
  /** Drafts made so far, where the struct stands at a fixed path: there they are asked for again and again. */
  readonly [madeAt]: (object | undefined)[] | undefined
}

/**
 * The drafts of one struct share their getters: looking up a field is on the path of every write, and objects with
 * getters of their own are slow to look into. They inherit nothing, so that any name can be that of a field.
 */
function structClass(drafts: Drafts, struct: Struct): new (place: Place) => object {
  const StructDraftAt = class implements StructDraft {
    readonly [placeOf]: Place
    readonly [madeAt]: (object | undefined)[] | undefined

    constructor(place: Place) {
      this[placeOf] = place
      this[madeAt] = place.isFixed ? [] : undefined
    }
  }
  const { prototype } = StructDraftAt
  Object.setPrototypeOf(prototype, null)
  Reflect.deleteProperty(prototype, 'constructor')
  Object.entries(struct).forEach(([name, shape], at) => {
    const make = drafts.maker(shape)
    function get(this: StructDraft): object {
      const made = this[madeAt]
      if (made === undefined) return make(this[placeOf], name)
      made[at] ??= make(this[placeOf], name)
      return made[at]
    }
    // Nobody writes to a draft by assignment: without a setter that throws.
    Object.defineProperty(prototype, name, { enumerable: true, get })
  })
  return StructDraftAt
}

/** What the drafts of leaves share: a place, and one entry there. */
class LeafDraft extends Place {
  readonly kind: KindCode
  readonly member: string

  constructor(drafts: Drafts, above: Place | undefined, name: string, kind: KindCode, member = '') {
    super(drafts, above, name)
    this.kind = kind
    this.member = member
  }

  protected get transaction(): Transaction {
    return this.drafts.transaction
  }

  /** The entry, made when new. */
  protected get entry(): Row {
    return this.drafts.tree.entry(this.made(), this.kind, this.member)
  }

  /** The entry; 0 if there is none. */
  protected get known(): Row {
    const node = this.found()
    return node === 0 ? 0 : this.drafts.tree.findEntry(node, this.kind, this.member)
  }

  protected get items(): readonly ReadableItem[] {
    const { transaction, known } = this
    return known === 0 ? [] : transaction.itemsOf(known)
  }

  protected get leaf(): Leaf {
    return new Leaf(this.drafts.tree, this.made(), this.kind)
  }
}

class RegisterDraftAt extends Place {
  readonly #initial: Value

  constructor(drafts: Drafts, above: Place | undefined, name: string, initial: Value) {
    super(drafts, above, name)
    this.#initial = initial
  }

  get(): Value {
    const { transaction, tree } = this.drafts
    const node = this.found()
    const entry = node === 0 ? 0 : tree.findEntry(node, leafKinds.register, '')
    return written(entry === 0 ? undefined : transaction.valueOf(entry), this.#initial)
  }

  set(value: Value): void {
    const { transaction, tree } = this.drafts
    const entry = tree.entry(this.made(), leafKinds.register, '')
    transaction.put(entry, typeof value === 'number' ? value : freezeValue(value))
  }
}

class MvRegisterDraftAt extends LeafDraft {
  concurrent(): readonly Value[] {
    return concurrentValues(this.items)
  }

  set(value: Value): void {
    this.transaction.put(this.entry, freezeValue(value))
  }
}

/** What the drafts of registers with a grade or a resolver share: one entry, read as their kind reads. */
class PickedDraftAt extends LeafDraft {
  readonly #initial: Value

  constructor(drafts: Drafts, above: Place | undefined, name: string, field: AnyField & { readonly initial: Value }) {
    super(drafts, above, name, kindOf(field), memberOf(field))
    this.#initial = field.initial
  }

  get(): Value {
    return written(leafKind(this.kind).pick(this.items, this.member), this.#initial)
  }
}

class RankedDraftAt extends PickedDraftAt {
  readonly #ranks: readonly string[] | undefined

  constructor(drafts: Drafts, above: Place | undefined, name: string, field: RankedField<unknown, string>) {
    super(drafts, above, name, field)
    this.#ranks = field.ranks
  }

  set(value: Value, rank: string | number): void {
    const place = this.#ranks === undefined ? rank : this.#ranks.indexOf(String(rank))
    if (!Number.isSafeInteger(place) || (this.#ranks !== undefined && place === -1)) {
      const known = this.#ranks === undefined ? 'a whole number' : `one of ${this.#ranks.join(', ')}`
      throw rejoinError('invalid-value', { reason: `A rank is ${known}.`, details: { rank: String(rank) } })
    }
    this.transaction.put(this.entry, rankedValue(place as number, freezeGraded(value)))
  }
}

class FencedDraftAt extends PickedDraftAt {
  set(value: Value): void {
    this.transaction.putFenced(this.entry, freezeGraded(value))
  }
}

class ResolvedDraftAt extends PickedDraftAt {
  concurrent(): readonly Value[] {
    return concurrentValues(this.items)
  }

  set(value: Value): void {
    this.transaction.put(this.entry, freezeValue(value))
  }
}

class CounterDraftAt extends LeafDraft {
  readonly #initial: number

  constructor(drafts: Drafts, above: Place | undefined, name: string, initial: number) {
    super(drafts, above, name, leafKinds.counter)
    this.#initial = initial
  }

  get(): number {
    const { transaction } = this
    return this.#initial + (this.found() === 0 ? 0 : transaction.counterSum(this.leaf))
  }

  add(delta: number): void {
    const { transaction } = this
    transaction.addToCounter(this.leaf, delta)
  }

  reset(): void {
    const { transaction } = this
    if (this.found() !== 0) transaction.resetCounter(this.leaf)
  }
}

class FlagDraftAt extends LeafDraft {
  readonly #field: FlagField

  constructor(drafts: Drafts, above: Place | undefined, name: string, field: FlagField) {
    super(drafts, above, name, kindOf(field))
    this.#field = field
  }

  get(): boolean {
    return flagValue(this.items, this.#field.wins === 'enable') ?? this.#field.initial
  }

  set(on: boolean): void {
    this.transaction.put(this.entry, on === true)
  }

  enable(): void {
    this.set(true)
  }

  disable(): void {
    this.set(false)
  }
}

class SetDraftAt extends Place {
  readonly #kind: KindCode
  /** Whether a removal stands as an item, so that it can win over an add that had not seen it. */
  readonly #removalIsItem: boolean

  constructor(drafts: Drafts, above: Place | undefined, name: string, field: SetField<unknown>) {
    super(drafts, above, name)
    this.#kind = kindOf(field)
    this.#removalIsItem = field.wins === 'remove'
  }

  has(element: Value): boolean {
    return this.#live(elementKey(element)) !== 0
  }

  add(element: Value): void {
    const { transaction, tree } = this.drafts
    const member = elementKey(element)
    transaction.put(tree.entry(this.made(), this.#kind, member), this.#removalIsItem ? true : null)
  }

  delete(element: Value): boolean {
    const entry = this.#live(elementKey(element))
    if (entry === 0) return false
    const { transaction } = this.drafts
    if (this.#removalIsItem) transaction.put(entry, false)
    else transaction.remove(entry)
    return true
  }

  values(): readonly Value[] {
    return this.#members().map((member) => valueFromKey(member) ?? null)
  }

  get size(): number {
    return this.#members().length
  }

  /** The entry of an element that is there within this change; 0 if it is not. */
  #live(member: string): Row {
    const { transaction, tree } = this.drafts
    const node = this.found()
    const entry = node === 0 ? 0 : tree.findEntry(node, this.#kind, member)
    return entry !== 0 && transaction.isLive(entry) ? entry : 0
  }

  #members(): string[] {
    const { transaction, tree } = this.drafts
    const node = this.found()
    const members: string[] = []
    if (node === 0) return members
    for (const entry of tree.entriesOf(node, this.#kind)) {
      if (transaction.isLive(entry)) members.push(tree.member(entry))
    }
    return members.sort()
  }
}

function elementKey(element: Value): string {
  const member = canonicalKey(typeof element === 'string' ? element : freezeValue(element))
  checkElementKey(member)
  return member
}

class ListDraftAt extends LeafDraft {
  get length(): number {
    return this.#sequence?.length ?? 0
  }

  get(index: number): Value | undefined {
    return this.#sequence?.get(index)
  }

  push(...values: Value[]): void {
    this.insert(this.length, ...values)
  }

  insert(index: number, ...values: Value[]): void {
    const { transaction } = this
    this.#check(index, 0)
    if (values.length > 0) transaction.insert(this.entry, index, values.map(freezeValue))
  }

  delete(index: number, count = 1): void {
    const { transaction } = this
    this.#check(index, count)
    if (count > 0) transaction.erase(this.entry, index, count)
  }

  values(): readonly Value[] {
    return this.#sequence?.toArray() ?? []
  }

  get #sequence(): Sequence | undefined {
    const { known } = this
    return known === 0 ? undefined : this.drafts.tree.sequences.get(known)
  }

  #check(index: number, count: number): void {
    const { length } = this
    const whole = Number.isInteger(index) && Number.isInteger(count)
    if (!whole || index < 0 || count < 0 || index + count > length) {
      throw rejoinError('out-of-range', { details: { index, count, length } })
    }
  }
}

class MapDraftAt extends Place {
  readonly #make: Maker
  /** Characters that a key may have, found out once. */
  #most = -1

  constructor(drafts: Drafts, above: Place | undefined, name: string, entry: Shape) {
    super(drafts, above, name)
    this.#make = drafts.maker(entry)
  }

  get(key: string): object {
    this.#check(key)
    return this.#make(this, key)
  }

  has(key: string): boolean {
    const { transaction } = this.drafts
    const node = this.#find(key)
    return node !== 0 && transaction.isPresent(node)
  }

  add(key: string): void {
    const { transaction, tree } = this.drafts
    this.#check(key)
    transaction.put(tree.entry(tree.child(this.made(), key), leafKinds.entry, ''), null)
  }

  delete(key: string): boolean {
    const { transaction } = this.drafts
    const node = this.#find(key)
    if (node === 0 || !transaction.isPresent(node)) return false
    transaction.removeEntry(node)
    return true
  }

  keys(): readonly string[] {
    const { transaction, tree } = this.drafts
    const node = this.found()
    const present = node === 0 ? [] : tree.children(node).filter((child) => transaction.isPresent(child))
    return present.map((child) => tree.name(child)).sort()
  }

  #find(key: string): Row {
    const node = this.found()
    return node === 0 ? 0 : this.drafts.tree.findChild(node, key)
  }

  #check(key: string): void {
    if (this.#most < 0) this.#most = mostKeyLength(this.path)
    if (typeof key !== 'string' || key.length > this.#most) checkMapKey(this.path, key)
  }
}
