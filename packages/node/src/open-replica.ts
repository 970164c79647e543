import { createReplica, type Replica, type ReplicaOptions } from '@rejoin/sync'
import { processClock, processEnvironment, processRandom, processTimers } from './platform.ts'
import { saveTraces, type TraceOptions } from './trace-files.ts'

/** What a process says about its replica; the platform fills in the rest, and each part can be given instead. */
export type OpenReplicaOptions = Pick<ReplicaOptions, 'storage'> &
  Partial<ReplicaOptions> & {
    /** Keeps traces of divergences as files; see {@link saveTraces}. Default: they go to `onDivergence` alone. */
    readonly traces?: TraceOptions
  }

/**
 * Opens a replica in a process: the system's clock, timers and randomness, and hints when network interfaces come and
 * go. The replica keeps the process alive until it is closed.
 *
 * @example
 * const replica = await openReplica({ storage: lmdb('./data') })
 */
export async function openReplica(options: OpenReplicaOptions): Promise<Replica> {
  const { traces, ...replicaOptions } = options
  const replica = createReplica({
    clock: processClock,
    timers: processTimers,
    random: processRandom,
    environment: processEnvironment(),
    ...replicaOptions,
  })
  if (traces !== undefined) saveTraces(replica, traces)
  return replica
}
