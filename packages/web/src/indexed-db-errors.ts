import { type RejoinError, rejoinError } from '@rejoin/state'

/** What a failure of IndexedDB means. Browsers differ in their messages, hardly in their names. */
export function storageErrorFrom(cause: unknown): RejoinError {
  const name = textOf(cause, 'name')
  const message = textOf(cause, 'message')
  if (name === 'QuotaExceededError') return rejoinError('storage-full', { cause })
  if (name === 'VersionError') {
    return rejoinError('storage-blocked', {
      reason: 'A newer version of this app has upgraded the store; this page is too old for it. Reload the page.',
      cause,
    })
  }
  if (name === 'NotFoundError') {
    return rejoinError('storage-corrupt', { reason: 'The database of that name is not one of Rejoin.', cause })
  }
  return rejoinError('storage-unavailable', { reason: `${name}: ${message}`, cause })
}

function textOf(value: unknown, key: 'name' | 'message'): string {
  if (typeof value !== 'object' || value === null) return key === 'name' ? 'Error' : String(value)
  const text = (value as Record<string, unknown>)[key]
  return typeof text === 'string' ? text : ''
}
