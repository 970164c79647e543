import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attempt, ByteReader, ByteWriter, DecodeFailure, MAX_VAR_INT, MIN_VAR_INT } from './bytes.ts'

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter(1)
  write(writer)
  return writer.finish()
}

function refusal(bytes: readonly number[], read: (reader: ByteReader) => unknown): string {
  const result = attempt(() => read(new ByteReader(Uint8Array.from(bytes))))
  return result.ok ? `read ${String(result.value)}` : result.error.kind
}

describe('numbers', () => {
  it('[CO16] come back as they were written, in their shortest form', () => {
    const edges = [0, 1, 127, 128, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...edges), fc.maxSafeNat()), (value) => {
        const bytes = written((writer) => writer.varUint(value))
        expect(bytes.length).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)))
        expect(new ByteReader(bytes).varUint()).toBe(value)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: MIN_VAR_INT, max: MAX_VAR_INT }), (value) => {
        expect(new ByteReader(written((writer) => writer.varInt(value))).varInt()).toBe(value)
      }),
    )
    expect(Object.is(new ByteReader(Uint8Array.of(0)).varInt(), 0)).toBe(true)
  })

  it('[CO16] refuses what has another or no form', () => {
    expect(refusal([0x80, 0x00], (reader) => reader.varUint())).toBe('malformed')
    expect(refusal([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], (reader) => reader.varUint())).toBe('malformed')
    expect(refusal(Array(9).fill(0xff), (reader) => reader.varUint())).toBe('malformed')
    expect(refusal([0x80], (reader) => reader.varUint())).toBe('truncated')
    expect(refusal([], (reader) => reader.u8())).toBe('truncated')
    expect(refusal([1, 2, 3], (reader) => reader.u32())).toBe('truncated')
    expect(refusal([1, 2, 3, 4, 5, 6, 7], (reader) => reader.f64())).toBe('truncated')
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53])
      expect(() => new ByteWriter().varUint(wrong)).toThrow(RangeError)
  })

  it('[CO16] carries floats bit by bit', () => {
    for (const value of [0, -0, 1.5, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE, Math.PI]) {
      const bytes = written((writer) => {
        writer.f64(value)
        writer.f32(value)
      })
      const reader = new ByteReader(bytes)
      expect(reader.f64()).toBe(value)
      expect(reader.f32()).toBe(Math.fround(value))
      reader.end()
    }
  })
})

describe('strings', () => {
  it('[CO17] come back as they were, lone surrogates too', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
      fc.constantFrom('', '\ud800', '\udc00\ud800', 'é€😀', 'x'.repeat(20_000), '😀'.repeat(5_000)),
    )
    fc.assert(
      fc.property(text, (value) => {
        const bytes = written((writer) => writer.string(value))
        expect(new ByteReader(bytes).string()).toBe(value)
        const platform = Buffer.from(value)
        if (platform.toString() === value) {
          expect(platform.equals(bytes.subarray(bytes.length - platform.length))).toBe(true)
        }
      }),
      { numRuns: 200 },
    )
  })

  it('[CO17] refuses invalid, overlong and split forms', () => {
    const bad = [
      [0x80],
      [0xc1, 0x81],
      [0xe0, 0x80, 0x80],
      [0xf0, 0x80, 0x80, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80],
    ]
    for (const bytes of bad) expect(refusal([bytes.length, ...bytes], (reader) => reader.string())).toBe('malformed')
    expect(refusal([5, 97], (reader) => reader.string())).toBe('truncated')
    expect(refusal([2, 97, 97], (reader) => reader.string(1))).toBe('too-large')
  })
})

describe('the writer', () => {
  it('[CO16] grows, hands out copies and views, and can be used again', () => {
    const writer = new ByteWriter(1)
    for (let i = 0; i < 1000; i++) writer.u8(i & 0xff)
    const copy = writer.finish()
    writer.view()[0] = 0xef
    expect(copy.length).toBe(1000)
    expect(copy[0]).toBe(0)
    expect(writer.view()[0]).toBe(0xef)
    writer.reset()
    expect(writer.length).toBe(0)
    writer.bytes(Uint8Array.of(1, 2))
    writer.raw(Uint8Array.of(9))
    expect([...writer.view()]).toEqual([2, 1, 2, 9])
  })
})

describe('the reader', () => {
  it('[CO18] caps what is announced before anything is allocated', () => {
    expect(refusal([200, 1], (reader) => reader.count(100))).toBe('too-large')
    expect(refusal([3, 0, 0], (reader) => reader.count(100))).toBe('truncated')
    expect(refusal([2, 0, 0, 0], (reader) => reader.count(100, 2))).toBe('truncated')
    expect(refusal([2, 0, 0, 0, 0], (reader) => reader.count(100, 2))).toBe('read 2')
    expect(refusal([0xff, 0xff, 0xff, 0xff, 0x7f, 1], (reader) => reader.bytes())).toBe('truncated')
  })

  it('[CO18] refuses bytes after the end and reads inside a window only', () => {
    expect(refusal([1, 2], (reader) => [reader.u8(), reader.end()])).toBe('malformed')
    const window = Uint8Array.of(1, 2, 3, 4, 5, 6).subarray(1, 5)
    const reader = new ByteReader(window)
    expect(reader.u32()).toBe(0x05040302)
    expect(() => reader.u8()).toThrow(DecodeFailure)
  })

  it('[CO18] lets errors that are not refusals pass', () => {
    expect(() => attempt(() => assertNothing())).toThrow(TypeError)
  })
})

function assertNothing(): never {
  throw new TypeError('a bug')
}
