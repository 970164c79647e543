/**
 * Rejoin in a page: state, sync, and the storage and transports of a browser. In Node the same name resolves to the
 * module beside this one, with the storage and transports of a process.
 *
 * @module
 */
export * from '@rejoin/state'
export * from '@rejoin/sync'
export * from '@rejoin/web'
