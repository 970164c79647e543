import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attempt, ByteReader, ByteWriter } from './bytes.ts'
import { isRejoinError } from './errors.ts'
import { hashValue, toHex16 } from './hash.ts'
import { encodedLength } from './text-bytes.ts'
import { anyValue } from './value.test-helper.ts'
import {
  canonicalKey,
  freezeValue,
  readValue,
  readValueColumn,
  type Value,
  valueFromKey,
  valuesEqual,
  writeValue,
  writeValueColumn,
} from './value.ts'
import { valueBytes } from './value-bytes.ts'

function encoded(value: Value): Uint8Array {
  const writer = new ByteWriter(4)
  writeValue(writer, value)
  return writer.finish()
}

function decoded(bytes: Uint8Array): Value {
  const reader = new ByteReader(bytes)
  const value = readValue(reader)
  reader.end()
  return value
}

function refusal(act: () => unknown): string {
  try {
    act()
    return 'accepted'
  } catch (error) {
    return isRejoinError(error) ? `${error.code} at ${String(error.details.path)}` : `unexpected ${String(error)}`
  }
}

function isValue(value: unknown): boolean {
  return refusal(() => freezeValue(value)) === 'accepted'
}

const awkward: Value[] = [
  Number.NaN,
  -0,
  Infinity,
  -Infinity,
  0.1,
  1.5,
  127,
  128,
  -1,
  2 ** 31,
  -(2 ** 48),
  2 ** 52,
  2 ** 53,
  1e300,
  0n,
  -1n,
  255n,
  -(2n ** 200n),
  '',
  '\ud800',
  '\udc00',
  '😀',
  'x'.repeat(63),
  'x'.repeat(64),
  'é'.repeat(40),
  [],
  {},
  [[[]]],
  new Uint8Array(),
  Uint8Array.of(0, 255),
  new Date(0),
  new Date(-1),
  new Date(8.64e15),
  new Date(Number.NaN),
  JSON.parse('{"__proto__": {"x": 1}, "constructor": 1, "": null}') as Value,
  Array.from({ length: 20 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
]

describe('values as bytes', () => {
  it('[CO1] come back as they were', () => {
    for (const value of awkward) {
      expect(valuesEqual(decoded(encoded(value)), value)).toBe(true)
      expect(valueBytes(value, encodedLength)).toBe(encoded(value).length)
    }
    for (let power = 0; power < 130; power++) {
      for (const value of [2n ** BigInt(power) - 1n, -(2n ** BigInt(power))])
        for (const near of [value, Number(value), Number(value) + 1, Number(value) - 1])
          expect(valueBytes(near, encodedLength)).toBe(encoded(near).length)
    }
    fc.assert(
      fc.property(anyValue, (value) => {
        const back = decoded(encoded(value))
        expect(valuesEqual(back, value)).toBe(true)
        expect(isValue(back)).toBe(true)
        expect(JSON.stringify(encoded(back))).toBe(JSON.stringify(encoded(value)))
        expect(valueBytes(value, encodedLength)).toBe(encoded(value).length)
        expect(valueBytes(value, (text) => 3 * text.length)).toBeGreaterThanOrEqual(encoded(value).length)
      }),
      { numRuns: 300 },
    )
  })

  it('[CO2] take one byte for small numbers and one more than their text for short strings', () => {
    expect([0, 127, -64, 1.5, 0.1].map((value) => encoded(value).length)).toEqual([1, 1, 2, 5, 9])
    expect(encoded('abc').length).toBe(4)
    expect(encoded([1, 2, 3]).length).toBe(4)
    expect(encoded({ a: 1 }).length).toBe(4)
  })

  it('[CO3] keep __proto__ an ordinary key and freeze what they read', () => {
    const value = decoded(encoded(JSON.parse('{"__proto__": {"polluted": 1}, "a": [1]}') as Value))
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value as object)).toEqual(['__proto__', 'a'])
    expect((value as { polluted?: number }).polluted).toBeUndefined()
    expect(Object.isFrozen(value)).toBe(true)
    expect(Object.isFrozen((value as { a: unknown }).a)).toBe(true)
  })

  it('[CO4] are refused with duplicate keys, too deep, too large, or in another form', () => {
    const kinds = (bytes: number[], limits?: { maxDepth: number; maxBytes: number }): string => {
      const result = attempt(() => readValue(new ByteReader(Uint8Array.from(bytes)), limits))
      return result.ok ? 'read' : result.error.kind
    }
    expect(kinds([0x32, 1, 97, 0x80, 1, 97, 0x80])).toBe('malformed')
    expect(kinds([...Array<number>(32).fill(0x21), 0])).toBe('read')
    expect(kinds([...Array<number>(33).fill(0x21), 0])).toBe('too-large')
    expect(kinds([...Array<number>(100_000).fill(0x21), 0])).toBe('too-large')
    expect(kinds([5, 100, ...Array<number>(100).fill(97)], { maxDepth: 9, maxBytes: 50 })).toBe('too-large')
    expect(kinds([0x22, 0x41, 97, 0x44, 97, 97, 97, 97], { maxDepth: 9, maxBytes: 5 })).toBe('too-large')
    expect(kinds([9, 200, 1])).toBe('truncated')
    expect(kinds([9, 255, 255, 255, 255, 127])).toBe('too-large')
    expect(kinds([7, 1])).toBe('malformed')
    expect(kinds([7, 4, 0, 1])).toBe('malformed')
    expect(kinds([31])).toBe('malformed')
    expect(kinds([8, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f])).toBe('malformed')
  })
})

