import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { freeRemovals } from './floor.ts'
import {
  type AuthorId,
  type Change,
  counter,
  createStore,
  encodeBundle,
  isRejoinError,
  list,
  map,
  openDocument,
  register,
  schema,
  set,
  Version,
} from './index.ts'
import { openMinted, pull } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'

const World = schema({
  phase: register('lobby'),
  score: counter(0),
  tags: set<string>(),
  log: list<string>(),
  players: map({ hp: counter(100), name: register('') }),
})

const open = (newAuthor?: () => AuthorId) => openMinted(World, newAuthor)

describe('an incarnation', () => {
  it('[VE3] is minted at the first write of an opening and goes on from there, one seq for each change or list element', () => {
    const doc = open(() => 'a'.repeat(16) as AuthorId)
    expect(doc.store.author).toBeUndefined()
    const changes = [
      doc.change((s) => s.phase.set('x')),
      doc.change((s) => s.log.push('a', 'b', 'c')),
      doc.change((s) => {
        s.log.push('d')
        s.tags.add('t')
      }),
    ] as Change[]
    expect(changes.map(({ seq, span }) => [seq, span])).toEqual([
      [1, 1],
      [2, 3],
      [5, 1],
    ])
    expect(doc.store.version.toJSON()).toEqual({ aaaaaaaaaaaaaaaa: 5 })
    expect(changes[2]?.context.size).toBe(0)
  })

  it('[VE3] is never one that anybody had before', () => {
    const [alice, bob] = [open(() => 'a'.repeat(16) as AuthorId), open(() => 'a'.repeat(16) as AuthorId)]
    alice.change((s) => s.phase.set('x'))
    pull(bob, alice)
    expect(() => bob.change((s) => s.phase.set('y'))).toThrow(expect.objectContaining({ code: 'invalid-author' }))
    expect(bob.snapshot.phase).toBe('x')
  })

  it('[VE3] ends with renewAuthor, and what it wrote stays', () => {
    const doc = open()
    doc.change((s) => s.score.add(1))
    const before = doc.store.author
    doc.store.renewAuthor()
    expect(doc.store.version.size).toBe(1)
    doc.change((s) => s.score.add(1))
    expect(doc.store.author).not.toBe(before)
    expect(doc.snapshot.score).toBe(2)
  })
})

describe('a removal', () => {
  it('[ST7] is a record of its own, which a new write of the key does not clear', () => {
    const [alice, bob, carol] = [open(), open(), open()]
    alice.change((s) => s.tags.add('red'))
    for (const one of [bob, carol]) pull(one, alice)
    bob.change((s) => s.tags.delete('red'))
    carol.change((s) => s.tags.add('red'))
    pull(alice, bob)
    expect(alice.store.stats.removalRecords).toBe(1)
    pull(alice, carol)
    expect(alice.store.stats.removalRecords).toBe(1)
    expect(alice.snapshot.tags).toEqual(['red'])
    carol.change((s) => s.tags.delete('red'))
    pull(bob, carol)
    expect(bob.snapshot.tags).toEqual([])
    pull(alice, bob)
    expect(alice.snapshot.tags).toEqual([])
  })

  it('[ST7] of a map entry names each item that was seen in it', () => {
    const doc = open()
    doc.change((s) => {
      s.players.get('ada').name.set('Ada')
      s.players.get('ada').hp.add(1)
      s.players.add('ada')
    })
    const change = doc.change((s) => s.players.delete('ada'))
    expect(change?.ops.map(({ type, key }) => `${type} ${key.kind} ${key.path.join('.')}`).sort()).toEqual([
      'put 8 players.ada.hp',
      'remove 1 players.ada.name',
      'remove 6 players.ada',
    ])
    expect(doc.snapshot.players).toEqual({})
  })
})

