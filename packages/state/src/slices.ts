import type { DecodeError, Result } from './result.ts'
import { decodingSnapshot, loaded } from './snapshot-codec.ts'
import { stagingBundle } from './staging.ts'
import { part, type Steps } from './steps.ts'
import type { Store } from './store.ts'

/** How long work is cut into slices. */
export interface SliceOptions {
  /** A clock in milliseconds, such as `performance.now`. */
  readonly now: () => number
  /** Lets others do their work, such as `scheduler.yield`, or a promise that a message or a timer resolves. */
  readonly pause: () => Promise<unknown>
  /** Milliseconds of a slice. Default 2: what collects garbage comes on top, and a frame has 16. Where `pause` is a timer, which waits 4 ms in a page, more is faster. */
  readonly budgetMs?: number
  /** Told after each slice how much is done, from 0 to 1. */
  readonly onProgress?: (done: number) => void
}

/** The share of the work that reading has, measured with a million registers. */
const reading = 0.3

/**
 * Merges a snapshot like `loadSnapshot`, in slices: a page that loads a million values still draws its frames. It is
 * worked out on a staging copy: until it is done the store reads as it did, can be written to and merged into, and then
 * has all at once. A store with an open cut takes it in one step, as a heal is told of by what was there before.
 *
 * Takes about the memory of what it loads on top. May run in a worker.
 *
 * @example
 * ```ts
 * import { authorIdFrom, createStore, encodeSnapshot, loadSnapshotInSlices, openDocument, register, schema } from '@rejoin/state'
 * const Note = schema({ title: register('') })
 * const open = (id: string) => openDocument(Note, createStore({ newAuthor: () => authorIdFrom(id), now: () => 1 }))
 * const [here, there] = [open('00000000000000a1'), open('00000000000000b2')]
 * here.change((s) => s.title.set('Coral'))
 * const pause = () => new Promise((resolve) => setTimeout(resolve))
 * await loadSnapshotInSlices(there.store, encodeSnapshot(here.store), { now: () => performance.now(), pause })
 * there.snapshot.title // => 'Coral'
 * ```
 */
export async function loadSnapshotInSlices(
  store: Store,
  bytes: Uint8Array,
  { now, pause, budgetMs = 2, onProgress }: SliceOptions,
): Promise<Result<void, DecodeError>> {
  const steps = loadingSnapshot(store, bytes)
  for (let until = now() + budgetMs; ; ) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (now() < until) continue
    onProgress?.(value)
    await pause()
    until = now() + budgetMs
  }
}

function* loadingSnapshot(store: Store, bytes: Uint8Array): Steps<Result<void, DecodeError>> {
  const bundle = yield* part(0, reading, decodingSnapshot(bytes))
  if (!bundle.ok) return bundle
  return loaded(yield* part(reading, 1, stagingBundle(store, bundle.value, bytes.length)))
}
