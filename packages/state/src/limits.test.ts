import { describe, expect, it } from 'vitest'
import { applyBundle } from './apply-bundle.ts'
import {
  type AuthorId,
  type Change,
  type ChangeOptions,
  canonicalKey,
  counter,
  createStore,
  decodeBundle,
  decodeChanges,
  encodeBundle,
  encodeChanges,
  fenced,
  isRejoinError,
  Key,
  leafKinds,
  list,
  map,
  mvRegister,
  openDocument,
  ranked,
  register,
  type Schema,
  type Shape,
  type StoreLimits,
  schema,
  set,
  type Value,
  Version,
} from './index.ts'
import { insertOp } from './list-write.ts'
import { bundleSince } from './since.ts'
import { digestOf } from './store-digest.ts'

const World = schema({
  note: register<Value>(null),
  votes: mvRegister<Value>(),
  owner: ranked(null as Value, { ranks: ['guest', 'admin'] }),
  round: fenced<Value>(null, { lease: 'round' }),
  tags: set<Value>(),
  log: list<Value>(),
  players: map({ hp: counter(0), bag: set<string>(), pets: map(register<Value>(null)) }),
})

function open(author: string, limits: Partial<StoreLimits> = {}) {
  const id = author.repeat(16) as AuthorId
  return openDocument(World, createStore({ newAuthor: () => id, now: () => 1_700_000_000_000, limits }))
}

type Doc = ReturnType<typeof open>
type Write = Parameters<Doc['change']>[0]

const token: ChangeOptions = { token: { lease: 'round', epoch: 1, ballot: 1 } }

/** Code and details of what a change is refused with; checks that nothing of it stayed. */
function refusal(doc: Doc, write: Write): unknown {
  // An incarnation may have been minted for what was refused: nothing of it is in the version.
  const state = () => [
    digestOf(doc.store),
    doc.store.version.toJSON(),
    doc.snapshot,
    { ...doc.store.stats, authors: 0 },
  ]
  const before = state()
  try {
    doc.change((draft) => {
      draft.log.push('kept?')
      draft.players.get('eve').hp.add(1)
      write(draft)
    }, token)
  } catch (error) {
    if (!isRejoinError(error)) throw error
    expect(state()).toEqual(before)
    const { limit, size, most } = error.details
    return [error.code, limit, size, most]
  }
  return 'accepted'
}

function nested(levels: number): Value {
  let value: Value = 1
  for (let i = 0; i < levels; i++) value = [value]
  return value
}

function changeOf(doc: Doc, write: Write): Change {
  const change = doc.change(write, token)
  if (change === undefined) throw new Error('nothing was written')
  return change
}

/** What a peer reads of a change and of a bundle. */
function arrives(from: Doc): string[] {
  const [one, two] = [open('e'), open('f')]
  const bundle = decodeBundle(encodeBundle(bundleSince(from.store, Version.empty)))
  return [
    bundle.ok ? applyBundle(one.store, bundle.value) : bundle.error.kind,
    String(
      bundle.ok && applyBundle(two.store, bundle.value) === 'applied' && digestOf(two.store) === digestOf(from.store),
    ),
  ]
}

