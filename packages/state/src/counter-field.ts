import type { CounterField, FlagField } from './fields.ts'
import { leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { type Behaviour, LeafDraft } from './place.ts'
import { counterSum, flagValue } from './read.ts'

class CounterDraftAt extends LeafDraft<CounterField> {
  get(): number {
    const { transaction } = this
    return this.field.initial + (this.found() === 0 ? 0 : transaction.counterSum(this.leaf))
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
