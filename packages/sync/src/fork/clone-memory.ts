import { applyBundle, bundleSince, Version } from '@rejoin/state'
import { storeAgain } from '../eviction.ts'
import { insideOf, type Replica } from '../replica.ts'

/**
 * Gives a fresh replica, which has the same documents open on a copy of the disk, what another holds in memory while it runs, its
 * name and its authors included: what a machine does that is cloned while it runs. For simulations.
 */
export function cloneMemory(from: Replica, to: Replica): void {
  const [source, copy] = [insideOf(from), insideOf(to)]
  copy.speaksAs = source.speaksAs
  for (const core of source.shelf.cores()) {
    const twin = copy.shelf.cores().find(({ name }) => name === core.name)
    if (twin === undefined) continue
    const store = twin.newStore()
    applyBundle(store, bundleSince(core.store, Version.empty))
    if (core.store.author !== undefined) store.continueAs(core.store.author)
    twin.replaceStore(store)
    twin.serverReached(core.acked)
    for (const author of core.ownAuthors) twin.ownAuthors.add(author)
    for (const author of core.forks.known) twin.forks.known.add(author)
    for (const [author, from] of core.refused) twin.refused.set(author, from)
    for (const { change, bytes } of core.log.unsettled(core.acked)) {
      twin.log.add(change, bytes, false)
      if (core.ownAuthors.has(change.author)) twin.ledger.add(change, bytes, false)
    }
    // What waits to be written is cloned, too, and reaches the other disk.
    copy.batch(() => storeAgain(twin))
  }
}
