import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  canonicalKey,
  decodeBundle,
  decodeChanges,
  encodeBundle,
  encodeChanges,
  encodeSnapshot,
  exportJSON,
  fenced,
  greatest,
  importJSON,
  list,
  loadSnapshot,
  map,
  mvRegister,
  type Ordered,
  ranked,
  register,
  resolved,
  schema,
  set,
  type Value,
  Version,
  valuesEqual,
} from './index.ts'
import { openAs } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { awkwardValues } from './value.test-helper.ts'

const World = schema({
  note: register<Value>('unwritten'),
  votes: mvRegister<Value>(),
  owner: ranked('unwritten' as Value, { ranks: ['guest', 'admin'] }),
  round: fenced<Value>('unwritten', { lease: 'round' }),
  best: resolved<Ordered>('unwritten', greatest()),
  tags: set<Value>(),
  banned: set<Value>({ wins: 'remove' }),
  log: list<Value>(),
  byName: map(register<Value>('unwritten')),
})

const open = (author: string) => openAs(World, author)

type Doc = ReturnType<typeof open>

const options = { token: { lease: 'round', epoch: 1, ballot: 1 } }
const awkwardKeys = ['', '__proto__', 'constructor', '\ud800', '\udc00\ud800', '\u0000', '$bytes', '$$', '0', '@list']
/** A value alone and inside of others. */
const everywhere = awkwardValues.flatMap<Value>((value) => [value, [value], { '': value }])

function fill(doc: Doc, value: Value) {
  return doc.change((s) => {
    s.note.set(value)
    s.votes.set(value)
    s.owner.set(value, 'admin')
    s.round.set(value)
    s.best.set(value as never)
    s.tags.add(value)
    s.banned.add(value)
    s.log.push(value, value)
    for (const key of awkwardKeys) s.byName.get(key).set(value)
  }, options)
}

/** The same document by each way that a document can take. */
function arrivals(from: Doc, bytes: Uint8Array): Doc[] {
  const [byChange, byBundle, bySnapshot, byCompact, byText] = ['b', 'c', 'd', 'e', 'f'].map(open) as [
    Doc,
    Doc,
    Doc,
    Doc,
    Doc,
  ]
  const changes = decodeChanges(bytes)
  if (!changes.ok) throw new Error(changes.error.message)
  expect(changes.value.map((change) => byChange.store.applyChange(change))).toEqual(['applied'])
  const bundle = decodeBundle(encodeBundle(bundleSince(from.store, Version.empty)))
  if (!bundle.ok) throw new Error(bundle.error.message)
  expect(applyBundle(byBundle.store, bundle.value)).toBe('applied')
  expect(loadSnapshot(bySnapshot.store, encodeSnapshot(from.store)).ok).toBe(true)
  expect(loadSnapshot(byCompact.store, encodeSnapshot(from.store, { compact: true })).ok).toBe(true)
  expect(importJSON(byText, JSON.parse(JSON.stringify(exportJSON(from))), options).skipped).toEqual([])
  return [byChange, byBundle, bySnapshot, byCompact, byText]
}

describe('awkward values and keys', () => {
  it('[DA5] are themselves in every leaf and as keys, by change, bundle, snapshot and JSON', () => {
    for (const value of everywhere) {
      const doc = open('a')
      const change = fill(doc, value)
      if (change === undefined) throw new Error('nothing was written')
      for (const arrived of arrivals(doc, encodeChanges([change]))) {
        const { snapshot } = arrived
        const read = [snapshot.note, snapshot.owner, snapshot.round, snapshot.best, snapshot.votes[0], ...snapshot.log]
        for (const one of [...read, ...snapshot.tags, ...snapshot.banned, ...Object.values(snapshot.byName)]) {
          expect(valuesEqual(one as Value, value)).toBe(true)
        }
        expect(Object.keys(snapshot.byName).sort()).toEqual([...awkwardKeys].sort())
        expect([snapshot.votes.length, snapshot.log.length, snapshot.tags.length, snapshot.banned.length]).toEqual([
          1, 2, 1, 1,
        ])
        expect(exportJSON(arrived)).toEqual(exportJSON(doc))
        // JSON tells what a document reads, not who wrote it.
        if (arrived.store.author === undefined) expect(digestOf(arrived.store)).toBe(digestOf(doc.store))
      }
    }
  })

  it('[SC5] a written null reads as null, not as the initial value', () => {
    const doc = open('a')
    doc.change((s) => {
      s.byName.get('x').set(null)
      s.note.set(null)
      s.owner.set(null, 'guest')
      expect([s.note.get(), s.owner.get(), s.byName.get('x').get()]).toEqual([null, null, null])
    })
    expect(doc.snapshot).toMatchObject({ note: null, owner: null, byName: { x: null } })
    doc.change((s) => expect([s.note.get(), s.owner.get()]).toEqual([null, null]))
  })

  it('[DA5] are found and deleted as elements of sets, each beside all others', () => {
    const doc = open('a')
    doc.change((s) => {
      for (const value of awkwardValues) {
        s.tags.add(value)
        s.tags.add(value)
        s.banned.add(value)
      }
    })
    expect(doc.snapshot.tags.map((value) => canonicalKey(value as Value))).toEqual(
      awkwardValues.map(canonicalKey).sort(),
    )
    for (const value of awkwardValues) {
      doc.change((s) => {
        expect([s.tags.has(value), s.banned.has(value)]).toEqual([true, true])
        expect([s.tags.delete(value), s.banned.delete(value)]).toEqual([true, true])
        expect([s.tags.has(value), s.banned.has(value)]).toEqual([false, false])
      })
    }
    expect([doc.snapshot.tags, doc.snapshot.banned]).toEqual([[], []])
  })

  it('[DA5] are keys like others: an entry is found, deleted and made again, and nothing is polluted', () => {
    const [doc, other] = [open('a'), open('b')]
    for (const key of awkwardKeys) {
      doc.change((s) => s.byName.get(key).set(1))
      doc.change((s) => expect([s.byName.has(key), s.byName.keys().includes(key)]).toEqual([true, true]))
      applyBundle(other.store, bundleSince(doc.store, other.store.version))
      other.change((s) => expect(s.byName.delete(key)).toBe(true))
      applyBundle(doc.store, bundleSince(other.store, doc.store.version))
      expect(Object.hasOwn(doc.snapshot.byName, key)).toBe(false)
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    expect(Object.keys(doc.snapshot.byName)).toEqual([])
  })

  it('[DA5] of which JSON text names one twice have the last', () => {
    const doc = open('a')
    importJSON(doc, JSON.parse('{"byName":{"x":1,"x":2,"__proto__":3,"__proto__":4},"note":{"a":1,"a":2}}'))
    expect(JSON.stringify(doc.snapshot.byName)).toBe('{"__proto__":4,"x":2}')
    expect(doc.snapshot.note).toEqual({ a: 2 })
  })
})
