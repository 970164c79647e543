/** What a server says of leases: those that it voted for itself. */
import { type GrantedLeases, grantedLeases, type Partitions } from '@rejoin/sync/partition'

/** Leases of one document that a voter keeps apart at most: of one that is named all are listed. */
const mostOfDocument = 256
const mostOfAll = 100
/** With the rest of where a server stands. */
export const mostWithStatus = 5

/** As data, for `/debug/leases` and for the commands. */
export interface LeasesView extends GrantedLeases {
  readonly self: string
  /** What this is worth. */
  readonly note: string
  readonly isVoter: boolean
  /** Until then leases of before may be missing here, Unix milliseconds. */
  readonly mayLackUntil?: number
  /** How many are not listed. */
  readonly more: number
}

/** What a voter's word of leases is worth. */
export const mayBeBehind = 'It may be behind what others voted for: a quorum of the voters decides.'

/** Those of one document, or of all; the first of them. */
export function leasesView(
  partitions: Partitions,
  document?: string,
  most: number = document === undefined ? mostOfAll : mostOfDocument,
): LeasesView {
  const { self, status } = partitions
  const { leases = [], count = 0 } =
    grantedLeases(partitions, { most, ...(document === undefined ? {} : { document }) }) ?? {}
  return {
    self,
    note: `Leases that this voter voted for and that may be held. ${mayBeBehind}`,
    isVoter: status.roster?.voters.some(({ id }) => id === self) === true,
    ...(status.renewsOnlyUntil === undefined ? {} : { mayLackUntil: status.renewsOnlyUntil }),
    leases,
    count,
    more: count - leases.length,
  }
}
