import { rejoinError } from '@rejoin/state'
import type { ReplicaCore } from '../replica-core.ts'
import type { LeaseBackends } from './lease/backend.ts'
import { leaseOptionsFault } from './lease/options.ts'
import type { LeaseSource } from './leases.ts'
import { SharedLeases } from './shared-leases.ts'
import { WantedLease } from './wanted-lease.ts'

/** By which replica backends are used. They know it by one name: of two, both would be granted the same lease under the same token. */
const users = new WeakMap<LeaseBackends, ReplicaCore>()

/**
 * For `leases` of `PartitionOptions`: leases come from a backend, as NATS, and not from the voters. Of a document all replicas use the same,
 * each by backends of its own, for `watchPartitions` throws RejoinError `config-invalid` where these are used by another replica already.
 */
export function leasesFrom(backends: LeaseBackends): LeaseSource {
  return (ground) => {
    const { core, maxTtlMs } = ground
    if ((users.get(backends) ?? core) !== core) throw rejoinError('config-invalid', { reason: usedAlready })
    users.set(backends, core)
    const wanted = new Set<WantedLease>()
    const shared = new SharedLeases(core)
    return {
      open: (opened, name, { ttlMs = maxTtlMs }) =>
        shared.open(opened, name, (document, told) => {
          const fault = leaseOptionsFault({ lease: name, ttlMs, maxTtlMs })
          if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
          const lease: WantedLease = new WantedLease(ground, backends.of(opened), document, name, ttlMs, told, () =>
            wanted.delete(lease),
          )
          wanted.add(lease)
          return lease
        }),
      paused: () => {
        for (const lease of wanted) lease.lose('The process stood still.')
      },
      dropped: (document) => shared.dropped(document),
      close: () => {
        shared.close()
        if (users.get(backends) === core) users.delete(backends)
      },
    }
  }
}

const usedAlready =
  'Another replica uses these lease backends, so that both would hold the same lease: make some for each replica, as by natsLeases(...), or close the other watch first.'
