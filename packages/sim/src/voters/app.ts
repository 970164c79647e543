/** What the functions of an app may answer, and what they may not. */
import { type RejoinError, rejoinError } from '@rejoin/state'

/** Whether something is a promise, which is kept from ending the process should it be rejected: nobody waits for it. */
export function isPromise(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return false
  value.then(undefined, () => undefined)
  return true
}

/** For a function of an app that is `async`. A world waits for nothing but its own events, so its replay would differ. */
export function notSynchronous(what: string): RejoinError {
  return rejoinError('invalid-scenario', {
    reason: `${what} must be synchronous, and returned a promise: take async and await out of it.`,
    details: { what },
  })
}
