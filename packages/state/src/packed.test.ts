import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  applyBundle,
  ByteReader,
  ByteWriter,
  bundleSince,
  type Change,
  createChangeDecoder,
  createChangeEncoder,
  decodeBundle,
  decodeChanges,
  digestOf,
  encodeBundle,
  encodeChanges,
  Key,
  leafKinds,
  map,
  register,
  schema,
  Version,
} from './index.ts'
import { KeyReader, KeySpeller } from './key-speller.ts'
import { AuthorReader, AuthorWriter } from './key-table.ts'
import { openAs, startMs } from './replicas.test-helper.ts'

const Table = schema({ cells: map(register(0)) })

function open(author: string) {
  let now = startMs
  return openAs(Table, author, () => now++)
}

const nameOf = (at: number): string => `cell${String(at).padStart(6, '0')}`

/** Numbers that are the same each time. */
function* numbers(most: number): Generator<number, never> {
  for (let seed = 1; ; ) {
    seed = (seed * 48_271) % 2_147_483_647
    yield seed % most
  }
}

/** Changes of a hundred cells each, of a table of 100,000, and the replica that made them. */
function written(changes: number) {
  const alice = open('a')
  const [places, values] = [numbers(100_000), numbers(10_000)]
  const all: Change[] = []
  for (let i = 0; i < changes; i++) {
    const change = alice.change((s) => {
      for (let at = 0; at < 100; at++) s.cells.get(nameOf(places.next().value)).set(values.next().value)
    })
    if (change !== undefined) all.push(change)
  }
  return { alice, all }
}

describe('packed changes and bundles', () => {
  it('[CO22] take half of what plain ones do where keys count and values are small integers, and hold the same', () => {
    const { alice, all } = written(10)
    const plain = encodeChanges(all)
    const packed = encodeChanges(all, undefined, true)
    // 8.1 bits for how far apart keys are, 3.3 for whose they are and 13.3 for the value would be 3.1 bytes.
    expect(packed.length).toBeLessThan(1000 * 3.6)
    expect(packed.length).toBeLessThan(plain.length * 0.55)
    const bob = open('b')
    const decoded = decodeChanges(packed)
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(decoded.value.map((change) => bob.store.applyChange(change))).toEqual(all.map(() => 'applied'))
    expect(digestOf(bob.store)).toBe(digestOf(alice.store))
  })

  it('[CO22] hold the same as bundles', () => {
    const { alice } = written(10)
    const bundle = bundleSince(alice.store, Version.empty)
    const packed = encodeBundle(bundle, undefined, true)
    expect(packed.length).toBeLessThan(encodeBundle(bundle).length * 0.6)
    const bob = open('b')
    const decoded = decodeBundle(packed)
    if (!decoded.ok) throw new Error(decoded.error.message)
    expect(applyBundle(bob.store, decoded.value)).toBe('applied')
    expect(digestOf(bob.store)).toBe(digestOf(alice.store))
  })

  it('[CO22] go on in a stream after keys that counted on', () => {
    const { all } = written(3)
    const [first, second, third] = all as [Change, Change, Change]
    const encoder = createChangeEncoder(undefined, true)
    const decoder = createChangeDecoder()
    for (const frame of [[first], [second, third], [first]]) {
      const decoded = decoder.decode(encoder.encode(frame))
      if (!decoded.ok) throw new Error(decoded.error.message)
      const ids = ({ ops }: Change): string[] => ops.map(({ key }) => key.id).sort()
      expect(decoded.value.map(ids)).toEqual(frame.map(ids))
    }
  })
})

/** Names that count, names that nearly do, and others. */
const anyName = fc.oneof(
  fc.nat({ max: 3000 }).map((at) => `cell${String(at).padStart(4, '0')}`),
  fc.nat({ max: 3000 }).map((at) => `cell${at}`),
  fc.nat({ max: 99 }).map((at) => `${'9'.repeat(20)}${at}`),
  fc.nat({ max: 99 }).map((at) => `${'long'.repeat(30)}${at}`),
  fc.constantFrom('', '0', '9', '٣', 'cell', 'cell9999', 'x\ud8007'),
)
const anyKey = fc
  .tuple(fc.constantFrom('a', 'b'), anyName, fc.constantFrom(leafKinds.register, leafKinds.set, leafKinds.entry, 200))
  .map(([above, name, kind]) => new Key([above, name], kind, kind === leafKinds.set ? name : ''))

describe('keys that count on', () => {
  const spelled = (keys: readonly Key[], packs: boolean): Uint8Array => {
    const writer = new ByteWriter()
    new KeySpeller().writeAll(writer, keys, new AuthorWriter(), packs)
    return writer.finish()
  }
  const read = (bytes: Uint8Array, count: number): Key[] => {
    const reader = new ByteReader(bytes)
    const keys = new KeyReader()
    keys.packs = true
    const authors = new AuthorReader()
    const all = Array.from({ length: count }, () => keys.read(reader, authors))
    keys.end(reader)
    reader.end()
    return all
  }
  const siblings = (names: readonly string[]): Key[] => {
    const branch = new Key(['cells', 'x'], leafKinds.register).branch
    return names.map((name) => new Key(branch, leafKinds.register, '', name))
  }

  it('[CO22] come back as they were, whatever their names', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { minLength: 1, maxLength: 60 }), (keys) => {
        const sorted = [...keys].sort((a, b) => (a.id < b.id ? -1 : 1))
        const back = read(spelled(sorted, true), sorted.length)
        expect(back.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id))
      }),
    )
  })

  it('[CO22] come back as siblings in order, some of which count on', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyName, { minLength: 1, maxLength: 80 }), (names) => {
        const keys = siblings([...names].sort())
        expect(read(spelled(keys, true), keys.length).map(({ name }) => name)).toEqual([...names].sort())
      }),
    )
  })

  it('[CO22] take a few bits each, and are refused where they go beyond their digits or their frame', () => {
    const names = Array.from({ length: 100 }, (_, at) => nameOf(at * 3))
    const bytes = spelled(siblings(names), true)
    expect(bytes.length).toBeLessThan(70)
    expect(spelled(siblings(names), false).length).toBeGreaterThan(200)
    expect(() => read(bytes, 50)).toThrow(/beyond the last key/)
    // The same gaps from a name near the last that there is.
    const at = bytes.findIndex((byte, i) => byte === 0x30 && bytes[i + 5] === 0x30)
    const late = Uint8Array.from(bytes)
    late.fill(0x39, at, at + 6)
    expect(() => read(late, 100)).toThrow(/counts too far/)
  })

  it('[CO22] are refused where packing was not agreed on', () => {
    const keys = siblings(Array.from({ length: 20 }, (_, at) => nameOf(at)))
    const reader = new ByteReader(spelled(keys, true))
    const plain = new KeyReader()
    expect(() => keys.map(() => plain.read(reader, new AuthorReader()))).toThrow(/another form/)
  })
})
