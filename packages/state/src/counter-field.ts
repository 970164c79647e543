import { invalidValue } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { CounterField, FlagField } from './fields.ts'
import { leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { type Behaviour, LeafDraft } from './place.ts'
import { counterSum, flagValue } from './read.ts'
import type { Transaction } from './transaction.ts'

class CounterDraftAt extends LeafDraft<CounterField> {
  get(): number {
    const { transaction } = this
    return this.field.initial + (this.found() === 0 ? 0 : counterSum(this.leaf, transaction.itemsOf))
  }

  add(delta: number): void {
    const { transaction } = this
    addToCounter(transaction, this.leaf, delta)
  }

  reset(): void {
    const { transaction } = this
    if (this.found() !== 0) transaction.resetCounter(this.leaf)
  }
}

/** Adds to the own part of a counter. */
export function addToCounter(transaction: Transaction, counter: Leaf, delta: number): void {
  const entry = counter.entry(transaction.core.ownSlot().id)
  const before = transaction.itemsOf(entry)[0]?.value
  const sum = (typeof before === 'number' ? before : 0) + delta
  if (!Number.isFinite(sum)) {
    throw new RejoinError(invalidValue, {
      reason: 'A counter would leave the range of finite numbers.',
      details: { delta },
    })
  }
  transaction.put(entry, sum)
}

export const counterBehaviour: Behaviour<CounterField> = {
  kind: () => leafKinds.counter,
  draft: (spec, above, name) => new CounterDraftAt(spec, above, name),
  read: ({ tree }, node, { initial }) =>
    node === 0 ? initial : initial + counterSum(new Leaf(tree, node, leafKinds.counter)),
  isPlain: true,
}

class FlagDraftAt extends LeafDraft<FlagField> {
  get(): boolean {
    const { field } = this
    return flagValue(this.items, field.wins === 'enable') ?? field.initial
  }

  set(on: boolean): void {
    const { transaction } = this
    transaction.put(this.entry, on === true)
  }

  enable(): void {
    this.set(true)
  }

  disable(): void {
    this.set(false)
  }
}

export const flagBehaviour: Behaviour<FlagField> = {
  kind: ({ wins }) => (wins === 'disable' ? leafKinds.flagDisableWins : leafKinds.flag),
  draft: (spec, above, name) => new FlagDraftAt(spec, above, name),
  read: (view, node, field) => flagValue(view.items(node, field), field.wins === 'enable') ?? field.initial,
  isPlain: true,
}
