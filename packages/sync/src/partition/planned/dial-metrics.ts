import type { AddressRecord, AddressTier } from '../dialing/address.ts'
import type { BreakerState } from '../dialing/breaker.ts'
import type { DialStage } from '../dialing/diagnosis-table.ts'

/** What a plan of dialling came to since it began, and how it stands. */
export interface DialMetrics {
  /** Attempts at single addresses. */
  readonly dials: number
  /** Attempts that failed, by how far they came. */
  readonly failures: Readonly<Record<DialStage, number>>
  /** Handshakes that were complete. */
  readonly established: number
  /** Links that were closed as there was another to the same peer. */
  readonly duplicates: number
  /** Addresses by how their breakers stand. */
  readonly breakers: Readonly<Record<BreakerState, number>>
  /** Addresses by tier. */
  readonly addresses: Readonly<Record<AddressTier, number>>
  /** Servers that are connected. */
  readonly connected: number
  /** Rows of storage that were no address. */
  readonly skippedRows: number
}

/** One address of the book, and how it stands. */
export interface AddressView extends AddressRecord {
  readonly breaker: BreakerState
  /** Whether who answers there is connected, by this address or another. */
  readonly isConnected: boolean
}

/** No attempts yet. */
export function noFailures(): Record<DialStage, number> {
  return { dns: 0, tcp: 0, tls: 0, connect: 0, handshake: 0, auth: 0 }
}
