import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { freeRemovals } from './floor.ts'
import {
  type AuthorId,
  counter,
  createStore,
  type Document,
  flag,
  list,
  map,
  openDocument,
  register,
  type Store,
  schema,
  set,
  verifyStore,
} from './index.ts'
import { words } from './rows.ts'
import { bundleSince, compactBundle } from './since.ts'
import { digestOf, recheck } from './store-digest.ts'

const Raid = schema({
  phase: register('lobby'),
  open: flag(false),
  score: counter(0),
  tags: set<string>(),
  log: list<string>(),
  players: map({ name: register(''), hp: counter(100) }),
})

let minted = 0
function open(): Document<typeof Raid> {
  const newAuthor = () => (++minted).toString(16).padStart(16, '0') as AuthorId
  return openDocument(Raid, createStore({ newAuthor, now: () => 1_700_000_000_000 }))
}

function filled(players = 3): Document<typeof Raid> {
  const doc = open()
  doc.change((s) => {
    s.phase.set('fight')
    s.open.enable()
    s.score.add(3)
    s.tags.add('red')
    s.log.push('a', 'b', 'c')
    for (let i = 0; i < players; i++) s.players.get(`p${i}`).name.set(`name ${i}`)
  })
  return doc
}

function pull(to: Document<typeof Raid>, from: Document<typeof Raid>): void {
  applyBundle(to.store, bundleSince(from.store, to.store.version))
}

const nodeAt = (store: Store, ...path: string[]): number => store.tree.findNode(path)

/** As many as there may be take their time: that is for the tests of the system. */
const isFull = process.env['FULL_SIZES'] === '1'

describe('verifyStore', () => {
  it('[CK1] takes as many entries as there may be, side by side', () => {
    expect(verifyStore(filled(isFull ? 200_000 : 20_000).store)).toEqual([])
  }, 60_000)

  it('[CK1] finds nothing in a store that was written, merged, deleted in and freed', () => {
    for (const players of [3, 40]) {
      const [alice, bob] = [filled(players), filled(players)]
      pull(alice, bob)
      alice.change((s) => {
        s.players.delete('p1')
        s.log.delete(1)
        s.tags.delete('red')
        s.score.add(2)
      })
      bob.change((s) => s.players.get('p1').name.set('again'))
      pull(bob, alice)
      pull(alice, bob)
      expect(verifyStore(alice.store)).toEqual([])
      freeRemovals(bob.store, bob.store.version)
      bob.change((s) => s.players.delete('p0'))
      freeRemovals(bob.store, bob.store.version)
      expect(verifyStore(bob.store)).toEqual([])
      const carol = open()
      applyBundle(carol.store, compactBundle(bob.store))
      expect(verifyStore(carol.store)).toEqual([])
      expect(digestOf(carol.store)).toBe(digestOf(bob.store))
    }
    expect(verifyStore(open().store)).toEqual([])
  })

  const damages: readonly [string, RegExp, (store: Store) => void][] = [
    [
      'a value',
      /holds something else than its digest counts/,
      (store) => store.tree.values.set(nodeAt(store, 'phase'), 'x'),
    ],
    ['a seq', /ahead of its author/, (store) => store.tree.rows.set(nodeAt(store, 'phase'), words.seq, 900)],
    ['an author', /is of no author/, (store) => store.tree.rows.set(nodeAt(store, 'phase'), words.author, 7)],
    [
      'the order of a recency list',
      /comes after/,
      (store) => store.tree.rows.set(store.tree.authors.values().next().value!.head, words.seq, 4),
    ],
    [
      'a link of a recency list',
      /stands in no recency list/,
      (store) => store.tree.rows.set(nodeAt(store, 'phase'), words.after, 0),
    ],
    [
      'a circle in a recency list',
      /twice/,
      (store) => {
        const { head, tail } = store.tree.authors.values().next().value!
        store.tree.rows.set(tail, words.after, head)
      },
    ],
    [
      'a mark of presence',
      /counts as absent/,
      (store) =>
        store.tree.rows.set(
          nodeAt(store, 'phase'),
          words.flags,
          store.tree.rows.get(nodeAt(store, 'phase'), words.flags) & ~0x1000,
        ),
    ],
    [
      'a count of presence',
      /what is present at/,
      (store) => store.tree.rows.set(nodeAt(store, 'players'), words.live, 9),
    ],
    [
      'a name',
      /holds something else than its digest counts/,
      (store) => {
        store.tree.names.set(nodeAt(store, 'players', 'p1'), 'other')
      },
    ],
    [
      'the node above',
      /hangs under another node/,
      (store) => store.tree.rows.set(nodeAt(store, 'players', 'p1'), words.parent, nodeAt(store, 'tags')),
    ],
    ['the tree', /rows in use/, (store) => store.tree.rows.set(nodeAt(store, 'players', 'p1'), words.child, 0)],
    [
      'a length of a list',
      /length of/,
      (store) => {
        store.tree.values.set(nodeAt(store, 'log'), 7)
      },
    ],
    [
      'a list',
      /no entry holds|told of by the runs/,
      (store) =>
        store.tree.sequences.get(nodeAt(store, 'log'))!.applyRun({
          id: { author: 'f'.repeat(16) as AuthorId, seq: 1 },
          place: { parent: undefined, side: 'right', rightOrigin: undefined },
          values: ['zombie'],
        }),
    ],
    [
      'the rows',
      /cannot be walked|or is none/,
      (store) => store.tree.rows.set(nodeAt(store, 'players'), words.child, 1e9),
    ],
  ]
  for (const [what, fault, damage] of damages) {
    it(`[CK1] says in words what is wrong: ${what}`, () => {
      const { store } = filled()
      store.transact((t) => t)
      digestOf(store)
      damage(store)
      const faults = verifyStore(store)
      expect(faults.join('\n')).toMatch(fault)
      expect(faults.length).toBeLessThanOrEqual(100)
    })
  }

  it('[CK1] checks indexes as it checks chains', () => {
    const { store } = filled(40)
    store.tree.names.set(nodeAt(store, 'players', 'p7'), 'other')
    expect(verifyStore(store).join('\n')).toMatch(/is not found by its name/)
  })
})

