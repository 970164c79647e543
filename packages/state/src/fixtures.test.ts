import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  type AuthorId,
  bundleFormat,
  changeFormat,
  createChangeDecoder,
  createStore,
  decodeBundle,
  decodeVersion,
  exportJSON,
  type Json,
  leafKinds,
  loadSnapshot,
  type Store,
  snapshotFormat,
  Version,
  type VersionLookup,
} from './index.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { versionName } from './version-name.ts'

/** What `fixtures/make.mjs` wrote once: bytes of a format, and what they hold. */
interface Fixture {
  readonly pieces: readonly string[]
  /** A version that the bytes refer to by its name. */
  readonly known?: string
  readonly version: Readonly<Record<string, number>>
  readonly digest: string
  readonly plain: Json
}

const folder = new URL('../fixtures/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

function open(): Store {
  return createStore({ newAuthor: () => 'f'.repeat(16) as AuthorId, now: () => 1_800_000_000_000 })
}

/** Opens a fixture as its name says, and gives what became of each piece. */
function load(name: string, store: Store, pieces: readonly Uint8Array[], lookup: VersionLookup): unknown[] {
  if (name.startsWith('snapshot')) return pieces.map((bytes) => loadSnapshot(store, bytes))
  if (name.startsWith('bundle')) {
    return pieces.map((bytes) => {
      const decoded = decodeBundle(bytes, lookup)
      return decoded.ok ? applyBundle(store, decoded.value) : decoded.error
    })
  }
  const decoder = createChangeDecoder({}, () => store.tree, lookup)
  return pieces.flatMap<unknown>((bytes) => {
    const decoded = decoder.decode(bytes)
    return decoded.ok ? decoded.value.map((change) => store.applyChange(change)) : decoded.error
  })
}

const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, 'base64'))

function versionIn(bytes: Uint8Array): Version {
  const decoded = decodeVersion(bytes)
  if (!decoded.ok) throw new Error(decoded.error.message)
  return decoded.value
}

describe('bytes of every format', () => {
  it.each(names)('[DA4] open and hold what they held: %s', (name) => {
    const fixture = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Fixture
    const store = open()
    const known = fixture.known === undefined ? undefined : versionIn(bytesOf(fixture.known))
    const outcomes = load(name, store, fixture.pieces.map(bytesOf), (named) =>
      known !== undefined && named === versionName(known) ? known : undefined,
    )
    const expected = name.startsWith('snapshot') ? { ok: true, value: undefined } : 'applied'
    expect(outcomes).toEqual(outcomes.map(() => expected))
    expect(store.version.toJSON()).toEqual(fixture.version)
    expect(digestOf(store)).toBe(fixture.digest)
    expect(JSON.stringify(exportJSON(store))).toBe(JSON.stringify(fixture.plain))

    const kinds = new Set(bundleSince(store, Version.empty).rows.map(({ key }) => key.kind))
    for (const kind of Object.values(leafKinds)) if (kind !== leafKinds.list) expect(kinds).toContain(kind)
    expect(kinds).toContain(200)
  })

  it('[DA4] are there for each format that was ever written', () => {
    const written: [string, number][] = [
      ['change', changeFormat],
      ['bundle', bundleFormat],
      ['bundle-full', bundleFormat],
      ['snapshot', snapshotFormat],
      ['snapshot-compact', snapshotFormat],
    ]
    const all = written.flatMap(([what, last]) => Array.from({ length: last }, (_, i) => `${what}-${i + 1}.json`))
    expect([...names].sort()).toEqual(all.sort())
  })
})
