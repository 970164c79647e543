import fc from 'fast-check'
import { setOwn, type Value } from './value.ts'

/** One of each value that has its own way of going wrong. */
export const awkwardValues: readonly Value[] = [
  null,
  Number.NaN,
  -0,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  5e-324,
  2 ** 53,
  0n,
  -(2n ** 70n),
  '',
  '\ud800',
  '\udc00\ud800',
  '\u0000',
  '__proto__',
  '$bytes',
  new Uint8Array(),
  Uint8Array.of(0, 255, 62, 63),
  new Date(0),
  new Date(8.64e15),
  new Date(Number.NaN),
  [],
  {},
  [[Number.NaN], -0, '\udfff'],
  JSON.parse('{"__proto__": {"x": 1}, "constructor": 1, "": null, "\ud800": -0}') as Value,
  JSON.parse('{"__proto__": 1}') as Value,
  { $number: 'NaN' },
  { $$number: 'NaN' },
  { $: 1 },
  { $bytes: 'AA==', $date: null },
  { $date: { $date: new Date(1) } },
]

const leaf: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value>(null, true, false, 0, -0, Number.NaN, 1.5, '', '\ud800'),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
  fc.uint8Array({ maxLength: 8 }).map((bytes) => Uint8Array.from(bytes)),
  fc.date({ noInvalidDate: false }),
)

const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'a', 'b', '', '1', '$bytes', '$$'),
  fc.string({ maxLength: 5 }),
)

/** Any value: nested up to four levels, with awkward keys and numbers. */
export const anyValue: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 4, arbitrary: leaf },
    { weight: 1, arbitrary: fc.array(tie('value'), { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map(objectOf) },
  ),
})).value

function objectOf(entries: readonly (readonly [string, Value])[]): Value {
  const object: Record<string, Value> = {}
  for (const [key, value] of entries) setOwn(object, key, value)
  return object
}
