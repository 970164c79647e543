/**
 * A storage that is watched: every batch is timed and counted, and whether the store takes writes is known at any time.
 * It changes nothing about what the storage promises.
 */
import type { Storage, StorageStatus } from '@rejoin/sync'
import type { ServerMetrics } from './metrics.ts'

/** The watched storage, and what was seen. */
export interface ObservedStorage {
  readonly storage: Storage
  readonly status: () => StorageStatus
  /** Tells each change between ok and failing, and each change of code. */
  readonly onStatus: (listener: (status: StorageStatus) => void) => void
}

/** Watches `inner`. `now` is a monotonic clock in milliseconds. */
export function observeStorage(inner: Storage, metrics: () => ServerMetrics, now: () => number): ObservedStorage {
  let status: StorageStatus = { state: 'ok' }
  const listeners = new Set<(status: StorageStatus) => void>()
  const report = (next: StorageStatus): void => {
    if (sameStatus(next, status)) return
    status = next
    for (const listener of listeners) listener(next)
  }
  inner.onStatus?.(report)
  const { withLock, onStatus } = inner
  const storage: Storage = {
    kind: inner.kind,
    read: (prefix) => inner.read(prefix),
    write(batch) {
      const startedAt = now()
      return inner.write(batch).then(
        () => {
          metrics().storageWrites.inc()
          metrics().storageRows.inc(batch.length)
          metrics().storageWriteSeconds.observe((now() - startedAt) / 1_000)
          report({ state: 'ok' })
        },
        (cause: unknown) => {
          const code = codeOf(cause)
          metrics().storageFailures.inc({ code })
          if (code !== 'storage-closed') report({ state: 'failing', code })
          throw cause
        },
      )
    },
    close: () => inner.close(),
    ...(withLock === undefined ? {} : { withLock: withLock.bind(inner) }),
    ...(onStatus === undefined ? {} : { onStatus: onStatus.bind(inner) }),
  }
  return { storage, status: () => status, onStatus: (listener) => void listeners.add(listener) }
}

function sameStatus(a: StorageStatus, b: StorageStatus): boolean {
  return a.state === b.state && (a.state === 'ok' || b.state === 'ok' || a.code === b.code)
}

function codeOf(cause: unknown): string {
  const code = (cause as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'storage-unavailable'
}
