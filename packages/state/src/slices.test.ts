import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  type AuthorId,
  beginCut,
  counter,
  encodeSnapshot,
  list,
  loadSnapshot,
  loadSnapshotInSlices,
  map,
  register,
  schema,
  set,
  Version,
  verifyStore,
} from './index.ts'
import { openAs } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { storeToPlain } from './to-plain.ts'

const World = schema({
  title: register(''),
  tags: set<string>(),
  log: list<number>(),
  units: map({ x: register(0), hp: counter(10) }),
})

const open = (author: string) => openAs(World, author)

function filled(author: string, units = 1_000) {
  const doc = open(author)
  for (let from = 0; from < units; from += 50) {
    doc.change((s) => {
      for (let at = from; at < from + 50; at++) {
        s.units.get(`unit ${at}`).x.set(at)
        s.units.get(`unit ${at}`).hp.add(-1)
      }
      s.tags.add(`tag ${from}`)
      s.log.push(from)
    })
  }
  doc.change((s) => {
    s.units.delete('unit 7')
    s.tags.delete('tag 50')
  })
  return doc
}

/** A clock that says that each slice took its time, so that there is a pause after each step. */
function hasty() {
  let time = 0
  return { now: () => (time += 10), budgetMs: 1 }
}

async function load(
  to: ReturnType<typeof open>,
  bytes: Uint8Array,
  between: (pauses: number) => void = () => undefined,
) {
  let pauses = 0
  const progress: number[] = []
  const result = await loadSnapshotInSlices(to.store, bytes, {
    ...hasty(),
    pause: async () => between(++pauses),
    onProgress: (done) => progress.push(done),
  })
  return { result, pauses, progress }
}

describe('a snapshot in slices', () => {
  it('[LS1] gives what it gives in one step, with and without what it takes to merge', async () => {
    for (const compact of [true, false]) {
      const alice = filled('a')
      const bytes = encodeSnapshot(alice.store, { compact })
      const [whole, sliced] = [open('b'), open('c')]
      expect(loadSnapshot(whole.store, bytes).ok).toBe(true)
      const { result, pauses, progress } = await load(sliced, bytes)
      expect(result.ok).toBe(true)
      expect(pauses).toBeGreaterThan(30)
      expect([...progress].sort((a, b) => a - b)).toEqual(progress)
      expect([progress.at(0), progress.at(-1)].map((done) => Math.round(done ?? -1))).toEqual([0, 1])
      expect(sliced.snapshot).toEqual(alice.snapshot)
      expect(digestOf(sliced.store)).toBe(digestOf(whole.store))
      expect(sliced.store.floor.equals(whole.store.floor)).toBe(true)
      expect(sliced.store.stats).toEqual(whole.store.stats)
      expect(encodeSnapshot(sliced.store)).toEqual(encodeSnapshot(whole.store))
      expect(verifyStore(sliced.store)).toEqual([])
    }
  })

  it('[LS2] shows nothing before its end and then all at once, in snapshots that were read before, too', async () => {
    const alice = filled('a', 500)
    const bob = open('b')
    bob.change((s) => s.title.set('mine'))
    const heard: number[] = []
    bob.subscribe(({ changed }) => heard.push(changed.length))
    const before = bob.snapshot
    await load(bob, encodeSnapshot(alice.store), () => {
      expect(bob.snapshot).toBe(before)
      expect(bob.store.version.size).toBe(1)
    })
    expect(heard.length).toBe(1)
    expect(heard[0]).toBeGreaterThan(500)
    expect(bob.snapshot.title).toBe('mine')
    expect(Object.keys(bob.snapshot.units).length).toBe(499)
  })

  it('[LS3] keeps what is written and merged meanwhile, under the same author, and by handles that were held', async () => {
    const [alice, carol] = [filled('a', 500), filled('c', 50)]
    const bytes = encodeSnapshot(alice.store)
    const bob = open('b')
    const own = bob.field('units', 'own', 'x')
    const versions: Version[] = []
    const contexts: number[] = []
    await load(bob, bytes, (pauses) => {
      const change = bob.change(() => own.set(pauses))
      contexts.push(change?.context.get('b'.repeat(16) as AuthorId) ?? -1)
      if (pauses === 5) applyBundle(bob.store, bundleSince(carol.store, Version.empty))
      versions.push(bob.store.version)
    })
    const written = versions.length
    const change = bob.change(() => own.set(-1))
    expect(change?.seq).toBe(written + 1)
    expect(change?.context.get('b'.repeat(16) as AuthorId)).toBe(0)
    expect(Math.max(...contexts)).toBe(0)
    expect(bob.store.version.get('b'.repeat(16) as AuthorId)).toBe(written + 1)
    expect(verifyStore(bob.store)).toEqual([])
    // The same, merged without slices.
    const dan = open('d')
    for (const from of [alice, carol, bob]) applyBundle(dan.store, bundleSince(from.store, dan.store.version))
    expect(digestOf(dan.store)).toBe(digestOf(bob.store))
    applyBundle(alice.store, bundleSince(bob.store, alice.store.version))
    expect(digestOf(alice.store)).toBe(digestOf(bob.store))
    expect(alice.snapshot.units['own']?.x).toBe(-1)
  })

  it('[LS4] refuses what is damaged or does not fit with nothing changed, also in the middle', async () => {
    const bytes = encodeSnapshot(filled('a', 500).store)
    for (const at of [0, 3, 9, bytes.length >> 1, bytes.length - 1]) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] as number) ^ 0x5a
      const bob = open('b')
      bob.change((s) => s.title.set('mine'))
      const { result } = await load(bob, damaged)
      expect(result.ok).toBe(false)
      expect(storeToPlain(bob.store)).toEqual({ title: 'mine' })
    }
  })

  it('[LS5] is taken in one step where a cut is open, so that the heal can be told', async () => {
    const alice = filled('a', 100)
    const bob = open('b')
    const cut = beginCut(bob.store)
    bob.change((s) => s.title.set('mine'))
    cut.contact(alice.store.version)
    const { result } = await load(bob, encodeSnapshot(alice.store))
    expect(result.ok).toBe(true)
    expect(cut.report().theirs.keys).toBeGreaterThan(100)
    expect(digestOf(bob.store)).not.toBe(digestOf(alice.store))
    cut.close()
  })
})
