import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { freeRemovals } from './floor.ts'
import {
  type AuthorId,
  beginCut,
  counter,
  createChangeDecoder,
  createChangeEncoder,
  createStore,
  type Document,
  decodeBundle,
  encodeBundle,
  encodeSnapshot,
  flag,
  list,
  loadSnapshot,
  map,
  mvRegister,
  openDocument,
  register,
  type Store,
  schema,
  set,
  Version,
} from './index.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { storeToPlain } from './to-plain.ts'

const Raid = schema({
  phase: register<'lobby' | 'fight'>('lobby'),
  motto: mvRegister<string>(),
  open: flag(false),
  score: counter(10),
  tags: set<string>(),
  log: list<string>(),
  players: map({ name: register(''), hp: counter(100), items: set<string>() }),
})

let minted = 0
let nowMs = Date.UTC(2026, 0, 1)

function makeStore(): Store {
  return createStore({
    newAuthor: () => (++minted).toString(16).padStart(16, '0') as AuthorId,
    now: () => nowMs++,
  })
}

function makeReplica(): Document<typeof Raid> {
  return openDocument(Raid, makeStore())
}

/** Ships what `to` lacks from `from`, over bytes. */
function pull(to: Document<typeof Raid>, from: Document<typeof Raid>): void {
  const decoded = decodeBundle(encodeBundle(bundleSince(from.store, to.store.version)))
  if (!decoded.ok) throw new Error(decoded.error.message)
  const outcome = applyBundle(to.store, decoded.value)
  expect(['applied', 'duplicate']).toContain(outcome)
}

function expectSame(...replicas: Document<typeof Raid>[]): void {
  const [first, ...rest] = replicas
  if (first === undefined) return
  for (const other of rest) {
    expect(other.store.version.toJSON()).toEqual(first.store.version.toJSON())
    expect(other.snapshot).toEqual(first.snapshot)
    expect(storeToPlain(other.store)).toEqual(storeToPlain(first.store))
    expect(digestOf(other.store)).toBe(digestOf(first.store))
  }
}

