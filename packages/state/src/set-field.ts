import type { SetField } from './fields.ts'
import { type KindCode, leafKinds } from './key.ts'
import { Leaf } from './leaf.ts'
import { checkElementKey } from './limits.ts'
import { type Behaviour, kindOf, Place } from './place.ts'
import { setMembers } from './read.ts'
import type { Row } from './rows.ts'
import { canonicalKey, freezeValue, type Value, valueFromKey } from './value.ts'

class SetDraftAt extends Place {
  /** Whether a removal stands as an item, so that it can win over an add that had not seen it. */
  get #removalIsItem(): boolean {
    return (this.spec.field as SetField<unknown>).wins === 'remove'
  }

  get #kind(): KindCode {
    return this.#removalIsItem ? leafKinds.setRemoveWins : leafKinds.set
  }

  has(element: Value): boolean {
    return this.#live(elementKey(element)) !== 0
  }

  add(element: Value): void {
    const { transaction, tree } = this.spec
    const member = elementKey(element)
    transaction.put(tree.entry(this.made(), this.#kind, member), this.#removalIsItem ? true : null)
  }

  delete(element: Value): boolean {
    const entry = this.#live(elementKey(element))
    if (entry === 0) return false
    const { transaction } = this.spec
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
    const { transaction, tree } = this.spec
    const node = this.found()
    const entry = node === 0 ? 0 : tree.findEntry(node, this.#kind, member)
    return entry !== 0 && transaction.isLive(entry) ? entry : 0
  }

  #members(): string[] {
    const { transaction, tree } = this.spec
    const node = this.found()
    const members: string[] = []
    if (node === 0) return members
    for (const entry of tree.entriesOf(node, this.#kind)) {
      if (transaction.isLive(entry)) members.push(tree.member(entry))
    }
    return members.sort()
  }
}

export const setBehaviour: Behaviour<SetField<unknown>> = {
  kind: ({ wins }) => (wins === 'remove' ? leafKinds.setRemoveWins : leafKinds.set),
  draft: (spec, above, name) => new SetDraftAt(spec, above, name),
  read: (view, node, field) => view.frozen(node === 0 ? [] : setMembers(new Leaf(view.tree, node, kindOf(field)))),
}

function elementKey(element: Value): string {
  const member = canonicalKey(typeof element === 'string' ? element : freezeValue(element))
  checkElementKey(member)
  return member
}
