import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import { freeRemovals } from './floor.ts'
import {
  type AuthorId,
  type Bundle,
  beginEpoch,
  type Change,
  counter,
  createStore,
  decodeBundle,
  encodeBundle,
  encodeSnapshot,
  exportJSON,
  list,
  loadSnapshot,
  loadSnapshotInSlices,
  map,
  openDocument,
  register,
  schema,
  set,
  Version,
  verifyStore,
} from './index.ts'
import { bundleSince, compactBundle } from './since.ts'
import { digestOf } from './store-digest.ts'
import { versionName } from './version-name.ts'

const Raid = schema({
  score: counter(10),
  banned: set<string>({ wins: 'remove' }),
  log: list<string>(),
  players: map({ name: register(''), hp: counter(100) }),
})

function replica(letter: string, proposes = false) {
  let minted = 0
  const store = createStore({
    newAuthor: () => `${letter}${minted++}`.padEnd(16, '0') as AuthorId,
    now: () => 1_700_000_000_000,
    authority: { grantRights: () => false, proposeCut: () => proposes },
  })
  return Object.assign(openDocument(Raid, store), { store })
}

type Replica = ReturnType<typeof replica>

function give(to: Replica, from: Replica): void {
  expect(['applied', 'duplicate']).toContain(applyBundle(to.store, bundleSince(from.store, to.store.version)))
  expect(verifyStore(to.store)).toEqual([])
}

function expectSame(...replicas: Replica[]): void {
  const first = replicas[0] as Replica
  for (const one of replicas) {
    expect(one.store.version.equals(first.store.version)).toBe(true)
    expect(one.snapshot).toEqual(first.snapshot)
    expect(digestOf(one.store)).toBe(digestOf(first.store))
  }
}

/** A server and two clients that have the same: a counter that was reset in part, a deleted player, a ban. */
function begun(): [server: Replica, alice: Replica, bob: Replica] {
  const [server, alice, bob] = [replica('a', true), replica('b'), replica('c')]
  alice.change((s) => {
    s.score.add(5)
    s.players.get('ada').hp.add(-7)
    s.players.get('bo').hp.add(-1)
    s.banned.add('eve')
  })
  give(bob, alice)
  bob.change((s) => {
    s.score.add(2)
    s.players.delete('ada')
    s.banned.delete('eve')
  })
  give(alice, bob)
  alice.change((s) => s.score.reset())
  alice.change((s) => s.score.add(3))
  for (const one of [server, bob]) give(one, alice)
  return [server, alice, bob]
}

