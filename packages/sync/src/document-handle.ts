/// <reference lib="esnext.disposable" preserve="true" />
import {
  type Change,
  type ChangeEvent,
  type ChangeOptions,
  type Conflict,
  type Document,
  type DraftOf,
  digestOf,
  type FencingToken,
  isRejoinError,
  type KeptLeaf,
  openDocument,
  type PathIn,
  reapply,
  rejoinError,
  rollBack,
  type Schema,
  type ShapeAt,
  type SnapshotOf,
  type Store,
  type Version,
} from '@rejoin/state'
import type { DocumentCore } from './document-core.ts'
import type { Permission } from './frame.ts'
import type { Later } from './later.ts'
import { emptyReceipt, type Receipt, type Unsaved } from './ledger.ts'
import type { Presence } from './presence.ts'
import type { RefusedContent } from './refusal.ts'

/** A document opened with a schema: plain values in, plain values out. Several handles may share one document. */
export interface DocumentHandle<S extends Schema> {
  readonly name: string
  readonly schema: S
  /** Plain, frozen, structurally shared: the same reference where nothing changed. */
  readonly snapshot: SnapshotOf<S>
  readonly version: Version
  /** Work of this profile, of this opening and closed ones, that no server has durably. */
  readonly unsaved: Unsaved
  /** What a server last said this replica may do here; undefined while none has said anything. */
  readonly permission: Permission | undefined
  readonly presence: Presence
  /** The untyped store. It is another one after a refusal: do not keep it. */
  readonly store: Store
  /**
   * Runs `write` as one atomic change. It takes effect at once, connected or not; the receipt follows it further. Fenced
   * fields need the token of their lease in `options`.
   * @throws RejoinError `forbidden` when a server said that this replica may not write, `closed` after `close()`, and
   *   what the state throws: `invalid-value`, `invalid-key`, `out-of-range`, `change-nested`, `fencing-token-required`,
   *   `fencing-token-stale`.
   */
  change(write: (draft: DraftOf<S>) => void, options?: ChangeOptions): Receipt
  /**
   * A place in the document, found once, to be written inside many changes; see `Document.field`. After a refusal the
   * document has another store: ask for it again (`onRefused`).
   */
  field<const P extends readonly string[]>(...path: PathIn<S['fields'], P>): DraftOf<ShapeAt<S['fields'], P>>
  /** Writes the losing side of a conflict back, as an ordinary change. */
  reapply(conflict: Conflict, options?: ChangeOptions): Receipt
  /**
   * Makes the document read what another store reads, an earlier state of it as a rule, by a change like any other: see
   * `rollBack` of `@rejoin/state`. `kept` names what one change cannot set back.
   */
  rollBack(to: Store, options?: ChangeOptions): { readonly receipt: Receipt; readonly kept: readonly KeptLeaf[] }
  /** 16 hex digits, equal wherever the state is equal. */
  digest(): string
  /**
   * Calls back after every local change, merge and fall back, in their order: what a listener writes is told when all have heard of what
   * came before it. Returns the way to stop.
   */
  subscribe(listener: (event: ChangeEvent) => void): () => void
  /** Calls back when what `select` picks from the snapshot became another reference. Returns the way to stop. */
  subscribe<T>(select: (snapshot: SnapshotOf<S>) => T, listener: (value: T, before: T) => void): () => void
  /** Calls back with concurrent writes as a merge settles them. */
  onConflicts(listener: (conflicts: readonly Conflict[]) => void): () => void
  /** Calls back when a server refused what was written here, with the content; also of what was refused before. */
  onRefused(listener: (content: RefusedContent) => void): () => void
  onPermission(listener: (permission: Permission | undefined) => void): () => void
  /** Lets go of the document; the last handle writes out what is queued. Idempotent. */
  close(): Later<void>
  [Symbol.asyncDispose](): Later<void>
}