describe('recheck', () => {
  it('[CK2] finds what changed without being written, and counts it from there on', () => {
    const doc = filled(40)
    const { store } = doc
    const before = digestOf(store)
    expect(recheck(store, Number.POSITIVE_INFINITY)).toEqual([])
    store.tree.values.set(nodeAt(store, 'players', 'p7', 'name'), 'flipped')
    expect(digestOf(store)).toBe(before)
    expect(recheck(store, Number.POSITIVE_INFINITY)).toEqual([['players', 'p7', 'name']])
    expect(digestOf(store)).not.toBe(before)
    expect(recheck(store, Number.POSITIVE_INFINITY)).toEqual([])
    doc.change((s) => s.players.get('p7').name.set('name 7'))
    expect(verifyStore(store)).toEqual([])
  })

  it('[CK2] comes past everything in portions, elements of lists included', () => {
    const { store } = filled(40)
    digestOf(store)
    store.tree.values.set(nodeAt(store, 'players', 'p31', 'name'), 'flipped')
    let found: (readonly string[])[] = []
    for (let calls = 0; found.length === 0 && calls < 100; calls++) found = [...recheck(store, 8)]
    expect(found).toEqual([['players', 'p31', 'name']])

    const long = open()
    long.change((s) => s.log.push(...Array.from({ length: 2_000 }, (_, i) => `line ${i}`)))
    digestOf(long.store)
    const sequence = long.store.tree.sequences.get(nodeAt(long.store, 'log'))
    const { elements } = (sequence as unknown as { order: { pieces: { elements: { value: string }[] }[] } }).order
      .pieces[3]!
    elements[5]!.value = 'flipped'
    found = []
    for (let calls = 0; found.length === 0 && calls < 100; calls++) found = [...recheck(long.store, 300)]
    expect(found).toEqual([['log']])
  })
})
