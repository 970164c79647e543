import type { Change } from './change.ts'
import { addToCounter } from './counter-field.ts'
import { fencedItem, fencedValue, outranks } from './graded.ts'
import type { Path } from './ids.ts'
import { kindName, leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { type LeafKind, leafKind } from './leaf-kind.ts'
import { editOf } from './list-write.ts'
import { concurrentValues, counterPresent, counterSum, isMember, type ReadableItem } from './read.ts'
import type { Row } from './rows.ts'
import type { ChangeOptions, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { Tree } from './tree.ts'
import { type Value, valuesEqual } from './value.ts'

/** A leaf that was left as it is. */
export interface KeptLeaf {
  readonly path: Path
  readonly kind: string
  /**
   * `rights`: the bounds of a bounded counter would not hold if it were set back. `token`: the change was not given the
   * token of its lease, a later holder has written, or nobody had written before: what is fenced is never removed.
   * `concurrent`: several values stood there, and one change writes one.
   */
  readonly reason: 'rights' | 'token' | 'concurrent'
}

/** What became of a rollback. */
export interface Rollback {
  /** Undefined where nothing differed. */
  readonly change: Change | undefined
  readonly kept: readonly KeptLeaf[]
}

/**
 * Makes a store read what another one reads, an earlier state of the same document as a rule, in one atomic change like any
 * other: nothing is taken back, what was written since is overwritten, and what others write concurrently merges with it. It
 * needs no schema. Counters move by the difference, of a list the part that differs is replaced. Costs O(both documents).
 *
 * @example
 * ```ts
 * import { authorIdFrom, createStore, encodeSnapshot, loadSnapshot, openDocument, register, rollBack, schema } from '@rejoin/state'
 * const Raid = schema({ phase: register('lobby') })
 * const options = { newAuthor: () => authorIdFrom('00000000000000a1'), now: () => 1 }
 * const raid = openDocument(Raid, createStore(options))
 * const checkpoint = createStore(options)
 * loadSnapshot(checkpoint, encodeSnapshot(raid.store))
 * raid.change((s) => s.phase.set('lost'))
 * rollBack(raid.store, checkpoint)
 * raid.snapshot.phase // => 'lobby'
 * ```
 * @throws RejoinError `change-nested`, `fencing-token-invalid`, `document-full`; nothing has changed then.
 */
export function rollBack(store: Store, to: Store, options?: ChangeOptions): Rollback {
  const kept: KeptLeaf[] = []
  const change = store.transact((transaction) => {
    kept.length = 0
    new Restoring(store, to.tree, transaction, kept).node(store.tree.root, to.tree.root)
  }, options)
  return { change, kept }
}

class Restoring {
  readonly #store: Store
  readonly #tree: Tree
  readonly #then: Tree
  readonly #transaction: Transaction
  readonly #kept: KeptLeaf[]

  constructor(store: Store, then: Tree, transaction: Transaction, kept: KeptLeaf[]) {
    this.#store = store
    this.#tree = store.tree
    this.#then = then
    this.#transaction = transaction
    this.#kept = kept
  }

  /** A node as it is now and as it was; `was` is 0 where there was none. */
  node(now: Row, was: Row): void {
    const tree = this.#tree
    const then = this.#then
    const wasThere = now === tree.root || (was !== 0 && then.isPresent(was))
    // What stays has to be named, leaf by leaf, and would have its entry removed again at each rollback.
    if (!wasThere && !this.#holdsWhatStays(now)) {
      if (tree.isPresent(now)) this.#transaction.removeEntry(now)
      return
    }
    for (const kind of new Set([...tree.kindsAt(now), ...(was === 0 ? [] : then.kindsAt(was))])) {
      this.#leaf(new Leaf(tree, now, kind), was === 0 ? undefined : new Leaf(then, was, kind))
    }
    const names = new Set(tree.children(now).map((child) => tree.name(child)))
    if (was !== 0) for (const child of then.children(was)) if (then.isPresent(child)) names.add(then.name(child))
    for (const name of names) this.node(tree.child(now, name), was === 0 ? 0 : then.findChild(was, name))
  }

  /** Whether a removal of the entry would leave something of it: rights, and what is fenced. */
  #holdsWhatStays(node: Row): boolean {
    const tree = this.#tree
    const kinds = tree.kindsAt(node)
    return (
      kinds.includes(leafKinds.bounded) ||
      kinds.includes(leafKinds.fenced) ||
      tree.children(node).some((child) => this.#holdsWhatStays(child))
    )
  }

  #leaf(now: Leaf, was: Leaf | undefined): void {
    switch (now.kind) {
      case leafKinds.counter:
        this.#counter(now, was)
        break
      case leafKinds.counterReset:
        break
      case leafKinds.list:
        this.#list(now, was)
        break
      case leafKinds.bounded:
        if (!valuesEqual(readOf(now), readOf(was))) this.#keep(now, 'rights')
        break
      default:
        for (const member of membersOf(now, was)) this.#entry(now, was, member)
    }
  }

  #counter(now: Leaf, was: Leaf | undefined): void {
    const difference = (was === undefined ? 0 : counterSum(was)) - counterSum(now)
    // An entry of a map may be there by a counter alone, also by one that stands at nothing.
    const isGone = was !== undefined && counterPresent(was) && !counterPresent(now)
    if (difference !== 0 || isGone) addToCounter(this.#transaction, now, difference)
  }

  #list(now: Leaf, was: Leaf | undefined): void {
    const before = now.sequence?.toArray() ?? []
    const after = was?.sequence?.toArray() ?? []
    let start = 0
    while (start < Math.min(before.length, after.length) && isSame(before[start], after[start])) start++
    let end = 0
    const most = Math.min(before.length, after.length) - start
    while (end < most && isSame(before.at(-1 - end), after.at(-1 - end))) end++
    const count = before.length - end - start
    const values = after.slice(start, after.length - end)
    if (count + values.length === 0) return
    const edit = editOf(this.#store.core, this.#transaction, now.entry(''))
    if (count > 0) edit.erase(start, count)
    if (values.length > 0) edit.insert(start, values, this.#transaction.takeSeqs(values.length))
  }

  #entry(now: Leaf, was: Leaf | undefined, member: string): void {
    const { kind } = now
    const entry = now.entry(member)
    const before = this.#tree.items(entry)
    const at = was?.find(member) ?? 0
    const after = at === 0 ? [] : this.#then.items(at)
    const isSet = kind === leafKinds.set || kind === leafKinds.setRemoveWins || kind === leafKinds.entry
    if (isSet) {
      const isThere = isMember(kind, before)
      const wasThere = isMember(kind, after)
      if (isThere === wasThere) return
      if (kind === leafKinds.setRemoveWins) this.#transaction.put(entry, wasThere)
      else if (wasThere) this.#transaction.put(entry, null)
      else this.#transaction.remove(entry)
      return
    }
    const { pick } = leafKind(kind)
    const wasThen = pick(after, member)
    const isMultiple = kind === leafKinds.mvRegister
    const isEqual = isMultiple
      ? valuesEqual(concurrentValues(before), concurrentValues(after))
      : isSame(pick(before, member), wasThen)
    if (isEqual) return
    if (isMultiple && after.length > 1) this.#keep(now, 'concurrent')
    else if (kind === leafKinds.fenced) this.#fenced(now, entry, member, wasThen)
    else if (after.length === 0) this.#transaction.remove(entry)
    else this.#transaction.put(entry, rawOf(after, wasThen as Value, pick, member))
  }

  #fenced(now: Leaf, entry: Row, lease: string, value: Value | undefined): void {
    const token = this.#transaction.tokens.find((given) => given.lease === lease)
    const written = token === undefined || value === undefined ? undefined : fencedValue(token, value)
    const standing = fencedItem(this.#tree.items(entry))
    if (written === undefined || (standing !== undefined && outranks(standing.value, written))) this.#keep(now, 'token')
    else this.#transaction.put(entry, written)
  }

  #keep(leaf: Leaf, reason: KeptLeaf['reason']): void {
    this.#kept.push({ path: leaf.path, kind: kindName(leaf.kind), reason })
  }
}

/** What is to be stored to read the same: a ranked value comes with its rank, a flag is what several say together. */
function rawOf(items: readonly ReadableItem[], read: Value, pick: LeafKind['pick'], member: string): Value {
  return items.find((item) => isSame(pick([item], member), read))?.value ?? read
}

function membersOf(now: Leaf, was: Leaf | undefined): Set<string> {
  const members = new Set(now.entries().map((entry) => now.tree.member(entry)))
  for (const entry of was?.entries() ?? []) members.add((was as Leaf).tree.member(entry))
  return members
}

function readOf(leaf: Leaf | undefined): Value {
  return leaf === undefined ? null : (leafKind(leaf.kind).read(leaf, (entry) => leaf.tree.items(entry)) ?? null)
}

function isSame(left: Value | undefined, right: Value | undefined): boolean {
  if (left === undefined || right === undefined) return left === right
  return valuesEqual(left, right)
}
