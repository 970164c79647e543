import { describe, expect, it } from 'vitest'
import {
  authorIdFrom,
  type Change,
  createChangeDecoder,
  createChangeEncoder,
  decodeBundle,
  decodeChanges,
  decodeSnapshot,
  decodeVersion,
  encodeBundle,
  encodeChanges,
  encodeSnapshot,
  encodeVersion,
  list,
  map,
  register,
  schema,
  set,
  Version,
} from './index.ts'
import { openAs, startMs } from './replicas.test-helper.ts'
import { bundleSince } from './since.ts'
import { storeToPlain } from './to-plain.ts'

const World = schema({
  title: register(''),
  tags: set<string>(),
  log: list<number>(),
  at: map({ x: register(0), y: register(0) }),
})

function open(author: string) {
  let now = startMs
  return openAs(World, author, () => now++)
}

function changeOf(doc: ReturnType<typeof open>, write: Parameters<typeof doc.change>[0]): Change {
  const change = doc.change(write)
  if (change === undefined) throw new Error('nothing was written')
  return change
}

/** What matters of a change; the order of its keyed writes does not. */
function essence({ author, seq, span, context, hlc, cause, ops }: Change): unknown {
  const writes = ops.map(({ key, ...op }) => ({ key: key.id, ...op })).sort((a, b) => (a.key < b.key ? -1 : 1))
  return { author, seq, span, context: context.toJSON(), hlc, cause, writes }
}

