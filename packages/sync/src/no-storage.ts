import { rejoinError } from '@rejoin/state'
import { rejected, resolved } from './later.ts'
import type { Storage } from './seams.ts'

/**
 * No disk at all: a document lives as long as it is open, and memory holds its state, not its rows. For views, bots and
 * replicas that come back with nothing and catch up. Nothing is ever more durable here than it is in memory, so
 * `reached('disk')` holds at once.
 */
export function noStorage(): Storage {
  let closed = false
  return {
    kind: 'none',
    keepsNothing: true,
    read: () => (closed ? rejected(rejoinError('storage-closed')) : resolved([])),
    write: () => (closed ? rejected(rejoinError('storage-closed')) : resolved(undefined)),
    close: () => {
      closed = true
      return resolved(undefined)
    },
  }
}
