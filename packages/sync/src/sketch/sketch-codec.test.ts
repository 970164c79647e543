import { ByteWriter } from '@rejoin/state'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { SymbolRange } from './coded-symbols.ts'
import { answerOf, pairOf } from './sketch.test-helper.ts'
import { decodeSymbols, encodeSymbols, sketchFormat, sketchLimits } from './sketch-codec.ts'
import { SketchDecoder } from './sketch-decoder.ts'
import { symbolLimit } from './symbol-mapping.ts'

const decoded = (bytes: Uint8Array): SymbolRange => {
  const result = decodeSymbols(bytes)
  if (!result.ok) throw new Error(result.error.message)
  return result.value
}

const errorKind = (bytes: Uint8Array): string => {
  const result = decodeSymbols(bytes)
  return result.ok ? 'none' : result.error.kind
}

const bytesOf = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter()
  write(writer)
  return writer.finish()
}

/** A range of one symbol, spelled out. */
const oneSymbol = (from: number, setSize: number, deviation: number, lane = 1): Uint8Array =>
  bytesOf((writer) => {
    writer.u8(sketchFormat)
    writer.varUint(from)
    writer.varUint(setSize)
    writer.varUint(1)
    writer.varInt(deviation)
    for (let i = 0; i < 4; i++) writer.u32(lane)
  })

it('[SK8] ranges come back as they were', () => {
  for (const [items, from, to] of [
    [0, 0, 5],
    [1, 0, 20],
    [1000, 0, 300],
    [1000, 250, 700],
    [50, 7, 7],
  ] as const) {
    const range = pairOf(items, items, 0, 0).here.symbols(from, to)
    const again = decoded(encodeSymbols(range))
    expect([again.from, again.setSize, again.symbols.length]).toEqual([from, items, to - from])
    for (let i = 0; i < to - from; i++) {
      expect(again.symbols.sumAt(i)).toEqual(range.symbols.sumAt(i))
      expect(again.symbols.countAt(i)).toBe(range.symbols.countAt(i))
    }
  }
})

it('[SK8] a symbol takes 16 bytes and little more than one for its count', () => {
  for (const [items, bytesPerCount] of [
    [1000, 1.1],
    [20_000, 1.3],
    [100_000, 1.5],
  ] as const) {
    const bytes = encodeSymbols(pairOf(items, items, 0, 0).here.symbols(0, 1000)).length
    expect(bytes).toBeLessThan(10 + 1000 * (16 + bytesPerCount))
  }
})

it('[SK8] 1000 differences of 20,000 items take less than 26 bytes each', () => {
  const pair = pairOf(1, 19_000, 500, 500)
  const decoder = new SketchDecoder(pair.here, { maxSymbols: 3000 })
  let bytes = 0
  while (decoder.state.status === 'reading') {
    const piece = encodeSymbols(pair.there.symbols(decoder.received, decoder.received + 50))
    bytes += piece.length
    decoder.receive(decoded(piece))
  }
  expect(answerOf(decoder.state)).toEqual(pair.truth)
  expect(bytes / 1000).toBeLessThan(26)
})

it('[SK9] what no set has is refused', () => {
  expect(errorKind(oneSymbol(0, 9, 0))).toBe('none')
  expect(errorKind(oneSymbol(0, 9, -1))).toBe('malformed')
  expect(errorKind(oneSymbol(0, 9, 1))).toBe('malformed')
  expect(errorKind(oneSymbol(8, 10, 8))).toBe('none')
  expect(errorKind(oneSymbol(8, 10, 9))).toBe('malformed')
  expect(errorKind(oneSymbol(8, 10, -3))).toBe('malformed')
  expect(errorKind(oneSymbol(8, 10, -2))).toBe('malformed')
  expect(errorKind(oneSymbol(8, 10, -2, 0))).toBe('none')
})

it('[SK9] what is too large is refused before anything is made for it', () => {
  const announced = (from: number, setSize: number, length: number, bytes: number): Uint8Array =>
    bytesOf((writer) => {
      writer.u8(sketchFormat)
      for (const number of [from, setSize, length]) writer.varUint(number)
      writer.raw(new Uint8Array(bytes))
    })
  expect(errorKind(announced(0, sketchLimits.setItems + 1, 0, 0))).toBe('too-large')
  expect(errorKind(announced(0, 0, sketchLimits.rangeSymbols + 1, 0))).toBe('too-large')
  expect(errorKind(announced(0, 0, 100, 1699))).toBe('truncated')
  expect(errorKind(announced(0, 0, 100, 1700))).toBe('none')
  expect(errorKind(announced(symbolLimit - 1, 0, 2, 34))).toBe('too-large')
  expect(errorKind(announced(2 ** 53 - 1, 0, 1, 17))).toBe('too-large')
})

it('[SK9] truncations, trailing bytes and other formats are refused', () => {
  const bytes = encodeSymbols(pairOf(2, 40, 0, 0).here.symbols(0, 10))
  for (let end = 0; end < bytes.length; end++) expect(errorKind(bytes.subarray(0, end))).toBe('truncated')
  expect(errorKind(Uint8Array.of(...bytes, 0))).toBe('malformed')
  expect(errorKind(Uint8Array.of(sketchFormat + 1, ...bytes.subarray(1)))).toBe('unsupported-version')
})

it('[SK9] any bytes give a range or a plain error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, begun) => {
      if (begun && bytes.length > 0) bytes[0] = sketchFormat
      const result = decodeSymbols(bytes)
      if (result.ok) expect(encodeSymbols(result.value)).toEqual(bytes)
      else expect(Object.keys(result.error).sort()).toEqual(['kind', 'message', 'offset'])
    }),
    { numRuns: 2000 },
  )
})

it('[SK7] bytes damaged on their way give no wrong answer', () => {
  const pair = pairOf(3, 60, 10, 15)
  const bytes = encodeSymbols(pair.there.symbols(0, 80))
  const damage = fc.record({ at: fc.nat(bytes.length - 1), xor: fc.integer({ min: 1, max: 255 }) })
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (places) => {
      const damaged = bytes.slice()
      for (const { at, xor } of places) damaged[at] = damaged[at]! ^ xor
      const result = decodeSymbols(damaged)
      if (!result.ok) return
      const decoder = new SketchDecoder(pair.here, { maxSymbols: 200 })
      const state = decoder.receive(result.value)
      expect(decoder.steps).toBeLessThanOrEqual(32 * 200)
      if (state.status === 'done') expect(answerOf(state)).toEqual(pair.truth)
    }),
    { numRuns: 1000 },
  )
})
