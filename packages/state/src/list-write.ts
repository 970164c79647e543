import { type Change, type EraseOp, type FreshElements, type InsertOp, lastSeq, type Op } from './change.ts'
import type { Core } from './core.ts'
import type { Dot } from './ids.ts'
import { type Key, leafKinds } from './key.ts'
import { areKnown, isSoundRun, NewElements } from './list-check.ts'
import { addErasure, addRun, updateList } from './list-store.ts'
import type { Row } from './rows.ts'
import { type InsertRun, Sequence } from './sequence.ts'
import type { LeafEdit, Transaction } from './transaction.ts'
import type { Value } from './value.ts'

// How lists are written, by this replica and by others.

class Insertion implements InsertOp {
  readonly type = 'insert'
  readonly key: Key
  readonly run: InsertRun

  constructor(key: Key, run: InsertRun) {
    this.key = key
    this.run = run
  }

  isSound(core: Core, change: Change, fresh: FreshElements): boolean {
    const { key } = this
    const { id, place, values } = this.run
    // Its elements are of the author of the change, and take seqs of its span.
    const isInside =
      id.author === change.author && id.seq >= change.seq && id.seq + values.length - 1 <= lastSeq(change)
    if (key.kind !== leafKinds.list || !isInside || values.length === 0) return false
    fresh.elements ??= new NewElements()
    return isSoundRun(core, key, { ...id, place, values }, fresh.elements)
  }

  merge(core: Core, { author }: Change): void {
    const { id, values } = this.run
    const entry = core.tree.entryAt(this.key)
    core.touch(entry)
    sequenceOf(core, entry).applyRun(this.run)
    addRun(core, entry, core.slot(author), id.seq, values.length)
    updateList(core, entry)
  }
}

class Deletion implements EraseOp {
  readonly type = 'erase'
  readonly key: Key
  readonly targets: readonly Dot[]

  constructor(key: Key, targets: readonly Dot[]) {
    this.key = key
    this.targets = targets
  }

  isSound(core: Core, _change: Change, fresh: FreshElements): boolean {
    fresh.elements ??= new NewElements()
    return areKnown(core, this.key, this.targets, fresh.elements)
  }

  merge(core: Core, { author, seq }: Change): void {
    const entry = core.tree.entryAt(this.key)
    core.touch(entry)
    const sequence = sequenceOf(core, entry)
    for (const target of this.targets) sequence.remove(target)
    addErasure(core, entry, core.slot(author), seq, this.targets)
    updateList(core, entry)
  }
}

/** Inserts a run of elements into a list. */
export function insertOp(key: Key, run: InsertRun): InsertOp {
  return new Insertion(key, run)
}

/** Deletes elements of a list for good. */
export function eraseOp(key: Key, targets: readonly Dot[]): EraseOp {
  return new Deletion(key, targets)
}

/** The order of a list, made when new. */
export function sequenceOf(core: Core, entry: Row): Sequence {
  const { sequences } = core.tree
  let sequence = sequences.get(entry)
  if (sequence === undefined) {
    sequence = new Sequence()
    sequences.set(entry, sequence)
    // Who deletes what a list is in has to empty it.
    core.editList ??= (at) => new ListEdit(core, at)
  }
  return sequence
}

/** The edit of a list in a running change. */
export function editOf(core: Core, transaction: Transaction, entry: Row): ListEdit {
  sequenceOf(core, entry)
  return transaction.edit(entry) as ListEdit
}

/** A list that a running change has written, with what it takes to put it back: writes take effect at once. */
class ListEdit implements LeafEdit {
  readonly #core: Core
  readonly #entry: Row
  readonly #inserts: InsertOp[] = []
  readonly #erased: Dot[] = []
  /** Values of the erased elements, in the same order: needed when the change throws. */
  readonly #erasedValues: Value[] = []
  growth = 0

  constructor(core: Core, entry: Row) {
    this.#core = core
    this.#entry = entry
    core.keep(entry, false)
  }

  /** Inserts values, whose first takes `seq`. */
  insert(index: number, values: readonly Value[], seq: number): void {
    const { tree } = this.#core
    const run = this.#sequence.insertAt(index, { author: this.#core.ownSlot().id, seq }, values)
    this.growth += values.length
    this.#inserts.push(insertOp(tree.key(this.#entry), run))
  }

  erase(index: number, count: number): void {
    const sequence = this.#sequence
    for (let i = 0; i < count; i++) {
      const id = sequence.idAt(index)
      this.#erasedValues.push(sequence.get(index) ?? null)
      this.#erased.push(id)
      sequence.remove(id)
    }
    this.growth -= count
  }

  clear(): void {
    this.erase(0, this.#sequence.length)
  }

  committed(): Value[] {
    return this.#rebuilt().toArray()
  }

  undo(): void {
    this.#core.tree.sequences.set(this.#entry, this.#rebuilt())
  }

  commit(seq: number, ops: Op[]): void {
    if (this.#inserts.length === 0 && this.#erased.length === 0) return
    const core = this.#core
    const entry = this.#entry
    const slot = core.ownSlot()
    core.touch(entry)
    for (const op of this.#inserts) {
      ops.push(op)
      addRun(core, entry, slot, op.run.id.seq, op.run.values.length)
    }
    if (this.#erased.length > 0) {
      ops.push(eraseOp(core.tree.key(entry), this.#erased))
      addErasure(core, entry, slot, seq, this.#erased)
    }
    updateList(core, entry)
  }

  get #sequence(): Sequence {
    return sequenceOf(this.#core, this.#entry)
  }

  /** The list as it was before this change. Costs O(list). */
  #rebuilt(): Sequence {
    const { own } = this.#core
    const restored = new Map(this.#erased.map((id, i) => [`${id.author}:${id.seq}`, this.#erasedValues[i]]))
    const rebuilt = new Sequence()
    for (const { id, place, removed, value } of this.#sequence.places()) {
      if (own !== undefined && id.author === own.id && id.seq > own.max) continue
      const back = restored.get(`${id.author}:${id.seq}`)
      rebuilt.applyRun({ id, place, values: [removed ? back : value] })
    }
    return rebuilt
  }
}
