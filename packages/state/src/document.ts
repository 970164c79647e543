import type { Change } from './change.ts'
import type { ChangeEvent } from './change-event.ts'
import type { Conflict, ConflictSide } from './conflict.ts'
import { invalidChange } from './error-codes.ts'
import { RejoinError } from './errors.ts'
import type { DraftOf, PathIn, Schema, ShapeAt, SnapshotOf } from './fields.ts'
import { rankedValue } from './graded.ts'
import { putFenced } from './graded-field.ts'
import { dotEquals } from './ids.ts'
import { kindName, leafKinds } from './key.ts'
import { draftAt, rootDraft } from './place.ts'
import type { Row } from './rows.ts'
import type { ChangeOptions, Store } from './store.ts'
import type { Transaction } from './transaction.ts'
import type { Tree } from './tree.ts'
import { View } from './view.ts'

/** A typed lens over a store. Several lenses may stand over one store. */
export interface Document<S extends Schema> {
  readonly schema: S
  readonly store: Store
  /** Plain, frozen, structurally shared: the same reference where nothing changed. */
  readonly snapshot: SnapshotOf<S>
  /**
   * Runs `write` as one atomic change and gives the change that carries it; undefined when nothing was written. When
   * `write` throws, nothing has changed. Fenced fields need the token of their lease in `options`.
   * @throws RejoinError `change-nested`, `invalid-value`, `invalid-key`, `out-of-range`, `fencing-token-required`, `fencing-token-stale`,
   * `value-too-large`, `document-full`.
   */
  change(write: (draft: DraftOf<S>) => void, options?: ChangeOptions): Change | undefined
  /**
   * A place in the document, found once, to be written inside many changes: spares the way there where thousands of writes
   * go to places that are known. Making it writes nothing.
   *
   * @example
   * ```ts
   * import { authorIdFrom, counter, createStore, map, openDocument, schema } from '@rejoin/state'
   * const Raid = schema({ players: map({ hp: counter(100) }) })
   * const raid = openDocument(Raid, createStore({ newAuthor: () => authorIdFrom('00000000000000a1'), now: () => 1 }))
   * const hp = raid.field('players', 'ada', 'hp')
   * raid.change(() => hp.add(-5))
   * raid.snapshot.players['ada']?.hp // => 95
   * ```
   * @throws RejoinError `invalid-key`; its writes throw `change-required` outside of `change`.
   */
  field<const P extends readonly string[]>(...path: PathIn<S['fields'], P>): DraftOf<ShapeAt<S['fields'], P>>
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
    this.#draft = rootDraft(store, schema.fields) as DraftOf<S>
  }

  get snapshot(): SnapshotOf<S> {
    return this.#view.at(this.store.tree.root, this.schema.fields) as SnapshotOf<S>
  }

  change(write: (draft: DraftOf<S>) => void, options?: ChangeOptions): Change | undefined {
    return this.store.run(this.#draft, write, options)
  }

  field<const P extends readonly string[]>(...path: PathIn<S['fields'], P>): DraftOf<ShapeAt<S['fields'], P>> {
    return draftAt(this.schema.fields, this.#draft, path) as DraftOf<ShapeAt<S['fields'], P>>
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
 * Writes the losing side of a conflict back as an ordinary change, a ranked one with the rank it had. Undefined when there
 * is nothing to write. A fenced field needs the token of its lease in `options`.
 * @throws RejoinError `invalid-change` when both sides were kept, as there is no loser; `fencing-token-required`,
 * `fencing-token-stale`.
 */
export function reapply(store: Store, conflict: Conflict, options: ChangeOptions = {}): Change | undefined {
  if (conflict.winner === 'both')
    throw new RejoinError(invalidChange, { reason: 'Both sides of this conflict were kept.' })
  const [winner, loser] =
    conflict.winner === 'ours' ? [conflict.ours, conflict.theirs] : [conflict.theirs, conflict.ours]
  const { tree } = store
  const node = tree.findNode(conflict.path)
  if (node === 0) return undefined
  return store.transact((transaction) => {
    if (conflict.rule === 'update-wins') {
      if (transaction.isPresent(node)) transaction.removeEntry(node)
      return
    }
    for (const leaf of tree.leavesOf(node)) {
      if (kindName(leaf.kind) !== conflict.kind) continue
      for (const entry of leaf.entries()) {
        if (tree.items(entry).some((item) => dotEquals(item, winner.dot))) putBack(transaction, tree, entry, loser)
      }
    }
  }, options)
}

function putBack(transaction: Transaction, tree: Tree, entry: Row, loser: ConflictSide): void {
  const { value } = loser
  const kind = tree.kind(entry)
  if (kind === leafKinds.setRemoveWins) transaction.put(entry, value !== undefined)
  else if (value === undefined) transaction.remove(entry)
  else if (kind === leafKinds.fenced) putFenced(transaction, entry, value)
  else transaction.put(entry, kind === leafKinds.ranked ? rankedValue(loser.rank ?? 0, value) : value)
}
