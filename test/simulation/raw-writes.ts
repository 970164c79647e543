/** Writes at merge keys themselves, without a schema: every leaf kind, at the root and inside removable entries. */
import type { RandomStream } from '@rejoin/sim'
import { canonicalKey, leafKinds, type Path, type Store } from '@rejoin/state'

type Transaction = Parameters<Parameters<Store['transact']>[0]>[0]

const words = ['ash', 'bell', 'coral', 'drum']
const players = ['ada', 'bo']

/** How many kinds of write {@link randomRawWrite} knows. */
export const rawWriteKinds = 16

/** One random write of one of `kinds` within a transaction. */
export function randomRawWrite(
  random: RandomStream,
  store: Store,
  transaction: Transaction,
  kinds: readonly number[],
): void {
  const player = random.pick(players)
  const leaf = (path: Path, kind: number) => store.tree.node(path).leaf(kind)
  const list = (path: Path): void => {
    const entry = leaf(path, leafKinds.list).entry('')
    const length = entry.leaf.sequence?.length ?? 0
    if (length > 0 && random.chance(0.35)) transaction.erase(entry, random.int(length), 1)
    else {
      const values = Array.from({ length: 1 + random.int(3) }, () => `${random.pick(words)}${random.int(100)}`)
      transaction.insert(entry, random.int(length + 1), values)
    }
  }
  const set = (path: Path): void => {
    const entry = leaf(path, leafKinds.set).entry(canonicalKey(random.pick(words)))
    if (random.chance(0.4)) transaction.remove(entry)
    else transaction.put(entry, null)
  }
  const single = (path: Path, kind: number, value: string | boolean): void => {
    transaction.put(leaf(path, kind).entry(''), value)
  }
  const writes: (() => void)[] = [
    () => single(['title'], leafKinds.register, `${random.pick(words)}${random.int(100)}`),
    () => single(['tags'], leafKinds.mvRegister, `${random.pick(words)}${random.int(100)}`),
    () => single(['open'], leafKinds.flag, random.chance(0.5)),
    () => single(['latch'], leafKinds.flagDisableWins, random.chance(0.5)),
    () => transaction.addToCounter(leaf(['score'], leafKinds.counter), 1 + random.int(9)),
    () => set(['chest']),
    () => set(['chest']),
    () => list(['log']),
    () => single(['players', player, 'name'], leafKinds.register, `${random.pick(words)}${random.int(100)}`),
    () => transaction.addToCounter(leaf(['players', player, 'hp'], leafKinds.counter), random.int(19) - 9),
    () => transaction.addToCounter(leaf(['players', player, 'hp'], leafKinds.counter), random.int(19) - 9),
    () => set(['players', player, 'items']),
    () => list(['players', player, 'log']),
    () => single(['players', player], leafKinds.entry, true),
    () => {
      const node = store.tree.findNode(['players', player])
      if (node !== undefined) transaction.removeSubtree(node)
    },
    () => transaction.remove(leaf(['title'], leafKinds.register).entry('')),
  ]
  writes[random.pick(kinds)]?.()
}
