import { describe, expect, it } from 'vitest'
import { compareKeys, Key, leafKinds } from './key.ts'
import { sortKeys } from './key-order.ts'
import { Tree } from './tree.ts'

const registers = (names: readonly string[], above: readonly string[] = ['players']) =>
  names.map((name) => new Key([...above, name], leafKinds.register))

const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item, i) => [Math.imul(i + 1, 2_654_435_761) >>> 0, item] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item)

describe('the order of keys', () => {
  const many = Array.from({ length: 300 }, (_, i) => i)
  const cases: Record<string, Key[]> = {
    'padded numbers': registers(many.map((i) => `key${String(i).padStart(6, '0')}`)),
    'bare numbers': registers(many.map((i) => `${i}`)),
    'names that begin one another, also with nothing': registers([
      '',
      ...many.map((i) => 'ab'.repeat(i % 40) + (i >> 3)),
    ]),
    'names that differ late': registers(many.map((i) => `same ${i % 7} beginning and ${i}`)),
    'names with wide characters': registers(many.map((i) => `${i}\u00e9${i % 3}`)),
    'names with the last plain character': registers(many.map((i) => `${String.fromCharCode(i % 128)}\u007f${i}`)),
    'keys of several kinds and depths': [
      ...registers(
        many.map((i) => `${i % 50}`),
        ['a', 'b'],
      ),
      ...registers(many.map((i) => `${i}`)),
      ...many.map((i) => new Key(['tags'], leafKinds.set, `s${i}`)),
      new Key([], leafKinds.register),
    ],
  }
  for (const [name, keys] of Object.entries(cases)) {
    it(`is that of compareKeys for ${name}, met by a tree or not`, () => {
      const tree = new Tree()
      const met = keys.map((key) => tree.key(tree.entry(tree.node(key.path), key.kind, key.member)))
      for (const some of [keys, met, keys.map((key, i) => (i % 2 === 0 ? key : (met[i] ?? key)))]) {
        const ids = (list: readonly Key[]) => list.map(({ id }) => id)
        const mixed = shuffled(some)
        expect(ids(sortKeys(mixed))).toEqual(ids([...mixed].sort(compareKeys)))
      }
    })
  }
})
