import { outOfRange } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { ListField } from './fields.ts'
import { leafKinds } from './key.ts'
import { editOf } from './list-write.ts'
import { type Behaviour, LeafDraft } from './place.ts'
import type { Sequence } from './sequence.ts'
import { freezeValue, type Value } from './value.ts'

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
    if (values.length === 0) return
    const { entry } = this
    const frozen = values.map(freezeValue)
    for (const value of frozen) transaction.checkBytes(entry, value)
    editOf(this.spec.store.core, transaction, entry).insert(index, frozen, transaction.takeSeqs(frozen.length))
  }

  delete(index: number, count = 1): void {
    const { transaction } = this
    this.#check(index, count)
    if (count > 0) editOf(this.spec.store.core, transaction, this.entry).erase(index, count)
  }

  values(): readonly Value[] {
    return this.#sequence?.toArray() ?? []
  }

  get #sequence(): Sequence | undefined {
    const { known } = this
    return known === 0 ? undefined : this.spec.tree.sequences.get(known)
  }

  #check(index: number, count: number): void {
    const { length } = this
    const whole = Number.isInteger(index) && Number.isInteger(count)
    if (!whole || index < 0 || count < 0 || index + count > length) {
      throw new RejoinError(outOfRange, { details: { index, count, length } })
    }
  }
}

export const listBehaviour: Behaviour<ListField<unknown>> = {
  kind: () => leafKinds.list,
  draft: (spec, above, name) => new ListDraftAt(spec, above, name),
  // A running change writes lists in place: what it has written is not to be seen yet.
  read: (view, node) => {
    const entry = node === 0 ? 0 : view.tree.findEntry(node, leafKinds.list, '')
    if (entry === 0) return view.frozen([])
    const committed = view.store.transaction?.committedElements(entry)
    return view.frozen(committed ?? view.tree.sequences.get(entry)?.toArray() ?? [])
  },
}
