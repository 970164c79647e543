import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  counter,
  type DigestPlace,
  describeAt,
  digestAt,
  digestsBelow,
  emptyDigest,
  list,
  map,
  register,
  schema,
  set,
  toHex16,
} from './index.ts'
import { openMinted } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { digestOf, recheck } from './store-digest.ts'

const Raid = schema({
  phase: register('lobby'),
  tags: set<string>(),
  log: list<string>(),
  players: map({ name: register(''), hp: counter(100) }),
})

const open = () => openMinted(Raid)
type Raiders = ReturnType<typeof open>

/** Two replicas with equal versions. */
function pair(players: number, name = (i: number) => `p${i}`): [Raiders, Raiders] {
  const [alice, bob] = [open(), open()]
  alice.change((s) => {
    s.phase.set('fight')
    s.tags.add('red')
    s.log.push('a', 'b')
    for (let i = 0; i < players; i++) s.players.get(name(i)).name.set(`name ${i}`)
  })
  applyBundle(bob.store, bundleSince(alice.store, bob.store.version))
  return [alice, bob]
}

/** Flips a value past the interface. */
function flip({ store }: Raiders, ...path: string[]): void {
  digestOf(store)
  store.tree.values.set(store.tree.findNode(path), 'flipped')
  recheck(store, Number.POSITIVE_INFINITY)
}

const whole = (...path: string[]): DigestPlace => ({ path, bits: 0, bucket: 0 })

/** Walks down as two replicas would; counts the questions and the greatest answer. */
function walk(
  ours: Raiders,
  theirs: Raiders,
): { readonly found: string[]; readonly steps: number; readonly most: number } {
  const found: string[] = []
  let [steps, most] = [0, 0]
  for (let places = [whole()]; places.length > 0; ) {
    const next: DigestPlace[] = []
    for (const place of places) {
      steps += 1
      const answer = digestsBelow(theirs.store, place)
      const own = digestsBelow(ours.store, place, answer.children.by)
      if (answer.own !== own.own) found.push(place.path.join('/'))
      let size = 16
      for (const key of answer.children.digests.keys()) size += 8 + (typeof key === 'string' ? key.length : 1)
      most = Math.max(most, size)
      for (const [key, digest] of own.children.digests) {
        if ((answer.children.digests as ReadonlyMap<unknown, string>).get(key) === digest) continue
        if (typeof key === 'string') next.push(whole(...place.path, key))
        else next.push({ path: place.path, bits: place.bits + 6, bucket: key })
      }
    }
    places = next
  }
  return { found, steps, most }
}

describe('digests of subtrees', () => {
  it('[CK3] are equal where the subtrees are, and add up to that of the store', () => {
    const [alice, bob] = pair(5)
    for (const path of [[], ['phase'], ['players'], ['players', 'p3'], ['players', 'p3', 'name'], ['nowhere']]) {
      expect(digestAt(alice.store, path)).toBe(digestAt(bob.store, path))
    }
    expect(digestAt(alice.store, [])).toBe(digestOf(alice.store))
    expect(digestAt(alice.store, ['nowhere'])).toBe(emptyDigest)
    let sum = 0n
    for (const name of ['phase', 'tags', 'log', 'players']) sum += BigInt(`0x${digestAt(alice.store, [name])}`)
    expect((sum % 2n ** 64n).toString(16).padStart(16, '0')).toBe(digestOf(alice.store))
    expect(toHex16(0, 0)).toBe(emptyDigest)
  })

  it('[CK3] follow each write, and only where it was', () => {
    const [alice] = pair(5)
    const before = digestAt(alice.store, ['players', 'p3'])
    alice.change((s) => s.players.get('p2').hp.add(-1))
    expect(digestAt(alice.store, ['players', 'p3'])).toBe(before)
    alice.change((s) => s.players.get('p3').hp.add(-1))
    expect(digestAt(alice.store, ['players', 'p3'])).not.toBe(before)
    alice.change((s) => s.players.delete('p1'))
    expect([...digestsBelow(alice.store, whole('players')).children.digests.keys()]).not.toContain('p1')
  })

  it('[CK4] lead to the differing subtrees in few steps with small answers, also among 20,000 children', () => {
    for (const [players, most] of [
      [5, 3],
      [20_000, 6],
    ] as const) {
      const [alice, bob] = pair(players)
      expect(walk(alice, bob)).toMatchObject({ found: [], steps: 1 })
      flip(bob, 'players', 'p4', 'name')
      const walked = walk(alice, bob)
      expect(walked.found).toEqual(['players/p4/name'])
      expect(walked.steps).toBeLessThanOrEqual(most + 1)
      expect(walked.most).toBeLessThan(4_000)
      flip(bob, 'phase')
      expect(walk(alice, bob).found.sort()).toEqual(['phase', 'players/p4/name'])
    }
  })

  it('[CK4] are small also where names are as long as they may be', () => {
    const [alice, bob] = pair(300, (i) => `${i}`.padStart(1_000, 'x'))
    flip(bob, 'players', '7'.padStart(1_000, 'x'), 'name')
    const { found, most } = walk(alice, bob)
    expect(found).toEqual([`players/${'7'.padStart(1_000, 'x')}/name`])
    expect(most).toBeLessThan(4_000)
  })
})

describe('describeAt', () => {
  it('[CK5] tells items, elements and removals as JSON', () => {
    const [alice] = pair(2)
    alice.change((s) => {
      s.players.delete('p1')
      s.log.delete(0)
    })
    const all = JSON.parse(describeAt(alice.store, [], 100_000))
    expect(all).toMatchObject({ path: [], cut: false })
    const at = (path: string) => all.entries.filter((entry: { path: string[] }) => entry.path.join('/') === path)
    expect(at('players/p0/name')).toEqual([
      {
        path: ['players', 'p0', 'name'],
        kind: 'register',
        items: [{ author: expect.any(String), seq: 1, hlc: expect.any(Number), value: 'name 0' }],
        removals: [],
      },
    ])
    expect(at('players/p1/name')[0]).toMatchObject({ items: [], removals: [{ author: alice.store.author }] })
    expect(at('log')[0].elements.map(({ value }: { value: string }) => value)).toEqual(['b'])
    expect(at('log')[0].removals[0].targets).toHaveLength(1)
    expect(at('tags')[0].member).toBeDefined()
  })

  it('[CK5] is bounded, and says what it left out', () => {
    const [alice] = pair(500)
    alice.change((s) => s.log.push(...Array.from({ length: 5_000 }, (_, i) => `line ${i}`)))
    for (const path of [[], ['players'], ['log'], ['nowhere']]) {
      const text = describeAt(alice.store, path, 4_000)
      expect(text.length).toBeLessThanOrEqual(4_000)
      const read = JSON.parse(text)
      expect(read.cut || read.entries.length < 2).toBe(true)
    }
    expect(JSON.parse(describeAt(alice.store, ['log'], 4_000)).entries[0]).toMatchObject({ cut: true })
  })
})
