/**
 * Writes that only the holder of a lease may make, and what becomes of them where it is not held: refused, kept until it is, or
 * shown as tentative meanwhile. Each `fenced` field says in the schema which.
 */
import {
  type Apart,
  authorIdFrom,
  type Change,
  createStore,
  type Document,
  type DraftOf,
  encodeSnapshot,
  type FencingToken,
  isRejoinError,
  leafKinds,
  loadSnapshot,
  openDocument,
  rejoinError,
  type Schema,
  type SnapshotOf,
  type Version,
} from '@rejoin/state'
import type { DocumentHandle } from '../document-handle.ts'
import { deferred, type Later } from '../later.ts'
import type { Receipt } from '../ledger.ts'
import { listen } from '../listeners.ts'
import type { Lease } from './leases.ts'
import { coreOf } from './shared-leases.ts'

/** Writes that wait at once for one lease. */
const mostWaiting = 1000

/**
 * What became of a write. `waiting`: the lease is not held here. `written`: it stands in the document, and may still be lost with the
 * lease. `counts`: a quorum has it. `lost`: the lease was lost before, so that the next holder may not know of it. `failed`: it threw,
 * was refused, or still waited when its lease was given up. `withdrawn`: nobody wants it any more.
 */
export type ExclusiveState = 'waiting' | 'written' | 'counts' | 'lost' | 'failed' | 'withdrawn'

/** One write under a lease. */
export interface ExclusiveWrite {
  readonly state: ExclusiveState
  /** Whether what waits is shown in `Exclusive.snapshot`. */
  readonly isTentative: boolean
  /** Undefined while it waits. */
  readonly receipt: Receipt | undefined
  /**
   * Settles when it counts: see `Lease.reached`. Rejects with what it threw when it was made, `lease-lost` when the lease was
   * lost before, `write-withdrawn` when it was withdrawn, `closed` when it still waited as the lease was released, or what it is had
   * from was closed.
   */
  readonly counts: Later<void>
  /** Gives up a write that waits; another is not changed. */
  withdraw(): void
}

/** The writes to one document under one lease. */
export interface Exclusive<S extends Schema> {
  readonly lease: Lease
  /**
   * What the document would read with the tentative writes that wait; its plain snapshot where none does. Making one costs a copy of
   * the document, once for each version of it.
   */
  readonly snapshot: SnapshotOf<S>
  /** Those that wait, in their turn. They wait in memory: with the page they are gone. */
  readonly waiting: readonly ExclusiveWrite[]
  /**
   * Runs `write` now where the lease is usable, and otherwise when it is, on what stands in the document by then: it may be run several
   * times, and has no other effects. Of several fields of the lease that it writes, the strictest `apart` counts. A write that touches no
   * field of the lease is made at once, held or not, and counts when it is on the disk here, as any other.
   * @throws RejoinError `lease-not-held` with why, where a field says `refuse` or too many wait; what `change` throws.
   */
  change(write: (draft: DraftOf<S>) => void): ExclusiveWrite
  /** Calls back when something waits, or waits no more. Returns the way to stop. */
  onWaiting(listener: (waiting: readonly ExclusiveWrite[]) => void): () => void
  /** Withdraws what waits. The lease is not given back. Idempotent. */
  close(): void
}

interface Pending<S extends Schema> extends ExclusiveWrite {
  readonly write: (draft: DraftOf<S>) => void
  settle(state: ExclusiveState, error?: unknown): void
  made(receipt: Receipt): void
}