describe('store', () => {
  it('[SC5] reads initial values before anything is written', () => {
    const alice = makeReplica()
    expect(alice.snapshot).toEqual({
      phase: 'lobby',
      motto: [],
      open: false,
      score: 10,
      tags: [],
      log: [],
      players: {},
    })
    expect(alice.store.author).toBeUndefined()
  })

  it('[CO11] carries every leaf kind over a stream of changes', () => {
    const alice = makeReplica()
    const bob = makeReplica()
    const encoder = createChangeEncoder()
    const decoder = createChangeDecoder()
    alice.store.subscribe((event) => {
      if (event.change === undefined) return
      const decoded = decoder.decode(encoder.encode([event.change]))
      if (!decoded.ok) throw new Error(decoded.error.message)
      for (const change of decoded.value) expect(bob.store.applyChange(change)).toBe('applied')
    })
    alice.change((s) => {
      s.phase.set('fight')
      s.motto.set('onward')
      s.open.enable()
      s.score.add(5)
      s.tags.add('red')
      s.log.push('a', 'b', 'c')
      s.players.get('ada').name.set('Ada')
      s.players.get('ada').hp.add(-5)
    })
    alice.change((s) => {
      s.log.delete(1)
      s.tags.add('blue')
      s.tags.delete('red')
      s.players.get('bo').items.add('key')
    })
    alice.change((s) => s.players.delete('ada'))
    expect(alice.snapshot).toEqual({
      phase: 'fight',
      motto: ['onward'],
      open: true,
      score: 15,
      tags: ['blue'],
      log: ['a', 'c'],
      players: { bo: { name: '', hp: 100, items: ['key'] } },
    })
    expectSame(alice, bob)
  })

  it('[SC6] shares what did not change between snapshots', () => {
    const alice = makeReplica()
    alice.change((s) => {
      s.players.get('ada').hp.add(1)
      s.players.get('bo').hp.add(1)
    })
    const before = alice.snapshot
    alice.change((s) => s.players.get('bo').hp.add(1))
    expect(alice.snapshot).not.toBe(before)
    expect(alice.snapshot.players.ada).toBe(before.players.ada)
    expect(alice.snapshot.players.bo).not.toBe(before.players.bo)
    expect(alice.snapshot.tags).toBe(before.tags)
    expect(Object.isFrozen(alice.snapshot.players)).toBe(true)
  })

  it('[HR2] [HR4] merges both sides of a split and reports conflicts with rule and ancestor', () => {
    const alice = makeReplica()
    const bob = makeReplica()
    alice.change((s) => {
      s.phase.set('lobby')
      s.tags.add('both')
      s.players.get('ada').hp.add(0)
    })
    pull(bob, alice)
    const cut = beginCut(alice.store)
    alice.change((s) => {
      s.phase.set('fight')
      s.score.add(2)
      s.tags.delete('both')
    })
    bob.change((s) => s.phase.set('lobby'))
    bob.change((s) => {
      s.score.add(3)
      s.tags.add('both')
      s.tags.add('new')
    })
    cut.contact(bob.store.version)
    pull(alice, bob)
    pull(bob, alice)
    expectSame(alice, bob)
    const report = cut.report()
    expect(report.conflicts.map(({ path, rule, winner }) => [path.join('.'), rule, winner])).toEqual([
      ['phase', 'newer', 'theirs'],
      ['tags', 'add-wins', 'theirs'],
    ])
    expect(report.conflicts[0]?.ancestor).toEqual({ known: true, value: 'lobby' })
    expect(report.unknownAncestors).toBe(0)
    expect(report.ours.changes).toBe(1)
    expect(report.theirs.changes).toBe(2)
    expect(report.merged.find((merged) => merged.path[0] === 'score')?.effect).toEqual({
      kind: 'counter',
      ours: 2,
      theirs: 3,
      after: 5,
    })
    expect(report.merged.find((merged) => merged.path[0] === 'tags')?.effect).toEqual({
      kind: 'set',
      added: ['new'],
      removed: [],
    })
    cut.close()
  })

  it('[LE4] leaves exactly the concurrent addition when a counter is deleted beside it', () => {
    const alice = makeReplica()
    const bob = makeReplica()
    alice.change((s) => s.players.get('ada').hp.add(-20))
    pull(bob, alice)
    alice.change((s) => s.players.delete('ada'))
    bob.change((s) => s.players.get('ada').hp.add(-5))
    pull(alice, bob)
    pull(bob, alice)
    expectSame(alice, bob)
    expect(alice.snapshot.players.ada?.hp).toBe(95)
  })

  it('[SC7] undoes everything when a change throws', () => {
    const alice = makeReplica()
    alice.change((s) => s.log.push('a', 'b'))
    const before = [alice.snapshot, digestOf(alice.store), alice.store.version.toJSON()]
    expect(() =>
      alice.change((s) => {
        s.log.insert(1, 'x')
        s.log.delete(0)
        s.phase.set('fight')
        s.players.get('ada').hp.add(1)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect([alice.snapshot, digestOf(alice.store), alice.store.version.toJSON()]).toEqual(before)
    alice.change((s) => s.log.push('c'))
    expect(alice.snapshot.log).toEqual(['a', 'b', 'c'])
    expect(alice.snapshot.phase).toBe('lobby')
  })

  it('[ST5] holds changes that come early, and drops them when the room is full', () => {
    const alice = makeReplica()
    const first = alice.change((s) => s.score.add(1))
    const second = alice.change((s) => s.score.add(1))
    const bob = makeReplica()
    if (first === undefined || second === undefined) throw new Error('no change')
    expect(bob.store.applyChange(second)).toBe('waiting')
    expect(bob.store.waiting.changes).toBe(1)
    expect(bob.store.applyChange(first)).toBe('applied')
    expect(bob.store.waiting.changes).toBe(0)
    expectSame(alice, bob)
    const carol = openDocument(
      Raid,
      createStore({
        newAuthor: () => 'ffffffffffffffff' as AuthorId,
        now: () => nowMs,
        limits: { waitingRoomBytes: 10 },
      }),
    )
    expect(carol.store.applyChange(second)).toBe('overflow')
    pull(carol, alice)
    expectSame(alice, carol)
  })

  it('[ST8] joins a replica from below the floor in one full bundle', () => {
    const alice = makeReplica()
    const bob = makeReplica()
    alice.change((s) => {
      s.tags.add('gone')
      s.tags.add('kept')
      s.log.push('x', 'y')
    })
    pull(bob, alice)
    alice.change((s) => {
      s.tags.delete('gone')
      s.log.delete(0)
    })
    freeRemovals(alice.store, alice.store.version)
    expect(alice.store.stats.removalRecords).toBe(0)
    bob.change((s) => s.tags.add('mine'))
    expect(bundleSince(alice.store, bob.store.version).full).toBe(true)
    pull(bob, alice)
    pull(alice, bob)
    expectSame(alice, bob)
    expect(bob.snapshot.tags).toEqual(['kept', 'mine'])
    expect(bob.snapshot.log).toEqual(['y'])
    expect(bob.store.floor.covers(alice.store.floor)).toBe(true)
  })

  it('[CO8] loads what it saved, whole and compact', () => {
    const alice = makeReplica()
    alice.change((s) => {
      s.phase.set('fight')
      s.log.push('a', 'b', 'c')
      s.tags.add('t')
      s.players.get('ada').hp.add(3)
    })
    alice.change((s) => {
      s.log.delete(1)
      s.tags.delete('t')
    })
    for (const compact of [false, true]) {
      const bytes = encodeSnapshot(alice.store, { compact })
      const bob = makeReplica()
      expect(loadSnapshot(bob.store, bytes)).toEqual({ ok: true, value: undefined })
      expectSame(alice, bob)
      const damaged = bytes.slice()
      damaged[20] = (damaged[20] ?? 0) ^ 1
      const carol = makeReplica()
      expect(loadSnapshot(carol.store, damaged).ok).toBe(false)
      expect(carol.store.version.equals(Version.empty)).toBe(true)
    }
  })
})
