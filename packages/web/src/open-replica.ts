import { createReplica, type Replica, type ReplicaOptions } from '@rejoin/sync'
import { pageClock, pageEnvironment, pageRandom, pageTimers } from './platform.ts'

/** What a page says about its replica; the platform fills in the rest, and each part can be given instead. */
export type OpenReplicaOptions = Pick<ReplicaOptions, 'storage'> & Partial<ReplicaOptions>

/**
 * Opens a replica in a page: the browser's clock, timers and randomness, and hints from the page, which also make it
 * write out what waits when the page is hidden or closed.
 *
 * @example
 * const replica = await openReplica({ storage: indexedDb('my-game') })
 */
export async function openReplica(options: OpenReplicaOptions): Promise<Replica> {
  return createReplica({
    clock: pageClock,
    timers: pageTimers,
    random: pageRandom,
    environment: pageEnvironment(),
    ...options,
  })
}
