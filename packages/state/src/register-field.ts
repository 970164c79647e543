import type { MvRegisterField, RegisterField } from './fields.ts'
import { leafKinds } from './key.ts'
import { type Behaviour, LeafDraft, Place } from './place.ts'
import { concurrentValues, written } from './read.ts'
import { winningItem } from './stamp-order.ts'
import { freezeValue, type Value } from './value.ts'

class RegisterDraftAt extends Place {
  get(): Value {
    const { transaction, tree, field } = this.spec
    const node = this.found()
    const entry = node === 0 ? 0 : tree.findEntry(node, leafKinds.register, '')
    const value = entry === 0 ? undefined : transaction.valueOf(entry)
    return written(value, (field as RegisterField<unknown>).initial)
  }

  set(value: Value): void {
    const { transaction } = this.spec
    const { tree } = transaction.core
    const entry = tree.entry(this.made(tree), leafKinds.register, '')
    transaction.put(entry, typeof value === 'number' ? value : freezeValue(value))
  }
}

export const registerBehaviour: Behaviour<RegisterField<unknown>> = {
  kind: () => leafKinds.register,
  draft: (spec, above, name) => new RegisterDraftAt(spec, above, name),
  read: ({ tree }, node, { initial }) => {
    const entry = node === 0 ? 0 : tree.findEntry(node, leafKinds.register, '')
    if (entry === 0 || !tree.isLive(entry)) return initial
    return tree.hasRecords(entry) ? winningItem(tree.items(entry))?.value : tree.value(entry)
  },
  isPlain: true,
}

class MvRegisterDraftAt extends LeafDraft {
  concurrent(): readonly Value[] {
    return concurrentValues(this.items)
  }

  set(value: Value): void {
    this.transaction.put(this.entry, freezeValue(value))
  }
}

export const mvRegisterBehaviour: Behaviour<MvRegisterField<unknown>> = {
  kind: () => leafKinds.mvRegister,
  draft: (spec, above, name) => new MvRegisterDraftAt(spec, above, name),
  read: (view, node, field) => view.frozen(concurrentValues(view.items(node, field))),
}
