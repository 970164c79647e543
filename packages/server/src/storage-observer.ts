/**
 * A storage that is watched: every batch is timed and counted. What the storage promises stays as it is.
 */
import type { Storage } from '@rejoin/sync'
import type { ServerMetrics } from './metrics.ts'

/** Watches `inner`. `now` is a monotonic clock in milliseconds. */
export function observeStorage(inner: Storage, metrics: ServerMetrics, now: () => number): Storage {
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
    close: () => inner.close(),
    ...(withLock === undefined ? {} : { withLock: withLock.bind(inner) }),
    ...(onStatus === undefined ? {} : { onStatus: onStatus.bind(inner) }),
  }
}

function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'storage-unavailable'
}
