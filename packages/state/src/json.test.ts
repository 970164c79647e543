import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  type AuthorId,
  bounded,
  type ChangeOptions,
  counter,
  createStore,
  exportJSON,
  fenced,
  flag,
  greatest,
  importJSON,
  isRejoinError,
  type Json,
  list,
  map,
  mvRegister,
  openDocument,
  ranked,
  register,
  resolved,
  schema,
  set,
  type Value,
  valueFromJSON,
  valuesEqual,
  valueToJSON,
} from './index.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'
import { anyValue, awkwardValues } from './value.test-helper.ts'

const World = schema({
  title: register('untitled'),
  any: register<Value>(null),
  tags: mvRegister<Value>(),
  owner: ranked(null as Value, { ranks: ['guest', 'admin'] }),
  round: fenced<Value>(0, { lease: 'round' }),
  best: resolved(0, greatest()),
  score: counter(10),
  potions: bounded({ initial: 5 }),
  open: flag(false),
  sealed: flag(true, { wins: 'disable' }),
  seen: set<Value>(),
  banned: set<Value>({ wins: 'remove' }),
  log: list<Value>(),
  settings: { theme: { dark: register(true) } },
  players: map({ name: register(''), hp: counter(100), bag: set<string>(), pets: map(register<Value>('')) }),
})

const initial = {
  title: 'untitled',
  any: null,
  tags: [],
  owner: null,
  round: 0,
  best: 0,
  score: 10,
  potions: 5,
  open: false,
  sealed: true,
  seen: [],
  banned: [],
  log: [],
  settings: { theme: { dark: true } },
  players: {},
}

let clock = 1_700_000_000_000

function open(author = 'a') {
  return openDocument(World, createStore({ newAuthor: () => author.repeat(16) as AuthorId, now: () => clock++ }))
}

type Doc = ReturnType<typeof open>

const options: ChangeOptions = { token: { lease: 'round', epoch: 1, ballot: 1 } }
const throughText = (json: unknown): unknown => JSON.parse(JSON.stringify(json))
const textOf = (doc: Doc): string => JSON.stringify(exportJSON(doc))

