import { expect } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { type AuthorId, createStore, type Document, openDocument, type Schema, type Store } from './index.ts'
import { bundleSince } from './since.ts'

/** The moment at which clocks of tests stand. */
export const startMs = 1_700_000_000_000

let minted = 0

/** An author that nobody else has. */
export function mintAuthor(): AuthorId {
  return (++minted).toString(16).padStart(16, '0') as AuthorId
}

/** An empty document whose author is a letter, sixteen times. Its clock stands still unless `now` says otherwise. */
export function openAs<S extends Schema>(schema: S, letter: string, now = (): number => startMs): Document<S> {
  const author = letter.repeat(16) as AuthorId
  return openDocument(schema, createStore({ newAuthor: () => author, now }))
}

/** An empty document, whose author nobody else has unless `newAuthor` says otherwise. */
export function openMinted<S extends Schema>(schema: S, newAuthor: () => AuthorId = mintAuthor): Document<S> {
  return openDocument(schema, createStore({ newAuthor, now: () => startMs }))
}

/** Brings one what another has. */
export function pull(to: { readonly store: Store }, from: { readonly store: Store }): void {
  expect(['applied', 'duplicate']).toContain(applyBundle(to.store, bundleSince(from.store, to.store.version)))
}
