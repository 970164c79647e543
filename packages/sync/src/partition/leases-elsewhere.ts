import { rejoinError } from '@rejoin/state'
import type { LeaseBackends } from './lease/backend.ts'
import { leaseOptionsFault } from './lease/options.ts'
import type { LeaseSource } from './leases.ts'
import { SharedLeases } from './shared-leases.ts'
import { WantedLease } from './wanted-lease.ts'

/** For `leases` of `PartitionOptions`: leases come from a backend, as NATS, and not from the voters. Of a document all replicas use the same. */
export function leasesFrom(backends: LeaseBackends): LeaseSource {
  return (ground) => {
    const wanted = new Set<WantedLease>()
    const shared = new SharedLeases(ground.core)
    return {
      open: (opened, name, { ttlMs = ground.maxTtlMs }) =>
        shared.open(opened, name, (document, released) => {
          const fault = leaseOptionsFault({ lease: name, ttlMs, maxTtlMs: ground.maxTtlMs })
          if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
          const lease: WantedLease = new WantedLease(ground, backends.of(opened), document, name, ttlMs, () => {
            wanted.delete(lease)
            released()
          })
          wanted.add(lease)
          return lease
        }),
      paused: () => {
        for (const lease of wanted) lease.lose('The process stood still.')
      },
      close: () => {
        for (const lease of wanted) lease.close()
        wanted.clear()
      },
    }
  }
}