/** The token that has written, where a lesser one was refused. */
function outdoneBy(error: unknown): FencingToken | undefined {
  if (!isRejoinError(error) || error.code !== 'fencing-token-stale') return undefined
  const { lease, seenEpoch: epoch, seenBallot: ballot } = error.details
  return { lease, epoch, ballot } as FencingToken
}

/** Makes a handle; `release` is called once, by `close()`. */
export function createHandle<S extends Schema>(
  core: DocumentCore,
  schema: S,
  release: () => Later<void>,
): DocumentHandle<S> {
  let lens: Document<S> = openDocument(schema, core.store)
  core.schemas.push(schema)
  let closing: Later<void> | undefined
  const stops = new Set<() => void>()
  const listeners = new Set<(event: ChangeEvent) => void>()
  const attach = <T>(set: Set<T>, item: T): (() => void) => {
    set.add(item)
    const stop = (): void => {
      set.delete(item)
      stops.delete(stop)
    }
    stops.add(stop)
    return stop
  }
  const tell = (event: ChangeEvent): void => {
    core.hub.tell(listeners, event)
  }
  attach(core.listeners, tell)
  attach(core.replacedListeners, () => {
    lens = openDocument(schema, core.store)
    tell({ origin: 'remote', changed: [[]], conflicts: [], version: core.store.version })
  })
  const writing = (write: () => Change | undefined): Receipt => {
    if (closing !== undefined) throw rejoinError('closed', { details: { document: core.name } })
    if (core.permission === 'read' || core.permission === 'no') {
      throw rejoinError('forbidden', { details: { document: core.name, permission: core.permission } })
    }
    return core.hub.batch(() => {
      try {
        const change = write()
        return change === undefined ? emptyReceipt : core.receiptOf(change)
      } catch (error) {
        const by = outdoneBy(error)
        if (by !== undefined) core.hub.tell(core.outdoneListeners, by)
        throw error
      }
    })
  }
  const subscribe = <T>(
    first: ((event: ChangeEvent) => void) | ((snapshot: SnapshotOf<S>) => T),
    listener?: (value: T, before: T) => void,
  ): (() => void) => {
    if (listener === undefined) return attach(listeners, first as (event: ChangeEvent) => void)
    const select = first as (snapshot: SnapshotOf<S>) => T
    let before = select(lens.snapshot)
    return attach(listeners, () => {
      const value = select(lens.snapshot)
      if (Object.is(value, before)) return
      const old = before
      before = value
      listener(value, old)
    })
  }
  const close = (): Later<void> => {
    if (closing === undefined) {
      for (const stop of [...stops]) stop()
      core.schemas.splice(core.schemas.indexOf(schema), 1)
      closing = release()
    }
    return closing
  }

  return {
    name: core.name,
    schema,
    presence: core.presence,
    get snapshot(): SnapshotOf<S> {
      return lens.snapshot
    },
    get version(): Version {
      return core.store.version
    },
    get unsaved(): Unsaved {
      return core.ledger.unsaved
    },
    get permission(): Permission | undefined {
      return core.permission
    },
    get store(): Store {
      return core.store
    },
    change: (write, options) => writing(() => lens.change(write, options)),
    field: (...path) => lens.field(...(path as never)),
    reapply: (conflict, options) => writing(() => reapply(core.store, conflict, options)),
    rollBack: (to, options) => {
      let kept: readonly KeptLeaf[] = []
      const receipt = writing(() => {
        const done = rollBack(core.store, to, options)
        kept = done.kept
        return done.change
      })
      return { receipt, kept }
    },
    digest: () => digestOf(core.store),
    subscribe,
    onConflicts: (listener) =>
      attach(listeners, (event) => {
        if (event.conflicts.length > 0) listener(event.conflicts)
      }),
    onRefused: (listener) => {
      const stop = attach(core.refusedListeners, listener)
      for (const content of core.refusedBacklog.splice(0)) core.hub.tell(new Set([listener]), content)
      return stop
    },
    onPermission: (listener) => attach(core.permissionListeners, listener),
    close,
    [Symbol.asyncDispose]: close,
  }
}