describe('changes as bytes', () => {
  it('[CO10] come back as they were, with context, cause and every kind of write', () => {
    const [alice, bob] = [open('a'), open('b')]
    const first = changeOf(alice, (s) => {
      s.title.set('one')
      s.tags.add('red')
      s.log.push(1, 2, 3)
      s.at.get('ada').x.set(0.25)
    })
    bob.store.applyChange(first)
    const second = changeOf(bob, (s) => {
      s.tags.delete('red')
      s.log.insert(1, 9)
      s.log.delete(0)
      s.at.delete('ada')
    })
    const undoing: Change = { ...second, cause: { author: first.author, seq: 1 } }
    const decoded = decodeChanges(encodeChanges([first, undoing]))
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(decoded.value.map(essence)).toEqual([first, undoing].map(essence))
  })

  it('[CO11] name keys and authors once in a stream, and contexts by what was learned since', () => {
    const [alice, bob] = [open('a'), open('b')]
    const encoder = createChangeEncoder()
    const decoder = createChangeDecoder()
    const bobs: Change[] = []
    const sizes: number[] = []
    for (let i = 0; i < 6; i++) {
      if (i === 3) {
        const change = changeOf(bob, (s) => s.title.set('bob'))
        bobs.push(change)
        alice.store.applyChange(change)
      }
      const change = changeOf(alice, (s) => s.at.get('ada').x.set(i))
      const bytes = encoder.encode([change])
      sizes.push(bytes.length)
      const decoded = decoder.decode(bytes)
      if (!decoded.ok) throw new Error(decoded.error.message)
      expect(decoded.value.map(essence)).toEqual([essence(change)])
    }
    const [opening = 0, next = 0, , learning = 0, settled = 0] = sizes
    expect(next).toBeLessThan(opening / 2)
    expect(learning).toBeGreaterThan(next)
    expect(settled).toBeLessThan(learning)
    expect(bobs.length).toBe(1)
  })

  it('[CO11] are taken in by their rows where the tree has all of their keys, without spelling what they write', () => {
    const [alice, bob] = [open('a'), open('b')]
    const write = (value: number) => changeOf(alice, (s) => s.at.get('ada').x.set(value))
    bob.store.applyChange(write(1))
    const decoder = createChangeDecoder({}, () => bob.store.tree)
    const decoded = decoder.decode(createChangeEncoder().encode([write(2)]))
    if (!decoded.ok) throw new Error(decoded.error.message)
    const [change] = decoded.value as [Change]
    const spelled = (): never => {
      throw new Error('the writes were spelled')
    }
    Object.defineProperty(change, 'ops', { get: spelled })
    expect(bob.store.applyChange(change)).toBe('applied')
    expect(bob.snapshot.at['ada']?.x).toBe(2)
  })

  it('[CO11] name a key once in a frame, also where a later change of it writes or removes there again', () => {
    const [alice, bob] = [open('a'), open('b')]
    const changes = [
      changeOf(alice, (s) => {
        for (const name of ['b', 'a', 'c']) s.at.get(name).x.set(1)
        s.tags.add('t')
      }),
      changeOf(alice, (s) => s.tags.delete('t')),
      changeOf(alice, (s) => {
        s.at.get('c').x.set(3)
        s.at.get('a').x.set(2)
      }),
    ]
    const decoder = createChangeDecoder({}, () => bob.store.tree)
    const encoder = createChangeEncoder()
    for (const some of [
      changes,
      [changeOf(alice, (s) => s.at.get('b').x.set(4)), changeOf(alice, (s) => s.title.set('z'))],
    ]) {
      const decoded = decoder.decode(encoder.encode(some))
      expect(decoded.ok && decoded.value.map(essence)).toEqual(some.map(essence))
      if (decoded.ok) for (const change of decoded.value) expect(bob.store.applyChange(change)).toBe('applied')
    }
    expect(storeToPlain(bob.store)).toEqual(storeToPlain(alice.store))
  })

  it('[CO11] come back also where one frame holds changes of several stores, and a store loads another tree meanwhile', () => {
    const stores = [open('a'), open('b')] as const
    const write = (doc: ReturnType<typeof open>, x: number) =>
      changeOf(doc, (s) => {
        for (const name of ['u', 'v', 'w']) s.at.get(name).x.set(x)
      })
    const encoder = createChangeEncoder()
    const decoder = createChangeDecoder()
    for (let x = 0; x < 4; x++) {
      const changes = [0, 1, 0, 1].map((at) => write(stores[(at + x) % 2 === 0 ? 0 : 1], x))
      const decoded = decoder.decode(encoder.encode(changes))
      expect(decoded.ok && decoded.value.map(essence)).toEqual(changes.map(essence))
      expect(decodeChanges(encodeChanges(changes))).toMatchObject({ ok: true })
    }
  })

  it('[CO11] come with the keys that a store has, whatever becomes of it, and with others where it has none', () => {
    const [alice, bob, carol] = [open('a'), open('b'), open('c')]
    const encoder = createChangeEncoder()
    const reader = { store: bob.store }
    const decoder = createChangeDecoder({}, () => reader.store.tree)
    const names = Array.from({ length: 40 }, (_, i) => `unit ${i}`)
    const write = (x: number) =>
      changeOf(alice, (s) => {
        s.title.set(`${x}`)
        s.tags.add(`tag ${x}`)
        for (const name of names) s.at.get(name).x.set(x)
        if (x === 2) s.at.get('fresh').x.set(x)
      })
    const received = (x: number): Change => {
      const change = write(x)
      const decoded = decoder.decode(encoder.encode([change]))
      if (!decoded.ok) throw new Error(decoded.error.message)
      expect(decoded.value.map(essence)).toEqual([essence(change)])
      return decoded.value[0] as Change
    }
    const unknown = ({ ops }: Change) =>
      ops.filter(({ key }) => key.met?.tree !== reader.store.tree).map(({ key }) => [...key.path, key.member])
    const before = storeToPlain(bob.store)
    const first = received(1)
    expect(unknown(first).length).toBe(first.ops.length)
    expect(storeToPlain(bob.store)).toEqual(before)
    bob.store.applyChange(first)
    // What was spelled before the store had it keeps its key; another stream gets the store's.
    const second = createChangeDecoder({}, () => reader.store.tree).decode(encodeChanges([write(2)]))
    expect(second.ok && unknown(second.value[0] as Change)).toEqual([
      ['at', 'fresh', 'x', ''],
      ['tags', 'stag 2'],
    ])
    reader.store = carol.store
    const third = received(3)
    expect(unknown(third).length).toBe(third.ops.length)
  })

  it('[CO11] keep their keys where rows are given back between the writing of changes and their encoding', () => {
    const alice = open('a')
    const encoder = createChangeEncoder()
    const decoder = createChangeDecoder()
    const come = (change: Change): void => {
      const decoded = decoder.decode(encoder.encode([change]))
      expect(decoded.ok && decoded.value.map(essence)).toEqual([essence(change)])
    }
    // With a list, so that it is of ops and not of rows; in an order that is not that of keys.
    const write = (x: number): Change =>
      changeOf(alice, (s) => {
        for (const [at, name] of ['w', 'v', 'u'].entries()) s.at.get(name).x.set(10 * x + at)
        s.log.push(x)
      })
    come(changeOf(alice, (s) => s.title.set('one')))
    for (let x = 1; x < 4; x++) {
      const change = write(x)
      alice.store.tree.turn()
      come(change)
      // The same keys as others made them, who know nothing of rows.
      const others = decodeChanges(encodeChanges([write(x)]))
      if (!others.ok) throw new Error(others.error.message)
      for (const other of others.value) come(other)
    }
  })

  it('[CO12] carry their context whole after a bundle, and a reader that expects it refuses less', () => {
    const [alice, bob] = [open('a'), open('b')]
    const encoder = createChangeEncoder()
    const decoder = createChangeDecoder()
    alice.store.applyChange(changeOf(bob, (s) => s.title.set('bob')))
    decoder.decode(encoder.encode([changeOf(alice, (s) => s.title.set('1'))]))
    // Alice learns of bob's second change and writes; the peer gets both in a bundle instead.
    alice.store.applyChange(changeOf(bob, (s) => s.title.set('bob again')))
    changeOf(alice, (s) => s.title.set('2'))
    encoder.bundleSent()
    decoder.bundleReceived()
    const third = changeOf(alice, (s) => s.title.set('3'))
    const decoded = decoder.decode(encoder.encode([third]))
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(decoded.value[0]?.context.toJSON()).toEqual(third.context.toJSON())

    decoder.bundleReceived()
    const fourth = encoder.encode([changeOf(alice, (s) => s.title.set('4'))])
    expect(decoder.decode(fourth)).toMatchObject({ ok: false, error: { kind: 'malformed' } })
    expect(decoder.decode(encoder.encode([changeOf(alice, (s) => s.title.set('5'))])).ok).toBe(false)
  })

  it('[CO13] of another format are refused as such, like bundles and snapshots', () => {
    const alice = open('a')
    const change = changeOf(alice, (s) => s.title.set('x'))
    const newer = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte + 9 : byte))
    const refused = { ok: false, error: { kind: 'unsupported-version' } }
    expect(decodeChanges(newer(encodeChanges([change]), 0))).toMatchObject(refused)
    expect(decodeBundle(newer(encodeBundle(bundleSince(alice.store, Version.empty)), 0))).toMatchObject(refused)
    expect(decodeSnapshot(newer(encodeSnapshot(alice.store), 3))).toMatchObject(refused)
    expect(decodeSnapshot(newer(encodeSnapshot(alice.store), 20))).toMatchObject({ error: { kind: 'checksum' } })
  })

  it('[CO14] take what the budget allows: small integers, pairs of floats, single writes', () => {
    const alice = open('a')
    const encoder = createChangeEncoder()
    const size = (write: Parameters<typeof alice.change>[0]): number => encoder.encode([changeOf(alice, write)]).length
    size((s) => s.title.set('a'))
    const ids = Array.from({ length: 200 }, (_, i) => `entity-${i}`)
    size((s) => {
      for (const id of ids) {
        s.at.get(id).x.set(0)
        s.at.get(id).y.set(0)
      }
    })
    const ints = size((s) => {
      for (let i = 0; i < 100; i++) s.at.get(ids[(i * 7) % 200] as string).x.set(i)
    })
    const floats = size((s) => {
      for (const id of ids) {
        s.at.get(id).x.set(Math.random())
        s.at.get(id).y.set(Math.random())
      }
    })
    const single = size((s) => s.title.set('b'))
    expect(ints / 100).toBeLessThanOrEqual(5)
    expect(floats / 400).toBeLessThanOrEqual(9.5)
    expect(single).toBeLessThanOrEqual(14)
  })
})

describe('versions as bytes', () => {
  it('[CO15] come back as they were, and refuse an author named twice', () => {
    const version = Version.from([
      [authorIdFrom('00000000000000a1'), 1],
      [authorIdFrom('ffffffffffffffff'), 4_294_967_295],
    ])
    const bytes = encodeVersion(version)
    expect(decodeVersion(bytes)).toEqual({ ok: true, value: version })
    expect(decodeVersion(encodeVersion(Version.empty))).toEqual({ ok: true, value: Version.empty })
    const [count = 0, ...rest] = bytes
    expect(decodeVersion(Uint8Array.of(count + 1, ...rest, 0, 5))).toMatchObject({ error: { kind: 'malformed' } })
  })
})