describe('a local write beyond a limit', () => {
  it('[LM1] is refused where a value is nested too deep, and what is let through reaches others', () => {
    const doc = open('a')
    const tooDeep = ['invalid-value', 'valueDepth', 33, 32]
    const writes: ((value: Value) => Write)[] = [
      (value) => (s) => s.note.set(value),
      (value) => (s) => s.votes.set(value),
      (value) => (s) => s.tags.add(value),
      (value) => (s) => s.log.push(value),
      (value) => (s) => s.players.get('ada').pets.get('cat').set(value),
    ]
    for (const write of writes) {
      expect(refusal(doc, write(nested(33)))).toEqual(tooDeep)
      doc.change(write(nested(32)), token)
    }
    // Beside its rank or token a value has one level less.
    const graded: ((value: Value) => Write)[] = [
      (value) => (s) => s.owner.set(value, 'admin'),
      (value) => (s) => s.round.set(value),
    ]
    for (const write of graded) {
      expect(refusal(doc, write(nested(32)))).toEqual(tooDeep)
      doc.change(write(nested(31)), token)
    }
    expect(arrives(doc)).toEqual(['applied', 'true'])
  })

  it('[LM1] is refused where a key or an element is too long, and what is let through reaches others', () => {
    const doc = open('a')
    const key = 'k'.repeat(1017)
    expect(refusal(doc, (s) => s.players.get(`${key}k`).hp.add(1))).toEqual(['invalid-key', 'keyLength', 1018, 1017])
    expect(refusal(doc, (s) => s.players.add('k'.repeat(5000)))).toEqual(['invalid-key', 'keyLength', 5000, 1017])
    expect(refusal(doc, (s) => s.players.get('ada').pets.get(key).set(1))).toEqual([
      'invalid-key',
      'keyLength',
      1017,
      1024 - 'playersadapets'.length,
    ])
    expect(refusal(doc, (s) => s.tags.add('x'.repeat(4096)))).toEqual(['invalid-value', 'elementLength', 4097, 4096])
    doc.change((s) => {
      s.players.get(key).hp.add(1)
      s.tags.add('\ud800'.repeat(4095))
    })
    expect(arrives(doc)).toEqual(['applied', 'true'])
  })

  it('[LM1] is refused where a value takes more bytes than limits.valueBytes', () => {
    const doc = open('a', { valueBytes: 100 })
    const cases: [Value, number][] = [
      ['x'.repeat(99), 101],
      ['\ud800'.repeat(33), 101],
      [new Uint8Array(99), 101],
      [2n ** 792n, 103],
      [Array<Value>(12).fill(0.1), 109],
      [{ key: 'x'.repeat(94) }, 101],
      [{ ['k'.repeat(100)]: null }, 103],
    ]
    for (const [value, size] of cases) {
      const tooLarge = ['value-too-large', 'valueBytes', size, 100]
      expect(refusal(doc, (s) => s.note.set(value))).toEqual(tooLarge)
      expect(refusal(doc, (s) => s.votes.set(value))).toEqual(tooLarge)
      expect(refusal(doc, (s) => s.log.push('fits', value))).toEqual(tooLarge)
      expect(refusal(doc, (s) => s.owner.set(value, 'guest'))).toEqual(['value-too-large', 'valueBytes', size + 2, 100])
      expect(refusal(doc, (s) => s.round.set(value))).toEqual(['value-too-large', 'valueBytes', size + 3, 100])
    }
    const fits: Value[] = ['x'.repeat(98), 'é'.repeat(49), new Uint8Array(98), 2n ** 700n, Array<Value>(90).fill(1)]
    for (const value of fits) expect(doc.change((s) => s.note.set(value))).toBeDefined()
    const most = 1024 * 1024
    expect(refusal(open('a'), (s) => s.note.set('x'.repeat(most)))).toEqual([
      'value-too-large',
      'valueBytes',
      most + 4,
      most,
    ])
  })

  it('[LM1] never lets through what others cannot read, whatever its limits say', () => {
    const doc = open('a', { valueBytes: Number.POSITIVE_INFINITY })
    const most = 16 * 1024 * 1024
    expect(refusal(doc, (s) => s.note.set(new Uint8Array(most)))).toEqual([
      'value-too-large',
      'valueBytes',
      most + 5,
      most,
    ])
    const change = changeOf(doc, (s) => s.note.set(new Uint8Array(most - 5)))
    expect(decodeChanges(encodeChanges([change])).ok).toBe(true)
    expect(arrives(doc)).toEqual(['applied', 'true'])
  })
})

describe('what comes from a peer', () => {
  const deep = (length: number) => Array.from({ length }, (_, i) => `p${i}`)
  const ada = 'a'.repeat(16) as AuthorId
  const put = (key: Key, value: Value): Change['ops'][number] => ({ type: 'put', key, value })
  const address = (path: string[], member = '') =>
    new Key(path, member === '' ? leafKinds.register : leafKinds.set, member)
  const change = (op: Change['ops'][number]): Change => ({
    author: ada,
    seq: 1,
    span: 1,
    context: Version.empty,
    hlc: 1,
    ops: [op],
  })
  const insert = (path: string[], value: Value): Change =>
    change(
      insertOp(new Key(path, leafKinds.list), {
        id: { author: ada, seq: 1 },
        place: { parent: undefined, side: 'right', rightOrigin: undefined },
        values: [value],
      }),
    )
  const beyond: Change[] = [
    change(put(address(deep(33)), 1)),
    change(put(address(['x'.repeat(1025)]), 1)),
    change(put(address(['x'.repeat(1024), 'y'.repeat(1024), 'z']), 1)),
    change(put(address(['tags'], canonicalKey('x'.repeat(4096))), null)),
    change(put(address(['note']), nested(33))),
    change({ type: 'remove', key: address(deep(33)) }),
    insert(deep(33), 1),
    insert(['log'], nested(33)),
  ]
  const within: Change[] = [
    change(put(address(deep(32)), 1)),
    change(put(address(['x'.repeat(1024), 'y'.repeat(1024)]), 1)),
    change(put(address(['tags'], canonicalKey('x'.repeat(4095))), null)),
    change(put(address(['note']), nested(32))),
    insert(['log'], nested(32)),
  ]

  it('[LM2] beyond a limit is too large for the reader, and invalid for the store, without effect', () => {
    for (const one of beyond) {
      const decoded = decodeChanges(encodeChanges([one]))
      expect(decoded.ok ? 'read' : decoded.error.kind).toBe('too-large')
      const doc = open('b')
      const before = digestOf(doc.store)
      expect(doc.store.applyChange(one)).toBe('invalid')
      expect([digestOf(doc.store), doc.store.version.size]).toEqual([before, 0])
    }
  })

  it('[LM2] within the limits is taken in and given on', () => {
    for (const one of within) {
      const decoded = decodeChanges(encodeChanges([one]))
      if (!decoded.ok) throw new Error(decoded.error.message)
      const doc = open('b')
      expect(decoded.value.map((read) => doc.store.applyChange(read))).toEqual(['applied'])
      expect(arrives(doc)).toEqual(['applied', 'true'])
    }
  })

  it('[LM2] in a bundle is refused the same way', () => {
    for (const one of beyond) {
      const [op] = one.ops
      if (op?.type === 'erase' || op === undefined) continue
      const dot = { author: ada, seq: 1 }
      const row = { key: op.key, items: op.type === 'put' ? [{ ...dot, hlc: 1, value: op.value }] : [], removals: [] }
      const bundle = {
        base: Version.empty,
        version: Version.from([[ada, 1]]),
        floor: Version.empty,
        full: false,
        rows: op.type === 'insert' ? [] : [op.type === 'remove' ? { ...row, removals: [{ ...dot, hlc: 1 }] } : row],
        lists: op.type === 'insert' ? [{ key: op.key, runs: [{ ...dot, ...op.run }], erasures: [] }] : [],
      }
      const decoded = decodeBundle(encodeBundle(bundle))
      expect(decoded.ok ? 'read' : decoded.error.kind).toBe('too-large')
      const doc = open('b')
      expect(applyBundle(doc.store, bundle)).toBe('invalid')
      expect(doc.store.version.size).toBe(0)
    }
  })
})