describe('an epoch', () => {
  it('[EP1] begins at all that its proposer has, and is known by an author in versions', () => {
    const [server] = begun()
    const cut = server.store.version
    const bundle = beginEpoch(server.store) as Bundle
    const author = bundle.epochs?.at(-1)?.author as AuthorId
    expect(bundle.base.equals(cut)).toBe(true)
    expect(server.store.version.equals(cut.with(author, 1))).toBe(true)
    expect(server.store.floor.equals(server.store.version)).toBe(true)
    expect(server.store.epochs).toHaveLength(1)
    expect(verifyStore(server.store)).toEqual([])
  })

  it('[EP2] begins nowhere without the authority to, nor where nothing would go', () => {
    const [server, alice] = begun()
    expect(beginEpoch(alice.store)).toBeUndefined()
    expect(alice.store.epochs).toEqual([])
    expect(beginEpoch(server.store)).toBeDefined()
    expect(beginEpoch(server.store)).toBeUndefined()
    expect(() => server.change(() => beginEpoch(server.store))).toThrow(/change/)
  })

  it('[EP2] that was begun beside another is closed to it, and nothing of either is lost', async () => {
    const [server, alice, bob] = begun()
    const other = replica('d', true)
    give(other, bob)
    beginEpoch(server.store)
    beginEpoch(other.store)
    give(alice, server)
    const before = digestOf(alice.store)
    const loaded = await loadSnapshotInSlices(alice.store, encodeSnapshot(other.store), {
      now: () => 0,
      pause: () => Promise.resolve(),
    })
    expect(loaded.ok).toBe(false)
    expect(applyBundle(alice.store, bundleSince(other.store, Version.empty))).toBe('closed')
    expect(digestOf(alice.store)).toBe(before)
  })

  it('[EP3] takes away resets, parts of which nothing is left, and removals, and changes nothing that is read', () => {
    const [server] = begun()
    const { snapshot } = server
    const plain = JSON.stringify(exportJSON(server.store))
    const { liveItems } = server.store.stats
    beginEpoch(server.store)
    expect(server.snapshot).toEqual(snapshot)
    expect(JSON.stringify(exportJSON(server.store))).toBe(plain)
    // Three resets, two parts, the removal of eve.
    expect(server.store.stats.liveItems).toBe(liveItems - 6)
    expect(server.store.stats.removalRecords).toBe(0)
  })

  it('[EP4] is crossed by those who have its cut without the state being sent, with their own work', () => {
    const [server, alice, bob] = begun()
    beginEpoch(server.store)
    alice.change((s) => {
      s.score.add(4)
      s.log.push('mine')
    })
    const bundle = bundleSince(server.store, alice.store.version)
    expect(bundle.full).toBe(false)
    expect(encodeBundle(bundle).length).toBeLessThan(400)
    give(alice, server)
    expect(alice.snapshot.score).toBe(17)
    give(server, alice)
    give(bob, server)
    expectSame(server, alice, bob)
    bob.change((s) => s.score.reset())
    give(alice, bob)
    expect(alice.snapshot.score).toBe(10)
  })

  it('[EP4] is joined whole from below its cut, and late state is folded as it comes in', () => {
    const [server, alice, bob] = begun()
    const dave = replica('d')
    dave.change((s) => {
      s.players.get('ada').hp.add(-2)
      s.banned.add('eve')
      s.banned.add('zoe')
    })
    beginEpoch(server.store)
    expect(applyBundle(server.store, bundleSince(dave.store, Version.empty))).toBe('applied')
    expect(bundleSince(server.store, dave.store.version).full).toBe(true)
    for (const one of [dave, alice, bob]) give(one, server)
    expectSame(server, alice, bob, dave)
    expect(server.snapshot.banned).toEqual(['zoe'])
    expect(server.snapshot.players['ada']?.hp).toBe(98)
  })

  it('[EP4] is crossed in one event, with snapshots that were handed out left as they were', () => {
    const [server, alice] = begun()
    beginEpoch(server.store)
    server.change((s) => s.score.add(1))
    const { snapshot } = alice
    const scores: number[] = []
    alice.subscribe(() => scores.push(alice.snapshot.score))
    give(alice, server)
    expect(scores).toEqual([14])
    expect(snapshot.score).toBe(13)
  })

  it('[EP5] re-anchors late changes under their dots, once, and however late', () => {
    const [server, alice, bob] = begun()
    const late: Change[] = []
    for (const one of [alice, bob]) one.store.subscribe(({ change }) => change !== undefined && late.push(change))
    alice.change((s) => {
      s.score.add(4)
      s.banned.add('eve')
    })
    bob.change((s) => s.score.reset())
    bob.change((s) => s.players.get('ada').hp.add(-3))
    beginEpoch(server.store)
    server.change((s) => s.score.add(1))
    server.change((s) => s.score.reset())
    beginEpoch(server.store)
    const told: Change[] = []
    server.store.subscribe(({ change }) => change !== undefined && told.push(change))
    for (const change of late) expect(server.store.applyChange(change)).toBe('applied')
    for (const change of late) expect(server.store.applyChange(change)).toBe('duplicate')
    expect(told.map(({ author, seq, hlc }) => [author, seq, hlc])).toEqual(
      late.map(({ author, seq, hlc }) => [author, seq, hlc]),
    )
    expect(server.snapshot.score).toBe(14)
    expect(server.snapshot.players['ada']?.hp).toBe(97)
    const carol = replica('e')
    give(carol, server)
    // What was re-anchored is one of the last epoch to everybody else.
    const dave = replica('f')
    applyBundle(dave.store, bundleSince(server.store, Version.empty))
    for (const change of told) expect(dave.store.applyChange(change)).toBe('duplicate')
    for (const one of [alice, bob]) give(one, server)
    expectSame(server, alice, bob, carol)
  })

  it('[EP6] is closed to what is late where nobody knows what was folded', () => {
    const [server, alice] = begun()
    alice.change((s) => s.score.add(4))
    const late = bundleSince(alice.store, server.store.version)
    beginEpoch(server.store)
    const carol = replica('d')
    expect(applyBundle(carol.store, compactBundle(server.store))).toBe('applied')
    const before = digestOf(carol.store)
    expect(applyBundle(carol.store, late)).toBe('closed')
    expect(digestOf(carol.store)).toBe(before)
    carol.change((s) => s.score.add(1))
    expect(applyBundle(alice.store, bundleSince(carol.store, alice.store.version))).toBe('closed')
    give(alice, server)
    give(carol, alice)
    give(alice, carol)
    expectSame(alice, carol)
  })

  it('[ST8] [EP2] frees records by itself only with the leave of the authority, and with an epoch in any case', () => {
    const author = 'f'.repeat(16) as AuthorId
    let mayPrune = false
    const authority = { grantRights: () => false, proposeCut: () => true, mayPrune: () => mayPrune }
    const store = createStore({ newAuthor: () => author, now: () => 1_700_000_000_000, authority })
    const [, alice] = begun()
    applyBundle(store, bundleSince(alice.store, Version.empty))
    const { removalRecords } = store.stats
    expect(removalRecords).toBeGreaterThan(0)
    freeRemovals(store, store.version)
    expect([store.stats.removalRecords, store.floor.size]).toEqual([removalRecords, 0])
    beginEpoch(store)
    expect([store.stats.removalRecords, store.floor.equals(store.version)]).toEqual([0, true])
    mayPrune = true
    freeRemovals(store, store.version)
    expect(store.floor.equals(store.version)).toBe(true)
  })

  it('[EP7] [CO9] ends in a plain error or a bundle that can be merged, whatever became of its bytes', () => {
    const [server, alice] = begun()
    beginEpoch(server.store)
    const bytes = encodeBundle(bundleSince(server.store, alice.store.version))
    for (let length = 0; length < bytes.length; length++) expect(decodeBundle(bytes.subarray(0, length)).ok).toBe(false)
    let merged = 0
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [1, 0x80, 0xff]) {
        const damaged = Uint8Array.from(bytes)
        damaged[at] = (damaged[at] as number) ^ flip
        const decoded = decodeBundle(damaged)
        if (!decoded.ok) continue
        const [, bob] = begun()
        if (applyBundle(bob.store, decoded.value) !== 'applied') continue
        merged += 1
        bob.change((s) => s.score.add(1))
        expect(verifyStore(bob.store)).toEqual([])
      }
    }
    expect(merged).toBeGreaterThan(0)
  })

  it('[EP7] travels in bundles of formats of its own, and in snapshots', () => {
    const [server, alice] = begun()
    beginEpoch(server.store)
    const plain = encodeBundle(bundleSince(server.store, alice.store.version))
    const named = encodeBundle(bundleSince(server.store, alice.store.version), alice.store.version)
    expect([plain[0], named[0]]).toEqual([3, 4])
    const { version } = alice.store
    const decoded = decodeBundle(named, (name) => (name === versionName(version) ? version : undefined))
    expect(decoded.ok && applyBundle(alice.store, decoded.value)).toBe('applied')
    expectSame(server, alice)
    const loaded = replica('d')
    expect(loadSnapshot(loaded.store, encodeSnapshot(server.store)).ok).toBe(true)
    expect(loaded.store.epochs).toHaveLength(1)
    expectSame(server, loaded)
    // Nobody is in an epoch that the version does not include.
    const lie = { ...bundleSince(server.store, Version.empty), version: version, floor: Version.empty }
    expect(applyBundle(replica('e').store, lie)).toBe('invalid')
  })
})