describe('the floor', () => {
  it('[ST8] rises with freed removal records, travels with full joins, and never with ordinary bundles', () => {
    const [alice, bob, carol] = [open(), open(), open()]
    alice.change((s) => s.tags.add('red'))
    for (const one of [bob, carol]) pull(one, alice)
    alice.change((s) => s.tags.delete('red'))
    freeRemovals(alice.store, alice.store.version)
    expect(alice.store.floor.equals(alice.store.version)).toBe(true)
    pull(bob, alice)
    expect(bob.snapshot.tags).toEqual([])
    expect(bob.store.floor.equals(alice.store.floor)).toBe(true)
    // A third one, who still has the item, cannot be answered 'nothing touched' by bob.
    const bundle = bundleSince(bob.store, carol.store.version)
    expect(bundle.full).toBe(true)
    applyBundle(carol.store, bundle)
    expect(carol.snapshot.tags).toEqual([])
    alice.change((s) => s.tags.add('blue'))
    expect(bundleSince(alice.store, bob.store.version).full).toBe(false)
  })
})

describe('what a peer lacks', () => {
  it('[ST11] follows what changed since its version, not what there is', () => {
    const doc = open()
    doc.change((s) => {
      for (let i = 0; i < 500; i++) s.players.get(`p${i}`).hp.add(1)
    })
    const version = doc.store.version
    doc.change((s) => s.players.get('p7').hp.add(1))
    const bundle = bundleSince(doc.store, version)
    expect(bundle.rows.length).toBe(1)
    expect(encodeBundle(bundle).length).toBeLessThan(80)
    expect(bundleSince(doc.store, doc.store.version).rows).toEqual([])
  })

  it('[ST4] is turned away by one whose version does not cover its base, without effect', () => {
    const [alice, bob] = [open(), open()]
    alice.change((s) => s.phase.set('one'))
    const version = alice.store.version
    alice.change((s) => s.phase.set('two'))
    expect(applyBundle(bob.store, bundleSince(alice.store, version))).toBe('gap')
    expect(bob.store.version.size).toBe(0)
    expect(bob.snapshot.phase).toBe('lobby')
  })
})

describe('the digest', () => {
  it('[ST10] is of the live items: history, order and removal records leave no trace, a value or place does', () => {
    const [alice, bob] = [open(), open()]
    const empty = digestOf(alice.store)
    alice.change((s) => s.tags.add('red'))
    const red = digestOf(alice.store)
    expect(red).toMatch(/^[0-9a-f]{16}$/)
    expect(red).not.toBe(empty)
    alice.change((s) => s.tags.delete('red'))
    expect(digestOf(alice.store)).toBe(empty)
    alice.change((s) => s.log.push('a', 'b'))
    const ab = digestOf(alice.store)
    alice.change((s) => s.log.insert(1, 'x'))
    expect(digestOf(alice.store)).not.toBe(ab)
    alice.change((s) => s.log.delete(1))
    expect(digestOf(alice.store)).toBe(ab)
    pull(bob, alice)
    expect(digestOf(bob.store)).toBe(ab)
  })
})

describe('a clock', () => {
  it('[ST9] that is far ahead or behind holds nothing back', () => {
    const late = openDocument(
      World,
      createStore({ newAuthor: () => 'f'.repeat(16) as AuthorId, now: () => Date.UTC(2080, 0, 1) }),
    )
    const [alice, bob] = [open(), open()]
    const change = late.change((s) => s.phase.set('from the future')) as Change
    expect(alice.store.applyChange(change)).toBe('applied')
    alice.change((s) => s.phase.set('after'))
    pull(bob, alice)
    expect(bob.snapshot.phase).toBe('after')
    expect(bob.store.version.covers(Version.from([[change.author, 1]]))).toBe(true)
  })
})

describe('an error', () => {
  it('[SC9] is recognised by its brand, not by its class', () => {
    try {
      open().change((s) => s.phase.set(Symbol('s') as never))
      expect.unreachable()
    } catch (error) {
      expect(isRejoinError(error)).toBe(true)
      expect(isRejoinError(new Error('other'))).toBe(false)
      expect(isRejoinError({ [Symbol.for('rejoin.error')]: true })).toBe(true)
    }
  })
})