describe('columns of values', () => {
  const column = fc.oneof(
    fc.array(anyValue, { maxLength: 40 }),
    fc.array(fc.boolean(), { maxLength: 100 }),
    fc.array(fc.constant(null), { maxLength: 300 }),
    fc.array(fc.double(), { maxLength: 40 }),
    fc.array(fc.integer(), { maxLength: 40 }),
    fc.array(fc.oneof(fc.constant(null), fc.boolean(), fc.string(), fc.integer()), { maxLength: 200 }),
  )

  it('[CO5] come back as they were', () => {
    fc.assert(
      fc.property(column, (values) => {
        const writer = new ByteWriter()
        writeValueColumn(writer, values)
        const reader = new ByteReader(writer.finish())
        const back = readValueColumn(reader, values.length)
        reader.end()
        expect(valuesEqual(back, values)).toBe(true)
        expect(values.length / 32).toBeLessThanOrEqual(writer.length)
        expect(reader.steps).toBeLessThanOrEqual(64 * Math.max(1, writer.length))
      }),
      { numRuns: 300 },
    )
  })

  it('[CO6] cost two bytes beside 400 floats, and a bit per boolean', () => {
    const size = (values: Value[]): number => {
      const writer = new ByteWriter()
      writeValueColumn(writer, values)
      return writer.length
    }
    expect(size(Array.from({ length: 400 }, (_, i) => Math.sin(i + 1)))).toBe(3202)
    expect(size(Array.from({ length: 400 }, (_, i) => i % 50))).toBe(402)
    expect(size(Array.from({ length: 400 }, (_, i) => i % 3 === 0))).toBe(52)
    expect(size([])).toBe(0)
  })
})

