import type { Change } from './change.ts'
import type { Conflict } from './conflict.ts'
import { Drafts } from './draft.ts'
import { rejoinError } from './errors.ts'
import { leafKinds } from './key.ts'
import type { DraftOf, Schema, SnapshotOf } from './schema.ts'
import type { ChangeEvent, Store } from './store.ts'
import { View } from './view.ts'

/** A typed lens over a store. Several lenses may stand over one store. */
export interface Document<S extends Schema> {
  readonly schema: S
  readonly store: Store
  /** Plain, frozen, structurally shared: the same reference where nothing changed. */
  readonly snapshot: SnapshotOf<S>
  /**
   * Runs `write` as one atomic change and gives the change that carries it; undefined when nothing was written. When
   * `write` throws, nothing has changed.
   * @throws RejoinError `change-nested`, `invalid-value`, `invalid-key`, `out-of-range`.
   */
  change(write: (draft: DraftOf<S>) => void): Change | undefined
  /** Calls back after every local change and merge. Returns the way to stop. */
  subscribe(listener: (event: ChangeEvent) => void): () => void
  /** Calls back when what `select` picks from the snapshot became another reference. Returns the way to stop. */
  subscribe<T>(select: (snapshot: SnapshotOf<S>) => T, listener: (value: T, before: T) => void): () => void
}

class LensDocument<S extends Schema> implements Document<S> {
  readonly schema: S
  readonly store: Store
  readonly #view: View
  readonly #draft: DraftOf<S>

  constructor(schema: S, store: Store) {
    this.schema = schema
    this.store = store
    this.#view = new View(store)
    this.#draft = new Drafts(store).at(store.tree.root, schema.fields) as DraftOf<S>
  }

  get snapshot(): SnapshotOf<S> {
    return this.#view.at(this.store.tree.root, this.schema.fields) as SnapshotOf<S>
  }

  change(write: (draft: DraftOf<S>) => void): Change | undefined {
    return this.store.transact(() => write(this.#draft))
  }

  subscribe<T>(
    first: ((event: ChangeEvent) => void) | ((snapshot: SnapshotOf<S>) => T),
    listener?: (value: T, before: T) => void,
  ): () => void {
    if (listener === undefined) return this.store.subscribe(first as (event: ChangeEvent) => void)
    const select = first as (snapshot: SnapshotOf<S>) => T
    let before = select(this.snapshot)
    return this.store.subscribe(() => {
      const value = select(this.snapshot)
      if (Object.is(value, before)) return
      const old = before
      before = value
      listener(value, old)
    })
  }
}

/** A typed lens over a store. */
export function openDocument<S extends Schema>(schema: S, store: Store): Document<S> {
  return new LensDocument(schema, store)
}

/**
 * Writes the losing side of a conflict back as an ordinary change. Undefined when there is nothing to write.
 * @throws RejoinError `invalid-change` when both sides were kept, as there is no loser.
 */
export function reapply(store: Store, conflict: Conflict): Change | undefined {
  if (conflict.winner === 'both')
    throw rejoinError('invalid-change', { reason: 'Both sides of this conflict were kept.' })
  const loser = conflict.winner === 'ours' ? conflict.theirs : conflict.ours
  const winner = conflict.winner === 'ours' ? conflict.ours : conflict.theirs
  if (conflict.rule === 'update-wins') {
    const node = store.tree.findNode(conflict.path)
    return store.transact((transaction) => {
      if (node !== undefined && transaction.isPresent(node)) transaction.removeEntry(node)
    })
  }
  const kind = reapplicableKinds[conflict.kind]
  const entries = store.tree.findNode(conflict.path)?.leaves ?? []
  return store.transact((transaction) => {
    for (const leaf of entries) {
      if (!kind?.includes(leaf.kind)) continue
      for (const entry of leaf.entries()) {
        const concerned = entry
          .liveItems()
          .some((item) => item.author === winner.dot.author && item.seq === winner.dot.seq)
        if (!concerned) continue
        if (loser.value === undefined) transaction.remove(entry)
        else transaction.put(entry, loser.value)
      }
    }
  })
}

const reapplicableKinds: Readonly<Record<string, readonly number[]>> = {
  register: [leafKinds.register],
  flag: [leafKinds.flag, leafKinds.flagDisableWins],
  set: [leafKinds.set],
  entry: [leafKinds.entry],
}
