/**
 * Rejoin in a process: state, sync, and the storage and transports of Node.
 *
 * @module
 */
export * from '@rejoin/node'
export * from '@rejoin/state'
export * from '@rejoin/sync'