describe('values in memory', () => {
  it('[VA1] are refused where they are no values, with the place named', () => {
    class Point {
      x = 1
    }
    const cycle: Record<string, unknown> = {}
    cycle['self'] = [cycle]
    let deep: unknown = 1
    for (let i = 0; i < 33; i++) deep = [deep]
    const feigned = Object.create({ [Symbol.toStringTag]: 'Date' }) as object
    const cases: [unknown, string][] = [
      [undefined, ''],
      [() => 1, ''],
      [Symbol('s'), ''],
      [new Point(), ''],
      [new Map(), ''],
      [/x/, ''],
      [feigned, ''],
      [new Float64Array(1), ''],
      [{ a: [1, undefined] }, '/a/1'],
      [Object.assign([1], { length: 2 }), '/1'],
      [{ [Symbol('s')]: 1 }, ''],
      [{ a: new Point() }, '/a'],
      [cycle, '/self/0'],
      [deep, '/0'.repeat(32)],
    ]
    for (const [value, path] of cases) {
      expect(refusal(() => freezeValue(value))).toBe(`invalid-value at ${path}`)
    }
    for (const value of awkward) expect(isValue(value)).toBe(true)
    const shared = { x: 1 }
    expect(isValue([shared, shared])).toBe(true)
  })

  it('[VA2] are kept as frozen private copies', () => {
    const bytes = Uint8Array.of(1)
    const date = new Date(5)
    const list = [1]
    const copy = freezeValue({ bytes, date, list }) as { bytes: Uint8Array; date: Date; list: number[] }
    bytes[0] = 9
    date.setTime(9)
    list.push(9)
    expect(copy).toEqual({ bytes: Uint8Array.of(1), date: new Date(5), list: [1] })
    expect(() => copy.list.push(2)).toThrow(TypeError)
    expect(freezeValue(Buffer.from('a'))).toEqual(Uint8Array.of(97))
    const proto = freezeValue(JSON.parse('{"__proto__": 1}'))
    expect(Object.keys(proto as object)).toEqual(['__proto__'])
    let reads = 0
    freezeValue({
      get x() {
        return ++reads
      },
    })
    expect(reads).toBe(1)
  })

  it('[VA3] have one canonical key and one hash: the same exactly for equal values', () => {
    fc.assert(
      fc.property(anyValue, anyValue, (left, right) => {
        const key = canonicalKey(left)
        expect(valuesEqual(valueFromKey(key) as Value, left)).toBe(true)
        expect(canonicalKey(right) === key).toBe(valuesEqual(left, right))
        const [a, b] = [hashValue(left), hashValue(right)]
        expect(toHex16(a.hi, a.lo) === toHex16(b.hi, b.lo)).toBe(valuesEqual(left, right))
      }),
      { numRuns: 300 },
    )
    expect(new Set(awkward.map(canonicalKey)).size).toBe(awkward.length)
    for (const value of awkward) expect(valuesEqual(valueFromKey(canonicalKey(value)) as Value, value)).toBe(true)
    expect(canonicalKey({ b: 1, a: 2 })).toBe(canonicalKey({ a: 2, b: 1 }))
  })

  it('[VA3] refuses texts that are no canonical key', () => {
    const deep = '['.repeat(40)
    const wrong = [
      '',
      'x',
      'd01',
      'd1e0',
      'd',
      'd ',
      'i-0',
      'i1.5',
      'i',
      'bA0',
      'b0',
      'D1.5',
      'n1',
      't1',
      '[1:',
      '[9:n',
      '[-1:n',
      '[ 1:n',
      '[1:n1',
      '{1:a',
      '{1:b2:d11:a2:d1',
      '{1:a2:d11:a2:d1',
      deep,
    ]
    for (const key of wrong) expect(valueFromKey(key)).toBeUndefined()
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', '{', '1', '2', ':', 'n', 's', 'd', 'i', '-', 'b') }),
        (key) => {
          const value = valueFromKey(key)
          if (value !== undefined) expect(canonicalKey(value)).toBe(key)
        },
      ),
      { numRuns: 1000 },
    )
  })
})

describe('hostile bytes', () => {
  it('[CO7] end in a DecodeFailure or a value, within 64 steps per byte', () => {
    const harm = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 12 }), harm, fc.nat(20), (values, edits, cut) => {
        const writer = new ByteWriter()
        writeValueColumn(writer, values)
        for (const value of values) writeValue(writer, value)
        const bytes = writer.finish()
        for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte
        const input = bytes.subarray(0, Math.max(0, bytes.length - cut))
        const reader = new ByteReader(input)
        const result = attempt(() => {
          readValueColumn(reader, values.length)
          for (let i = 0; i < values.length; i++) expect(isValue(readValue(reader))).toBe(true)
        })
        if (!result.ok) expect(result.error.offset).toBeLessThanOrEqual(input.length)
        expect(reader.steps).toBeLessThanOrEqual(64 * Math.max(1, input.length))
      }),
      { numRuns: 3000 },
    )
  })
})
