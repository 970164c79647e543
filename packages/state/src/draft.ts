import { BoundedDraftAt } from './bounded-draft.ts'
import { rejoinError } from './errors.ts'
import type {
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
import { leafKinds } from './key.ts'
import { leafKind } from './leaf-kind.ts'
import { checkElementKey, checkMapKey } from './limits.ts'
import { freezeGraded } from './plain-value.ts'
import { concurrentValues, flagValue, written } from './read.ts'
import { isField, kindOf, memberOf } from './schema.ts'
import type { Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { Entry, Leaf, Node } from './tree.ts'
import { canonicalKey, freezeValue, type Value, valueFromKey } from './value.ts'

/** Makes the drafts of one document and keeps them: a draft belongs to a place, not to a change. */
export class Drafts {
  readonly store: Store
  readonly #structClasses = new Map<Struct, new (node: Node) => object>()

  constructor(store: Store) {
    this.store = store
  }

  #structClass(struct: Struct): new (node: Node) => object {
    let made = this.#structClasses.get(struct)
    if (made === undefined) {
      made = structClass(this, struct)
      this.#structClasses.set(struct, made)
    }
    return made
  }

  /** The running change. @throws RejoinError `change-required`. */
  get transaction(): Transaction {
    const transaction = this.store.transaction
    if (transaction === undefined) throw rejoinError('change-required')
    return transaction
  }

  /** The draft of a shape at a node. The node remembers it: looking it up is on the path of every write. */
  at(node: Node, shape: Shape): object {
    if (node.draftOf === this && node.draftShape === shape) return node.draft as object
    const draft = this.#make(node, shape)
    node.draftOf = this
    node.draftShape = shape
    node.draft = draft
    return draft
  }

  #make(node: Node, shape: Shape): object {
    if (!isField(shape)) return new (this.#structClass(shape))(node)
    switch (shape.field) {
      case 'register':
        return new RegisterDraftAt(this, node, (shape as RegisterField<unknown>).initial)
      case 'mvRegister':
        return new MvRegisterDraftAt(this, node)
      case 'ranked':
        return new RankedDraftAt(this, node, shape as RankedField<unknown, string>)
      case 'fenced':
        return new FencedDraftAt(this, node, shape as FencedField<unknown>)
      case 'resolved':
        return new ResolvedDraftAt(this, node, shape as ResolvedField<unknown>)
      case 'counter':
        return new CounterDraftAt(this, node, (shape as CounterField).initial)
      case 'bounded':
        return new BoundedDraftAt(() => this.transaction, node, (shape as BoundedField).terms)
      case 'flag':
        return new FlagDraftAt(this, node, shape as FlagField)
      case 'set':
        return new SetDraftAt(this, node, shape as SetField<unknown>)
      case 'list':
        return new ListDraftAt(this, node)
      case 'map':
        return new MapDraftAt(this, node, (shape as MapField<Shape>).entry)
    }
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

const nodeOf: unique symbol = Symbol('node')
const madeAt: unique symbol = Symbol('drafts')

/** The draft of a struct at a node. */
interface StructDraft {
  readonly [nodeOf]: Node
  readonly [madeAt]: (object | undefined)[]
}

/**
 * The drafts of one struct share their getters: looking up a field is on the path of every write, and objects with
 * getters of their own are slow to look into. They inherit nothing, so that any name can be that of a field.
 */
function structClass(drafts: Drafts, struct: Struct): new (node: Node) => object {
  const StructDraftAt = class implements StructDraft {
    readonly [nodeOf]: Node
    readonly [madeAt]: (object | undefined)[] = []

    constructor(node: Node) {
      this[nodeOf] = node
      Object.freeze(this)
    }
  }
  const { prototype } = StructDraftAt
  Object.setPrototypeOf(prototype, null)
  Reflect.deleteProperty(prototype, 'constructor')
  Object.entries(struct).forEach(([name, shape], at) => {
    function get(this: StructDraft): object {
      const made = this[madeAt]
      made[at] ??= drafts.at(this[nodeOf].child(name), shape)
      return made[at]
    }
    Object.defineProperty(prototype, name, { enumerable: true, get })
  })
  return StructDraftAt
}

class RegisterDraftAt {
  readonly #drafts: Drafts
  readonly #entry: Entry
  readonly #initial: Value

  constructor(drafts: Drafts, node: Node, initial: Value) {
    this.#drafts = drafts
    this.#entry = node.leaf(leafKinds.register).entry('')
    this.#initial = initial
  }

  get(): Value {
    return written(this.#drafts.transaction.valueOf(this.#entry), this.#initial)
  }

  set(value: Value): void {
    this.#drafts.transaction.put(this.#entry, typeof value === 'number' ? value : freezeValue(value))
  }
}

class MvRegisterDraftAt {
  readonly #drafts: Drafts
  readonly #entry: Entry

  constructor(drafts: Drafts, node: Node) {
    this.#drafts = drafts
    this.#entry = node.leaf(leafKinds.mvRegister).entry('')
  }

  concurrent(): readonly Value[] {
    return concurrentValues(this.#drafts.transaction.itemsOf(this.#entry))
  }

  set(value: Value): void {
    this.#drafts.transaction.put(this.#entry, freezeValue(value))
  }
}

/** What the drafts of registers with a grade or a resolver share: one entry, read as their kind reads. */
class PickedDraftAt {
  protected readonly drafts: Drafts
  readonly #leaf: Leaf
  readonly #member: string
  readonly #initial: Value

  constructor(drafts: Drafts, node: Node, field: Parameters<typeof memberOf>[0] & { readonly initial: Value }) {
    this.drafts = drafts
    this.#leaf = node.leaf(kindOf(field))
    this.#member = memberOf(field)
    this.#initial = field.initial
  }

  /** Looked up each time: entries with a member are forgotten once nothing of them is left. */
  protected get entry(): Entry {
    return this.#leaf.entry(this.#member)
  }

  get(): Value {
    const { kind, member } = this.entry
    return written(leafKind(kind).pick(this.drafts.transaction.itemsOf(this.entry), member), this.#initial)
  }
}

class RankedDraftAt extends PickedDraftAt {
  readonly #ranks: readonly string[] | undefined

  constructor(drafts: Drafts, node: Node, field: RankedField<unknown, string>) {
    super(drafts, node, field)
    this.#ranks = field.ranks
  }

  set(value: Value, rank: string | number): void {
    const place = this.#ranks === undefined ? rank : this.#ranks.indexOf(String(rank))
    if (!Number.isSafeInteger(place) || (this.#ranks !== undefined && place === -1)) {
      const known = this.#ranks === undefined ? 'a whole number' : `one of ${this.#ranks.join(', ')}`
      throw rejoinError('invalid-value', { reason: `A rank is ${known}.`, details: { rank: String(rank) } })
    }
    this.drafts.transaction.put(this.entry, rankedValue(place as number, freezeGraded(value)))
  }
}

class FencedDraftAt extends PickedDraftAt {
  set(value: Value): void {
    this.drafts.transaction.putFenced(this.entry, freezeGraded(value))
  }
}

class ResolvedDraftAt extends PickedDraftAt {
  concurrent(): readonly Value[] {
    return concurrentValues(this.drafts.transaction.itemsOf(this.entry))
  }

  set(value: Value): void {
    this.drafts.transaction.put(this.entry, freezeValue(value))
  }
}

class CounterDraftAt {
  readonly #drafts: Drafts
  readonly #leaf: Leaf
  readonly #initial: number

  constructor(drafts: Drafts, node: Node, initial: number) {
    this.#drafts = drafts
    this.#leaf = node.leaf(leafKinds.counter)
    this.#initial = initial
  }

  get(): number {
    return this.#initial + this.#drafts.transaction.counterSum(this.#leaf)
  }

  add(delta: number): void {
    this.#drafts.transaction.addToCounter(this.#leaf, delta)
  }

  reset(): void {
    this.#drafts.transaction.resetCounter(this.#leaf)
  }
}

class FlagDraftAt {
  readonly #drafts: Drafts
  readonly #entry: Entry
  readonly #field: FlagField

  constructor(drafts: Drafts, node: Node, field: FlagField) {
    this.#drafts = drafts
    this.#entry = node.leaf(kindOf(field)).entry('')
    this.#field = field
  }

  get(): boolean {
    const items = this.#drafts.transaction.itemsOf(this.#entry)
    return flagValue(items, this.#field.wins === 'enable') ?? this.#field.initial
  }

  set(on: boolean): void {
    this.#drafts.transaction.put(this.#entry, on === true)
  }

  enable(): void {
    this.set(true)
  }

  disable(): void {
    this.set(false)
  }
}

class SetDraftAt {
  readonly #drafts: Drafts
  readonly #leaf: Leaf
  /** Whether a removal stands as an item, so that it can win over an add that had not seen it. */
  readonly #removalIsItem: boolean

  constructor(drafts: Drafts, node: Node, field: SetField<unknown>) {
    this.#drafts = drafts
    this.#leaf = node.leaf(kindOf(field))
    this.#removalIsItem = field.wins === 'remove'
  }

  has(element: Value): boolean {
    const entry = this.#leaf.find(elementKey(element))
    return entry !== undefined && this.#drafts.transaction.isLive(entry)
  }

  add(element: Value): void {
    this.#drafts.transaction.put(this.#leaf.entry(elementKey(element)), this.#removalIsItem ? true : null)
  }

  delete(element: Value): boolean {
    const transaction = this.#drafts.transaction
    const entry = this.#leaf.find(elementKey(element))
    if (entry === undefined || !transaction.isLive(entry)) return false
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

  #members(): string[] {
    const transaction = this.#drafts.transaction
    const members: string[] = []
    for (const entry of this.#leaf.entries()) if (transaction.isLive(entry)) members.push(entry.key.member)
    return members.sort()
  }
}

function elementKey(element: Value): string {
  const member = canonicalKey(typeof element === 'string' ? element : freezeValue(element))
  checkElementKey(member)
  return member
}

class ListDraftAt {
  readonly #drafts: Drafts
  readonly #entry: Entry

  constructor(drafts: Drafts, node: Node) {
    this.#drafts = drafts
    this.#entry = node.leaf(leafKinds.list).entry('')
  }

  get length(): number {
    return this.#entry.leaf.sequence?.length ?? 0
  }

  get(index: number): Value | undefined {
    return this.#entry.leaf.sequence?.get(index)
  }

  push(...values: Value[]): void {
    this.insert(this.length, ...values)
  }

  insert(index: number, ...values: Value[]): void {
    const transaction = this.#drafts.transaction
    this.#check(index, 0)
    transaction.insert(this.#entry, index, values.map(freezeValue))
  }

  delete(index: number, count = 1): void {
    const transaction = this.#drafts.transaction
    this.#check(index, count)
    if (count > 0) transaction.erase(this.#entry, index, count)
  }

  values(): readonly Value[] {
    return this.#entry.leaf.sequence?.toArray() ?? []
  }

  #check(index: number, count: number): void {
    const { length } = this
    const whole = Number.isInteger(index) && Number.isInteger(count)
    if (!whole || index < 0 || count < 0 || index + count > length) {
      throw rejoinError('out-of-range', { details: { index, count, length } })
    }
  }
}

class MapDraftAt {
  readonly #drafts: Drafts
  readonly #node: Node
  readonly #entry: Shape

  constructor(drafts: Drafts, node: Node, entry: Shape) {
    this.#drafts = drafts
    this.#node = node
    this.#entry = entry
  }

  get(key: string): object {
    const child = this.#node.children.get(key) ?? this.#child(key)
    return this.#drafts.at(child, this.#entry)
  }

  has(key: string): boolean {
    const child = this.#node.children.get(key)
    return child !== undefined && this.#drafts.transaction.isPresent(child)
  }

  add(key: string): void {
    this.#drafts.transaction.put(this.#child(key).leaf(leafKinds.entry).entry(''), null)
  }

  delete(key: string): boolean {
    const transaction = this.#drafts.transaction
    const child = this.#node.children.get(key)
    if (child === undefined || !transaction.isPresent(child)) return false
    transaction.removeEntry(child)
    return true
  }

  keys(): readonly string[] {
    const transaction = this.#drafts.transaction
    const keys: string[] = []
    for (const child of this.#node.children.values()) if (transaction.isPresent(child)) keys.push(child.segment)
    return keys.sort()
  }

  #child(key: string): Node {
    checkMapKey(this.#node.path, key)
    return this.#node.child(key)
  }
}