describe('a value as JSON', () => {
  it('[DA1] comes back from the text of it as it was, also what JSON lacks and what looks like a tag', () => {
    for (const value of awkwardValues) {
      const back = valueFromJSON(throughText(valueToJSON(value)))
      expect(valuesEqual(back, value)).toBe(true)
    }
    fc.assert(
      fc.property(anyValue, (value) => {
        const back = valueFromJSON(throughText(valueToJSON(value)))
        expect(valuesEqual(back, value)).toBe(true)
        expect(
          typeof back !== 'object' ||
            back === null ||
            ArrayBuffer.isView(back) ||
            back instanceof Date ||
            Object.isFrozen(back),
        ).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('[DA1] is spelled in one way', () => {
    const cases: [Value, string][] = [
      [Number.NaN, '{"$number":"NaN"}'],
      [Number.NEGATIVE_INFINITY, '{"$number":"-Infinity"}'],
      [-0, '{"$number":"-0"}'],
      [12n, '{"$bigint":"12"}'],
      [new Date(0), '{"$date":"1970-01-01T00:00:00.000Z"}'],
      [new Date(Number.NaN), '{"$date":null}'],
      [Uint8Array.of(1, 2), '{"$bytes":"AQI="}'],
      ['\ud800', '"\\ud800"'],
      [{ $bytes: 'AQI=' }, '{"$$bytes":"AQI="}'],
      [{ $$bytes: 1n }, '{"$$$bytes":{"$bigint":"1"}}'],
      [{ $bytes: 'AQI=', of: 2 }, '{"$bytes":"AQI=","of":2}'],
    ]
    for (const [value, text] of cases) expect(JSON.stringify(valueToJSON(value))).toBe(text)
  })

  it('[DA1] is base64 of every length', () => {
    for (let length = 0; length < 70; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 255)
      const json = valueToJSON(bytes)
      expect(json).toEqual({ $bytes: Buffer.from(bytes).toString('base64') })
      expect(valueFromJSON(json)).toEqual(bytes)
    }
  })

  it('[DA3] is refused where it is none, with the place named', () => {
    let deep: unknown = 1
    for (let i = 0; i < 40; i++) deep = [deep]
    const cycle: unknown[] = []
    cycle.push(cycle)
    const cases: [unknown, string][] = [
      [undefined, ''],
      [Number.NaN, ''],
      [JSON.parse('1e999'), ''],
      [[1, -Infinity], '/1'],
      [{ a: { b: undefined } }, '/a/b'],
      [new Uint8Array(1), ''],
      [[new Date(0)], '/0'],
      [{ n: 1n }, '/n'],
      [() => 1, ''],
      [new Map(), ''],
      [{ x: { $what: 1 } }, '/x'],
      [{ $number: '1' }, ''],
      [{ $number: 1 }, ''],
      [{ $bigint: '01' }, ''],
      [{ $bigint: '-0' }, ''],
      [{ $bigint: '' }, ''],
      [{ $bytes: 'AQI' }, ''],
      [{ $bytes: 'AQJ=' }, ''],
      [{ $bytes: 'A===' }, ''],
      [{ $bytes: 'AQ-_' }, ''],
      [{ $bytes: null }, ''],
      [{ $date: '1970-01-01' }, ''],
      [{ $date: 'never' }, ''],
      [{ $date: 0 }, ''],
      [{ $: 1 }, ''],
      [deep, '/0'.repeat(32)],
      [cycle, '/0'.repeat(32)],
    ]
    for (const [json, path] of cases) expect(refusal(() => valueFromJSON(json))).toEqual(['invalid-json', path])
  })
})

function refusal(act: () => unknown): unknown {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return isRejoinError(error) ? [error.code, error.details['path']] : error
  }
}

/** JSON of this schema: what `importJSON` may be given. */
const worldJSON: fc.Arbitrary<Record<string, Json>> = (() => {
  const value = anyValue.map(valueToJSON)
  const values = fc.array(value, { maxLength: 5 })
  const few = fc.array(fc.constantFrom<Json>(1, 2, 'x', { $number: '-0' }, { $bytes: 'AA==' }), { maxLength: 6 })
  const key = fc.constantFrom('ada', '__proto__', '\ud800', '$bytes', '')
  const dictionary = <T>(of: fc.Arbitrary<T>) =>
    fc.array(fc.tuple(key, of), { maxLength: 4 }).map((pairs) => Object.fromEntries(pairs) as Record<string, T>)
  const player = fc.record(
    {
      name: fc.string({ unit: 'binary' }),
      hp: fc.integer(),
      bag: fc.uniqueArray(fc.constantFrom('x', 'y', 'z')),
      pets: dictionary(value),
    },
    { requiredKeys: [] },
  )
  return fc.record(
    {
      title: fc.string(),
      any: value,
      tags: fc.array(value, { maxLength: 1 }),
      owner: value,
      round: value,
      best: fc.integer(),
      score: fc.integer(),
      open: fc.boolean(),
      sealed: fc.boolean(),
      seen: values,
      banned: values,
      log: fc.oneof(values, few),
      settings: fc.record({ theme: fc.record({ dark: fc.boolean() }) }),
      players: dictionary(player),
    },
    { requiredKeys: [] },
  ) as fc.Arbitrary<Record<string, Json>>
})()

describe('a document as JSON', () => {
  it('[DA1] says what the schema reads, and of a store what it holds', () => {
    const doc = open()
    expect(exportJSON(doc)).toEqual(initial)
    doc.change((s) => {
      s.title.set('first')
      s.seen.add(7n)
      s.log.push('a', -0)
      s.players.get('__proto__').hp.add(-1)
      s.players.get('$bytes').pets.get('cat').set({ $bytes: 'AA==' })
    })
    expect(JSON.parse(textOf(doc))).toEqual({
      ...initial,
      title: 'first',
      seen: [{ $bigint: '7' }],
      log: ['a', { $number: '-0' }],
      players: JSON.parse(
        '{"__proto__":{"name":"","hp":99,"bag":[],"pets":{}},"$bytes":{"name":"","hp":100,"bag":[],"pets":{"cat":{"$$bytes":"AA=="}}}}',
      ),
    })
    expect(JSON.parse(JSON.stringify(exportJSON(doc.store)))).toMatchObject({
      seen: [{ $bigint: '7' }],
      title: 'first',
    })
  })

  it('[DA2] fills another document in one change, so that both read the same', () => {
    fc.assert(
      fc.property(worldJSON, worldJSON, (before, json) => {
        const [used, fresh] = [open('a'), open('b')]
        importJSON(used, before, options)
        const { written, skipped } = importJSON(fresh, throughText(json), options)
        expect(skipped).toEqual([])
        const read = exportJSON(fresh) as Record<string, Json>
        // Named fields read what they say: sets in their own order, unnamed fields of new entries their initial values.
        expect(written === undefined).toBe(textOf(fresh) === JSON.stringify(initial))
        expect(importJSON(fresh, throughText(read), options)).toEqual({ written: undefined, skipped: [] })
        expect(importJSON(used, throughText(read), options).skipped).toEqual([])
        expect(textOf(used)).toBe(JSON.stringify(read))
        for (const name of ['title', 'any', 'owner', 'round', 'score', 'log', 'tags'] as const) {
          expect(JSON.stringify(read[name])).toBe(JSON.stringify(name in json ? json[name] : initial[name]))
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[DA2] leaves alone what it does not name, and deletes what a named map or set does not hold', () => {
    const doc = open()
    doc.change((s) => {
      s.title.set('kept')
      s.seen.add('x')
      s.seen.add('y')
      s.players.get('ada').name.set('Ada')
      s.players.get('ada').bag.add('key')
      s.players.get('bob').hp.add(1)
    })
    const { written } = importJSON(doc, { score: 12, seen: ['y', 'z', 'z'], players: { ada: { bag: [] }, eve: {} } })
    expect(written?.seq).toBe(2)
    expect(doc.snapshot).toMatchObject({
      title: 'kept',
      score: 12,
      seen: ['y', 'z'],
      players: { ada: { name: 'Ada', hp: 100, bag: [] }, eve: { name: '', hp: 100, bag: [], pets: {} } },
    })
    expect(Object.keys(doc.snapshot.players)).toEqual(['ada', 'eve'])
  })

  it('[DA2] keeps an entry whose last content it takes away', () => {
    const doc = open()
    doc.change((s) => s.players.get('ada').bag.add('key'))
    importJSON(doc, { players: { ada: { bag: [] } } })
    expect(exportJSON(doc)).toEqual({ ...initial, players: { ada: { name: '', hp: 100, bag: [], pets: {} } } })
  })

  it('[DA2] writes only what differs, so that it merges with what others write meanwhile', () => {
    const [alice, bob] = [open('a'), open('b')]
    alice.change((s) => {
      s.log.push('a', 'b', 'c', 'd')
      s.score.add(5)
      s.any.set({ x: 1 })
    })
    applyBundle(bob.store, bundleSince(alice.store, bob.store.version))
    const json = exportJSON(alice) as Record<string, Json>
    bob.change((s) => {
      s.log.push('e')
      s.score.add(100)
      s.any.set('bob')
    })
    const { written } = importJSON(alice, { ...json, score: 16, log: ['a', 'B', 'c', 'd'] })
    expect(written?.ops.map(({ type, key }) => [type, key.path[0]])).toEqual([
      ['put', 'score'],
      ['insert', 'log'],
      ['erase', 'log'],
    ])
    expect(written?.span).toBe(1)
    applyBundle(bob.store, bundleSince(alice.store, bob.store.version))
    expect(bob.snapshot).toMatchObject({ log: ['a', 'B', 'c', 'd', 'e'], score: 116, any: 'bob' })
  })

  it('[DA2] names what no write can make read so, and leaves it', () => {
    const [doc, other] = [open('a'), open('b')]
    const json = {
      potions: 4,
      tags: ['one', 'two'],
      score: { $number: 'Infinity' },
      players: { ada: { hp: { $number: 'NaN' } } },
    }
    expect(importJSON(doc, json)).toMatchObject({
      skipped: [
        { path: ['potions'], kind: 'bounded' },
        { path: ['tags'], kind: 'mvRegister' },
        { path: ['score'], kind: 'counter' },
        { path: ['players', 'ada', 'hp'], kind: 'counter' },
      ],
    })
    expect(doc.snapshot).toMatchObject({ potions: 5, tags: [], score: 10 })
    // What reads so already is no matter.
    doc.change((s) => s.tags.set('one'))
    other.change((s) => s.tags.set('two'))
    applyBundle(doc.store, bundleSince(other.store, doc.store.version))
    expect(importJSON(doc, { potions: 5, tags: ['one', 'two'] })).toEqual({ written: undefined, skipped: [] })
    importJSON(doc, { tags: [] })
    expect(doc.snapshot.tags).toEqual([])
  })

  it('[DA2] keeps the rank that stands, and writes fenced fields under their token only', () => {
    const [alice, bob] = [open('a'), open('b')]
    alice.change((s) => s.owner.set('ada', 'admin'))
    importJSON(alice, { owner: 'bea' })
    bob.change((s) => s.owner.set('carl', 'guest'))
    importJSON(bob, { owner: 'dan' })
    applyBundle(alice.store, bundleSince(bob.store, alice.store.version))
    expect(alice.snapshot.owner).toBe('bea')

    expect(refusal(() => importJSON(alice, { title: 'new', round: 2 }))).toEqual(['fencing-token-required', 'round'])
    expect(alice.snapshot.title).toBe('untitled')
    expect(importJSON(alice, { round: 0 }).written).toBeUndefined()
    importJSON(alice, { round: 2 }, options)
    expect(alice.snapshot.round).toBe(2)
  })

  it('[DA2] brings counters of fractions to the number', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
        fc.integer(),
        (to, from) => {
          const doc = open()
          doc.change((s) => s.score.add(from / 7))
          const { skipped } = importJSON(doc, { score: valueToJSON(to) })
          expect(Math.abs(doc.snapshot.score - to)).toBeLessThanOrEqual(1e-6)
          expect(skipped.length === 0).toBe(doc.snapshot.score === to)
        },
      ),
    )
    const doc = open()
    doc.change((s) => s.score.add(0.1))
    expect(importJSON(doc, { score: 10.3 }).skipped).toEqual([])
    expect(doc.snapshot.score).toBe(10.3)
    // No number added to the initial 10 gives this one exactly.
    expect(importJSON(doc, { score: 0.3 }).skipped).toEqual([{ path: ['score'], kind: 'counter' }])
    expect(doc.snapshot.score).toBeCloseTo(0.3, 12)
  })

  it('[DA3] is refused where it does not fit, with the place named and nothing written', () => {
    let deep: Json = 1
    for (let i = 0; i < 32; i++) deep = [deep]
    const cases: [unknown, string, string?][] = [
      [null, ''],
      [[], ''],
      ['{}', ''],
      [undefined, ''],
      [{ titel: 'x' }, '/titel'],
      [JSON.parse('{"__proto__": 1}'), '/__proto__'],
      [{ toString: 1 }, '/toString'],
      [{ any: [deep] }, `/any${'/0'.repeat(32)}`],
      [{ owner: deep }, `/owner${'/0'.repeat(31)}`],
      [{ round: deep }, `/round${'/0'.repeat(31)}`],
      [{ any: undefined }, '/any'],
      [{ tags: 'x' }, '/tags'],
      [{ score: '12' }, '/score'],
      [{ score: null }, '/score'],
      [{ potions: true }, '/potions'],
      [{ open: 1 }, '/open'],
      [{ sealed: null }, '/sealed'],
      [{ seen: {} }, '/seen'],
      [{ seen: ['ok', 'x'.repeat(5000)] }, '/seen/1', 'invalid-value'],
      [{ banned: [1, { $what: 1 }] }, '/banned/1'],
      [{ log: { length: 1 } }, '/log'],
      [{ log: ['ok', [1, undefined]] }, '/log/1/1'],
      [{ settings: { theme: true } }, '/settings/theme'],
      [{ players: [] }, '/players'],
      [{ players: { ada: { hp: [] } } }, '/players/ada/hp'],
      [{ players: { ada: { mana: 1 } } }, '/players/ada/mana'],
      [{ players: { ada: { pets: { ['x'.repeat(1020)]: 1 } } } }, '/players/ada/pets', 'invalid-key'],
    ]
    const doc = open()
    doc.change((s) => s.log.push('before'))
    const before = [digestOf(doc.store), doc.store.version.toJSON(), textOf(doc)]
    for (const [json, path, code] of cases) {
      // What fits comes first, so that a half-made import would show.
      const whole =
        typeof json === 'object' && json !== null && !Array.isArray(json)
          ? Object.assign({ title: 'new', log: [] }, json)
          : json
      const given = Object.hasOwn(Object(json), '__proto__') ? json : whole
      expect(refusal(() => importJSON(doc, given, options))).toEqual([code ?? 'invalid-json', path])
    }
    const tooLarge = { log: ['fits', 'x'.repeat(2 ** 20)] }
    expect(refusal(() => importJSON(doc, tooLarge))).toEqual(['value-too-large', '/log'])
    expect([digestOf(doc.store), doc.store.version.toJSON(), textOf(doc)]).toEqual(before)
  })
})
