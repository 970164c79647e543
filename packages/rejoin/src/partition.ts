/**
 * Who is there and which side of a split this is, leases with fencing tokens, incidents: a module of its own, so that a
 * program without it carries none of it. It is that of `@rejoin/sync/partition`.
 *
 * @module
 */
export * from '@rejoin/sync/partition'
