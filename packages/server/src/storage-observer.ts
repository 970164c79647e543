/**
 * A storage that is watched: every batch is timed and counted. What the storage promises stays as it is.
 */
import type { Storage } from '@rejoin/sync'
import type { ServerMetrics } from './metrics.ts'

export interface ObserveOptions {
  /** A monotonic clock in milliseconds. */
  readonly now: () => number
  /** Whether the storage stays its caller's, so that closing what is returned leaves it open. */
  readonly isLent: boolean
}

/** Watches `inner`. */
export function observeStorage(inner: Storage, metrics: ServerMetrics, { now, isLent }: ObserveOptions): Storage {
  const { withLock, onStatus } = inner
  return {
    kind: inner.kind,
    read: (prefix) => inner.read(prefix),
    write(batch) {
      const startedAt = now()
      return inner.write(batch).then(
        () => {
          metrics.storageWrites.inc()
          metrics.storageRows.inc(batch.length)
          metrics.storageWriteSeconds.observe((now() - startedAt) / 1_000)
        },
        (cause: unknown) => {
          metrics.storageFailures.inc({ code: codeOf(cause) })
          throw cause
        },
      )
    },
    close: () => (isLent ? Promise.resolve() : inner.close()),
    ...(withLock === undefined ? {} : { withLock: withLock.bind(inner) }),
    ...(onStatus === undefined ? {} : { onStatus: onStatus.bind(inner) }),
  }
}

function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'storage-unavailable'
}