/** Writes to a document under a lease of it, held or not. */
export function exclusive<S extends Schema>(handle: DocumentHandle<S>, lease: Lease): Exclusive<S> {
  let waiting: readonly Pending<S>[] = []
  /** A copy in which the tentative ones of those that wait are made. */
  let shown: { readonly version: Version; readonly of: typeof waiting; readonly copy: Document<S> } | undefined
  const listeners = new Set<(waiting: readonly ExclusiveWrite[]) => void>()
  let isFollowed = false
  let isClosed = false
  const tell = (): void => {
    for (const listener of [...listeners]) {
      if (!listeners.has(listener)) continue
      try {
        listener(waiting)
      } catch (error) {
        coreOf(lease)?.log('error', 'listener-failed', { error: String(error) })
      }
    }
  }
  const setWaiting = (next: typeof waiting): void => {
    waiting = next
    tell()
  }
  /** @throws what the write throws. */
  const make = (pending: Pending<S>, token: FencingToken): void => {
    const receipt = handle.change(pending.write, { token })
    pending.made(receipt)
    lease.reached(receipt).then(
      () => pending.settle('counts'),
      (error: unknown) => {
        const isLost = isRejoinError(error) && error.code === 'lease-lost'
        pending.settle(isLost ? 'lost' : 'failed', error)
      },
    )
  }
  const goOn = (): void => {
    for (let token = lease.token; token !== undefined && waiting.length > 0; token = lease.token) {
      const [next, ...rest] = waiting as [Pending<S>, ...Pending<S>[]]
      // Whoever hears of the write may write, too, and what waits goes first.
      waiting = rest
      try {
        make(next, token)
      } catch (error) {
        next.settle('failed', error)
      }
      tell()
    }
  }
  const giveUp = (error: unknown): void => {
    const left = waiting
    waiting = []
    for (const pending of left) pending.settle('failed', error)
    tell()
  }
  /** While anything waits the end of the lease is waited for as well: nothing is made after that. */
  const follow = (): void => {
    if (isClosed) giveUp(rejoinError('closed'))
    if (isFollowed || waiting.length === 0) return
    isFollowed = true
    const settled = (): void => {
      isFollowed = false
    }
    lease.held().then(settled, (error: unknown) => {
      settled()
      giveUp(error)
    })
  }
  const stop = lease.onChange(({ kind }) => {
    if (kind === 'usable') goOn()
    // It may be usable once more, or given up.
    else follow()
  })
  const copy = (): Document<S> => {
    const { version } = handle
    if (shown?.version !== version || shown.of !== waiting) {
      shown = { version, of: waiting, copy: scratchOf(handle) }
      for (const { write, isTentative } of waiting) if (isTentative) trial(shown.copy, lease.name, write)
    }
    return shown.copy
  }
  const pendingOf = (write: Pending<S>['write'], isTentative: boolean): Pending<S> => {
    let state: ExclusiveState = 'waiting'
    let receipt: Receipt | undefined
    const pair = deferred<void>()
    // Whoever does not look at it is not told of an unhandled rejection.
    pair.later.then(undefined, () => undefined)
    const pending: Pending<S> = {
      write,
      isTentative,
      get state() {
        return state
      },
      get receipt() {
        return receipt
      },
      counts: pair.later,
      made: (of) => {
        state = 'written'
        receipt = of
      },
      settle: (next, error) => {
        state = next
        if (next === 'counts') pair.resolve(undefined)
        else pair.reject(error)
      },
      withdraw: () => {
        if (state !== 'waiting') return
        pending.settle('withdrawn', rejoinError('write-withdrawn'))
        setWaiting(waiting.filter((other) => other !== pending))
      },
    }
    return pending
  }

  /** It needs no lease. */
  const free = (write: Pending<S>['write']): Pending<S> => {
    const pending = pendingOf(write, false)
    const receipt = handle.change(write)
    pending.made(receipt)
    receipt.reached('disk').then(
      () => pending.settle('counts'),
      (error: unknown) => pending.settle('failed', error),
    )
    return pending
  }

  return {
    lease,
    get waiting() {
      return waiting
    },
    get snapshot() {
      return waiting.some(({ isTentative }) => isTentative) ? copy().snapshot : handle.snapshot
    },
    change: (write) => {
      // It may be usable before that was told here.
      goOn()
      const { token } = lease
      if (token !== undefined) {
        const pending = pendingOf(write, false)
        make(pending, token)
        return pending
      }
      const tried = copy()
      const change = trial(tried, lease.name, write)
      // What it was tried on is what is to be shown, if it is.
      shown = undefined
      if (change !== undefined && !change.ops.some(isOfLease(lease.name))) return free(write)
      const apart = apartOf(handle.schema, lease.name, change)
      if (apart === 'refuse' || waiting.length >= mostWaiting) {
        const asking = 'It is not granted yet; the voters are being asked.'
        const why = apart === 'refuse' ? (lease.denial ?? asking) : `${mostWaiting} writes wait already.`
        throw rejoinError('lease-not-held', {
          reason: `It takes the lease "${lease.name}". ${why}`,
          details: { lease: lease.name },
        })
      }
      const pending = pendingOf(write, apart === 'tentative')
      const { version } = handle
      const of = [...waiting, pending]
      if (pending.isTentative) shown = { version, of, copy: tried }
      setWaiting(of)
      follow()
      return pending
    },
    onWaiting: (listener) => listen(listeners, listener),
    close: () => {
      isClosed = true
      stop()
      for (const pending of waiting) pending.withdraw()
    },
  }
}

/** A copy of a document, to be written without any effect, by the same author: it has its rights. */
function scratchOf<S extends Schema>({ store, schema }: DocumentHandle<S>): Document<S> {
  const scratch = createStore({ newAuthor: () => authorIdFrom('f'.repeat(16)), now: () => 0 })
  loadSnapshot(scratch, encodeSnapshot(store))
  if (store.author !== undefined) scratch.continueAs(store.author)
  return openDocument(schema, scratch)
}

/** Writes to a copy as the holder would; undefined where that throws, as what a write does is found out when it is made. */
function trial<S extends Schema>(
  scratch: Document<S>,
  lease: string,
  write: (draft: DraftOf<S>) => void,
): Change | undefined {
  const most = Number.MAX_SAFE_INTEGER
  try {
    return scratch.change(write, { token: { lease, epoch: most, ballot: most } })
  } catch {
    return undefined
  }
}

const isOfLease =
  (lease: string) =>
  ({ key }: Change['ops'][number]): boolean =>
    key.kind === leafKinds.fenced && key.member === lease

const strictness = ['tentative', 'queue', 'refuse'] as const

/** The strictest that the fenced fields say which a write touches, or all of the lease where it could not be tried. */
function apartOf(schema: Schema, lease: string, change: Change | undefined): Apart {
  const paths = change?.ops.filter(isOfLease(lease))
  let strictest = 0
  const visit = (shape: object, path: readonly string[] | undefined): void => {
    const field = shape as { readonly field?: string; readonly lease?: string; readonly apart?: Apart }
    if (field.field === 'fenced' && field.lease === lease)
      strictest = Math.max(strictest, strictness.indexOf(field.apart ?? 'refuse'))
    if (typeof field.field === 'string') return
    const [name, ...rest] = path ?? []
    for (const [key, inner] of Object.entries(shape)) if (path === undefined || key === name) visit(inner, path && rest)
  }
  if (paths === undefined) visit(schema.fields, undefined)
  else for (const { key } of paths) visit(schema.fields, key.path)
  return strictness[strictest] as Apart
}
