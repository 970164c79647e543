import { rejoinError } from '@rejoin/state'
import type { DocumentCore } from '../document-core.ts'
import type { LeaseBackends } from './lease/backend.ts'
import { leaseOptionsFault } from './lease/options.ts'
import type { Lease, LeaseGround, LeaseRequestOptions } from './leases.ts'
import { WantedLease } from './wanted-lease.ts'

/** What stands behind `leases` of `PartitionOptions`. */
export interface LeasesElsewhere {
  want(document: DocumentCore, name: string, options: LeaseRequestOptions, released: () => void): Lease
  /** This replica did not run: what it held is void. */
  paused(): void
  /** Gives all back. */
  close(): void
}

/** For `leases` of `PartitionOptions`: leases come from a backend, as NATS, and not from the voters. Of a document all replicas use the same. */
export function leasesFrom(backends: LeaseBackends): (ground: LeaseGround) => LeasesElsewhere {
  return (ground) => {
    const wanted = new Set<WantedLease>()
    return {
      want: (document, name, { ttlMs = ground.maxTtlMs }, released) => {
        const fault = leaseOptionsFault({ lease: name, ttlMs, maxTtlMs: ground.maxTtlMs })
        if (fault !== undefined) throw rejoinError('config-invalid', { reason: fault })
        const lease: WantedLease = new WantedLease(ground, backends.of(document.name), document, name, ttlMs, () => {
          wanted.delete(lease)
          released()
        })
        wanted.add(lease)
        return lease
      },
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
