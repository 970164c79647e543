/**
 * Contract suites: any adapter behind a seam must pass the one of its seam.
 *
 * They take the test functions as an argument and import no test framework.
 *
 * @example
 * ```ts
 * // check: belongs in a test file
 * import { describe, expect, it } from 'vitest'
 * import { runStorageContract, type StorageSubject } from '@rejoin/sync/contracts'
 *
 * declare function openMyStorage(): Promise<StorageSubject>
 * runStorageContract({ describe, it, expect }, 'my storage', openMyStorage)
 * ```
 */
export { type EnvironmentSubject, runEnvironmentContract } from './contracts/environment-contract.ts'
export { type LeaseSubject, runLeaseContract } from './contracts/lease-contract.ts'
export { runStorageContract, type StorageSubject } from './contracts/storage-contract.ts'
export type { TestApi } from './contracts/test-api.ts'
export { runTransportContract, type TransportSubject } from './contracts/transport-contract.ts'
