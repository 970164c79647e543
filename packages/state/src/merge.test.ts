import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { type AuthorId, type Bundle, createStore, Key, Version } from './index.ts'
import { bundleSince } from './since.ts'

const [mallory, zoe] = ['a', 'b'].map((digit) => digit.repeat(16)) as [AuthorId, AuthorId]

/** A bundle in which one author stands for ever so many concurrent writes of one key. */
function crowd(author: AuthorId, size: number, base: Version): Bundle {
  const items = Array.from({ length: size }, (_, i) => ({ author, seq: i + 1, hlc: 1, value: i }))
  return {
    base,
    version: base.with(author, size),
    floor: Version.empty,
    full: false,
    rows: [{ key: new Key(['motto'], 2), items, removals: [] }],
    lists: [],
  }
}

describe('a key with very many siblings', () => {
  // Quadratic work on these sizes takes minutes: the runner's own limit tells.
  it('[ST12] merges in time that follows their number', () => {
    const store = createStore({ newAuthor: () => 'f'.repeat(16) as AuthorId, now: () => 1_700_000_000_000 })
    const size = 20_000
    expect(applyBundle(store, crowd(mallory, size, Version.empty))).toBe('applied')
    const second = crowd(zoe, size, store.version)
    const both = {
      ...second,
      rows: second.rows.map((row) => ({ ...row, items: [...crowdItems(store), ...row.items] })),
    }
    expect(applyBundle(store, both)).toBe('applied')
    expect(store.stats.liveItems).toBe(2 * size)
  })
})

function crowdItems(store: ReturnType<typeof createStore>): Bundle['rows'][number]['items'] {
  return bundleSince(store, Version.empty).rows[0]?.items ?? []
}