describe('a document', () => {
  it('[LM3] is full at limits.documentItems for what adds here, never for a merge or a deletion', () => {
    const doc = open('a', { documentItems: 6 })
    doc.change((s) => {
      s.note.set(1)
      s.tags.add('x')
      s.log.push(1, 2)
      s.players.get('ada').hp.add(1)
    })
    expect(doc.store.stats).toMatchObject({ liveItems: 3, listElements: 2 })
    // The refused change adds two itself.
    expect(refusal(doc, () => undefined)).toEqual(['document-full', 'documentItems', 7, 6])
    expect(refusal(doc, (s) => s.log.push(3))).toEqual(['document-full', 'documentItems', 8, 6])
    expect(doc.change((s) => s.note.set(2))).toBeDefined()
    expect(doc.change((s) => s.tags.add('y'))).toBeDefined()
    expect(doc.change((s) => s.players.get('ada').hp.add(1))).toBeDefined()
    // What goes makes room within the same change.
    expect(
      doc.change((s) => {
        s.tags.delete('y')
        s.log.delete(0)
        s.log.push(3)
        s.votes.set(1)
      }),
    ).toBeDefined()
    expect(doc.store.stats).toMatchObject({ liveItems: 4, listElements: 2 })

    const other = open('b')
    other.change((s) => {
      s.log.push(...Array.from({ length: 20 }, (_, i) => i))
      for (let i = 0; i < 20; i++) s.players.get(`p${i}`).hp.add(1)
    })
    expect(applyBundle(doc.store, bundleSince(other.store, doc.store.version))).toBe('applied')
    expect(doc.store.stats).toMatchObject({ liveItems: 24, listElements: 22 })
    expect(refusal(doc, (s) => s.note.set(3))).toEqual(['document-full', 'documentItems', 48, 6])
    expect(doc.change((s) => s.note.set(3))).toBeDefined()
    expect(doc.change((s) => s.players.delete('p0'))).toBeDefined()
    expect(doc.change((s) => s.log.delete(0, 22))).toBeDefined()
    expect(doc.store.stats.listElements).toBe(0)
    expect(open('c').store.stats.listElements).toBe(0)
  })
})

describe('a schema', () => {
  it('[LM4] is refused when its names leave no room for an address that others can read', () => {
    const deepen = (levels: number): Schema => {
      let fields: Schema['fields'] = { leaf: register(0) }
      for (let i = 1; i < levels; i++)
        fields = i % 2 === 0 ? { s: fields } : { m: (map as (entry: Shape) => Shape)(fields) }
      return schema(fields)
    }
    const refused = (make: () => unknown): unknown => {
      try {
        make()
        return 'accepted'
      } catch (error) {
        return isRejoinError(error) ? [error.code, error.details['limit'], error.details['size']] : error
      }
    }
    expect(refused(() => deepen(21))).toBe('accepted')
    expect(refused(() => deepen(40))).toEqual(['invalid-schema', 'pathDepth', 33])
    expect(refused(() => schema({ ['x'.repeat(1024)]: register(0) }))).toBe('accepted')
    expect(refused(() => schema({ ['x'.repeat(1020)]: map({ fiver: register(0) }) }))).toEqual([
      'invalid-schema',
      'keyLength',
      1025,
    ])
  })
})
