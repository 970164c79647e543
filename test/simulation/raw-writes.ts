/** Writes at merge keys themselves, without a schema: every leaf kind, at the root and inside removable entries. */
import type { RandomStream } from '@rejoin/sim'
import { boundedAt, canonicalKey, isRejoinError, leafKinds, type Path, type Store, type Value } from '@rejoin/state'
import { addToCounter, editOf, Leaf } from '@rejoin/state/testing'

type Transaction = Parameters<Parameters<Store['transact']>[0]>[0]

const words = ['ash', 'bell', 'coral', 'drum']
const players = ['ada', 'bo']

/** A bounded counter that everybody may touch. */
export const potions = { initial: 6, min: 0, max: 9 }

/** How many kinds of write {@link randomRawWrite} knows. */
export const rawWriteKinds = 28

/** One random write of one of `kinds` within a transaction. */
export function randomRawWrite(
  random: RandomStream,
  store: Store,
  transaction: Transaction,
  kinds: readonly number[],
): void {
  const player = random.pick(players)
  const { tree } = store
  const at = (path: Path, kind: number, member = '') => tree.entry(tree.node(path), kind, member)
  const counter = (path: Path) => new Leaf(tree, tree.node(path), leafKinds.counter)
  const list = (path: Path): void => {
    const entry = at(path, leafKinds.list)
    const length = tree.sequences.get(entry)?.length ?? 0
    if (length > 0 && random.chance(0.35)) editOf(store.core, transaction, entry).erase(random.int(length), 1)
    else {
      const values = Array.from({ length: 1 + random.int(3) }, () => `${random.pick(words)}${random.int(100)}`)
      const edit = editOf(store.core, transaction, entry)
      edit.insert(random.int(length + 1), values, transaction.takeSeqs(values.length))
    }
  }
  const set = (path: Path): void => {
    const entry = at(path, leafKinds.set, canonicalKey(random.pick(words)))
    if (random.chance(0.4)) transaction.remove(entry)
    else transaction.put(entry, null)
  }
  const single = (path: Path, kind: number, value: Value): void => {
    transaction.put(at(path, kind), value)
  }
  // A holder that does not know that it was replaced, or does not care: the store must keep what outranks it.
  const fencedWrite = (): void => {
    const value = [random.int(2), random.int(3), `${random.pick(words)}${random.int(100)}`]
    transaction.put(at(['round'], leafKinds.fenced, 'round'), value)
  }
  const named = (path: Path, resolver: string): void => {
    transaction.put(at(path, leafKinds.resolved, resolver), `${random.pick(words)}${random.int(100)}`)
  }
  const banned = (path: Path): void => {
    transaction.put(at(path, leafKinds.setRemoveWins, canonicalKey(random.pick(words))), random.chance(0.6))
  }
  /** Whatever a replica would like to do with what everybody shares; beyond its rights it is refused. */
  const bounded = (): void => {
    const draft = boundedAt(store, ['potions'], potions)
    const authors = [...store.version.entries()].map(([author]) => author)
    const other = authors.length === 0 ? undefined : random.pick(authors)
    const amount = random.int(7)
    const attempts: (() => void)[] = [
      () => draft.grant(),
      () => draft.subtract(amount),
      () => draft.subtract(draft.spendable()),
      () => draft.add(amount),
      () => draft.add(draft.room()),
      () => other !== undefined && draft.give(other, { spend: amount, room: random.int(3) }),
      () => other !== undefined && draft.give(other, { spend: draft.spendable() }),
      () => draft.end(),
      () => other !== undefined && draft.takeOver(other),
    ]
    try {
      random.pick(attempts)()
    } catch (error) {
      if (!isRejoinError(error) || !error.code.startsWith('rights-')) throw error
    }
  }
  const writes: (() => void)[] = [
    () => single(['title'], leafKinds.register, `${random.pick(words)}${random.int(100)}`),
    () => single(['tags'], leafKinds.mvRegister, `${random.pick(words)}${random.int(100)}`),
    () => single(['open'], leafKinds.flag, random.chance(0.5)),
    () => single(['latch'], leafKinds.flagDisableWins, random.chance(0.5)),
    () => addToCounter(transaction, counter(['score']), 1 + random.int(9)),
    () => set(['chest']),
    () => set(['chest']),
    () => list(['log']),
    () => single(['players', player, 'name'], leafKinds.register, `${random.pick(words)}${random.int(100)}`),
    () => addToCounter(transaction, counter(['players', player, 'hp']), random.int(19) - 9),
    () => addToCounter(transaction, counter(['players', player, 'hp']), random.int(19) - 9),
    () => set(['players', player, 'items']),
    () => list(['players', player, 'log']),
    () => single(['players', player], leafKinds.entry, true),
    () => {
      const node = tree.findNode(['players', player])
      if (node !== 0) transaction.removeSubtree(node)
    },
    () => transaction.remove(at(['title'], leafKinds.register)),
    () => single(['owner'], leafKinds.ranked, [random.int(3), `${random.pick(words)}${random.int(100)}`]),
    () => fencedWrite(),
    () => fencedWrite(),
    () => named(['best'], 'greatest'),
    () => named(['first'], 'earliest'),
    () => banned(['banned']),
    () => banned(['players', player, 'curses']),
    () => transaction.resetCounter(counter(['score'])),
    () => bounded(),
    () => bounded(),
    () => bounded(),
    () => bounded(),
  ]
  writes[random.pick(kinds)]?.()
}
